"""Speed, measured side by side with the peers: `python -m benchmarks --help` (from a checkout).

protocol.py    the sides of a row in turn; what makes a row void
processes.py   a process for each side, frozen while another works; worker.py is what runs in it
probe.py       are the cores really there?
limits.py      what the machine gives at most
sides.py       the libraries that are compared, and their facts
cases/         what is compared: a folder a case, with one file a side
directions/    what forward and gradient mean to each library
running.py     a whole run, which can be interrupted; results.py is its file, table.py what it prints
report/        pages and pictures of a run
digits/        whole trainings of the digits app, a program of its own
compare.py     verdicts on two runs, or (commits.py) on two commits in turn
test_pairs.py  the same rows as pytest-benchmark cases
"""
