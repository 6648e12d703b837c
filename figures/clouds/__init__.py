"""Figures of VAEs on point clouds."""

from functools import partial

from figures import figure as engine

figure = partial(engine.figure, paper="Sinha & Dieng 2021")
