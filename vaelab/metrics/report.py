"""`report`: every number that a trained VAE is judged by, measured one way for every model."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vaelab.adapter import Adapter, adapted
from vaelab.datasets import Dataset
from vaelab.gaussian import Gaussian
from vaelab.information import MutualInformation
from vaelab.metrics.bounds import NLL, Bound, bound, nll
from vaelab.metrics.consistency import Consistency, Views, affine, consistency, transformed
from vaelab.metrics.data import Data, has_classes, some, train_and_test
from vaelab.metrics.generation import ENOUGH, Latents, decoded, distances
from vaelab.metrics.posteriors import black_and_white, posteriors
from vaelab.metrics.probe import Probe, probe
from vaelab.moments import VarianceLaw
from vaelab.objective import Experiment
from vaelab.pixels import unit
from vaelab.posterior import MarginalPosterior
from vaelab.quadrature import Estimate

SHOWN = 10
INACTIVE = 0.01  # of the variance of a latent's means (Burda et al. 2016)


@dataclass(frozen=True)
class Report:
    """What was measured; `metrics.table`, `metrics.save` and `metrics.draw` show it, print(report) too.

    nll: None where p(x|z) is no density of these images; weighed: which of the test images it is of.  test, train: the
    ELBO's terms of each image.  law: variances per latent over the test images.  information, to_prior: of the mixture
    of the test images' posteriors.  consistency, probe: None where there was nothing to measure them on, and distances
    is empty then; notes say why.  pictures: rows of a few images [r, c, h, w].  settings: how it was measured.
    """

    settings: dict[str, Any]
    nll: NLL | None
    weighed: Tensor
    test: Bound
    train: Bound
    law: VarianceLaw
    information: MutualInformation
    to_prior: Estimate
    consistency: Consistency | None
    probe: Probe | None
    distances: dict[str, float]
    pictures: dict[str, Tensor]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        from vaelab.metrics.table import table

        return table(self)


@dataclass(frozen=True)
class Seen:
    """A model with the images it is shown: train and test, black and white if the likelihood is of such."""

    model: Adapter
    train: Dataset
    test: Dataset
    train_images: Tensor
    test_images: Tensor
    posterior: Gaussian
    moved: Gaussian | None
    density: bool


def report(
    model: Experiment | Adapter,
    data: Data,
    *,
    views: Views | None = affine,
    second_stage: Latents | None = None,
    samples: int = 500,
    weighed: int | None = 1000,
    few: int = 1000,
    binarise: bool | None = None,
    seed: int = 0,
) -> Report:
    """Measure a VAE of ours, or anybody's through an `Adapter`, on a data set.

    data: a name, or a pair (train, test), each a Dataset or (images, labels).  views: a random transformation that
    keeps the meaning of images [b, c, h, w] in [0, 1].  second_stage: n -> latents [n, latent] to decode.  samples:
    importance samples of every image; weighed: how many test images get them, None for all.  few: labels of the smaller
    probe.  binarise: show black-and-white draws of the images, each drawn once; None does so where the likelihood is a
    Bernoulli.

    Everything is measured in evaluation mode on untransformed test images, unless it says otherwise.
    Raises InvalidType or InvalidValue, naming what is off in data or adapter.
    """
    seen = _seen(adapted(model), data, views, binarise, seed)
    chosen = some(len(seen.test), weighed, seed)
    trained_on = seen.train_images[some(len(seen.train), len(seen.test), seed)]
    mixture = MarginalPosterior(*seen.posterior)
    settings = {
        **{"data": seen.test.name, "train_images": len(seen.train), "test_images": len(seen.test)},
        **{"samples": samples, "weighed": len(chosen), "black_and_white": seen.test_images is not seen.test.images},
        **{"latents": seen.posterior.mean.shape[1], "pixels": seen.test.images[0].numel(), "seed": seed},
    }
    return Report(
        settings=settings,
        nll=nll(seen.model, seen.test_images[chosen], samples, seed=seed) if seen.density else None,
        weighed=chosen,
        test=bound(seen.model, seen.test_images, seed=seed),
        train=bound(seen.model, trained_on, seed=seed),
        law=mixture.variance_law(INACTIVE),
        information=(information := mixture.mutual_information(seed=seed)),
        to_prior=mixture.kl_to_prior(seed=seed),
        consistency=None if seen.moved is None else consistency(seen.posterior, seen.moved),
        probe=_probe(seen, few, seed) if has_classes(seen.train) else None,
        distances=_distances(seen, second_stage, seed),
        pictures=_pictures(seen, views, seed),
        notes=tuple(_notes(seen, information)),
    )


def _seen(model: Adapter, data: Data, views: Views | None, binarise: bool | None, seed: int) -> Seen:
    train, test = train_and_test(data)
    model.check(test.images)
    binary = model.binary if binarise is None else binarise
    train_images, test_images = (
        black_and_white(part.images, seed + i) if binary else part.images for i, part in enumerate((train, test))
    )
    moved = None
    if views is not None and test.images.dim() == 4:
        moved = transformed(model, test.images, views, binary=binary, seed=seed)
    density = binary or not model.binary or not bool(_grey(test.images))
    return Seen(model, train, test, train_images, test_images, posteriors(model, test_images), moved, density)


def _grey(images: Tensor) -> Tensor:
    """Whether any pixel is neither black nor white."""
    return ((images != 0) & (images != (255 if images.dtype == torch.uint8 else 1))).any()


def _probe(seen: Seen, few: int, seed: int) -> Probe:
    train = posteriors(seen.model, seen.train_images).mean
    moved = None if seen.moved is None else seen.moved.mean
    test = seen.posterior.mean, seen.test.labels
    return probe((train, seen.train.labels), test, moved, few=few, seed=seed)


def _distances(seen: Seen, second_stage: Latents | None, seed: int) -> dict[str, float]:
    if not _enough(seen):
        return {}
    return distances(seen.model, seen.train, seen.test, seen.posterior.mean, second_stage, seed)


def _enough(seen: Seen) -> bool:
    """Whether a classifier can be trained, and its features' covariance be known."""
    fewest = min(len(seen.train), len(seen.test))
    return seen.test.images.dim() == 4 and has_classes(seen.train) and fewest > ENOUGH


def _pictures(seen: Seen, views: Views | None, seed: int) -> dict[str, Tensor]:
    if seen.test.images.dim() != 4:
        return {}
    means, shown = seen.posterior.mean[:SHOWN], unit(seen.test.images[:SHOWN]).float()
    noise = torch.randn(means.shape, dtype=means.dtype, generator=torch.Generator().manual_seed(seed))
    rows = {"images": shown, "decoded at\nthe means": decoded(seen.model, means)}
    return {**rows, "decoded from\nthe prior": decoded(seen.model, noise)}


def _notes(seen: Seen, information: MutualInformation) -> list[str]:
    """What the reader must know before comparing."""
    found = {
        "No NLL and no ELBO: a Bernoulli is a likelihood of black and white, and these images are grey; pass "
        "binarise=True, or leave it out.": not seen.density,
        f"The information sits at its ceiling, ln {len(seen.test)}: the posteriors of these images hardly overlap, and "
        "nothing more can be read from it.": information.leave_one_in.value > information.ceiling - 0.5,
        "No probe: the labels are of one class.": not has_classes(seen.train),
        "No consistency: there are no views of these images.": seen.moved is None,
        f"No Fréchet distances: they need labelled images [n, c, h, w], more than {ENOUGH} of each set.": not _enough(
            seen
        ),
    }
    return [sentence for sentence, holds in found.items() if holds]
