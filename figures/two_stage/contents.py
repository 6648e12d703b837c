"""The figures of the second stage, in the order in which they tell it."""

from figures.figure import Figure
from figures.two_stage import renormalised, samplers

FIGURES: tuple[Figure, ...] = (samplers.FIGURE, renormalised.FIGURE, samplers.CIFAR_TABLE, samplers.CELEBA_TABLE)
