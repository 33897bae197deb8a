"""Word vectors beside gensim (and Facebook's fastText): words a second, memory, and how good the vectors are.

    python -m benchmarks words --words 3000000 --epochs 5 --seeds 3

Every row is a training in a process of its own, on the same lines (text.py, train.py); the sides take turns,
and what is done is kept (measure.py). Goals are judged over the seeds (table.py).
"""
