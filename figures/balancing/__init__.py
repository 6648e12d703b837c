"""Figures of Asperti & Trentin (2020) on the balance of reconstruction error and KL divergence.

None of the paper's own numbers is printed: they could not be confirmed.
"""

from functools import partial

from figures import figure as engine

figure = partial(engine.figure, paper="Asperti & Trentin 2020")
