"""The figures of consistency regularisation, in the order in which they tell it."""

from figures.consistency import (
    lambdas,
    latent_clouds,
    learning_curve,
    rotation_limit,
    tables,
    tangents,
    triplets,
)
from figures.figure import Figure

MODULES = (latent_clouds, lambdas, tables, triplets, rotation_limit, tangents, learning_curve)
FIGURES: tuple[Figure, ...] = (
    *(module.FIGURE for module in MODULES),
    learning_curve.MNIST,
    *(tables.OMNIGLOT, tables.CELEBA, tables.CIFAR),
)
