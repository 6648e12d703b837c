"""The numbers of the figures of the geometric JS that train: one function per figure.

The trainings are those of `variants.trained`, which are shared between figures.
"""

from typing import Any

import numpy as np
import torch

from figures.gjs import variants
from figures.gjs.variants import FAMILIES, KL, REVERSE, Variant
from vaelab import divergences
from vaelab.divergences import Gaussian, geometric_mean, kl
from vaelab.posterior import MarginalPosterior
from vaelab.posterior.variance_law import optimal_scale, predicted_variance
from vaelab.runs.store import Numbers, Result, merge_results

VARIANTS = (KL, REVERSE, "primed", "primed dual")
PICTURED = 6
TRAINABLE = ("primed", "primed dual")
COLUMNS = ("ratio", "measured", "predicted", "predicted_own")
ACTIVE = 0.2  # of the total: a latent whose means carry less of its variance is listed, but not drawn


def compute_recon_vs_alpha(device: str, *, alphas: list[float], seeds: int, **training: Any) -> Result:
    """One training per variant, alpha and seed: the numbers of `variants.measured`, and terms [k, 3, seeds]."""
    families = [variants.gjs(family, a) for family in VARIANTS[2:] for a in alphas]
    every = [variants.vae(), variants.reverse(), *families]
    results = variants.trained(every, device, seeds, **training)
    of_each = [[terms(v, r.numbers) for r in row] for v, row in zip(every, results, strict=True)]
    return variants.measured(every, results, terms=np.array(of_each).transpose(0, 2, 1))


def terms(variant: Variant, numbers: Numbers) -> tuple[float, float, float]:
    """What the divergence is made of, means over test images in nats: the term of the posterior q, KL(q‖G) (dual:
    KL(G‖q)), the term of the prior p, and their mean with the weights (1-alpha, alpha); nan for a KL line."""
    if np.isnan(variant.alpha):
        return np.nan, np.nan, np.nan
    q = Gaussian(*(torch.from_numpy(numbers[name]).double() for name in ("mean", "logvar")))
    p = Gaussian.standard(q.mean)
    mean = geometric_mean(q, p, 1 - variant.alpha)
    ends = [(kl(mean, end) if variant.options["dual"] else kl(end, mean)).mean().item() for end in (q, p)]
    return ends[0], ends[1], (1 - variant.alpha) * ends[0] + variant.alpha * ends[1]


def compute_plain_vs_primed(device: str, *, alphas: list[float], seeds: int, **training: Any) -> Result:
    """The numbers of `variants.measured`; the plain families begin at the seed where the primed ones end."""
    every = [variants.vae(), *(variants.gjs(family, a) for family in FAMILIES for a in alphas)]
    return variants.measured(every, variants.trained(every, device, seeds, **training))


def compute_beta_grid(
    device: str, *, betas: list[float], weights: list[float], alphas: list[float], seeds: int, **training: Any
) -> Result:
    """The numbers of `variants.measured`: the beta-VAE for each beta, the primed for each weight and alpha."""
    grid = [variants.gjs("primed", alpha, weight) for weight in weights for alpha in alphas]
    every = [*map(variants.vae, betas), *grid]
    return variants.measured(every, variants.trained(every, device, seeds, **training))


def compute_rate_distortion(
    device: str, *, alphas: list[float], betas: list[float], seeds: int, **training: Any
) -> Result:
    """The numbers of `variants.measured` for all variants."""
    families = [variants.gjs(family, a) for family in FAMILIES[:3] for a in alphas]
    every = [*map(variants.vae, betas), variants.reverse(), *families]
    return variants.measured(every, variants.trained(every, device, seeds, **training))


def compute_reconstructions(
    device: str, *, primed: list[float], dual: list[float], seeds: int, **training: Any
) -> Result:
    """The trainings of seed 0 (of `seeds`, which other figures read too).

    Numbers: variant, alpha [k], shown [n, c, h, w] and reconstructions [k, n, c, h, w], uint8.
    """
    every = [variants.vae(), variants.reverse(), *variants.both(primed, dual)]
    results = [row[0] for row in variants.trained(every, device, seeds, **training)]
    numbers = {
        "variant": np.array([v.name for v in every]),
        "alpha": np.array([v.alpha for v in every]),
        "shown": results[0].numbers["shown"],
        "reconstructions": np.stack([r.numbers["reconstructions"] for r in results]),
    }
    return merge_results(numbers, results)


def compute_traversals(device: str, *, primed: list[float], dual: list[float], seeds: int, **training: Any) -> Result:
    """The trainings of seed 0 (of `seeds`, which other figures read too).

    Numbers, latents sorted by information: variant, alpha [k], information [k, latent] in nats, and traversals
    [k, latent, steps, c, h, w], uint8.
    """
    every = [variants.vae(), *variants.both(primed, dual)]
    results = [row[0] for row in variants.trained(every, device, seeds, **training)]
    said = [information(r.numbers) for r in results]
    orders = [np.argsort(-each) for each in said]
    numbers = {
        "variant": np.array([v.name for v in every]),
        "alpha": np.array([v.alpha for v in every]),
        "information": np.stack([each[order] for each, order in zip(said, orders, strict=True)]),
        "traversals": np.stack([r.numbers["traversals"][order] for r, order in zip(results, orders, strict=True)]),
    }
    return merge_results(numbers, results)


def information(numbers: Numbers) -> np.ndarray:
    """What each latent says about the image, ½ ln(1 + Var(mean) / E[sigma²]), that of a Gaussian channel: [latent],
    nats.  Other than KL(q‖p) it does not count a scale that nobody asked for."""
    mean, logvar = numbers["mean"].astype(float), numbers["logvar"].astype(float)
    said: np.ndarray = 0.5 * np.log1p(mean.var(0) / np.exp(logvar).mean(0))
    return said


def compute_denoising(device: str, *, noises: list[float], seeds: int, **training: Any) -> Result:
    """One training per variant, level of noise and seed.

    Numbers: variant [k], noise [m], reconstruction [k, m, seeds] against the clean test images; and of seed 0 shown
    [n, c, h, w], inputs [m, n, c, h, w] and reconstructions [k, m, n, c, h, w], uint8.
    """
    dual = variants.learned("primed dual", 0.3)
    every = [variants.vae(), variants.reverse(), variants.mmd(), variants.learned("primed", 0.3), dual]
    levels = [variants.trained(every, device, seeds, **training, noise=noise) for noise in noises]
    first = [[row[0].numbers for row in level] for level in levels]
    errors = [[[float(r.numbers["test_reconstruction"]) for r in row] for row in level] for level in levels]
    numbers = {
        "variant": np.array([v.name for v in every]),
        "noise": np.array(noises),
        "reconstruction": np.array(errors).transpose(1, 0, 2),
        "shown": first[0][0]["shown"][:PICTURED],
        "inputs": np.stack([level[0]["inputs"][:PICTURED] for level in first]),
        "reconstructions": np.stack([[n["reconstructions"][:PICTURED] for n in level] for level in first], 1),
    }
    return merge_results(numbers, [result for level in levels for row in level for result in row])


def compute_trainable_alpha(device: str, *, starts: list[float], seeds: int, **training: Any) -> Result:
    """Numbers: variant, start [k]; alphas [k, seeds, epochs], at the end of every epoch; reconstruction [k, seeds] of
    the test images."""
    every = [variants.learned(family, start) for family in TRAINABLE for start in starts]
    results = variants.trained(every, device, seeds, **training)
    numbers = {
        "variant": np.array([family for family in TRAINABLE for _ in starts]),
        "start": np.array([v.options["alpha"] for v in every]),
        "alphas": np.array([[r.numbers["alphas"] for r in row] for row in results]),
        "reconstruction": np.array([[r.numbers["test_reconstruction"] for r in row] for row in results]),
    }
    return merge_results(numbers, [result for row in results for result in row])


def compute_aggregate_variance(
    device: str, *, primed: list[float], dual: list[float], seeds: int, **training: Any
) -> Result:
    """Numbers, one row per latent: variant, alpha, seed, ratio R, V measured and predicted twice, active [k]."""
    every = [variants.vae(), variants.reverse(), *variants.both(primed, dual)]
    results = variants.trained(every, device, seeds, **training)
    found = [
        (v.name, v.alpha, seed, *latent)
        for v, row in zip(every, results, strict=True)
        for seed, result in enumerate(row)
        for latent in latents(divergence(v), result.numbers)
    ]
    names = ("variant", "alpha", "seed", *COLUMNS, "active")
    numbers = {name: np.array(column) for name, column in zip(names, zip(*found, strict=True), strict=True)}
    return merge_results(numbers, [result for row in results for result in row])


def latents(minimized: torch.nn.Module, numbers: Numbers) -> list[tuple[float, float, float, float, bool]]:
    """R and V = Var(mean) + E[sigma²] of every latent over the test images; V predicted from R, and from its own
    posteriors; whether it is active."""
    mean, logvar = (torch.from_numpy(numbers[name]).double() for name in ("mean", "logvar"))
    law = MarginalPosterior(mean, logvar).variance_law()
    own = law.total * optimal_scale(minimized, mean - mean.mean(0), logvar) ** 2  # every optimum has centered means
    found = []
    for k, (of_means, of_noise, total) in enumerate(zip(*(part.tolist() for part in law[:3]), strict=True)):
        ratio = max(of_means / of_noise, 1e-9)
        active = of_means > ACTIVE * total
        found.append((ratio, total, predicted_variance(minimized, ratio), float(own[k]), active))
    return found


def divergence(variant: Variant) -> torch.nn.Module:
    """What the variant minimizes."""
    if variant.name == variants.KL:
        return divergences.KL()
    if variant.name == variants.REVERSE:
        return divergences.ReverseKL()
    return divergences.GeometricJS(variant.alpha, dual=variant.options["dual"]).double()
