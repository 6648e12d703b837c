"""prior-table: what its numbers must obey whatever the training, and what its committed numbers say."""

import numpy as np
import pytest
import torch

from figures import manifest, npz
from figures.priors.table import gains
from figures.priors.trainings import FITTED, MIXTURE, PRIORS, RESCALED, SECOND, STANDARD, VAMP, FittedMixture
from figures.registry import FIGURES
from vaelab.divergences import Gaussian
from vaelab.posterior.samplers import GMMSampler

figure = FIGURES["prior-table"]
SMALL = {"data": "digits", "latent": 3, "hidden": (16,), "epochs": 2, "steps": 20, "components": 3}
SMALL |= {"samples": 20, "images": 60, "seeds": 1}

pytestmark = pytest.mark.usefixtures("shared_cache")


def column(numbers, name, prior):
    return numbers[name][:, PRIORS.index(prior)]


def test_one_training_has_one_distortion_and_the_second_stage_no_likelihood():
    numbers = figure.compute("cpu", **SMALL).numbers
    for prior in (RESCALED, FITTED):
        assert column(numbers, "distortion", prior) == pytest.approx(column(numbers, "distortion", STANDARD), rel=0.02)
    assert column(numbers, "rate", RESCALED) < column(numbers, "rate", STANDARD)
    assert np.isnan(column(numbers, "nll", SECOND)).all()
    assert np.isfinite(numbers["frechet"]).all()
    assert len(figure.rows(numbers)) == len(PRIORS)


def test_a_fitted_mixture_has_the_density_of_scikit_learn():
    codes = Gaussian(torch.randn(200, 2, generator=torch.Generator().manual_seed(0)), torch.full((200, 2), -2.0))
    sampler = GMMSampler(3).fit(codes)
    prior, z = FittedMixture(sampler, 2), torch.randn(5, 2, dtype=torch.float64)
    means, covariances = torch.from_numpy(sampler.model_.means_), torch.from_numpy(sampler.model_.covariances_)
    parts = torch.distributions.MultivariateNormal(means, covariances).log_prob(z[:, None])
    truth = (parts + torch.from_numpy(sampler.model_.weights_).log()).logsumexp(1)
    torch.testing.assert_close(prior.log_prob(z), truth)


def test_the_claims_on_learned_priors():
    """The notebook says that a fitted mixture and learned priors help with every seed; the figure draws it."""
    numbers = npz.load_arrays(npz.path_of(manifest.FOLDER, "prior-table"))
    gain = gains(numbers)[:, [k for k, prior in enumerate(PRIORS) if prior not in (STANDARD, SECOND)]]
    assert (gain > 10 * np.nanmax(numbers["by_draws"])).all()
    assert (column(numbers, "frechet", STANDARD)[:, None] >= numbers["frechet"]).all()
    for name in ("nll", "frechet"):
        assert (column(numbers, name, VAMP) < column(numbers, name, MIXTURE)).all()
        assert (column(numbers, name, VAMP) < column(numbers, name, FITTED)).all()
