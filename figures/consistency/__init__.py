"""Figures of Sinha & Dieng (2021), Consistency regularization for variational auto-encoders."""

from functools import partial

from figures import figure as engine

figure = partial(engine.figure, paper="Sinha & Dieng 2021")
