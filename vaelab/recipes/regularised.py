"""The ordinary VAE, and those with another divergence or weight."""

from collections.abc import Sequence
from typing import Unpack

from vaelab.discrepancy import MMD, PublishedMMD
from vaelab.divergences import KL, GeometricJS, ReverseKL
from vaelab.objective import Experiment
from vaelab.recipes.design import Design, build


def vae(shape: Sequence[int], latent: int = 10, **design: Unpack[Design]) -> Experiment:
    """The ordinary VAE: reconstruction + KL(q‖p) (Kingma & Welling 2014)."""
    return build(shape, latent, KL(), **design)


def beta_vae(shape: Sequence[int], latent: int = 10, *, beta: float = 4.0, **design: Unpack[Design]) -> Experiment:
    """Reconstruction + beta KL(q‖p) (Higgins et al. 2017)."""
    return build(shape, latent, KL(), beta, **design)


def reverse_kl_vae(
    shape: Sequence[int], latent: int = 10, *, weight: float = 1.0, **design: Unpack[Design]
) -> Experiment:
    """Reconstruction + weight * KL(p‖q), a baseline of Deasy et al. 2020."""
    return build(shape, latent, ReverseKL(), weight, **design)


def gjs_vae(
    shape: Sequence[int],
    latent: int = 10,
    *,
    alpha: float = 0.3,
    dual: bool = False,
    primed: bool = True,
    trainable: bool = False,
    weight: float = 1.0,
    **design: Unpack[Design],
) -> Experiment:
    """Reconstruction + weight * geometric JS(q, p; alpha) (Deasy et al. 2020); primed is the paper's variant.

    trainable: alpha, from the value given, descends the same loss as the network (Deasy et al. 2021, alpha-VAEs).
    """
    divergence = GeometricJS(alpha, dual=dual, primed=primed, trainable=trainable)
    return build(shape, latent, divergence, weight, **design)


def mmd_vae(
    shape: Sequence[int], latent: int = 10, *, weight: float = 500.0, published: bool = False, **design: Unpack[Design]
) -> Experiment:
    """Reconstruction + weight * MMD² between sampled z and the prior (Zhao, Song & Ermon 2019); no ELBO, no nats.

    published: the baseline of Deasy et al. 2020 in its place, on (mean, logvar); see `PublishedMMD`.
    """
    return build(shape, latent, PublishedMMD() if published else MMD(), weight, **design)
