"""The likelihood of images and its lower bound, per image in nats, whatever the model was trained to minimise.

    ln p(x) ≥ ELBO = -(distortion + rate),   distortion = E_q[-ln p(x|z)],   rate = KL(q(z|x)‖N(0, I))

Neither beta nor another divergence enters: a beta-VAE's loss is no ELBO.  What importance weights with K draws give is
called NLL; what one draw gives is not.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vaelab import randomness
from vaelab.adapter import Adapter, adapted
from vaelab.divergences import diagonal_kl
from vaelab.evidence import weigh
from vaelab.gaussian import Gaussian
from vaelab.objective import Experiment
from vaelab.pixels import sum_pixels
from vaelab.quadrature import Estimate


class Bound(NamedTuple):
    """Per image [n], float64, on the CPU: distortion (one draw of z) and rate in nats, error: squared, per pixel, of
    the image decoded at the posterior's mean."""

    distortion: Tensor
    rate: Tensor
    error: Tensor

    @property
    def elbo(self) -> Tensor:
        """A lower bound of ln p(x) in the mean over draws: [n], nats."""
        return -(self.distortion + self.rate)


class NLL(NamedTuple):
    """-ln p(x) by importance sampling; nats.

    each [n]: of every image.  by_images: their mean with the standard error that the choice of test images leaves;
    by_draws: the one that the draws of z leave, to first order.  effective: the median over images of the effective
    number of draws, of `samples`; where it is a few, the NLL is too high by an unknown amount.
    """

    each: Tensor
    by_images: Estimate
    by_draws: float
    effective: float
    samples: int


def nll(model: Experiment | Adapter, images: Tensor, samples: int, *, chunk: int = 4096, seed: int = 0) -> NLL:
    """Exactly `samples` draws for every image [n, *shape]; memory grows with `chunk`, not with either number."""
    found = weigh(adapted(model), images, samples, chunk=chunk, seed=seed)
    by_draws = float(found.error.square().sum().sqrt()) / len(images)
    return NLL(-found.log_mean, mean_of(-found.log_mean), by_draws, float(found.effective.median()), samples)


def bound(model: Experiment | Adapter, images: Tensor, *, seed: int = 0, chunk: int = 1000) -> Bound:
    """The terms of the ELBO for images [n, *shape] (uint8 or floats in [0, 1])."""
    model = adapted(model)
    generator = torch.Generator(model.device).manual_seed(seed)
    parts = []
    with model.evaluating():
        for part in images.split(chunk):
            x = model.images(part)
            q = model.encode(x)
            with randomness.own(generator):
                distortion, rate = _terms(model, x, q)
            error = sum_pixels((model.decode(q.mean) - x).square()) / x[0].numel()
            parts.append(torch.stack([distortion, rate, error]).double().cpu())
    return Bound(*torch.cat(parts, 1))


def _terms(model: Adapter, x: Tensor, q: Gaussian) -> tuple[Tensor, Tensor]:
    """Distortion and rate by one draw of z, [b] each; the rate in closed form, where there is one."""
    if model.deeper is not None:
        distortion, rate = model.deeper.draws(x, 1)
        return distortion[0], rate[0]
    return model.nll(q.sample(), x), diagonal_kl(q, Gaussian.standard(q.mean))


def mean_of(values: Tensor) -> Estimate:
    """The mean of values [n] and its standard error over them; nan for a single one."""
    spread = float(values.double().std()) if len(values) > 1 else math.nan
    return Estimate(float(values.double().mean()), spread / math.sqrt(len(values)))


def difference(a: Estimate, b: Estimate) -> Estimate:
    """a - b of two sets of images that have none in common."""
    return Estimate(a.value - b.value, math.hypot(a.standard_error, b.standard_error))
