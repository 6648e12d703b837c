"""The papers' methods by name: each returns an untrained `Experiment`, ready for `vaelab.fit`.

A recipe sets the divergence; network, likelihood, gamma and annealing are options of `Design`. With
squash=False data are any finite numbers, and with network="mlp" of any shape: points in space are
`vae((3,), 2, squash=False)`. To add a recipe, write its function here, with `@_recipe`, which adds
to its docstring what all recipes share.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypedDict, TypeVar, Unpack, cast

from torch import nn

from vaelab._utils import checks
from vaelab._utils.errors import InvalidType, InvalidValue, suggest
from vaelab._utils.typed import typed
from vaelab.divergences.gaussian import KL, ReverseKL
from vaelab.divergences.kernel_mmd import MMD
from vaelab.divergences.modules import FreeBits, GeometricJS
from vaelab.models.hierarchical import Hierarchy, Scales
from vaelab.models.networks import NETWORKS
from vaelab.models.networks._cells import Cells
from vaelab.models.networks._mlp import check_sizes
from vaelab.models.priors import Prior, named
from vaelab.models.spectral import SpectralPenalty
from vaelab.models.two_layers import TwoLayers
from vaelab.models.vae import VAE
from vaelab.objectives import cloud_recipes
from vaelab.objectives.annealing import Annealing, Cyclical, Linear, PIController
from vaelab.objectives.consistency import ConsistentExperiment, Triplet, Views, consistent
from vaelab.objectives.gamma import GammaPolicy, Geco
from vaelab.objectives.iwae import Gradient, IWAEObjective
from vaelab.objectives.likelihoods import Bernoulli, Dequantize, Laplace, Likelihood, LogisticMixture, Normal
from vaelab.objectives.objective import Experiment, Objective

GroupDivergence = Literal["kl", "reverse_kl", "gjs", "dual_gjs"]  # of a hierarchy, for every group
RECIPES: dict[str, Callable[..., Experiment]] = {}
folding_vae, cr_folding_vae = cloud_recipes.folding_vae, cloud_recipes.cr_folding_vae  # of points, not of shapes
__all__: list[str] = ["cr_folding_vae", "folding_vae"]


class Design(TypedDict, total=False):
    """The options of every recipe, by keyword.

    Args:
        network: Name of encoder and decoder in `vaelab.networks.NETWORKS`, "mlp" by default.
        hidden: Widths of their layers, such as (400,); None takes the network's own.
        likelihood: Likelihood of the data, "normal" by default; "logistic-mixture" is of images with
            256 levels, a probability of each.
        squash: Whether data lie in [0, 1], as by default; a Bernoulli always squashes.
        components: Components of the logistic mixture.
        dequantize: "uniform" adds noise to images of 256 levels, so that a normal or Laplace
            likelihood bounds the probability of the levels; None is their density as they are.
        gamma: Standard deviation of a normal or Laplace decoder: a number, "learned", "computed",
            "optimal", "per-image", or a policy of `vaelab.gamma`. With the default 1/sqrt(2) the loss is
            the sum of squared errors plus the divergence.
        annealing: Schedule of the divergence's weight, of `vaelab.annealing`; a number is that of the
            steps of a linear rise.
        prior: p(z), "standard" by default. It is learned as "mixture:K", "vamp:K" (K components), "flow",
            or an object of `vaelab.priors`; the divergence is then KL(q || p), by Monte Carlo.
    """

    network: str
    hidden: Sequence[int] | None
    likelihood: Literal["normal", "bernoulli", "laplace", "logistic-mixture"]
    squash: bool
    components: int
    dequantize: Dequantize | None
    gamma: float | str | GammaPolicy
    annealing: Annealing | int | None
    prior: str | Prior


DEFAULTS: dict[str, Any] = {"network": "mlp", "hidden": None, "likelihood": "normal", "squash": True}
DEFAULTS |= {"gamma": 0.5**0.5, "annealing": None, "components": 10, "dequantize": None, "prior": "standard"}
_ARGS = """\
    shape: Shape of one datum, such as (channels, height, width).
    latent: Number of latents.
    **design: Options of `Design`."""
_RETURNS = """\
Returns:
    The untrained experiment.

Raises:
    InvalidType: For a value of another type, or an unknown option.
    InvalidValue: For values that are unknown or out of range.
"""
_Make = TypeVar("_Make", bound=Callable[..., Experiment])


def _recipe(make: _Make) -> _Make:
    __all__.append(make.__name__)
    head, args, tail = inspect.cleandoc(make.__doc__ or "").partition("Args:\n")
    own, _, tail = f"\n{tail}".partition("\n\n")
    make.__doc__ = f"{head}{args}{_ARGS}{own}\n\n{_RETURNS}\n{tail}"
    RECIPES[make.__name__] = checked = cast(_Make, typed(make))
    return checked


def _build(shape: Sequence[int], latent: int, divergence: nn.Module, weight: float = 1.0, **design: Any) -> Experiment:
    options = _options(**design)
    shape, hidden = _checked(shape, latent), options["hidden"]
    checks.one_of("network", options["network"], tuple(NETWORKS))
    likelihood, network = _likelihood(options), NETWORKS[options["network"]]
    widths = [] if hidden is None else [tuple(hidden)]
    encoder, decoder = network(shape, latent, *widths)
    if isinstance(likelihood, LogisticMixture):  # several numbers for each pixel
        decoder = network((likelihood.outputs(shape), *shape[1:]), latent, *widths)[1]
    objective = Objective(likelihood, divergence, weight, options["annealing"])
    prior = named(options["prior"]).sized(latent, shape, likelihood.domain)
    return Experiment(VAE(encoder, decoder, latent, prior), objective, shape)


def _options(**design: Any) -> dict[str, Any]:
    for name in design:
        if name not in DEFAULTS:
            raise InvalidType(f"options must be the recipe's own or of Design, got {name}; {suggest(name, DEFAULTS)}")
    options = DEFAULTS | design
    if isinstance(options["annealing"], int):
        options["annealing"] = Linear(options["annealing"])
    return options


def _checked(shape: Sequence[int], latent: int) -> tuple[int, ...]:
    check_sizes(shape=tuple(shape), latent=latent)
    return tuple(shape)


def _likelihood(options: dict[str, Any]) -> Likelihood:
    name, gamma, squash, dequantize = (options[key] for key in ("likelihood", "gamma", "squash", "dequantize"))
    mixture = name == "logistic-mixture"
    if not mixture and options["components"] != DEFAULTS["components"]:
        raise InvalidValue(
            f"components must be given with likelihood='logistic-mixture', got {options['components']} with {name!r}."
        )
    if name in ("normal", "laplace"):
        return (Normal if name == "normal" else Laplace)(gamma, squash=squash, dequantize=dequantize)
    title, domain = ("logistic mixture", "levels") if mixture else ("Bernoulli", "unit")
    if not squash:
        raise InvalidValue(f"squash must be True for a {title}, whose domain is {domain!r}, got False; use a normal.")
    for option, value in (("gamma", gamma), ("dequantize", dequantize)):
        if value != DEFAULTS[option]:
            raise InvalidValue(f"{option} must not be given for a {title}, got {value!r}; use a normal.")
    return LogisticMixture(options["components"]) if mixture else Bernoulli()


def _group_divergence(name: GroupDivergence, alpha: float, free_nats: float | None) -> nn.Module:
    """Return the divergence of every group of a hierarchy."""
    every = {
        "kl": KL() if free_nats is None else FreeBits(free_nats, per="group"),
        "reverse_kl": ReverseKL(),
        "gjs": GeometricJS(alpha),
        "dual_gjs": GeometricJS(alpha, dual=True),
    }
    return every[name]


def _set(recipe: str, design: Design, **own: Any) -> dict[str, Any]:
    """Return the design with what the recipe sets itself."""
    for name in own.keys() & design.keys():
        raise InvalidValue(f"{recipe} sets {name} itself; remove {name}={dict(design)[name]!r} or use vae().")
    return {**design, **own}


@_recipe
def vae(shape: Sequence[int], latent: int = 10, **design: Unpack[Design]) -> Experiment:
    """Build the ordinary VAE: reconstruction + KL(q || p).

    Args:

    Example:
        >>> import torch
        >>> experiment = vae((1, 28, 28), latent=5, hidden=(64,), gamma="computed")
        >>> experiment(torch.zeros(2, 1, 28, 28)).nll.shape
        torch.Size([2])

    References:
        Kingma & Welling (2014), https://arxiv.org/abs/1312.6114.
    """
    return _build(shape, latent, KL(), **design)


@_recipe
def beta_vae(shape: Sequence[int], latent: int = 10, *, beta: float = 4.0, **design: Unpack[Design]) -> Experiment:
    """Build a beta-VAE: reconstruction + beta KL(q || p).

    Args:
        beta: Weight of the KL.

    Example:
        >>> beta_vae((1, 8, 8), beta=2.0).objective.weight.item()
        2.0

    References:
        Higgins et al. (2017), https://openreview.net/forum?id=Sy2fzU9gl.
    """
    return _build(shape, latent, KL(), beta, **design)


@_recipe
def linear_vae(shape: Sequence[int], latent: int = 10, **design: Unpack[Design]) -> Experiment:
    """Build the VAE with a linear encoder and decoder, whose optimum is probabilistic PCA.

    `vaelab.posterior.LinearGaussian` knows its optimum in closed form. Data are any finite numbers.

    Args:

    Example:
        >>> experiment = linear_vae((5,), latent=2, gamma="learned")
        >>> [layer.weight.shape for layer in experiment.model.modules() if isinstance(layer, nn.Linear)]
        [torch.Size([4, 5]), torch.Size([5, 2])]

    References:
        Lucas et al. (2019), https://arxiv.org/abs/1911.02469.
    """
    fixed = _set("linear_vae", design, network="mlp", hidden=(), likelihood="normal", squash=False)
    return _build(shape, latent, KL(), **fixed)


@_recipe
def reverse_kl_vae(
    shape: Sequence[int], latent: int = 10, *, weight: float = 1.0, **design: Unpack[Design]
) -> Experiment:
    """Build a VAE on reconstruction + weight * KL(p || q).

    Args:
        weight: Weight of the KL.

    References:
        A baseline of Deasy et al. (2020), https://arxiv.org/abs/2006.10599.
    """
    return _build(shape, latent, ReverseKL(), weight, **design)


@_recipe
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
    """Build a VAE on reconstruction + weight * geometric JS(q, p; alpha).

    Args:
        alpha: Skew in [0, 1]. In the paper's variant, 0 is KL(q || p) and 1 is KL(p || q).
        dual: Whether to take the dual divergence, whose limits are the reverse.
        primed: Whether to take the paper's variant, which is KL at both ends.
        trainable: Whether alpha, from this value, descends the same loss as the network.
        weight: Weight of the divergence.

    Example:
        >>> gjs_vae((1, 8, 8), alpha=0.5).objective.divergence.alpha.item()
        0.5

    References:
        Deasy et al. (2020), https://arxiv.org/abs/2006.10599.
    """
    divergence = GeometricJS(alpha, dual=dual, primed=primed, trainable=trainable)
    return _build(shape, latent, divergence, weight, **design)


@_recipe
def mmd_vae(shape: Sequence[int], latent: int = 10, *, weight: float = 500.0, **design: Unpack[Design]) -> Experiment:
    """Build a VAE on reconstruction + weight * MMD² between sampled z and the prior; no ELBO.

    Args:
        weight: Weight of MMD².

    References:
        Zhao, Song & Ermon (2019), InfoVAE, https://arxiv.org/abs/1706.02262.
    """
    return _build(shape, latent, MMD(), weight, **design)


@_recipe
def balanced_vae(shape: Sequence[int], latent: int = 10, *, k: float = 1.0, **design: Unpack[Design]) -> Experiment:
    """Build a VAE on reconstruction + k KL(q || p), with gamma computed from the running error.

    The published code has k = (2 * side / latent)² for square images, and its gamma is
    `Computed(start=1.0, rule="running_min")`.

    Args:
        k: Weight of the KL.

    Example:
        >>> balanced_vae((1, 8, 8)).objective.likelihood.gamma
        Computed(gamma=1, rule='capped_ema', rate=0.01)

    References:
        Asperti & Trentin (2020), doi:10.1109/ACCESS.2020.3034828, with the code
        https://github.com/asperti/BalancingVAE.
    """
    return _build(shape, latent, KL(), k, **{"gamma": "computed", **design})


@_recipe
def geco_vae(shape: Sequence[int], latent: int = 10, *, kappa: float = 0.1, **design: Unpack[Design]) -> Experiment:
    """Build a VAE with the least KL(q || p) at which the root of the error per pixel is `kappa`.

    Args:
        kappa: Tolerated root of the mean squared error per pixel; it replaces gamma.

    References:
        Rezende & Viola (2018), https://arxiv.org/abs/1810.00597.
    """
    return _build(shape, latent, KL(), **_set("geco_vae", design, gamma=Geco(kappa)))


@_recipe
def control_vae(
    shape: Sequence[int], latent: int = 10, *, target: float = 10.0, **design: Unpack[Design]
) -> Experiment:
    """Build a VAE on reconstruction + beta KL(q || p), with beta in [0, 1] controlled by the KL.

    Args:
        target: KL in nats that the controller holds; it replaces an annealing schedule.

    References:
        Shao et al. (2020), ControlVAE, https://arxiv.org/abs/2004.05988.
    """
    return _build(shape, latent, KL(), **_set("control_vae", design, annealing=PIController(target)))


@_recipe
def annealed_vae(
    shape: Sequence[int], latent: int = 10, *, steps: int = 1000, cyclical: bool = False, **design: Unpack[Design]
) -> Experiment:
    """Build a VAE on reconstruction + beta KL(q || p), with beta rising from 0 to 1.

    Args:
        steps: Optimizer steps of the rise, or of a period.
        cyclical: Whether beta rises over the first half of every period.

    References:
        Bowman et al. (2016), https://arxiv.org/abs/1511.06349; cyclical: Fu et al. (2019),
        https://arxiv.org/abs/1903.10145.
    """
    schedule = Cyclical(steps) if cyclical else Linear(steps)
    return _build(shape, latent, KL(), **_set("annealed_vae", design, annealing=schedule))


@_recipe
def free_bits_vae(
    shape: Sequence[int], latent: int = 10, *, nats: float = 0.25, **design: Unpack[Design]
) -> Experiment:
    """Build a VAE on reconstruction + KL(q || p), of which some nats per latent cost nothing.

    Args:
        nats: Free nats of every latent.

    References:
        Kingma et al. (2016), https://arxiv.org/abs/1606.04934.
    """
    return _build(shape, latent, FreeBits(nats), **design)


@_recipe
def iwae(
    shape: Sequence[int], latent: int = 10, *, samples: int = 5, gradient: Gradient = "plain", **design: Unpack[Design]
) -> Experiment:
    """Build a VAE on the importance-weighted bound.

    network="burda", latent=50 is the paper's model with one stochastic layer.

    Args:
        samples: Draws of z per datum.
        gradient: See `IWAEObjective`.

    Example:
        >>> iwae((1, 8, 8), samples=10).objective.samples
        10

    References:
        Burda et al. (2016), https://arxiv.org/abs/1509.00519, eq. 8.
    """
    plain = vae(shape, latent, **design)
    likelihood, annealing = plain.objective.likelihood, plain.objective.annealing
    return Experiment(plain.model, IWAEObjective(likelihood, samples, gradient, annealing=annealing), plain.shape)


@_recipe
def two_layer_iwae(
    shape: Sequence[int], latent: int = 100, *, top: int = 50, samples: int = 5, **design: Unpack[Design]
) -> Experiment:
    """Build the model with two stochastic layers of Burda et al. (2016), on their bound.

    The network is "burda" only. By default its widths below the first stochastic layer are
    (200, 200), and the likelihood is "bernoulli".

    Args:
        top: Units of the upper stochastic layer; `latent` are those of the lower.
        samples: Draws of z per datum.

    References:
        Burda et al. (2016), https://arxiv.org/abs/1509.00519.
    """
    options = _options(**{"network": "burda", "likelihood": "bernoulli", **design})
    if options["network"] != "burda":
        raise InvalidValue(f"network must be 'burda' for two stochastic layers, got {options['network']!r}.")
    if options["likelihood"] == "logistic-mixture":
        raise InvalidValue("likelihood must give one number a pixel for two stochastic layers, got 'logistic-mixture'.")
    hidden = (200, 200) if options["hidden"] is None else options["hidden"]
    model = TwoLayers(_checked(shape, latent), latent, top, hidden, prior=named(options["prior"]))
    objective = IWAEObjective(_likelihood(options), samples, annealing=options["annealing"])
    return Experiment(model, objective, tuple(shape))


@_recipe
def hierarchical_vae(
    shape: Sequence[int],
    latent: int = 8,
    *,
    groups: Sequence[Any] = ((4, 2), (8, 2)),
    width: int = 32,
    cells: Cells = "plain",
    scales: Scales = "softplus",
    divergence: GroupDivergence = "kl",
    alpha: float = 0.3,
    weight: float = 1.0,
    free_nats: float | None = 1.0,
    balance: bool = False,
    spectral: float = 0.0,
    **design: Unpack[Design],
) -> Experiment:
    """Build a VAE with groups of latents on several scales; see `models.Hierarchy`.

    Here `latent` is the number of channels of each group. The networks are convolutions of their own,
    so network and hidden are no options.

    Args:
        groups: Pairs of side and number of groups, coarse to fine.
        width: Channels of the networks.
        cells: "plain" (VD-VAE) or "nvae".
        scales: "softplus" or "clamped".
        divergence: Of every group: "kl", KL(q || p); "reverse_kl", KL(p || q); or a geometric JS, "gjs" or
            "dual_gjs", as in `gjs_vae`.
        alpha: Skew of the geometric JS.
        weight: Weight of the divergence.
        free_nats: Nats of KL(q || p) of every group that cost nothing, without which the coarse groups
            often stay at the prior. None is the plain bound; the other divergences have no free nats.
        balance: Whether groups that carry little cost less while the annealing rises; see
            `objectives.balancing`. It needs an `annealing`.
        spectral: Weight of the spectral norms of the convolutions in the loss, for cells="nvae"; 0.01 was
            published for MNIST.

    Example:
        >>> hierarchical_vae((1, 8, 8), groups=((2, 1), (4, 1)), latent=2, width=8).model.groups
        2

    References:
        Vahdat & Kautz (2020), https://arxiv.org/abs/2007.03898; Child (2021), https://arxiv.org/abs/2011.10650.
    """
    if "shared_noise" in design:
        raise InvalidValue("shared_noise needs views, which hierarchical_vae has not; use cr_hierarchical_vae.")
    options, measure = _options(**design), _group_divergence(divergence, alpha, free_nats)
    for name in ("network", "hidden"):
        if options[name] != DEFAULTS[name]:
            raise InvalidValue(f"hierarchical_vae has networks of its own; remove {name}={options[name]!r}.")
    likelihood, prior = _likelihood(options), named(options["prior"])
    outputs = likelihood.outputs(shape) if isinstance(likelihood, LogisticMixture) else None
    model = Hierarchy(_checked(shape, latent), groups, latent, width, cells, scales, outputs, prior=prior)
    objective = Objective(likelihood, measure, weight, options["annealing"], balance=balance)
    if checks.not_negative("spectral", spectral):
        if cells != "nvae":
            raise InvalidValue(f"spectral is for cells='nvae', got {spectral} with cells={cells!r}.")
        objective.add_penalty(SpectralPenalty(model, spectral))
    return Experiment(model, objective, tuple(shape))


@_recipe
def cr_vae(
    shape: Sequence[int],
    latent: int = 10,
    *,
    consistency: float = 1.0,
    views: str | Views = "simple",
    **design: Unpack[Design],
) -> ConsistentExperiment:
    """Build the VAE of images and views + consistency KL(q(z|view) || q(z|image)).

    `vaelab.consistency.consistent` does this to any experiment.

    Args:
        consistency: lambda in nats; 0 is the VAE with augmentation, the baseline.
        views: "simple", "large", an `Augment` or another function of images.

    Example:
        >>> cr_vae((1, 8, 8), consistency=0.5).objective.consistency_weight.item()
        0.5

    References:
        Sinha & Dieng (2021), https://arxiv.org/abs/2105.14859, eq. 3.
    """
    return consistent(vae(shape, latent, **design), consistency, views)


@_recipe
def cr_beta_vae(
    shape: Sequence[int],
    latent: int = 10,
    *,
    beta: float = 4.0,
    consistency: float = 1.0,
    views: str | Views = "simple",
    **design: Unpack[Design],
) -> ConsistentExperiment:
    """Build `cr_vae` with a weight of both KL(q || p).

    Args:
        beta: The weight.
        consistency, views: As for `cr_vae`.
    """
    return consistent(beta_vae(shape, latent, beta=beta, **design), consistency, views)


@_recipe
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
    """Build `cr_vae` with both ELBOs replaced by the importance-weighted bound.

    Args:
        samples, gradient: As for `iwae`.
        consistency, views: As for `cr_vae`.
    """
    plain = iwae(shape, latent, samples=samples, gradient=gradient, **design)
    return consistent(plain, consistency, views, joint_batch=gradient != "dreg")


@_recipe
def cr_hierarchical_vae(
    shape: Sequence[int],
    latent: int = 8,
    *,
    groups: Sequence[Any] = ((4, 2), (8, 2)),
    width: int = 32,
    cells: Cells = "plain",
    scales: Scales = "softplus",
    consistency: float = 1.0,
    views: str | Views = "simple",
    shared_noise: bool = False,
    divergence: GroupDivergence = "kl",
    alpha: float = 0.3,
    weight: float = 1.0,
    free_nats: float | None = 1.0,
    balance: bool = False,
    spectral: float = 0.0,
    **design: Unpack[Design],
) -> ConsistentExperiment:
    """Build `hierarchical_vae` of images and views + consistency, summed over the groups.

    Each pass draws its own path through the groups, along which the posteriors are compared. With
    shared_noise both draw the same noise, so that the term is 0 for an image and its own copy.

    Args:
        consistency, views: As for `cr_vae`.
        groups, width, cells, scales: As for `hierarchical_vae`.
        divergence, alpha, weight, free_nats, balance, spectral: As for `hierarchical_vae`.
        shared_noise: Whether image and view have the same N(0, 1) noise in every group.
    """
    networks: dict[str, Any] = {"groups": groups, "width": width, "cells": cells, "scales": scales}
    terms: dict[str, Any] = {"divergence": divergence, "alpha": alpha, "weight": weight, "free_nats": free_nats}
    terms |= {"balance": balance, "spectral": spectral}
    plain = hierarchical_vae(shape, latent, **networks, **terms, **design)
    return consistent(plain, consistency, views, shared_noise=shared_noise)


@_recipe
def triplet_vae(
    shape: Sequence[int],
    latent: int = 10,
    *,
    margin: float = 1.0,
    weight: float = 1.0,
    views: str | Views = "simple",
    **design: Unpack[Design],
) -> ConsistentExperiment:
    """Build `cr_vae` with weight * `Triplet(margin)` instead of its KL: a contrastive baseline.

    Args:
        margin: Margin of the triplets.
        weight: Weight of their loss.
        views: As for `cr_vae`.
    """
    return consistent(vae(shape, latent, **design), weight, views, distance=Triplet(margin))
