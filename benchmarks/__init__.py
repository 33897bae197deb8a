"""Speed, measured side by side with the peers: `python -m benchmarks run` (from a checkout).

protocol.py    the two sides of a row in turn, each in its own process; what makes a row void
worker.py      the process of one side
probe.py       are the cores really there?
sides.py       the libraries that are compared, and their facts
cases/         what is compared: a folder a case, with one file a side
report.py      the table and the JSON file
test_pairs.py  the same rows as pytest-benchmark cases
"""
