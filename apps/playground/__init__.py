"""The playground: build a small network in the browser and watch it learn: `python -m apps.playground`."""
