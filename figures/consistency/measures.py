"""Measures of one training: likelihoods, information, probes, clouds of views, rotations."""

import copy
import math

import numpy as np
import torch
from torch import Tensor

from figures.consistency.methods import ConsistencyRun
from vaelab import augment
from vaelab._utils.images import to_float
from vaelab.data import load
from vaelab.data.images import binarize_images
from vaelab.divergences import Gaussian
from vaelab.divergences.gaussian import diagonal_kl
from vaelab.metrics import Adapter, active_units, bound, encode, nll, posterior_shift, probe, transformed
from vaelab.metrics.activity import THRESHOLDS
from vaelab.metrics.adapter import adapted
from vaelab.models.vae import eval_mode
from vaelab.objectives.consistency import Views
from vaelab.objectives.objective import Experiment
from vaelab.posterior import MarginalPosterior
from vaelab.runs.store import Numbers

CLOUDS, COPIES = 10, 50  # images with a cloud of views each
PLANE = 500  # means of test images, in the background of the clouds
FEW = 1000
PAIR = (6, 9)  # classes that a half turn exchanges, in digits
DELTAS = np.array([0.3, 1, 3, 10, 30])  # degrees
BOUNDS = ("nll", "nll_error", "elbo_test", "elbo_train", "rate", "information", "ceiling")
POSTERIORS = ("active", "active_tenth", "gap", "rho")
PROBES = ("probe_few", "probe", "probe_moved", "six_nine", "six_nine_moved")
SCALARS = BOUNDS + POSTERIORS + PROBES


def measure_consistency(experiment: Experiment, run: ConsistencyRun) -> Numbers:
    """Measure a trained experiment.

    Returns:
        `SCALARS`: NLL and ELBO in nats, of untransformed test images; information, leave-one-in,
        with its ceiling ln n; gap: R in nats; probes: accuracy on test images, with few and all
        labels, and on transformed ones; six_nine: on sixes and nines alone; nan where test labels
        are not those of the training. activity [latent], Var of the means; and what
        `measure_clouds` and `measure_tangent` return.
    """
    model, binary = adapted(experiment), run.binarize == "dynamic"
    gray = {split: run.images(split) for split in ("train", "test")}
    inputs = {s: binarize_images(x, i) if binary else x for i, (s, x) in enumerate(gray.items())}
    q, views = encode(model, inputs["test"]), run.transformation()
    shifted = transformed(model, gray["test"], views, binary=binary)
    shift = posterior_shift(q, shifted)
    estimate = nll(model, inputs["test"][: run.weighed], run.samples).by_images
    bounds = {s: bound(model, inputs[s][: len(inputs["test"])]) for s in inputs}
    activity, information = q.mean.var(0), MarginalPosterior(*q).mutual_information()
    scalars = {
        "nll": estimate.value,
        "nll_error": estimate.standard_error,
        "elbo_test": float(bounds["test"].elbo.mean()),
        "elbo_train": float(bounds["train"].elbo.mean()),
        "rate": float(bounds["test"].rate.mean()),
        "information": information.leave_one_in.value,
        "ceiling": information.ceiling,
        **dict(zip(("active", "active_tenth"), (active_units(activity, t) for t in THRESHOLDS), strict=True)),
        "gap": shift.r.value,
        "rho": shift.rho,
        **_probe_classes(model, run, inputs["train"], q.mean, shifted.mean),
    }
    arrays = {name: np.array(value) for name, value in scalars.items()} | {"activity": activity.numpy()}
    return arrays | measure_clouds(model, gray["test"], q, views) | measure_tangent(model, gray["test"])


def _probe_classes(
    model: Adapter, run: ConsistencyRun, train: Tensor, means: Tensor, shifted: Tensor
) -> dict[str, float]:
    labels = {s: load(run.data, s, limit=run.limit, progress=False).labels for s in ("train", "test")}
    if not 1 < len(labels["train"].unique()) <= 50 or set(labels["test"].tolist()) - set(labels["train"].tolist()):
        return dict.fromkeys(PROBES, math.nan)
    train_means = encode(model, train).mean
    in_pair = {s: torch.isin(classes, torch.tensor(PAIR)) for s, classes in labels.items()}
    all_classes, pair = (
        probe((train_means[a], labels["train"][a]), (means[b], labels["test"][b]), shifted[b], small_probe_labels=FEW)
        for a, b in ((slice(None), slice(None)), in_pair.values())
    )
    assert all_classes.transformed is not None
    assert pair.transformed is not None
    return {
        "probe_few": all_classes.plain.few_labels.value,
        "probe": all_classes.plain.all_labels.value,
        "probe_moved": all_classes.transformed.all_labels.value,
        "six_nine": pair.plain.all_labels.value,
        "six_nine_moved": pair.transformed.all_labels.value,
    }


def measure_clouds(model: Adapter, images: Tensor, q: Gaussian, views: Views) -> Numbers:
    """Encode a few images and many views of each.

    The images stay gray, so that only the view changes them.

    Returns:
        cloud_mean, cloud_logvar [c, 1 + copies, latent]; plane [n, latent], means of the first test
        images; cloud_images [c, h, w].
    """
    few = to_float(images[:CLOUDS]).float()
    torch.manual_seed(0)
    stacked = torch.stack([few, *(views(few) for _ in range(COPIES))], 1)
    mean, logvar = (part.unflatten(0, (CLOUDS, -1)).numpy() for part in encode(model, stacked.flatten(0, 1)))
    return {
        "cloud_mean": mean,
        "cloud_logvar": logvar,
        "plane": q.mean[:PLANE].numpy(),
        "cloud_images": few.mean(1).numpy(),
    }


def measure_tangent(model: Adapter, test: Tensor) -> Numbers:
    """Measure R of rotations over the squared angle in radians, as medians over test images.

    Returns:
        tangent [deltas], at `DELTAS` degrees; tangent_limit []: ½ Σ m'²/σ² + ¼ Σ l'².
    """
    images = model.as_input(test[:200]).cpu().double()
    assert isinstance(model.module, Experiment)
    experiment = copy.deepcopy(model.module).cpu().double()

    def rotated(degrees: float) -> Gaussian:
        none = torch.zeros(len(images), dtype=torch.float64)
        warp = augment.affine(none + degrees, torch.stack([none, none], 1), none + 1, none)
        return experiment.model.posterior(augment.resample(images, warp, fill=0.0))

    with torch.no_grad(), eval_mode(experiment):
        upright = rotated(0.0)
        gaps = [diagonal_kl(rotated(float(d)), upright).median() / math.radians(d) ** 2 for d in DELTAS]
        step = 1e-3  # degrees; a bilinear image has kinks at 0, so the limit is one-sided
        m, v = ((b - a) / math.radians(step) for a, b in zip(upright, rotated(step), strict=True))
        limit = (0.5 * (m**2 / upright.logvar.exp()).sum(1) + 0.25 * (v**2).sum(1)).median()
    return {"tangent": torch.stack(gaps).numpy(), "tangent_limit": limit.numpy()}
