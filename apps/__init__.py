"""Programs a person runs, each as `python -m apps.NAME`."""

import importlib.util
import os

# The large products are our kernels' business. Idle threads of NumPy's BLAS spin, and would take the cores
# from them. (This must be said before NumPy is imported; without kernels, BLAS keeps its threads.)
if importlib.util.find_spec("_kernelgrad") is not None:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
