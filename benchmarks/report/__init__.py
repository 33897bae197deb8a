"""python -m benchmarks report: what was measured, as pictures, as a page and in the README.

style.py      colours and type of all pictures; a picture as PNG, and as SVG that follows the page's theme
ratios.py     how many times faster: all cases at a glance, and each case row by row
roofline.py   our kernels under the machine's measured roofs
scaling.py    over sizes, and over threads
history.py    over commits
page.py       one HTML file that needs no other; write.py makes it, and the PNGs
readme.py     the README's table and picture
"""
