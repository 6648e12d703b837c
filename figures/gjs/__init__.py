"""Figures of Deasy, Simidjievski & Lio (2020), on the geometric Jensen-Shannon divergence."""

from functools import partial

from figures import figure as engine

FOLLOW_UP = "Deasy, McIver, Simidjievski & Lio 2021"
figure = partial(engine.figure, paper="Deasy, Simidjievski & Lio 2020")
