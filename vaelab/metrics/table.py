"""A report in words and numbers: rows, a table to read, JSON to keep."""

import itertools
import json
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from vaelab.metrics.activity import THRESHOLDS, active_units
from vaelab.metrics.bounds import difference, mean_of
from vaelab.metrics.report import Report
from vaelab.quadrature import Estimate


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
    parts = (_likelihood, _latents, _information, _probe, _consistency, _distances)
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
        words = f"NLL, {nll.samples} samples, {s['weighed']} test images"
        yield Row(where, "nll", words, *nll.by_images)
        yield Row(where, "nll_error_by_draws", "  standard error that the draws leave", nll.by_draws)
        yield Row(where, "effective_samples", "  effective samples, median", nll.effective, unit=f"of {nll.samples}")
        same = report.test.elbo[report.weighed]
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


def _probe(report: Report) -> Iterator[Row]:
    if (probe := report.probe) is None:
        return
    where = "linear probe on the means, accuracy"
    numbers = {"all": probe.labels, "few": probe.few} if probe.few < probe.labels else {"all": probe.labels}
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


def _distances(report: Report) -> Iterator[Row]:
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
