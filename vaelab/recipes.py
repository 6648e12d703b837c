"""The papers' methods by name: each returns an `Experiment`, ready for `vaelab.fit`.

Every recipe takes the shape (channels, height, width) of one image, the number of latents, and the options of `Design`:
the divergence is the recipe's own, network, likelihood and gamma are the reader's.
"""

from collections.abc import Sequence
from typing import Literal, TypedDict, Unpack

from torch import nn

from vaelab import networks
from vaelab.discrepancy import MMD, PublishedMMD
from vaelab.divergences import KL, GeometricJS, ReverseKL
from vaelab.errors import InvalidType, InvalidValue
from vaelab.gamma import Policy
from vaelab.likelihoods import Bernoulli, Laplace, Likelihood, Normal
from vaelab.models import VAE
from vaelab.objective import Experiment, Objective

# With this gamma the loss is the sum of squared errors plus the divergence, up to a constant (Deasy et al. 2020).
SQUARED_ERROR = 0.5**0.5
NETWORKS = {
    **{"mlp": networks.mlp, "conv": networks.conv, "burgess": networks.burgess},
    **{"resnet": networks.resnet, "infogan": networks.infogan},
}


class Design(TypedDict, total=False):
    """What a reader may choose in every recipe, by keyword.

    network: "mlp" (default), "conv", "burgess", "resnet" or "infogan".  hidden: its widths, such as (400,);
    default: the network's own.
    likelihood: "normal" (default), "bernoulli" or "laplace".  gamma: the decoder's standard deviation, a number
    (default 1/sqrt(2)), "learned", "computed", or a policy of `vaelab.gamma`; a Bernoulli has none.
    """

    network: Literal["mlp", "conv", "burgess", "resnet", "infogan"]
    hidden: Sequence[int] | None
    likelihood: Literal["normal", "bernoulli", "laplace"]
    gamma: float | str | Policy


def vae(shape: Sequence[int], latent: int = 10, **design: Unpack[Design]) -> Experiment:
    """The ordinary VAE: reconstruction + KL(q‖p) (Kingma & Welling 2014)."""
    return _experiment(shape, latent, KL(), **design)


def beta_vae(shape: Sequence[int], latent: int = 10, *, beta: float = 4.0, **design: Unpack[Design]) -> Experiment:
    """Reconstruction + beta KL(q‖p) (Higgins et al. 2017)."""
    return _experiment(shape, latent, KL(), beta, **design)


def reverse_kl_vae(
    shape: Sequence[int], latent: int = 10, *, weight: float = 1.0, **design: Unpack[Design]
) -> Experiment:
    """Reconstruction + weight * KL(p‖q), a baseline of Deasy et al. 2020."""
    return _experiment(shape, latent, ReverseKL(), weight, **design)


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
    return _experiment(shape, latent, divergence, weight, **design)


def mmd_vae(
    shape: Sequence[int], latent: int = 10, *, weight: float = 500.0, published: bool = False, **design: Unpack[Design]
) -> Experiment:
    """Reconstruction + weight * MMD² between sampled z and the prior (Zhao, Song & Ermon 2019); no ELBO, no nats.

    published: the baseline of Deasy et al. 2020 in its place, on (mean, logvar); see `PublishedMMD`.
    """
    return _experiment(shape, latent, PublishedMMD() if published else MMD(), weight, **design)


def _experiment(
    shape: Sequence[int],
    latent: int,
    divergence: nn.Module,
    weight: float = 1.0,
    *,
    network: str = "mlp",
    hidden: Sequence[int] | None = None,
    likelihood: str = "normal",
    gamma: float | str | Policy = SQUARED_ERROR,
) -> Experiment:
    shape = tuple(shape)
    if not shape or not all(isinstance(size, int) and size > 0 for size in shape):
        raise InvalidValue(f"shape must be that of one image, whole numbers such as (1, 28, 28), got {shape}.")
    if not isinstance(latent, int) or latent < 1:
        raise InvalidValue(f"latent must be a whole number of at least 1, got {latent!r}; 10 is the paper's choice.")
    if network not in NETWORKS:
        raise InvalidValue(f"network must be one of {', '.join(NETWORKS)}, got {network!r}.")
    if hidden is not None and (isinstance(hidden, int | str) or not all(isinstance(w, int) and w > 0 for w in hidden)):
        raise InvalidType(f"hidden must be a sequence of positive whole numbers such as (400,), got {hidden!r}.")
    build = NETWORKS[network]
    encoder, decoder = build(shape, latent) if hidden is None else build(shape, latent, tuple(hidden))
    objective = Objective(_likelihood(likelihood, gamma), divergence, weight)
    return Experiment(VAE(encoder, decoder, latent), objective, shape)


def _likelihood(name: str, gamma: float | str | Policy) -> Likelihood:
    if name == "normal":
        return Normal(gamma)
    if name == "laplace":
        return Laplace(gamma)
    if name == "bernoulli":
        return Bernoulli()
    raise InvalidValue(f"likelihood must be one of normal, bernoulli, laplace, got {name!r}.")
