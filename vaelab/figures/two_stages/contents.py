"""The figures of the second stage, in the order in which they tell it."""

from vaelab.figures.figure import Figure
from vaelab.figures.two_stages import renormalised, samplers

FIGURES: tuple[Figure, ...] = (samplers.FIGURE, renormalised.FIGURE, samplers.CIFAR_TABLE, samplers.CELEBA_TABLE)
