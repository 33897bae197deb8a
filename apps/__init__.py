"""Programs a person runs, each as `python -m apps.NAME`."""

import importlib.util
import os

# Threads that wait must not spin: neither those of NumPy's BLAS (large products are our kernels' business)
# nor those of our kernels, which would take the cores from the thread that prepares the next batch, and from
# every other program. (This must be said before NumPy is imported; without kernels, BLAS keeps its threads.)
if importlib.util.find_spec("_kernelgrad") is not None and os.environ.get("AUTOGRAD_BACKEND") != "numpy":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
