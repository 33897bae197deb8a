"""What the two directions of a row mean to each library, so that its cases name just the function:

forward     the function alone, on arrays that want no gradient
gradient    the function, recorded, and then the gradients of all its arguments; y and they are the results

Every file has one function: run(function, arguments, gradient, direction) -> Run. `arguments` are NumPy
arrays, converted once; `gradient` is that of the function's result.
"""

DIRECTIONS = ("forward", "gradient")
