"""Figures on priors that are learned, and on what replaces the prior after the training."""

from functools import partial

from figures import figure as engine

figure = partial(engine.figure, paper="Tomczak & Welling 2018")
