"""`report`: every number that describes a trained VAE, measured one way for every model.

And the report in words and numbers: rows, a table to read, JSON to store.
"""

import itertools
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.errors import InvalidType
from vaelab._utils.images import to_float
from vaelab.data import augment
from vaelab.divergences.quadrature import Estimate
from vaelab.metrics.activity import THRESHOLDS, active_units
from vaelab.metrics.adapter import Adapter, adapted
from vaelab.metrics.inputs import Data, EvaluationInputs, notes, prepare_inputs, some
from vaelab.metrics.linear_probe import Probe, probe
from vaelab.metrics.log_likelihood import NLL, Bound, bound, difference, mean_of, nll
from vaelab.metrics.sample_quality import Latents, decoded, distances, fitted, from_prior
from vaelab.metrics.views import PosteriorShift, posterior_shift
from vaelab.objectives.consistency import Views
from vaelab.objectives.objective import Experiment
from vaelab.posterior.information import MutualInformation
from vaelab.posterior.marginal import MarginalPosterior
from vaelab.posterior.samplers import Sampler
from vaelab.posterior.two_stage import SecondStage
from vaelab.posterior.variance_law import VarianceLaw

SHOWN = 10
SIMPLE = augment.simple()
SECOND_STAGE: Mapping[str, Sampler | Latents] = MappingProxyType({"second stage": SecondStage()})


@dataclass(frozen=True)
class Report:
    """What was measured; print(report) is its table, `metrics.save` writes it down.

    nll: None where p(x|z) is no density of these images; nll_images: which of the test images it is of.  test, train: the
    ELBO's terms of each image.  law: variances per latent over the test images.  information, to_prior: of the mixture
    of the test images' posteriors, the latter None for a prior other than N(0, I).  consistency, probe: None where
    there was nothing to measure them on, and distances is empty then; notes say why.  pictures: rows of a few images
    [r, c, h, w].  settings: how it was measured.
    """

    settings: dict[str, Any]
    nll: NLL | None
    nll_images: Tensor
    test: Bound
    train: Bound
    law: VarianceLaw
    information: MutualInformation
    to_prior: Estimate | None
    consistency: PosteriorShift | None
    probe: Probe | None
    distances: dict[str, float]
    pictures: dict[str, Tensor]
    notes: tuple[str, ...]

    def __str__(self) -> str:

        return table(self)


def report(
    model: Experiment | Adapter,
    data: Data,
    *,
    views: Views | None = SIMPLE,
    samplers: Mapping[str, Sampler | Latents] = SECOND_STAGE,
    samples: int = 500,
    nll_images: int | None = 1000,
    small_probe_labels: int = 1000,
    binarize: bool | None = None,
    seed: int = 0,
) -> Report:
    """Measure a VAE of ours, or anybody's through an `Adapter`, on a data set.

    data: a name, or a pair (train, test), each a Dataset or (images, labels).  views: a random transformation that
    keeps the meaning of images [b, c, h, w] in [0, 1].  samplers: where latents come from besides the prior, by
    name: a `Sampler`, a copy of which is fitted to the posteriors of the training images, or a function that gives
    n latents [n, latent]; {} saves the seconds of the second stage.  samples: importance samples of every image;
    nll_images: how many test images get them, None for all.  small_probe_labels: labels of the smaller probe.  binarize: show the
    model black-and-white images, each pixel drawn once with its gray value for a chance; None does so where the
    likelihood is a Bernoulli.

    Everything is measured in evaluation mode, and on untransformed test images unless it says otherwise.
    Raises InvalidType or InvalidValue, naming what is off in data, adapter or numbers.
    """
    _check(views, samples, nll_images, small_probe_labels, seed)
    seen = prepare_inputs(adapted(model), data, views, binarize, seed)
    chosen, trained_on = some(len(seen.test), nll_images, seed), some(len(seen.train), len(seen.test), seed)
    mixture = MarginalPosterior(*seen.posterior)
    information = mixture.mutual_information(seed=seed)
    generators, told = fitted(samplers, seen.codes) if seen.comparable else ({}, ())
    return Report(
        settings=_settings(seen, samples, len(chosen), small_probe_labels, seed),
        nll=nll(seen.model, seen.test_images[chosen], samples, seed=seed) if seen.density else None,
        nll_images=chosen,
        test=bound(seen.model, seen.test_images, seed=seed),
        train=bound(seen.model, seen.train_images[trained_on], seed=seed),
        law=mixture.variance_law(THRESHOLDS[0]),
        information=information,
        to_prior=None if seen.model.deeper else mixture.kl_to_prior(seed=seed),
        consistency=None if seen.moved is None else posterior_shift(seen.posterior, seen.moved),
        probe=_probe(seen, small_probe_labels, seed) if seen.probed else None,
        distances=_distances(seen, generators, seed) if seen.comparable else {},
        pictures=_pictures(seen, seed) if seen.pictures else {},
        notes=(*notes(seen, information.leave_one_in.value, information.ceiling), *told),
    )


def _check(views: Views | None, samples: int, nll_images: int | None, small_probe_labels: int, seed: int) -> None:
    if views is not None and not callable(views):
        raise InvalidType(f"views must be a function of images or None, got {views!r}; augment.simple() makes one.")
    for name, value in (("samples", samples), ("small_probe_labels", small_probe_labels)):
        checks.positive_int(name, value, at_least=2)
    checks.seed(seed)
    if nll_images is not None:
        checks.positive_int("the number of nll_images images", nll_images)


def _settings(
    seen: EvaluationInputs, samples: int, nll_images: int, small_probe_labels: int, seed: int
) -> dict[str, Any]:
    return {
        **{"data": seen.test.name, "train_images": len(seen.train), "test_images": len(seen.test)},
        **{"samples": samples, "nll_images": nll_images, "binarize_images": seen.test_images is not seen.test.images},
        **{"latents": seen.posterior.mean.shape[1], "pixels": seen.test.images[0].numel(), "seed": seed},
        **{"small_probe_labels": small_probe_labels, "views": seen.views},
    }


def _probe(seen: EvaluationInputs, small_probe_labels: int, seed: int) -> Probe:
    moved = None if seen.moved is None else seen.moved.mean
    test = seen.posterior.mean, seen.test.labels
    return probe((seen.codes.mean, seen.train.labels), test, moved, small_probe_labels=small_probe_labels, seed=seed)


def _distances(seen: EvaluationInputs, samplers: Mapping[str, Latents], seed: int) -> dict[str, float]:
    return distances(seen.model, seen.train, seen.test, seen.posterior.mean, samplers, seed)


def _pictures(seen: EvaluationInputs, seed: int) -> dict[str, Tensor]:
    means = seen.posterior.mean[:SHOWN]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        drawn = from_prior(seen.model, *means.shape)
    return {
        "images": to_float(seen.test.images[:SHOWN]).float(),
        "decoded at\nthe means": decoded(seen.model, means),
        "decoded from\nthe prior": decoded(seen.model, drawn),
    }


class Row(NamedTuple):
    """One number: where it belongs, its name in JSON, what it is, its standard error (nan: none) and its unit."""

    section: str
    name: str
    words: str
    value: float
    error: float = math.nan
    unit: str = "nats"


def rows(report: Report) -> list[Row]:
    """Every number of a report."""
    parts = (_likelihood, _latents, _information, _probe_rows, _consistency, _distance_rows)
    return [row for part in parts for row in part(report)]


def table(report: Report) -> str:
    """A report as text, one line a number, sections apart, notes at the end."""
    found = rows(report)
    width, values = max(len(row.words) for row in found), max(len(_value(row)) for row in found)
    lines: list[str] = []
    for section, group in itertools.groupby(found, lambda row: row.section):
        lines += ["", section]
        lines += [f"  {row.words:<{width}}  {_value(row):<{values}}  {row.unit}".rstrip() for row in group]
    return "\n".join([*lines[1:], "", *(f"note: {note}" for note in report.notes)]).rstrip()


def to_json(report: Report) -> str:
    """A report as JSON: settings, numbers by name (null for what is not defined), variances per latent, notes."""
    numbers = {row.name: {"value": row.value, "error": row.error, "unit": row.unit} for row in rows(report)}
    law = report.law
    latents = {"variance_of_means": law.of_means.tolist(), "mean_of_variances": law.of_noise.tolist()}
    content = {"settings": report.settings, "numbers": numbers, "latents": latents, "notes": list(report.notes)}
    return json.dumps(_finite(content), indent=1) + "\n"


def _likelihood(report: Report) -> Iterator[Row]:
    where, s = f"likelihood, {report.settings['data']}", report.settings
    if (nll := report.nll) is not None:
        words = f"NLL, {nll.samples} samples, {s['nll_images']} test images"
        yield Row(where, "nll", words, *nll.by_images)
        yield Row(where, "nll_error_by_draws", "  standard error that the draws leave", nll.by_draws)
        yield Row(where, "effective_samples", "  effective samples, median", nll.effective, unit=f"of {nll.samples}")
        same = report.test.elbo[report.nll_images]
        yield Row(where, "elbo_weighed", "ELBO of the same images", *mean_of(same))
        yield Row(where, "inference_gap", "  what it lacks at least: KL(q(z|x)‖p(z|x))", *mean_of(-nll.each - same))
        test, train = mean_of(report.test.elbo), mean_of(report.train.elbo)
        yield Row(where, "elbo_test", "ELBO, all test images", *test)
        yield Row(where, "elbo_train", "ELBO, training images", *train)
        yield Row(where, "elbo_gap", "ELBO gap, training - test", *difference(train, test))
    named = "distortion" if nll is not None else "cross-entropy, no likelihood"
    yield Row(where, "distortion", f"{named}, test images", *mean_of(report.test.distortion))
    yield Row(where, "rate", "rate KL(q‖p), test images", *mean_of(report.test.rate))
    yield Row(where, "mse", "squared error at the means, test images", *mean_of(report.test.error), unit="per pixel")


def _latents(report: Report) -> Iterator[Row]:
    law, of = report.law, f"of {report.settings['latents']}"
    for threshold in THRESHOLDS:
        count = active_units(law.of_means, threshold)
        yield Row("latents", f"active_{threshold:g}", f"active units, Var mean > {threshold:g}", count, unit=of)
    words = f"variance of Q(z), mean over latents with Var mean > {law.threshold:g}"
    yield Row("latents", "variance_active", words, law.mean_active, unit="the law: 1" if report.to_prior else "")


def _information(report: Report) -> Iterator[Row]:
    where = f"information, {report.settings['test_images']} test images"
    inner, outer, ceiling = report.information
    yield Row(where, "information", "which of these images it was", *inner)
    yield Row(where, "information_ceiling", "  its ceiling, ln of their number", ceiling)
    yield Row(where, "information_upper", "images in general, upper bound", *outer)
    if report.to_prior is not None:
        yield Row(where, "kl_to_prior", "KL(Q‖p) of the mixture of posteriors", *report.to_prior)


def _probe_rows(report: Report) -> Iterator[Row]:
    if (probe := report.probe) is None:
        return
    where = "linear probe on the means, accuracy"
    numbers = (
        {"all": probe.labels, "few": probe.small_probe_labels}
        if probe.small_probe_labels < probe.labels
        else {"all": probe.labels}
    )
    for kind, found in (("", probe.plain), ("_transformed", probe.transformed)):
        on = "transformed test images" if kind else "test images"
        for (name, labels), value in zip(numbers.items(), found or (), strict=False):
            yield Row(where, f"probe_{name}{kind}", f"{labels} labels, {on}", *value, unit="")
    yield Row(where, "probe_chance", "the commonest class", probe.chance, unit="")


def _consistency(report: Report) -> Iterator[Row]:
    if (found := report.consistency) is None:
        return
    where = f"consistency under transformations, {report.settings['views']}"
    yield Row(where, "r", "R = KL(q(z|x~)‖q(z|x))", *found.r)
    yield Row(where, "rho", "rho: 0 unmoved, 1 anywhere", found.rho, unit="")


def _distance_rows(report: Report) -> Iterator[Row]:
    where = "Fréchet distance on classifier features, from test images"
    for name, value in report.distances.items():
        yield Row(where, "_".join(["frechet", *name.split()]), " ".join(name.split()), value, unit="")


def _value(row: Row) -> str:
    """The value, with as many decimals as two digits of its error have."""
    if not math.isfinite(row.value):
        return "-"
    if not (math.isfinite(row.error) and row.error > 0):
        return short(row.value, 4)
    decimals = max(0, 1 - math.floor(math.log10(row.error)))
    return f"{row.value:.{decimals}f} ± {row.error:.{decimals}f}"


def short(value: float, digits: int) -> str:
    """A number with so many digits, and all those before the point."""
    return f"{value:.{digits}g}" if abs(value) < 10**digits else f"{value:,.0f}"


def _finite(content: Any) -> Any:
    """JSON has no nan and no infinity."""
    if isinstance(content, dict):
        return {name: _finite(value) for name, value in content.items()}
    if isinstance(content, list):
        return [_finite(value) for value in content]
    if isinstance(content, Estimate):
        return _finite(list(content))
    return None if isinstance(content, float) and not math.isfinite(content) else content
