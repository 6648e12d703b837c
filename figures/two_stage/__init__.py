"""Figures of Asperti & Trentin (2020) on two-stage VAEs and renormalization."""

from functools import partial

from figures import figure as engine

figure = partial(engine.figure, paper="Asperti & Trentin 2020")
