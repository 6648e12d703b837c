"""The figures of the balance of reconstruction and KL, in the order in which they tell it."""

from figures.balancing import (
    crossing,
    error_path,
    families,
    gamma_path,
    kl_path,
    law,
    loss_parts,
    race,
    ratchet,
    score,
    strip,
    variance_loss,
)
from figures.figure import Figure

MODULES = (
    *(ratchet, gamma_path, error_path, kl_path, loss_parts, crossing, score, law),
    *(variance_loss, strip, families, race),
)
FIGURES: tuple[Figure, ...] = (*(module.FIGURE for module in MODULES), race.FASHION, race.CIFAR)
