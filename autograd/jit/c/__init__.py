"""A program as one C file (Program.to_c): the file's parts.

text       names, numbers and loops as C writes them
library    the helper functions (the .c files beside this one), of which a file gets those that it calls
memory     arrays: inputs, weights, state, the arena; what each is called
passes     elementwise programs, reductions and copies: loops of their own
calls      the other kernels: calls of helpers
updates    optimisers and random draws: what changes from call to call
"""
