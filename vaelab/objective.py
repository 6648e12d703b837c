"""What is minimised: reconstruction and divergence, per sample in nats, and one mean over the batch at the end."""

from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vaelab import checks
from vaelab.gaussian import Gaussian
from vaelab.likelihoods import Likelihood
from vaelab.models import VAE, Pass, at_rest
from vaelab.pixels import unit


class Terms(NamedTuple):
    """The parts of the loss for one batch.

    loss []: the mean of nll + weight * divergence; nll [b] and divergence [b]: nats, summed over pixels and latents;
    mse []: squared error per pixel, of a sampled z.  The loss is a negative ELBO only for KL(q‖p) at weight 1.
    """

    loss: Tensor
    nll: Tensor
    divergence: Tensor
    mse: Tensor


class Objective(nn.Module):
    """loss = mean over the batch of nll(x, out) + weight * divergence(q, p), the latter summed over latent groups."""

    weight: Tensor
    heat: Tensor  # the warm-up's factor of the weight: 1 but for the first steps of a training with warm-up

    def __init__(self, likelihood: Likelihood, divergence: nn.Module, weight: float = 1.0) -> None:
        super().__init__()
        self.likelihood, self.divergence = likelihood, divergence
        self.register_buffer("weight", torch.tensor(checks.positive("weight", weight)))
        self.register_buffer("heat", torch.ones(()))

    def forward(self, x: Tensor, result: Pass) -> Terms:
        """x: images [b, ...] in [0, 1]; result: the model's pass over them."""
        each = self.per_sample(x, result)
        return each._replace(loss=each.loss.mean(), mse=each.mse.mean())

    def per_sample(self, x: Tensor, result: Pass) -> Terms:
        """The same terms before the mean over the batch, each [b]."""
        nll, mse = self.likelihood.score(result.out, x)
        groups = [self.divergence(q, p) for q, p in zip(result.q, result.p, strict=True)]
        divergence = reduce(torch.add, groups)
        return Terms(nll + self.heat * self.weight * divergence, nll, divergence, mse)


class Experiment(nn.Module):
    """A model with its objective: the unit that is trained, saved and stacked.

    Images enter as [n, *shape], uint8 or floats in [0, 1].
    """

    def __init__(self, model: VAE, objective: Objective, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.model, self.objective, self.shape = model, objective, shape

    def forward(self, x: Tensor) -> Terms:
        """images [b, *shape] -> Terms."""
        x = self._unit(x)
        return self.objective(x, self.model(x))

    def _unit(self, images: Tensor) -> Tensor:
        return unit(images).to(self.objective.weight.dtype)

    def begin(self, images: Tensor) -> None:
        """Let the gamma policy see the training images once, before the first step."""
        if (gamma := self.objective.likelihood.gamma) is not None:
            gamma.begin(images)

    def update(self, terms: Terms) -> None:
        """Move the gamma policy, once per optimiser step."""
        if (gamma := self.objective.likelihood.gamma) is not None:
            gamma.update(terms.mse)

    @torch.no_grad()
    def encode(self, x: Tensor) -> Gaussian:
        """q(z|x) of images [n, *shape]: Gaussian of [n, latent]."""
        with at_rest(self):
            return self.model.posterior(self._unit(x))

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """The mean image of latents [n, latent]: [n, *shape] in [0, 1]."""
        with at_rest(self):
            return self.objective.likelihood.mean(self.model.decoder(z))

    def sample(self, n: int) -> Tensor:
        """Mean images of n draws from the prior N(0, I): [n, *shape]."""
        return self.decode(self.model.prior_sample(n))
