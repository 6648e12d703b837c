"""A report: its numbers, as rows, text and JSON."""

import itertools
import json
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor

from vaelab._utils.typed import typed
from vaelab.divergences.quadrature import Estimate
from vaelab.metrics.activity import THRESHOLDS, active_units
from vaelab.metrics.linear_probe import Probe
from vaelab.metrics.log_likelihood import NLL, Bound, bits_per_dim, mean_of
from vaelab.metrics.views import PosteriorShift
from vaelab.posterior.information import MutualInformation
from vaelab.posterior.variance_law import VarianceLaw


@dataclass(frozen=True)
class Report:
    """The numbers of a trained VAE; `print` shows them as a table, `metrics.save` stores them.

    Args:
        settings: How it was measured.
        nll: Log likelihood; None where p(x|z) is no density of these images.
        nll_images: Indices of the test images of `nll`.
        test: Terms of the ELBO of the test images.
        train: Terms of the ELBO of as many training images.
        law: Variances per latent over the test images.
        information: Mutual information of the test images' posteriors.
        to_prior: KL(Q || p) of their mixture, nats; None for several layers of latents.
        consistency: How far views shift the posterior; None without views.
        probe: Accuracies of linear probes; None without classes.
        distances: Fréchet distances by name; empty without a classifier.
        pictures: Rows of a few images [r, c, h, w].
        notes: What a reader must know before comparing.
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


class TableRow(NamedTuple):
    """One number of a report.

    Args:
        section: Heading of its group.
        name: Its name in JSON.
        description: What it is.
        value: The number.
        error: Its standard error; nan without one.
        unit: Its unit.
    """

    section: str
    name: str
    description: str
    value: float
    error: float = math.nan
    unit: str = "nats"


@typed
def rows(report: Report) -> list[TableRow]:
    """Return every number of a report.

    Args:
        report: The report.

    Returns:
        Rows in the order of the table.
    """
    result = [*_likelihood(report), *_latents(report)]
    if (probe := report.probe) is not None:
        section = "linear probe on the means, accuracy"
        kinds = {"": "test images", "_transformed": "transformed test images"}
        numbers = {"all": probe.labels}
        if probe.small_probe_labels < probe.labels:
            numbers["small"] = probe.small_probe_labels
        for (kind, images), accuracies in zip(kinds.items(), (probe.plain, probe.transformed), strict=True):
            for (name, labels), value in zip(numbers.items(), accuracies or (), strict=False):
                result.append(TableRow(section, f"probe_{name}{kind}", f"{labels} labels, {images}", *value, unit=""))
        result.append(TableRow(section, "probe_chance", "most frequent class", probe.chance, unit=""))
    if report.consistency is not None:
        section = f"consistency under transformations, {report.settings['views']}"
        result.append(TableRow(section, "r", "R = KL(q(z|x~)‖q(z|x))", *report.consistency.r))
        result.append(
            TableRow(section, "rho", "rho: 0 is no shift, 1 is any other image", report.consistency.rho, unit="")
        )
    section = "Fréchet distance on classifier features, from test images"
    for name, distance in report.distances.items():
        words = name.split()
        result.append(TableRow(section, "_".join(["frechet", *words]), " ".join(words), distance, unit=""))
    return result


@typed
def table(report: Report) -> str:
    """Return a report as text.

    Args:
        report: The report.

    Returns:
        A line per number, in sections, with the notes at the end.
    """
    numbers = rows(report)
    width, values = max(len(row.description) for row in numbers), max(len(_value(row)) for row in numbers)
    lines: list[str] = []
    for section, group in itertools.groupby(numbers, lambda row: row.section):
        lines += ["", section]
        lines += [f"  {row.description:<{width}}  {_value(row):<{values}}  {row.unit}".rstrip() for row in group]
    return "\n".join([*lines[1:], "", *(f"note: {note}" for note in report.notes)]).rstrip()


@typed
def to_json(report: Report) -> str:
    """Return a report as JSON.

    Args:
        report: The report.

    Returns:
        Settings, numbers by name (null where undefined), variances per latent, and notes.
    """
    numbers = {row.name: {"value": row.value, "error": row.error, "unit": row.unit} for row in rows(report)}
    law = report.law
    latents = {"variance_of_means": law.of_means.tolist(), "mean_of_variances": law.of_noise.tolist()}
    content = {"settings": report.settings, "numbers": numbers, "latents": latents, "notes": list(report.notes)}
    return json.dumps(_finite(content), indent=1) + "\n"


def short(value: float, digits: int) -> str:
    """Return a number with `digits` significant digits, and all those before the point."""
    return f"{value:.{digits}g}" if abs(value) < 10**digits else f"{value:,.0f}"


def _likelihood(report: Report) -> list[TableRow]:
    section, table = f"likelihood, {report.settings['data']}", []
    if (nll := report.nll) is not None:
        same = report.test.elbo[report.nll_images]
        test, train = mean_of(report.test.elbo), mean_of(report.train.elbo)
        gap = train.value - test.value, math.hypot(train.standard_error, test.standard_error)
        of_samples = f"of {nll.samples}"
        words = f"NLL, {nll.samples} samples, {len(nll.per_image)} test images"
        table = [
            TableRow(section, "nll", words, *nll.by_images),
            TableRow(section, "nll_error_by_draws", "  standard error from the draws", nll.by_draws),
            TableRow(section, "effective_samples", "  effective samples, median", nll.effective, unit=of_samples),
            TableRow(section, "elbo_nll_images", "ELBO of the same images", *mean_of(same)),
            TableRow(
                section, "inference_gap", "  gap of both: KL(q(z|x)‖p(z|x)), at least", *mean_of(-nll.per_image - same)
            ),
            TableRow(section, "elbo_test", "ELBO, all test images", *test),
            TableRow(section, "elbo_train", "ELBO, training images", *train),
            TableRow(section, "elbo_gap", "ELBO gap, training - test", *gap),
        ]
        if "levels" in report.settings:  # the likelihood is a probability, not a density
            dims = report.settings["pixels"]
            numbers = {"": ("NLL", nll.by_images), "_elbo": ("-ELBO, all test images", mean_of(-report.test.elbo))}
            for name, (words, nats) in numbers.items():
                bits = Estimate(*(number * bits_per_dim(1.0, dims) for number in nats))  # an error may be nan
                table.append(TableRow(section, f"bits_per_dim{name}", f"{words}, per dimension", *bits, unit="bits"))
    distortion = "cross-entropy, no likelihood" if nll is None else "distortion"
    error = mean_of(report.test.error)
    return [
        *table,
        TableRow(section, "distortion", f"{distortion}, test images", *mean_of(report.test.distortion)),
        TableRow(section, "rate", "rate KL(q‖p), test images", *mean_of(report.test.rate)),
        *_rate_by_draws(report, section),
        TableRow(section, "mse", "squared error at the means, test images", *error, unit="per pixel"),
    ]


def _rate_by_draws(report: Report, section: str) -> list[TableRow]:
    """Return the Monte Carlo error of the mean rate, where the rate has no closed form."""
    errors = report.test.rate_error
    if not bool((errors > 0).any()):
        return []
    by_draws = float(errors.square().sum().sqrt()) / len(errors)
    return [TableRow(section, "rate_error_by_draws", "  standard error from the draws", by_draws)]


def _latents(report: Report) -> list[TableRow]:
    law, unit, table = report.law, f"of {report.settings['latents']}", []
    for threshold in THRESHOLDS:
        count = active_units(law.of_means, threshold)
        words = f"active units, Var mean > {threshold:g}"
        table.append(TableRow("latents", f"active_{threshold:g}", words, count, unit=unit))
    words = f"variance of Q(z), mean over latents with Var mean > {law.threshold:g}"
    unit = "the law: 1" if report.to_prior and report.settings["prior"] == "N(0, I)" else ""
    section = f"information, {report.settings['test_images']} test images"
    leave_in, leave_out, ceiling = report.information
    table += [
        TableRow("latents", "variance_active", words, law.mean_active, unit=unit),
        TableRow(section, "information", "about which of these images it is", *leave_in),
        TableRow(section, "information_ceiling", "  ceiling, ln of their number", ceiling),
        TableRow(section, "information_upper", "about images in general, upper bound", *leave_out),
    ]
    if report.to_prior is not None:
        table.append(TableRow(section, "kl_to_prior", "KL(Q‖p) of the mixture of posteriors", *report.to_prior))
    return table


def _value(row: TableRow) -> str:
    """Format the value, with as many decimals as two digits of its error have."""
    if not math.isfinite(row.value):
        return "-"
    if not (math.isfinite(row.error) and row.error > 0):
        return short(row.value, 4)
    decimals = max(0, 1 - math.floor(math.log10(row.error)))
    return f"{row.value:.{decimals}f} ± {row.error:.{decimals}f}"


def _finite(content: Any) -> Any:
    """Replace nan and infinity, which JSON does not have, by null."""
    if isinstance(content, dict):
        return {name: _finite(value) for name, value in content.items()}
    if isinstance(content, list):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
