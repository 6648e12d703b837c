"""Figures on VAEs with groups of latents on several scales."""

from functools import partial

from figures import figure as engine

figure = partial(engine.figure, paper="Vahdat & Kautz 2020")
