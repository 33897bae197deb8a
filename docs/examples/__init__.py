"""Where a feed-forward net fails: small programs, each with a recurrent net and a window on the same task.

parity.py         is the number of ones odd?             python -m docs.examples.parity
adding.py         add two numbers that came long ago     python -m docs.examples.adding
mackey_glass.py   a chaotic series goes on by itself     python -m docs.examples.mackey_glass
forecasts.py      airline passengers and sunspots        python -m docs.examples.forecasts
gradient_flow.py  how far back a gradient reaches        python -m docs.examples.gradient_flow
characters.py     read Shakespeare, then write           python -m docs.examples.characters
sequential_mnist.py  digits, one pixel at a time         python -m docs.examples.sequential_mnist

autoencoders.py   thirty numbers for a digit            python -m docs.examples.autoencoders
vae.py            nats, and digits nobody drew          python -m docs.examples.vae
dcgan.py          a forger, a detective, by objective   python -m docs.examples.dcgan
stacked_mnist.py  a thousand modes                      python -m docs.examples.stacked_mnist
gaussians_gan.py  the clouds that a GAN does not find   python -m docs.examples.gaussians_gan
diffusion_points.py  noise, step by step, into clouds  python -m docs.examples.diffusion_points

training.py       flags, batches, training that can be interrupted and resumed, tables
adversaries.py    the same for GANs
models.py         the two kinds of net
language.py       character models; text.py, what they read
pictures.py       their colours

They are run from the root of a checkout; docs/sequences.md tells the story, docs/drawing.md that of
models that draw.
"""
