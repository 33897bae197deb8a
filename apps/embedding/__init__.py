"""Words become vectors: `python -m apps.embedding --help`."""
