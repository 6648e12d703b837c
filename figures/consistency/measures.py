"""What is kept of a training of these figures: one honest evaluation, clouds of views, and how far rotations move z."""

import math

import numpy as np
import torch
from torch import Tensor

from figures.consistency.methods import Setting
from vaelab import augment
from vaelab._utils.images import to_float
from vaelab.data import load
from vaelab.data.images import binarize_images
from vaelab.divergences import Gaussian
from vaelab.divergences.gaussian import diagonal_kl
from vaelab.metrics import Adapter, active_units, bound, encode, nll, posterior_shift, probe, transformed
from vaelab.metrics.activity import THRESHOLDS
from vaelab.metrics.adapter import adapted
from vaelab.objectives.consistency import Views
from vaelab.objectives.objective import Experiment
from vaelab.posterior import MarginalPosterior
from vaelab.runs.store import Numbers

CLOUDS, COPIES = 10, 50  # images with a cloud of views each
PLANE = 500  # means that show where the data lie
FEW = 1000
PAIR = (6, 9)  # classes that a half turn exchanges, in digits
DELTAS = np.array([0.3, 1, 3, 10, 30])  # degrees
SCALARS = (
    *("nll", "nll_error", "elbo_test", "elbo_train", "rate", "information", "ceiling"),
    *("active", "active_tenth", "gap", "rho", "probe_few", "probe", "probe_moved", "six_nine", "six_nine_moved"),
)


def measured(experiment: Experiment, setting: Setting) -> Numbers:
    """The `SCALARS`; activity [latent], Var of the means; the clouds; and what `tangent` gives.

    NLL and ELBO in nats, of untransformed test images; information: leave-one-in, with its ceiling ln n; gap: R in
    nats; probes: shares of test images named rightly, with few and all labels, and of transformed ones; six_nine: of
    sixes and nines alone; nan where test labels are not those of the training.
    """
    model, binary = adapted(experiment), setting.likelihood == "bernoulli"
    gray = {split: setting.images(split) for split in ("train", "test")}
    shown = {s: binarize_images(x, i) if binary else x for i, (s, x) in enumerate(gray.items())}
    q, views = encode(model, shown["test"]), setting.seen()
    moved = transformed(model, gray["test"], views, binary=binary)
    mixture, apart = MarginalPosterior(*q), posterior_shift(q, moved)
    found = nll(model, shown["test"][: setting.weighed], setting.samples)
    ends = {s: bound(model, shown[s][: len(shown["test"])]) for s in shown}
    activity, information = q.mean.var(0), mixture.mutual_information()
    numbers = {
        **{"nll": found.by_images.value, "nll_error": found.by_images.standard_error},
        **{f"elbo_{s}": float(ends[s].elbo.mean()) for s in ends},
        **{"rate": float(ends["test"].rate.mean())},
        **{"information": information.leave_one_in.value, "ceiling": information.ceiling},
        **dict(zip(("active", "active_tenth"), (active_units(activity, t) for t in THRESHOLDS), strict=True)),
        **{"gap": apart.r.value, "rho": apart.rho},
        **_probes(model, setting, shown["train"], q.mean, moved.mean),
    }
    kept = {name: np.array(value) for name, value in numbers.items()}
    return {**kept, "activity": activity.numpy(), **clouds(model, gray["test"], q, views), **tangent(model, gray)}


def _probes(model: Adapter, setting: Setting, train: Tensor, means: Tensor, moved: Tensor) -> dict[str, float]:
    labels = {s: load(setting.data, s, limit=setting.limit, progress=False).labels for s in ("train", "test")}
    if not 1 < len(labels["train"].unique()) <= 50 or set(labels["test"].tolist()) - set(labels["train"].tolist()):
        return dict.fromkeys(SCALARS[-5:], math.nan)
    trained_on = encode(model, train).mean
    both = {s: torch.isin(found, torch.tensor(PAIR)) for s, found in labels.items()}
    fitted, pair = (
        probe((trained_on[a], labels["train"][a]), (means[b], labels["test"][b]), moved[b], small_probe_labels=FEW)
        for a, b in ((slice(None), slice(None)), both.values())
    )
    assert fitted.transformed is not None
    assert pair.transformed is not None
    return {
        "probe_few": fitted.plain.few_labels.value,
        "probe": fitted.plain.all_labels.value,
        "probe_moved": fitted.transformed.all_labels.value,
        "six_nine": pair.plain.all_labels.value,
        "six_nine_moved": pair.transformed.all_labels.value,
    }


def clouds(model: Adapter, images: Tensor, q: Gaussian, views: Views) -> Numbers:
    """Posteriors of a few images and of many views of each: cloud_mean, cloud_logvar [c, 1 + copies, latent]; plane
    [n, latent], means of the first test images; cloud_images [c, h, w].

    Gray, so that nothing but the view moves an image.
    """
    few = to_float(images[:CLOUDS]).float()
    torch.manual_seed(0)
    seen = torch.stack([few, *(views(few) for _ in range(COPIES))], 1)
    of_views = encode(model, seen.flatten(0, 1))
    mean, logvar = (part.unflatten(0, (CLOUDS, -1)).numpy() for part in of_views)
    return {
        **{"cloud_mean": mean, "cloud_logvar": logvar, "plane": q.mean[:PLANE].numpy()},
        "cloud_images": few.mean(1).numpy(),
    }


def tangent(model: Adapter, gray: dict[str, Tensor]) -> Numbers:
    """R of rotations by `DELTAS` degrees, over delta² in radians, and its limit ½ Σ m'²/σ² + ¼ Σ l'², as medians over
    test images: tangent [deltas], tangent_limit []."""
    images = model.as_input(gray["test"][:200]).double()
    module = model.module
    assert module is not None
    experiment = module.double()
    assert isinstance(experiment, Experiment)

    def at(degrees: float | Tensor) -> Gaussian:
        none = torch.zeros(len(images), dtype=torch.float64, device=images.device)
        warp = augment.affine(none + degrees, torch.stack([none, none], 1), none + 1, none)
        return experiment.model.posterior(augment.resample(images, warp, fill=0.0))

    with model.evaluating():
        plain = at(0.0)
        gaps = [diagonal_kl(at(float(d)), plain).median() / math.radians(d) ** 2 for d in DELTAS]
        step = 1e-3  # degrees; a bilinear image has kinks at 0, so the limit is one-sided
        ahead = at(step)
        m, v = ((b - a) / math.radians(step) for a, b in zip(plain, ahead, strict=True))
        limit = (0.5 * (m**2 / plain.logvar.exp()).sum(1) + 0.25 * (v**2).sum(1)).median()
    module.float()
    return {"tangent": torch.stack(gaps).cpu().numpy(), "tangent_limit": limit.cpu().numpy()}
