"""What is minimized, and the experiment: a model with its objective, the unit that is trained.

Reconstruction and divergence are per sample in nats; the mean over the batch is taken once, at the end.
"""

from collections.abc import Callable
from functools import reduce
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from vaelab._utils import checks
from vaelab._utils.domain import Domain
from vaelab._utils.errors import InvalidType
from vaelab._utils.images import to_float
from vaelab.divergences.gaussian import Gaussian
from vaelab.models.vae import VAE, ForwardPass, eval_mode, total_rate
from vaelab.objectives.annealing import Annealing
from vaelab.objectives.gamma import GammaPolicy
from vaelab.objectives.likelihoods import Likelihood


class LossTerms(NamedTuple):
    """The parts of the loss for one batch.

    loss []: the mean of nll + weight * divergence; nll [b] and divergence [b]: nats, summed over pixels and latents;
    mse []: squared error per pixel, of a sampled z.  The loss is a negative ELBO only for KL(q‖p) at weight 1.
    consistency [b]: 0, but for experiments that see a view of every image beside it.  Then loss is the sum of the
    losses of both and of lambda * consistency; nll, divergence and mse are the means of both.
    """

    loss: Tensor
    nll: Tensor
    divergence: Tensor
    mse: Tensor
    consistency: Tensor


class Objective(nn.Module):
    """loss = mean over the batch of nll(x, out) + weight * divergence(q, p), the latter summed over latent groups.

    Given a view of every image, it is the loss of both plus lambda times what `consistency_distance` says, see `add_consistency`.
    """

    samples = 1  # draws of z per image that the model is to make
    weight: Tensor
    consistency: Tensor | None  # lambda, in nats per nat

    def __init__(
        self, likelihood: Likelihood, divergence: nn.Module, weight: float = 1.0, annealing: Annealing | None = None
    ) -> None:
        super().__init__()
        if not isinstance(annealing, Annealing | None):
            raise InvalidType(
                f"annealing must be one of vaelab.annealing, such as Linear(1000), or None, got {annealing!r}."
            )
        self.likelihood, self.divergence, self.annealing = likelihood, divergence, annealing
        self._given = checks.positive("weight", weight)
        self.register_buffer("weight", torch.tensor(self._given))
        self._rounded = self.weight.item()
        self.register_buffer("consistency", None)
        self.consistency_distance: nn.Module | None = None

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """As every module; but a weight that float32 had to round is the given one again in float64."""
        super()._apply(fn, recurse)
        self.weight.copy_(torch.where(self.weight == self._rounded, self._given, self.weight))
        return self

    def add_consistency(self, consistency_distance: nn.Module, consistency: float) -> None:
        """From now on: lambda = consistency times consistency_distance(posteriors of the views, posteriors of the images) [b].

        Raises InvalidType or InvalidValue for a lambda that is no finite number from 0.
        """
        self.consistency_distance = consistency_distance
        self.consistency = torch.tensor(checks.not_negative("consistency", consistency)).to(self.weight)

    def forward(self, x: Tensor, result: ForwardPass, view: tuple[Tensor, ForwardPass] | None = None) -> LossTerms:
        """Compute the terms of x [b, ...] from the model's pass over it.

        x: floats of the likelihood's domain.  view: a view of each, and its pass.
        """
        each = self.per_sample(x, result)
        if view is not None:
            each = self._with(each, result, *view)
        return each._replace(loss=each.loss.mean(), mse=each.mse.mean())

    def per_sample(self, x: Tensor, result: ForwardPass) -> LossTerms:
        """The same terms before the mean over the batch, each [b]."""
        nll, mse = self.likelihood.nll_and_mse(result.out, x)
        divergence = self.total_divergence(result)
        return LossTerms(nll + self.divergence_weight * divergence, nll, divergence, mse, torch.zeros_like(nll))

    def total_divergence(self, result: ForwardPass) -> Tensor:
        """Sum the divergence of a pass over its latent groups: [b], nats."""
        groups = [self.divergence(q, p) for q, p in zip(result.q, result.p, strict=True)]
        return reduce(torch.add, groups)

    def _with(self, plain: LossTerms, result: ForwardPass, view: Tensor, other: ForwardPass) -> LossTerms:
        """The terms of images and their views, each [b], with the distance of their posteriors."""
        assert self.consistency_distance is not None
        assert self.consistency is not None
        moved = self.per_sample(view, other)
        apart = self.consistency_distance(other.q, result.q).unflatten(0, (self.samples, -1)).mean(0)
        nll, divergence, mse = ((a + b) / 2 for a, b in zip(plain[1:4], moved[1:4], strict=True))
        return LossTerms(plain.loss + moved.loss + self.consistency * apart, nll, divergence, mse, apart)

    @property
    def divergence_weight(self) -> Tensor:
        """What the divergence is multiplied with: its weight, and the factor of annealing."""
        return self.weight if self.annealing is None else self.weight * self.annealing.factor

    @property
    def schedules(self) -> list[GammaPolicy | Annealing]:
        """All that moves the balance of the two parts, once per optimizer step."""
        return [mover for mover in (self.likelihood.gamma, self.annealing) if mover is not None]


class Experiment(nn.Module):
    """A model with its objective: the unit that is trained, saved and stacked.

    Data enter as [n, *shape]: uint8 or floats in [0, 1], or, where the domain of the likelihood is
    "real", any finite floats, and every shape: images, vectors (d,), point clouds (points, 3).
    """

    views: Callable[[Tensor], Tensor] | None = None  # what makes the second image of a pair, see `vaelab.consistency`

    def __init__(self, model: VAE, objective: Objective, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.model, self.objective, self.shape = model, objective, shape

    def forward(self, x: Tensor) -> LossTerms:
        """x [b, *shape] -> LossTerms."""
        x = self.as_input(x)
        return self.objective(x, self.model(x, self.objective.samples))

    @property
    def domain(self) -> Domain:
        """Where the data lie, as the likelihood has it: "unit" or "real"."""
        return self.objective.likelihood.domain

    def as_input(self, x: Tensor) -> Tensor:
        """Turn x [b, *shape] into the floats that the model takes; bytes become [0, 1]."""
        return to_float(x).to(self.objective.weight.dtype)

    def init_from_data(self, x: Tensor) -> None:
        """Let the gamma policy see the training data [n, ...] once, before the first step."""
        if (gamma := self.objective.likelihood.gamma) is not None:
            gamma.init_from_data(x)

    def update(self, terms: LossTerms) -> None:
        """Move the gamma policy and the annealing, once per optimizer step."""
        for mover in self.objective.schedules:
            mover.update(terms.mse.detach(), terms.divergence.detach())

    @torch.no_grad()
    def encode(self, x: Tensor) -> Gaussian:
        """q(z|x) of x [n, *shape]: Gaussian of [n, latent].

        Where there are more groups of latents than one, it is of the group that `decode` takes;
        `posteriors` gives all.
        """
        with eval_mode(self):
            return self.model.posterior(self.as_input(x))

    @torch.no_grad()
    def mean_pass(self, x: Tensor) -> ForwardPass:
        """Pass x [n, *shape] in evaluation mode, with z at the posterior means; draw nothing."""
        with eval_mode(self):
            return self.model.mean_pass(self.as_input(x))

    def posteriors(self, x: Tensor) -> tuple[Gaussian, ...]:
        """Give q of every latent group for x [n, *shape], earlier groups being at their means."""
        return self.mean_pass(x).q

    @torch.no_grad()
    def rate(self, x: Tensor) -> Tensor:
        """Compute KL(q‖p) of x [n, *shape], summed over the groups of latents: [n], nats.

        It does not matter what the experiment minimizes.  In closed form, with z at the posterior
        means: for one group it is the rate of the ELBO; for more it is not, for the ELBO takes the
        mean over draws of z, on which the KLs of later groups hang.
        """
        return total_rate(self.mean_pass(x))

    @torch.no_grad()
    def reconstruct(self, x: Tensor) -> Tensor:
        """Decode x [n, *shape] with z at the posterior means: mean images [n, *shape]."""
        return self.objective.likelihood.mean(self.mean_pass(x).out)

    def encode_in_chunks(self, x: Tensor, chunk: int = 2000) -> Gaussian:
        """The same for many x on any device, `chunk` at a time; the result is on the CPU."""
        device = self.objective.weight.device
        parts = [self.encode(part.to(device)) for part in x.split(chunk)]
        return Gaussian(torch.cat([q.mean for q in parts]).cpu(), torch.cat([q.logvar for q in parts]).cpu())

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """The mean image of latents [n, latent]: [n, *shape], in the domain of the likelihood."""
        with eval_mode(self):
            return self.objective.likelihood.mean(self.model.decoder(z))

    def sample(self, n: int) -> Tensor:
        """Mean images of n draws from the prior: [n, *shape]."""
        return self.decode(self.model.prior_sample(n))
