"""Numbers of the geometric JS without training: two Gaussians, and one fitted to a mixture."""

import math

import numpy as np
import torch

from figures.gjs.variants import FAMILIES
from vaelab import quadrature
from vaelab._utils.progress import tqdm
from vaelab.divergences import Gaussian, geometric_js, kl
from vaelab.divergences.fitting import fit, mixture
from vaelab.runs.store import Numbers, recipe

CURVES = ("q", "p", "geometric mean", "KL(q||p)", "KL(p||q)", "JS", "geometric JS")
CURVES_OF_PAIRS = ("q", "p", "geometric mean", "notebook's mean", "JS", "geometric JS", "notebook's geometric JS")
INTEGRALS = CURVES_OF_PAIRS[4:]


def gaussian(mean: float, logvar: float) -> Gaussian:
    """Return N(mean, exp(logvar)) in one dimension, float64."""
    return Gaussian(torch.tensor([mean], dtype=torch.float64), torch.tensor([logvar], dtype=torch.float64))


def jensen(lq: torch.Tensor, lp: torch.Tensor, *means: torch.Tensor) -> list[torch.Tensor]:
    """Return ½ q ln(q/m) + ½ p ln(p/m) for the arithmetic mean m and each of the log `means`."""
    targets = (torch.logaddexp(lq, lp) - np.log(2), *means)
    return [0.5 * lq.exp() * (lq - m) + 0.5 * lp.exp() * (lp - m) for m in targets]


@recipe("divergences-in-one-dimension", version=1)
def divergences_in_one_dimension(
    *, means: list[float], sigmas: list[float], alphas: list[float], low: float, high: float
) -> Numbers:
    """Return curves [7, m] over x [m] at alpha = 1/2, means [a, m] and integrals [4], nats."""
    q, p = (gaussian(m, 2 * np.log(s)) for m, s in zip(means, sigmas, strict=True))
    # Integrals and normalization need a wide grid; its middle is drawn.
    grid = quadrature.line(low - 20, high + 20, 100 * int(high - low + 40) + 1)
    lq, lp = q.log_prob(grid.points), p.log_prob(grid.points)
    family = torch.stack([quadrature.geometric_mean(q.log_prob, p.log_prob, a, grid) for a in alphas])
    half = quadrature.geometric_mean(q.log_prob, p.log_prob, 0.5, grid)
    kls = [lq.exp() * (lq - lp), lp.exp() * (lp - lq)]
    curves = torch.stack([lq.exp(), lp.exp(), half.exp(), *kls, *jensen(lq, lp, half)])
    middle = torch.arange(len(grid.points))[2000:-2000:5]
    js = quadrature.jensen_shannon(q.log_prob, p.log_prob, grid)
    return {
        "x": grid.points[middle].numpy(),
        "curves": curves[:, middle].numpy(),
        "alphas": np.array(alphas),
        "family": family[:, middle].exp().numpy(),
        "integrals": np.array([float(value) for value in (kl(q, p), kl(p, q), js, geometric_js(q, p, 0.5))]),
    }


@recipe("integrands-in-one-dimension", version=1)
def integrands_of_pairs(*, pairs: list[list[float]], low: float, high: float) -> Numbers:
    """Return curves [pairs, 7, m] and integrals [pairs, 3], nats, for (mean, sigma) of q and p."""
    results = [_pair(pair, low, high) for pair in pairs]
    return {
        "pairs": np.array(pairs),
        "x": results[0][0],
        "curves": np.array([curves for _, curves, _ in results]),
        "integrals": np.array([integrals for *_, integrals in results]),
    }


def _pair(pair: list[float], low: float, high: float) -> tuple[np.ndarray, np.ndarray, list[float]]:
    mean_q, sigma_q, mean_p, sigma_p = pair
    q, p = gaussian(mean_q, 2 * np.log(sigma_q)), gaussian(mean_p, 2 * np.log(sigma_p))
    grid = quadrature.line(low - 30, high + 30, 50 * int(high - low + 60) + 1)  # the middle is drawn
    lq, lp = q.log_prob(grid.points), p.log_prob(grid.points)
    right = quadrature.geometric_mean(q.log_prob, p.log_prob, 0.5, grid)
    wrong = published_mean(mean_q, sigma_q, mean_p, sigma_p).log_prob(grid.points)
    parts = jensen(lq, lp, right, wrong)
    curves = torch.stack([lq.exp(), lp.exp(), right.exp(), wrong.exp(), *parts])
    middle = slice(1500, -1500)
    return grid.points[middle].numpy(), curves[:, middle].numpy(), [float(grid.integrate(part)) for part in parts]


def published_mean(mean_q: float, sigma_q: float, mean_p: float, sigma_p: float) -> Gaussian:
    """Return the mean at alpha = 1/2 of the published notebook, with sigma in place of sigma²."""
    sigma = 1 / (0.5 / sigma_q + 0.5 / sigma_p)
    return gaussian(sigma * (0.5 * mean_q / sigma_q + 0.5 * mean_p / sigma_p), 2 * np.log(sigma))


@recipe("divergences-against-alpha", version=1)
def divergences_against_alpha(*, mean: float, variance: float, steps: int) -> Numbers:
    """Return alpha [k], value [4, k] and ends (KL(q‖p), KL(p‖q)) [2] for q = N(mean, variance)."""
    q = gaussian(mean, np.log(variance))
    p = Gaussian.standard(q.mean)
    alphas = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    wide = Gaussian(q.mean.expand(len(alphas)), q.logvar.expand(len(alphas)))
    values = [geometric_js(wide, p, alphas, dual="dual" in name, primed="primed" in name) for name in FAMILIES]
    return {
        "pair": np.array([mean, variance]),
        "alpha": alphas.numpy(),
        "value": torch.stack(values).numpy(),
        "ends": np.array([kl(q, p).item(), kl(p, q).item()]),
    }


def entrance_fee(alpha: float) -> float:
    """Return c(α), the limit of (primed dual - α KL(q‖p)) for small variances, nats per latent."""
    return 0.5 * math.log(alpha) + (1 - alpha) ** 2 / (2 * alpha)


@recipe("divergences-at-small-sigma", version=1)
def divergences_at_small_sigma(*, alphas: list[float], mean: float, smallest: float, steps: int) -> Numbers:
    """Return s [k], kl [2, k], primed, dual [alphas, k] and fee [alphas] for q = N(mean, s)."""
    logvar = torch.linspace(math.log(smallest), 0, steps, dtype=torch.float64)
    q = Gaussian(torch.full_like(logvar, mean), logvar)
    p = Gaussian.standard(logvar)
    return {
        "s": logvar.exp().numpy(),
        "alpha": np.array(alphas),
        "kl": torch.stack([kl(q, p), kl(p, q)]).numpy(),
        "primed": torch.stack([geometric_js(q, p, a) for a in alphas]).numpy(),
        "dual": torch.stack([geometric_js(q, p, a, dual=True) for a in alphas]).numpy(),
        "fee": np.array([entrance_fee(a) for a in alphas]),
    }


@recipe("fit-to-a-mixture", version=1)
def fits_to_the_mixture(*, alphas: list[float], grid: list[float], seed: int) -> Numbers:
    """Return every minimum, fit [k, 4] (value, mean, mean, std), and the density of the target."""
    target = mixture(seed)
    tasks = [(kind, a) for kind in ("primed", "primed dual") for a in sorted({*alphas, *grid})]
    bar = tqdm([*tasks, ("JS", 0.5)], desc="fitting", unit="divergence")
    fits = [(kind, a, f) for kind, a in bar for f in fit(target, kind, a)]
    axis = np.linspace(-5, 5, 101)
    points = torch.from_numpy(np.stack(np.meshgrid(axis, axis, indexing="xy"), -1))
    return {
        "kind": np.array([kind for kind, _, _ in fits]),
        "alpha": np.array([a for _, a, _ in fits]),
        "start": np.array([f.start for _, _, f in fits]),
        "fit": np.array([(f.value, *f.mean, f.std) for _, _, f in fits]),
        "shown": np.array(alphas),
        "axis": axis,
        "density": target.log_prob(points).exp().numpy(),
    }
