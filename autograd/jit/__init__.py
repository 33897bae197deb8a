"""jit: a function is captured once and replayed as a program, in one C call.

trace          the run that is written down, and what it refuses
graph          what is written: memory, views of it, steps
fuse           fewer and larger steps
instructions, lower    the kernels of each step
arena          memory that buffers share
code, program  the instructions in C, and what runs them
to_c, c        a program as one C file
watch          what must be unchanged for a program to be right
function       the decorator
"""

from autograd.jit import lower as lower  # fills the table of kernels
from autograd.jit.function import Jitted, jit
from autograd.jit.program import Program
from autograd.jit.trace import JitError

__all__ = ["JitError", "Jitted", "Program", "jit"]
