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
names, words, expressions, listing    a program to read
work, limits, profile, profile_picture    where its time goes

Functions of Scalars have a way of their own, from numbers to a register machine:
scalar_number, scalars    what stands for a number while the function is written down, and the steps
scalar_code    the steps as runs of equal ops
scalar_call    arguments, state, results
"""

from autograd.jit import lower as lower  # these three fill the table of kernels
from autograd.jit import lower_moves as lower_moves
from autograd.jit import lower_state as lower_state
from autograd.jit.function import Jitted, jit
from autograd.jit.program import Program
from autograd.jit.sealed import JitError

__all__ = ["JitError", "Jitted", "Program", "jit"]
