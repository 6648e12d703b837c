"""The numbers of the figures of the geometric JS that train: one function per figure."""

from typing import Any

import numpy as np
import torch
from torch import nn

from figures.gjs import variants
from figures.gjs.variants import FAMILIES, KL, REVERSE, Variant, gjs, learned, mmd, primed_and_dual, reverse, vae
from figures.variance_law.predictions import per_latent
from vaelab import divergences
from vaelab.divergences import Gaussian, geometric_mean, kl
from vaelab.runs.store import Numbers, Result, merge_results

VARIANTS = (KL, REVERSE, "primed", "primed dual")
PICTURED = 6
TRAINABLE = ("primed", "primed dual")


def compute_recon_vs_alpha(device: str, *, alphas: list[float], seeds: int, **training: Any) -> Result:
    """Return `measures` for every variant and alpha, and terms [k, 3, seeds]."""
    models = [vae(), reverse(), *primed_and_dual(alphas, alphas)]
    results = variants.train(models, device, seeds, **training)
    parts = [[terms(v, r.numbers) for r in row] for v, row in zip(models, results, strict=True)]
    return variants.measures(models, results, terms=np.array(parts).transpose(0, 2, 1))


def terms(variant: Variant, numbers: Numbers) -> tuple[float, float, float]:
    """Return KL(q‖G), KL(p‖G) (dual: reversed) and their (1-alpha, alpha) mean, nats; else nan."""
    if np.isnan(variant.alpha):
        return np.nan, np.nan, np.nan
    q = Gaussian(*(torch.from_numpy(numbers[name]).double() for name in ("mean", "logvar")))
    p = Gaussian.standard(q.mean)
    mean = geometric_mean(q, p, 1 - variant.alpha)
    ends = [(kl(mean, end) if variant.options["dual"] else kl(end, mean)).mean().item() for end in (q, p)]
    return ends[0], ends[1], (1 - variant.alpha) * ends[0] + variant.alpha * ends[1]


def compute_plain_vs_primed(device: str, *, alphas: list[float], seeds: int, **training: Any) -> Result:
    """Return `measures` of all families."""
    models = [vae(), *(gjs(family, a) for family in FAMILIES for a in alphas)]
    return variants.measures(models, variants.train(models, device, seeds, **training))


def compute_beta_grid(
    device: str, *, betas: list[float], weights: list[float], alphas: list[float], seeds: int, **training: Any
) -> Result:
    """Return `measures` of the beta-VAE by beta and of primed by weight and alpha."""
    models = [*map(vae, betas), *(gjs("primed", alpha, weight) for weight in weights for alpha in alphas)]
    return variants.measures(models, variants.train(models, device, seeds, **training))


def compute_rate_distortion(
    device: str, *, alphas: list[float], betas: list[float], seeds: int, **training: Any
) -> Result:
    """Return `measures` of the beta-VAE, KL(p‖q) and three families."""
    models = [*map(vae, betas), reverse(), *(gjs(family, a) for family in FAMILIES[:3] for a in alphas)]
    return variants.measures(models, variants.train(models, device, seeds, **training))


def compute_reconstructions(
    device: str, *, primed: list[float], dual: list[float], seeds: int, **training: Any
) -> Result:
    """Return variant, alpha [k], shown [n, c, h, w], reconstructions [k, n, c, h, w] of seed 0."""
    models = [vae(), reverse(), *primed_and_dual(primed, dual)]
    results = [row[0] for row in variants.train(models, device, seeds, **training)]
    reconstructions = np.stack([r.numbers["reconstructions"] for r in results])
    numbers = {"shown": results[0].numbers["shown"], "reconstructions": reconstructions}
    return merge_results({**variants.columns(models, "variant", "alpha"), **numbers}, results)


def compute_traversals(device: str, *, primed: list[float], dual: list[float], seeds: int, **training: Any) -> Result:
    """Return information [k, latent], traversals [k, latent, steps, c, h, w] of seed 0, sorted."""
    models = [vae(), *primed_and_dual(primed, dual)]
    results = [row[0] for row in variants.train(models, device, seeds, **training)]
    nats = np.stack([information(r.numbers) for r in results])
    order = np.argsort(-nats)
    numbers = {
        "information": np.take_along_axis(nats, order, 1),
        "traversals": np.stack([r.numbers["traversals"][o] for r, o in zip(results, order, strict=True)]),
    }
    return merge_results({**variants.columns(models, "variant", "alpha"), **numbers}, results)


def information(numbers: Numbers) -> np.ndarray:
    """Return ½ ln(1 + Var(mean) / E[sigma²]) per latent, nats, as for a Gaussian channel.

    Unlike KL(q‖p), it does not depend on the scale of the latent.
    """
    mean, logvar = numbers["mean"].astype(float), numbers["logvar"].astype(float)
    nats: np.ndarray = 0.5 * np.log1p(mean.var(0) / np.exp(logvar).mean(0))
    return nats


def compute_denoising(device: str, *, noises: list[float], seeds: int, **training: Any) -> Result:
    """Return errors [k, noise, seeds] against clean images, and images of seed 0."""
    models = [vae(), reverse(), mmd(), learned("primed", 0.3), learned("primed dual", 0.3)]
    levels = [variants.train(models, device, seeds, **training, noise=noise) for noise in noises]
    first = [[row[0].numbers for row in level] for level in levels]
    errors = [[[r.numbers["test_reconstruction"] for r in row] for row in level] for level in levels]
    numbers = {
        "noise": np.array(noises),
        "reconstruction": np.array(errors).transpose(1, 0, 2),
        "shown": first[0][0]["shown"][:PICTURED],
        "inputs": np.stack([level[0]["inputs"][:PICTURED] for level in first]),
        "reconstructions": np.stack([[n["reconstructions"][:PICTURED] for n in level] for level in first], 1),
    }
    results = [result for level in levels for row in level for result in row]
    return merge_results({**variants.columns(models, "variant"), **numbers}, results)


def compute_trainable_alpha(device: str, *, starts: list[float], seeds: int, **training: Any) -> Result:
    """Return variant, start [k], alphas [k, seeds, epochs] and test reconstruction [k, seeds]."""
    pairs = [(family, start) for family in TRAINABLE for start in starts]
    results = variants.train([learned(*pair) for pair in pairs], device, seeds, **training)
    numbers = {
        "variant": np.array([family for family, _ in pairs]),
        "start": np.array([start for _, start in pairs]),
        "alphas": np.array([[r.numbers["alphas"] for r in row] for row in results]),
        "reconstruction": np.array([[r.numbers["test_reconstruction"] for r in row] for row in results]),
    }
    return merge_results(numbers, variants.flatten(results))


def compute_aggregate_variance(
    device: str, *, primed: list[float], dual: list[float], seeds: int, **training: Any
) -> Result:
    """Return V of every latent: measured, predicted from the SNR, and from its posteriors."""
    models = [vae(), reverse(), *primed_and_dual(primed, dual)]
    results = variants.train(models, device, seeds, **training)
    n = per_latent([divergence(variant) for variant in models], results)
    names = {"measured": "measured", "predicted": "from_ratio", "predicted_own": "from_posteriors"}
    numbers = {
        **{name: values[n["row"]] for name, values in variants.columns(models, "variant", "alpha").items()},
        **{name: n[name] for name in ("seed", "ratio", "active")},
        **{name: n[key] for name, key in names.items()},
    }
    return merge_results(numbers, variants.flatten(results))


def divergence(variant: Variant) -> nn.Module:
    """Return the divergence of a variant."""
    if variant.name in (KL, REVERSE):
        return divergences.KL() if variant.name == KL else divergences.ReverseKL()
    return divergences.GeometricJS(variant.alpha, dual=variant.options["dual"]).double()
