"""Recipes for point clouds: the folding network with the Chamfer distance, without and with consistency."""

from collections.abc import Sequence

from vaelab._utils import checks
from vaelab._utils.typed import typed
from vaelab.data.augment.clouds import CloudAugment
from vaelab.divergences.gaussian import KL
from vaelab.models.networks._folding import Grid, folding
from vaelab.models.vae import VAE
from vaelab.objectives.annealing import Annealing
from vaelab.objectives.consistency import ConsistentExperiment, Views, consistent
from vaelab.objectives.gamma import GammaPolicy
from vaelab.objectives.likelihoods import Chamfer
from vaelab.objectives.objective import Experiment, Objective


@typed
def folding_vae(
    points: int = 512,
    latent: int = 64,
    *,
    gamma: float | str | GammaPolicy = "computed",
    dimension: float | None = None,
    grid: Grid = "plane",
    beta: float = 1.0,
    hidden: Sequence[int] = (32, 32, 64, 256),
    fold: int = 128,
    neighbors: int = 16,
    annealing: Annealing | None = None,
) -> Experiment:
    """Build a VAE of point clouds: D C / (2 gamma²) + D ln gamma + beta KL(q || p), C the Chamfer distance.

    Args:
        points: Points of a cloud.
        latent: Number of latents.
        gamma: A length: a number, "learned", "computed", or a policy of `vaelab.gamma`.
        dimension: D, the effective dimension of the data, see `likelihoods.Chamfer`; None is 3 points.
        grid: What is folded, a "plane" or a "sphere".
        beta: Weight of the KL.
        hidden, fold, neighbors: As for `networks.folding`.
        annealing: Schedule of the divergence's weight, of `vaelab.annealing`.

    Returns:
        The untrained experiment, for clouds [n, points, 3].

    Raises:
        InvalidType, InvalidValue: For other values than these.

    Example:
        >>> import torch
        >>> experiment = folding_vae(points=64, latent=4, hidden=(8, 8, 8), fold=8)
        >>> experiment.objective.likelihood
        Chamfer(
          dimension=192, reduce='mean'
          (gamma): Computed(gamma=1, rule='capped_ema', rate=0.01)
        )
        >>> experiment(torch.randn(2, 64, 3)).nll.shape
        torch.Size([2])

    References:
        The network is that of Yang et al. (2018), https://arxiv.org/abs/1712.07262.
    """
    shape = (checks.positive_int("points", points), 3)
    encoder, decoder = folding(shape, latent, hidden, fold=fold, neighbors=neighbors, grid=grid)
    likelihood = Chamfer(3 * points if dimension is None else dimension, gamma)
    return Experiment(VAE(encoder, decoder, latent), Objective(likelihood, KL(), beta, annealing), shape)


@typed
def cr_folding_vae(
    points: int = 512,
    latent: int = 64,
    *,
    consistency: float = 1.0,
    views: Views | None = None,
    gamma: float | str | GammaPolicy = "computed",
    dimension: float | None = None,
    grid: Grid = "plane",
    beta: float = 1.0,
    hidden: Sequence[int] = (32, 32, 64, 256),
    fold: int = 128,
    neighbors: int = 16,
    annealing: Annealing | None = None,
) -> ConsistentExperiment:
    """Build `folding_vae` of clouds and views + consistency KL(q(z|view) || q(z|cloud)).

    Args:
        points, latent: As for `folding_vae`.
        consistency: lambda in nats; 0 is the VAE with augmentation, the baseline.
        views: Random transformation of clouds [b, points, 3]; None is `augment.CloudAugment()`.
        gamma, dimension, grid, beta, hidden, fold, neighbors, annealing: As for `folding_vae`.

    Returns:
        The untrained experiment.

    Raises:
        InvalidType, InvalidValue: For other values than these.

    Example:
        >>> experiment = cr_folding_vae(points=64, latent=4, consistency=0.5, hidden=(8, 8, 8), fold=8)
        >>> experiment.objective.consistency_weight.item()
        0.5

    References:
        Sinha & Dieng (2021), https://arxiv.org/abs/2105.14859, eq. 3.
    """
    plain = folding_vae(
        points,
        latent,
        gamma=gamma,
        dimension=dimension,
        grid=grid,
        beta=beta,
        hidden=hidden,
        fold=fold,
        neighbors=neighbors,
        annealing=annealing,
    )
    return consistent(plain, consistency, CloudAugment() if views is None else views)
