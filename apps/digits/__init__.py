"""Networks that learn to read handwritten digits: `python -m apps.digits --help`."""
