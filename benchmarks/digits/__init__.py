"""Whole trainings of the digits app, beside PyTorch's: `python -m benchmarks.digits --help`."""
