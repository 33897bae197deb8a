"""The digits app draws: autoencoders, GANs and diffusion, their training, samples and films."""
