"""Figures of Asperti, About Generative Aspects of Variational Autoencoders (2019)."""

PAPER = "Asperti 2019"
