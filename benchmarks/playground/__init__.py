"""The playground beside plain JavaScript: updates and fields by the second, and frames as they reach a page.

    python -m benchmarks playground

original.mjs trains as the original playground does, with neurons and links that are objects; arrays.mjs is
the same on typed arrays, as fast as plain JavaScript gets. Ours are the Trainer and the Fields of the app.
"""
