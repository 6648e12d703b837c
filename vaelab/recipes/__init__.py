"""The papers' methods by name: each returns an `Experiment`, ready for `vaelab.fit`.

Every recipe takes the shape (channels, height, width) of one image, the number of latents, and the options of `Design`:
the divergence is the recipe's own, network, likelihood and gamma are the reader's.
"""

from vaelab.recipes.balanced import (
    annealed_vae,
    balanced_vae,
    control_vae,
    free_bits_vae,
    geco_vae,
    hidden_factor,
)
from vaelab.recipes.consistent import cr_beta_vae, cr_iwae, cr_vae, triplet_vae
from vaelab.recipes.design import NETWORKS, SQUARED_ERROR, Design
from vaelab.recipes.regularised import beta_vae, gjs_vae, mmd_vae, reverse_kl_vae, vae
from vaelab.recipes.weighted import iwae, two_layer_iwae

__all__ = [
    "NETWORKS",
    "SQUARED_ERROR",
    "Design",
    "annealed_vae",
    "balanced_vae",
    "beta_vae",
    "control_vae",
    "cr_beta_vae",
    "cr_iwae",
    "cr_vae",
    "free_bits_vae",
    "geco_vae",
    "gjs_vae",
    "hidden_factor",
    "iwae",
    "mmd_vae",
    "reverse_kl_vae",
    "triplet_vae",
    "two_layer_iwae",
    "vae",
]
