"""Figures of Asperti, About Generative Aspects of Variational Autoencoders (2019)."""

from functools import partial

from figures import figure as engine

figure = partial(engine.figure, paper="Asperti 2019")
