"""VAEs that see a view of every image beside it."""

from collections.abc import Sequence
from typing import Unpack

from vaelab.consistency import Consistent, Triplet, Views, consistent
from vaelab.importance import Gradient
from vaelab.recipes.design import Design
from vaelab.recipes.regularised import beta_vae, vae
from vaelab.recipes.weighted import iwae


def cr_vae(
    shape: Sequence[int],
    latent: int = 10,
    *,
    consistency: float = 1.0,
    views: str | Views = "simple",
    **design: Unpack[Design],
) -> Consistent:
    """The VAE of images and of views of them, + consistency KL(q(z|view)‖q(z|image)) (Sinha & Dieng 2021).

    consistency: lambda in nats; 0 is the VAE with augmentation, the baseline.  views: "simple", "large" or an
    `Augment`.  `vaelab.consistency.consistent` does this to any experiment.
    """
    return consistent(vae(shape, latent, **design), consistency, views)


def cr_beta_vae(
    shape: Sequence[int],
    latent: int = 10,
    *,
    beta: float = 4.0,
    consistency: float = 1.0,
    views: str | Views = "simple",
    **design: Unpack[Design],
) -> Consistent:
    """`cr_vae` with beta in front of both KL(q‖p) (Sinha & Dieng 2021)."""
    return consistent(beta_vae(shape, latent, beta=beta, **design), consistency, views)


def cr_iwae(
    shape: Sequence[int],
    latent: int = 10,
    *,
    samples: int = 5,
    consistency: float = 1.0,
    views: str | Views = "simple",
    gradient: Gradient = "plain",
    **design: Unpack[Design],
) -> Consistent:
    """`cr_vae` with both ELBOs replaced by the importance weighted bound."""
    plain = iwae(shape, latent, samples=samples, gradient=gradient, **design)
    return consistent(plain, consistency, views, together=gradient != "dreg")


def triplet_vae(
    shape: Sequence[int],
    latent: int = 10,
    *,
    margin: float = 1.0,
    weight: float = 1.0,
    views: str | Views = "simple",
    **design: Unpack[Design],
) -> Consistent:
    """`cr_vae` with weight * `Triplet(margin)` in the place of its regulariser: a contrastive baseline."""
    return consistent(vae(shape, latent, **design), weight, views, agreement=Triplet(margin))
