"""Figures of Sinha & Dieng (2021), Consistency regularization for variational auto-encoders."""

from functools import partial

from figures import figure as engine
from vaelab.runs.store import Numbers

figure = partial(engine.figure, paper="Sinha & Dieng 2021")


def describe_images(n: Numbers) -> str:
    """Return the data set, number and size of the training images, without the number of seeds."""
    return str(n["data"]).rsplit(", ", 1)[0]
