"""The papers' methods by name: each returns an `Experiment`, ready for `vaelab.fit`.

Every recipe takes the shape (channels, height, width) of one image, the number of latents, and the
options of `Design`: the divergence is the recipe's own, network, likelihood and gamma are the
reader's. With squash=False data are any finite numbers, and with network="mlp" of any shape:
`vae((3,), 2, squash=False)` is of points in space.
"""

from collections.abc import Sequence
from typing import Any, Literal, TypedDict, Unpack

from torch import nn

from vaelab._utils import checks
from vaelab._utils.errors import InvalidType, InvalidValue, suggest
from vaelab.divergences.gaussian import KL, ReverseKL
from vaelab.divergences.kernel_mmd import MMD
from vaelab.divergences.modules import FreeBits, GeometricJS
from vaelab.models.hierarchical import TwoLayers
from vaelab.models.networks import NETWORKS
from vaelab.models.vae import VAE
from vaelab.objectives.annealing import Annealing, Cyclical, Linear, PIController
from vaelab.objectives.consistency import ConsistentExperiment, Triplet, Views, consistent
from vaelab.objectives.gamma import Computed, GammaPolicy, Geco
from vaelab.objectives.iwae import Gradient, IWAEObjective
from vaelab.objectives.likelihoods import Bernoulli, Laplace, Likelihood, Normal
from vaelab.objectives.objective import Experiment, Objective

# With this gamma the loss is the sum of squared errors plus the divergence, up to a constant (Deasy et al. 2020).
SQUARED_ERROR = 0.5**0.5


class Design(TypedDict, total=False):
    """What a reader may choose in every recipe, by keyword.

    network: a name in `vaelab.networks.NETWORKS`, default "mlp".  hidden: its widths, such as (400,);
    default: the network's own.
    likelihood: "normal" (default), "bernoulli" or "laplace".  squash: True (default) for data in
    [0, 1]; False for any finite numbers, such as points (3,) or (points, 3); a Bernoulli always
    squashes.  gamma: the decoder's standard deviation, a number (default 1/sqrt(2)), "learned",
    "computed", "optimal", "per-image", or a policy of `vaelab.gamma`; a Bernoulli has
    none.  annealing: what changes the weight of the divergence while training runs, of `vaelab.annealing`; default: none.
    """

    network: str
    hidden: Sequence[int] | None
    likelihood: Literal["normal", "bernoulli", "laplace"]
    squash: bool
    gamma: float | str | GammaPolicy
    annealing: Annealing | None


def build(
    shape: Sequence[int],
    latent: int,
    divergence: nn.Module,
    weight: float = 1.0,
    *,
    network: str = "mlp",
    hidden: Sequence[int] | None = None,
    likelihood: str = "normal",
    squash: bool = True,
    gamma: float | str | GammaPolicy = SQUARED_ERROR,
    annealing: Annealing | None = None,
    **unknown: Any,
) -> Experiment:
    """A VAE of this design, with its objective.  Raises InvalidType or InvalidValue for a design that there is not."""
    for name in unknown:
        raise InvalidType(f"this recipe has no option {name}; beside its own, {suggest(name, Design.__annotations__)}")
    shape = checked(shape, latent)
    if network not in NETWORKS:
        raise InvalidValue(f"network must be one of {', '.join(NETWORKS)}, got {network!r}.")
    if hidden is not None and (isinstance(hidden, int | str) or not all(isinstance(w, int) and w > 0 for w in hidden)):
        raise InvalidType(f"hidden must be a sequence of positive whole numbers such as (400,), got {hidden!r}.")
    family = NETWORKS[network]
    encoder, decoder = family(shape, latent) if hidden is None else family(shape, latent, tuple(hidden))
    objective = Objective(likelihood_of(likelihood, gamma, squash), divergence, weight, annealing)
    return Experiment(VAE(encoder, decoder, latent), objective, shape)


def checked(shape: Sequence[int], latent: int) -> tuple[int, ...]:
    """The shape as a tuple, if it and the number of latents make sense."""
    shape = tuple(shape)
    if not shape or not all(isinstance(size, int) and size > 0 for size in shape):
        raise InvalidValue(f"shape must be that of one image, whole numbers such as (1, 28, 28), got {shape}.")
    checks.positive_int("latent", latent)
    return shape


def likelihood_of(name: str, gamma: float | str | GammaPolicy, squash: bool = True) -> Likelihood:
    """The likelihood of that name; squash: whether of data in [0, 1]."""
    if not isinstance(squash, bool):
        raise InvalidType(f"squash must be True or False, got {squash!r}.")
    if name == "normal":
        return Normal(gamma, squash=squash)
    if name == "laplace":
        return Laplace(gamma, squash=squash)
    if name == "bernoulli":
        if not squash:
            raise InvalidValue(
                "a Bernoulli is of the domain 'unit', data in [0, 1], got squash=False; leave it "
                "out, or take likelihood='normal'."
            )
        if gamma != SQUARED_ERROR:
            raise InvalidValue(f"a Bernoulli has no gamma, got {gamma!r}; leave it out, or take likelihood='normal'.")
        return Bernoulli()
    raise InvalidValue(f"likelihood must be one of normal, bernoulli, laplace, got {name!r}.")


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


def mmd_vae(shape: Sequence[int], latent: int = 10, *, weight: float = 500.0, **design: Unpack[Design]) -> Experiment:
    """Reconstruction + weight * MMD² between sampled z and the prior (Zhao, Song & Ermon 2019); no ELBO, no nats."""
    return build(shape, latent, MMD(), weight, **design)


def balanced_vae(
    shape: Sequence[int], latent: int = 10, *, k: float = 1.0, published: bool = False, **design: Unpack[Design]
) -> Experiment:
    """Reconstruction + k KL(q‖p) with gamma computed from the running error (Asperti & Trentin 2020).

    published: as in the authors' repository, where k is `published_kl_factor(shape, latent)` times the one given, and gamma
    follows rule A from 1.
    """
    design.setdefault("gamma", Computed(1.0, rule="running_min") if published else Computed())
    return build(shape, latent, KL(), k * published_kl_factor(shape, latent) if published else k, **design)


def published_kl_factor(shape: Sequence[int], latent: int) -> float:
    """k = (2 side / latent)², which the authors' repository multiplies KL with: 1 for 32 pixels and 64 latents, 4 for
    64 and 64.

    Raises InvalidValue for no shape or number of latents, or images that are not square.
    Source: `computed_gamma.py` in asperti/BalancingVAE, the code of Asperti & Trentin 2020.
    """
    *_, height, width = (0, 0, *checked(shape, latent))
    if height != width:
        raise InvalidValue(
            f"the hidden factor is for square images (channels, side, side), got {tuple(shape)}; set k, for example 1."
        )
    return (2 * width / latent) ** 2


def geco_vae(shape: Sequence[int], latent: int = 10, *, kappa: float = 0.1, **design: Unpack[Design]) -> Experiment:
    """The least KL(q‖p) at which the error per pixel has the root `kappa` (Rezende & Viola 2018)."""
    _leaves("gamma", design)
    design["gamma"] = Geco(kappa)
    return build(shape, latent, KL(), **design)


def control_vae(
    shape: Sequence[int], latent: int = 10, *, target: float = 10.0, **design: Unpack[Design]
) -> Experiment:
    """Reconstruction + beta KL(q‖p), beta in [0, 1] moved until KL(q‖p) is `target` nats (Shao et al. 2020)."""
    _leaves("annealing", design)
    design["annealing"] = PIController(target)
    return build(shape, latent, KL(), **design)


def annealed_vae(
    shape: Sequence[int], latent: int = 10, *, steps: int = 1000, cyclical: bool = False, **design: Unpack[Design]
) -> Experiment:
    """Reconstruction + beta KL(q‖p), beta from 0 to 1 over so many steps (Bowman et al. 2016); cyclical: over the first
    half of them, at 1 for the other half, and anew (Fu et al. 2019)."""
    _leaves("annealing", design)
    design["annealing"] = Cyclical(steps) if cyclical else Linear(steps)
    return build(shape, latent, KL(), **design)


def free_bits_vae(
    shape: Sequence[int], latent: int = 10, *, nats: float = 0.25, **design: Unpack[Design]
) -> Experiment:
    """Reconstruction + KL(q‖p), of which every latent has so many nats for nothing (Kingma et al. 2016)."""
    return build(shape, latent, FreeBits(nats), **design)


def _leaves(name: str, design: Design) -> None:
    """Raises InvalidValue where the reader sets what the recipe is there to set."""
    if name in design:
        raise InvalidValue(f"this recipe sets {name} itself, got {dict(design)[name]!r}; leave it out, or take vae().")


def iwae(
    shape: Sequence[int],
    latent: int = 10,
    *,
    samples: int = 5,
    gradient: Gradient = "plain",
    **design: Unpack[Design],
) -> Experiment:
    """The importance weighted bound with so many draws per image (Burda et al. 2016); see `IWAEObjective`.

    network="burda", latent=50 is the paper's model with one stochastic layer.
    """
    plain = vae(shape, latent, **design)
    likelihood, annealing = plain.objective.likelihood, plain.objective.annealing
    return Experiment(plain.model, IWAEObjective(likelihood, samples, gradient, annealing=annealing), plain.shape)


def two_layer_iwae(
    shape: Sequence[int],
    latent: int = 100,
    *,
    top: int = 50,
    samples: int = 5,
    network: Literal["burda"] = "burda",
    hidden: Sequence[int] | None = None,
    likelihood: str = "bernoulli",
    squash: bool = True,
    gamma: float | str | GammaPolicy = SQUARED_ERROR,
    annealing: Annealing | None = None,
) -> Experiment:
    """The model with two stochastic layers of Burda et al. 2016, of `latent` and `top` units, on their bound.

    hidden: the widths below the first layer, default (200, 200).  Raises InvalidValue for another network.
    """
    if network != "burda":
        raise InvalidValue(f"two stochastic layers are built with network='burda' only, got {network!r}; choose it.")
    model = TwoLayers(checked(shape, latent), latent, top, (200, 200) if hidden is None else hidden)
    family = likelihood_of(likelihood, gamma, squash)
    objective = IWAEObjective(family, samples, annealing=annealing)
    return Experiment(model, objective, tuple(shape))


def cr_vae(
    shape: Sequence[int],
    latent: int = 10,
    *,
    consistency: float = 1.0,
    views: str | Views = "simple",
    **design: Unpack[Design],
) -> ConsistentExperiment:
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
) -> ConsistentExperiment:
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
) -> ConsistentExperiment:
    """`cr_vae` with both ELBOs replaced by the importance weighted bound."""
    plain = iwae(shape, latent, samples=samples, gradient=gradient, **design)
    return consistent(plain, consistency, views, joint_batch=gradient != "dreg")


def triplet_vae(
    shape: Sequence[int],
    latent: int = 10,
    *,
    margin: float = 1.0,
    weight: float = 1.0,
    views: str | Views = "simple",
    **design: Unpack[Design],
) -> ConsistentExperiment:
    """`cr_vae` with weight * `Triplet(margin)` in the place of its regularizer: a contrastive baseline."""
    return consistent(vae(shape, latent, **design), weight, views, distance=Triplet(margin))


__all__ = [
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
    "iwae",
    "mmd_vae",
    "published_kl_factor",
    "reverse_kl_vae",
    "triplet_vae",
    "two_layer_iwae",
    "vae",
]
