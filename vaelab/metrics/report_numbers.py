"""Measure and save a report: every number of a trained VAE, in one way for every model."""

import io
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor

from vaelab._utils import checks, rng
from vaelab._utils.domain import require_density
from vaelab._utils.errors import DataError, StorageError
from vaelab._utils.files import atomic_write, user_path
from vaelab._utils.images import to_float
from vaelab._utils.reading import printable, reason
from vaelab._utils.typed import typed
from vaelab.data import augment
from vaelab.divergences.quadrature import Estimate
from vaelab.metrics.activity import THRESHOLDS
from vaelab.metrics.adapter import Adapter, adapted
from vaelab.metrics.inputs import MIN_IMAGES, Data, EvaluationInputs, prepare_inputs, sample_indices
from vaelab.metrics.linear_probe import Probe, probe
from vaelab.metrics.log_likelihood import RATE_DRAWS, bound, nll
from vaelab.metrics.report_table import Report, table, to_json
from vaelab.metrics.sample_quality import LatentSource, decoded, distances, fit_samplers, from_prior
from vaelab.metrics.views import posterior_shift
from vaelab.objectives.consistency import Views
from vaelab.objectives.objective import Experiment
from vaelab.posterior.information import MutualInformation
from vaelab.posterior.marginal import MarginalPosterior
from vaelab.posterior.samplers import Sampler
from vaelab.posterior.two_stage import SecondStage

N_PICTURES = 10
SIMPLE = augment.simple()
SECOND_STAGE: Mapping[str, Sampler | LatentSource] = MappingProxyType({"second stage": SecondStage()})


@typed
def report(
    model: Experiment | Adapter,
    data: Data,
    *,
    views: Views | None = SIMPLE,
    samplers: Mapping[str, Sampler | LatentSource] = SECOND_STAGE,
    samples: int = 500,
    nll_images: int | None = 1000,
    small_probe_labels: int = 1000,
    binarize: bool | None = None,
    seed: int = 0,
) -> Report:
    """Evaluate a VAE on a data set, in evaluation mode.

    Args:
        model: An experiment, or any VAE through an `Adapter`.
        data: A name, or a pair (train, test), each a Dataset or (images, labels).
        views: Random transformation of images [b, c, h, w] in [0, 1] that keeps their meaning.
        samplers: Sources of latents besides the prior, by name: a `Sampler`, of which a copy is
            fitted to the posteriors of the training images, or a function of n that returns [n,
            latent]. {} saves the seconds of the second stage.
        samples: Importance samples of every image, at least 2.
        nll_images: Number of test images whose NLL is estimated; None means all.
        small_probe_labels: Labels of the smaller of the two probes, at least 2.
        binarize: Whether each pixel is drawn once as black or white, with its gray value as
            probability; None does so for a Bernoulli.
        seed: Of all draws.

    Returns:
        The numbers.

    Raises:
        InvalidType: For an argument of another type, naming it.
        InvalidValue: For data, an adapter or a number out of range, naming it.

    Example:
        >>> from vaelab import recipes
        >>> data = torch.rand(20, 3), torch.rand(20, 3)
        >>> result = report(recipes.vae((3,), 2, squash=False), data, samples=5, samplers={})
        >>> result.nll.samples, result.settings["latents"]
        (5, 2)
    """
    _check(samples, nll_images, small_probe_labels, seed)
    require_density("a report", adapted(model))
    inputs = prepare_inputs(adapted(model), data, views, binarize, seed)
    index, train_index = (
        sample_indices(len(inputs.test), nll_images, seed),
        sample_indices(len(inputs.train), len(inputs.test), seed),
    )
    mixture = MarginalPosterior(*inputs.posterior)
    information = mixture.mutual_information(seed=seed)
    by_name: dict[str, float] = {}
    failures: tuple[str, ...] = ()
    if inputs.comparable:
        sources, failures = fit_samplers(samplers, inputs.codes)
        by_name = distances(inputs.model, inputs.train, inputs.test, inputs.posterior.mean, sources, seed)
    return Report(
        settings={
            "data": inputs.test.name,
            "train_images": len(inputs.train),
            "test_images": len(inputs.test),
            "samples": samples,
            "nll_images": len(index),
            "binarized": inputs.test_images is not inputs.test.images,
            "latents": inputs.posterior.mean.shape[1],
            "prior": "N(0, I)" if inputs.model.prior is None else inputs.model.prior.name,
            "pixels": inputs.test.images[0].numel(),
            "seed": seed,
            "small_probe_labels": small_probe_labels,
            "views": inputs.views,
            **({"levels": 256} if inputs.model.domain == "levels" else {}),
        },
        nll=nll(inputs.model, inputs.test_images[index], samples, seed=seed) if inputs.density else None,
        nll_images=index,
        test=bound(inputs.model, inputs.test_images, seed=seed),
        train=bound(inputs.model, inputs.train_images[train_index], seed=seed),
        law=mixture.variance_law(THRESHOLDS[0]),
        information=information,
        to_prior=None if inputs.model.deeper else _to_prior(inputs.model, mixture, seed),
        consistency=None if inputs.shifted is None else posterior_shift(inputs.posterior, inputs.shifted),
        probe=_probe(inputs, small_probe_labels, seed) if inputs.probed else None,
        distances=by_name,
        pictures=_pictures(inputs, seed) if inputs.pictures else {},
        notes=(*_notes(inputs, information), *failures),
    )


@typed
def save(report: Report, folder: Path | str) -> list[Path]:
    """Write report.txt, report.json, report.png and report.pdf.

    Args:
        report: The report; equal ones give equal bytes.
        folder: Where to; it is created.

    Returns:
        The four paths.

    Raises:
        StorageError: If the folder cannot be written.
        DataError: If the picture cannot be drawn; the numbers are written before.
    """
    folder = user_path(folder)
    _write(folder, {"txt": f"{table(report)}\n".encode(), "json": to_json(report).encode()})
    try:
        _write(folder, _drawn(report))
    except StorageError:
        raise
    except Exception as error:  # of matplotlib, of its backend, of a font
        for kind in ("png", "pdf"):  # of another report
            (folder / f"report.{kind}").unlink(missing_ok=True)
        raise DataError(
            f"report.txt and report.json are in {printable(folder)}, but the picture cannot be drawn ({reason(error)})."
        ) from error
    return [folder / f"report.{kind}" for kind in ("txt", "json", "png", "pdf")]


def _drawn(report: Report) -> dict[str, bytes]:
    from vaelab.metrics.report_figure import draw

    figure, contents = draw(report, "paper"), {}
    for kind, metadata in (("png", {"Software": "vaelab"}), ("pdf", {"CreationDate": None})):
        buffer = io.BytesIO()
        figure.savefig(buffer, format=kind, metadata=metadata)
        contents[kind] = buffer.getvalue()
    return contents


def _write(folder: Path, contents: Mapping[str, bytes]) -> None:
    for kind, content in contents.items():
        with atomic_write(folder / f"report.{kind}") as part:
            part.write_bytes(content)


def _check(samples: int, nll_images: int | None, small_probe_labels: int, seed: int) -> None:
    for name, value in (("samples", samples), ("small_probe_labels", small_probe_labels)):
        checks.positive_int(name, value, at_least=2)
    checks.seed(seed)
    if nll_images is not None:
        checks.positive_int("nll_images", nll_images)


def _to_prior(model: Adapter, mixture: MarginalPosterior, seed: int) -> Estimate:
    with model.evaluating():  # a VampPrior encodes its pseudo-inputs
        return mixture.kl_to_prior(seed=seed, prior=model.prior)


def _probe(inputs: EvaluationInputs, small_probe_labels: int, seed: int) -> Probe:
    shifted = None if inputs.shifted is None else inputs.shifted.mean
    train, test = (inputs.codes.mean, inputs.train.labels), (inputs.posterior.mean, inputs.test.labels)
    return probe(train, test, shifted, small_probe_labels=small_probe_labels, seed=seed)


def _pictures(inputs: EvaluationInputs, seed: int) -> dict[str, Tensor]:
    means = inputs.posterior.mean[:N_PICTURES]
    with rng.fork():
        torch.manual_seed(seed)
        z = from_prior(inputs.model, *means.shape)
    return {
        "images": to_float(inputs.test.images[:N_PICTURES]).float(),
        "decoded at\nthe means": decoded(inputs.model, means),
        "decoded from\nthe prior": decoded(inputs.model, z),
    }


def _notes(inputs: EvaluationInputs, information: MutualInformation) -> list[str]:
    deeper = inputs.model.deeper
    of_noise, of_lowest = (deeper is not None and deeper.standard is standard for standard in (True, False))
    notes = {
        "No NLL and no ELBO: a Bernoulli is a likelihood of black and white, and these images are gray; pass "
        "binarize=True, or leave it out.": not inputs.density,
        f"The information is within half a nat of its ceiling, ln {len(inputs.test)}: the posteriors of these images "
        "hardly overlap, so it is a lower bound.": information.leave_one_in.value > information.ceiling - 0.5,
        "The latents are the lowest of several layers: their prior is not N(0, I), the variance law does not hold for "
        "them, and the rate is by one draw for each image.": of_lowest,
        "The latents are the noise of several groups, each encoded with the others at their means: the mixture of "
        "these posteriors is not the aggregate posterior, and the rate is by one draw for each image.": of_noise,
        f"The prior is learned: the rate is by {RATE_DRAWS} draws for each image, and the variance law, which is about "
        "N(0, I), does not hold.": inputs.model.prior is not None,
        "No probe: the training labels are of one class, or test images have other labels.": not inputs.probed,
        "No consistency: there are no views of these images.": inputs.shifted is None,
        "No Fréchet distances: they need labeled images [n, c, h, w] in [0, 1], more than "
        f"{MIN_IMAGES} of each set.": not inputs.comparable,
    }
    return [sentence for sentence, holds in notes.items() if holds]
