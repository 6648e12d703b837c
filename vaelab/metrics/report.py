"""`report`: every number that a trained VAE is judged by, measured one way for every model."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from vaelab import augment, checks
from vaelab.adapter import Adapter, adapted
from vaelab.consistency import Views
from vaelab.errors import InvalidType, InvalidValue
from vaelab.information import MutualInformation
from vaelab.metrics.activity import THRESHOLDS
from vaelab.metrics.bounds import NLL, Bound, bound, nll
from vaelab.metrics.consistency import Consistency, consistency
from vaelab.metrics.data import Data, some
from vaelab.metrics.generation import Latents, decoded, distances, fitted, from_prior
from vaelab.metrics.probe import Probe, probe
from vaelab.metrics.seen import Seen, notes, see
from vaelab.moments import VarianceLaw
from vaelab.objective import Experiment
from vaelab.pixels import unit
from vaelab.posterior import MarginalPosterior
from vaelab.quadrature import Estimate
from vaelab.samplers import Sampler
from vaelab.second_stage import SecondStage

SHOWN = 10
SIMPLE = augment.simple()
SECOND_STAGE: Mapping[str, Sampler | Latents] = MappingProxyType({"second stage": SecondStage()})


@dataclass(frozen=True)
class Report:
    """What was measured; print(report) is its table, `metrics.save` writes it down.

    nll: None where p(x|z) is no density of these images; weighed: which of the test images it is of.  test, train: the
    ELBO's terms of each image.  law: variances per latent over the test images.  information, to_prior: of the mixture
    of the test images' posteriors, the latter None for a prior other than N(0, I).  consistency, probe: None where
    there was nothing to measure them on, and distances is empty then; notes say why.  pictures: rows of a few images
    [r, c, h, w].  settings: how it was measured.
    """

    settings: dict[str, Any]
    nll: NLL | None
    weighed: Tensor
    test: Bound
    train: Bound
    law: VarianceLaw
    information: MutualInformation
    to_prior: Estimate | None
    consistency: Consistency | None
    probe: Probe | None
    distances: dict[str, float]
    pictures: dict[str, Tensor]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        from vaelab.metrics.table import table

        return table(self)


def report(
    model: Experiment | Adapter,
    data: Data,
    *,
    views: Views | None = SIMPLE,
    samplers: Mapping[str, Sampler | Latents] = SECOND_STAGE,
    samples: int = 500,
    weighed: int | None = 1000,
    few: int = 1000,
    binarise: bool | None = None,
    seed: int = 0,
) -> Report:
    """Measure a VAE of ours, or anybody's through an `Adapter`, on a data set.

    data: a name, or a pair (train, test), each a Dataset or (images, labels).  views: a random transformation that
    keeps the meaning of images [b, c, h, w] in [0, 1].  samplers: where latents come from besides the prior, by
    name: a `Sampler`, a copy of which is fitted to the posteriors of the training images, or a function that gives
    n latents [n, latent]; {} saves the seconds of the second stage.  samples: importance samples of every image;
    weighed: how many test images get them, None for all.  few: labels of the smaller probe.  binarise: show the
    model black-and-white images, each pixel drawn once with its grey value for a chance; None does so where the
    likelihood is a Bernoulli.

    Everything is measured in evaluation mode, and on untransformed test images unless it says otherwise.
    Raises InvalidType or InvalidValue, naming what is off in data, adapter or numbers.
    """
    _check(views, samples, weighed, few, seed)
    seen = see(adapted(model), data, views, binarise, seed)
    chosen, trained_on = some(len(seen.test), weighed, seed), some(len(seen.train), len(seen.test), seed)
    mixture = MarginalPosterior(*seen.posterior)
    information = mixture.mutual_information(seed=seed)
    generators, told = fitted(samplers, seen.codes) if seen.comparable else ({}, ())
    return Report(
        settings=_settings(seen, samples, len(chosen), few, seed),
        nll=nll(seen.model, seen.test_images[chosen], samples, seed=seed) if seen.density else None,
        weighed=chosen,
        test=bound(seen.model, seen.test_images, seed=seed),
        train=bound(seen.model, seen.train_images[trained_on], seed=seed),
        law=mixture.variance_law(THRESHOLDS[0]),
        information=information,
        to_prior=None if seen.model.deeper else mixture.kl_to_prior(seed=seed),
        consistency=None if seen.moved is None else consistency(seen.posterior, seen.moved),
        probe=_probe(seen, few, seed) if seen.probed else None,
        distances=_distances(seen, generators, seed) if seen.comparable else {},
        pictures=_pictures(seen, seed) if seen.pictures else {},
        notes=(*notes(seen, information.leave_one_in.value, information.ceiling), *told),
    )


def _check(views: Views | None, samples: int, weighed: int | None, few: int, seed: int) -> None:
    if views is not None and not callable(views):
        raise InvalidType(f"views must be a function of images or None, got {views!r}; augment.simple() makes one.")
    for name, value in (("samples", samples), ("few", few)):
        if checks.count(name, value) < 2:
            raise InvalidValue(f"{name} must be at least 2, got {value}: one draw gives an ELBO, one label no probe.")
    if not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise InvalidValue(f"seed must be a whole number from 0 to 2^32 - 1, got {seed!r}; choose another.")
    if weighed is not None:
        checks.count("the number of weighed images", weighed)


def _settings(seen: Seen, samples: int, weighed: int, few: int, seed: int) -> dict[str, Any]:
    return {
        **{"data": seen.test.name, "train_images": len(seen.train), "test_images": len(seen.test)},
        **{"samples": samples, "weighed": weighed, "black_and_white": seen.test_images is not seen.test.images},
        **{"latents": seen.posterior.mean.shape[1], "pixels": seen.test.images[0].numel(), "seed": seed},
        **{"few": few, "views": seen.views},
    }


def _probe(seen: Seen, few: int, seed: int) -> Probe:
    moved = None if seen.moved is None else seen.moved.mean
    test = seen.posterior.mean, seen.test.labels
    return probe((seen.codes.mean, seen.train.labels), test, moved, few=few, seed=seed)


def _distances(seen: Seen, samplers: Mapping[str, Latents], seed: int) -> dict[str, float]:
    return distances(seen.model, seen.train, seen.test, seen.posterior.mean, samplers, seed)


def _pictures(seen: Seen, seed: int) -> dict[str, Tensor]:
    means = seen.posterior.mean[:SHOWN]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        drawn = from_prior(seen.model, *means.shape)
    return {
        "images": unit(seen.test.images[:SHOWN]).float(),
        "decoded at\nthe means": decoded(seen.model, means),
        "decoded from\nthe prior": decoded(seen.model, drawn),
    }
