"""Programs a person runs, each as `python -m apps.NAME`."""

import importlib.util
import os

# Threads that wait must not spin: those of NumPy's BLAS would take the cores from our kernels (large products
# are theirs), from the thread that prepares the next batch, and from every other program. (This must be said
# before NumPy is imported; without kernels, BLAS keeps its threads.)
if importlib.util.find_spec("_kernelgrad") is not None and os.environ.get("AUTOGRAD_BACKEND") != "numpy":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
