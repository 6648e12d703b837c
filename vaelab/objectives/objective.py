"""The loss, and the experiment: a model with its objective, the unit that is trained.

Reconstruction and divergence are per sample and in nats; the mean over the batch is taken once, at
the end.
"""

import copy
from collections.abc import Callable
from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vaelab._utils import checks
from vaelab._utils.domain import Domain
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab._utils.images import to_float
from vaelab._utils.precision import without_autocast
from vaelab._utils.scalars import ScalarModule
from vaelab._utils.typed import typed
from vaelab.data.images import Images, as_images
from vaelab.divergences.gaussian import Gaussian
from vaelab.models.networks._mlp import check_sizes
from vaelab.models.priors import Prior, learned_priors
from vaelab.models.vae import VAE, ForwardPass, check_pass, eval_mode, group_rates, total_rate
from vaelab.objectives.annealing import Annealing
from vaelab.objectives.balancing import group_weights
from vaelab.objectives.gamma import GammaPolicy
from vaelab.objectives.likelihoods import Likelihood


class LossTerms(NamedTuple):
    """The parts of the loss of one batch.

    With views of the images, `loss` is the sum of both losses and of the weighted consistency term;
    nll, divergence and mse are the means of both.

    Args:
        loss: Mean of nll + weight * divergence, []; for KL(q || p) at weight 1 a negative ELBO. A penalty
            of the weights, if there is one, is part of it.
        nll: -ln p(x|z), summed over pixels, [b], nats.
        divergence: Summed over latents, [b], nats.
        mse: Squared error per pixel for a sampled z, [].
        consistency: Distance of the posteriors of image and view, [b]; 0 without views.
    """

    loss: Tensor
    nll: Tensor
    divergence: Tensor
    mse: Tensor
    consistency: Tensor


class Objective(ScalarModule):
    """Mean over the batch of nll(x, out) + weight * divergence(q, p), summed over latent groups.

    Args:
        likelihood: What the decoder's output means; it and the schedule are copied.
        divergence: Module of two Gaussians that returns nats per sample [b]. For a learned prior it needs
            the method `of_rate`, as `KL` has, since KL(q‖p) is then estimated at the pass's draws.
        weight: Weight of the divergence, above 0.
        annealing: Schedule of a further factor of the weight, of `vaelab.annealing`.
        balance: Weight the divergences of latent groups by `group_weights` while the factor of the
            annealing is below 1, so that no group is given up early. The term `divergence` is the plain sum.

    Returns:
        `LossTerms`, of x [b, ...] in the likelihood's domain, the model's pass over it and,
        optionally, a view of each datum with its pass.

    Raises:
        InvalidType: For another schedule, or a weight that is not a number.
        InvalidValue: For a weight that is not positive, or balance without annealing.

    Example:
        >>> from vaelab.divergences import KL
        >>> from vaelab.objectives.likelihoods import Bernoulli
        >>> Objective(Bernoulli(), KL(), weight=4.0).divergence_weight.item()
        4.0
    """

    samples = 1  # draws of z per image that the model is to make
    balance = False  # set if True only: checkpoints from before this option have no value of it
    weight: Tensor
    consistency_weight: Tensor | None  # lambda, in nats per nat

    @typed
    def __init__(
        self,
        likelihood: Likelihood,
        divergence: nn.Module,
        weight: float = 1.0,
        annealing: Annealing | None = None,
        *,
        balance: bool = False,
    ) -> None:
        super().__init__()
        if balance and annealing is None:
            raise InvalidValue("balance needs an annealing schedule, during whose rise it acts, got annealing=None.")
        if balance:
            self.balance = True
        self.likelihood, self.annealing = copy.deepcopy(likelihood), copy.deepcopy(annealing)
        self.divergence = divergence  # may refer to a model, which only `Experiment` knows
        self.register_scalar("weight", checks.positive("weight", weight))
        self.register_buffer("consistency_weight", None)
        self.consistency_distance: nn.Module | None = None
        self.penalty: nn.Module | None = None

    @typed
    def add_penalty(self, penalty: nn.Module) -> None:
        """Add a term of the weights to the loss of a batch, in no other term.

        Args:
            penalty: Module that returns it, [], such as `models.spectral.SpectralPenalty`.
        """
        self.penalty = penalty

    @typed
    def add_consistency(self, consistency_distance: nn.Module, consistency: float) -> None:
        """Add a term for views of the images to the loss.

        Args:
            consistency_distance: Module of the posteriors of views and of images, returns [b].
            consistency: Its weight lambda, at least 0.
        """
        weight = checks.not_negative("consistency", consistency)
        self.register_scalar("consistency_weight", weight, like=self.weight)
        self.consistency_distance = consistency_distance

    @without_autocast
    def forward(self, x: Tensor, result: ForwardPass, view: tuple[Tensor, ForwardPass] | None = None) -> LossTerms:
        terms = self.per_sample(x, result)
        if view is not None:
            if not isinstance(view, tuple) or len(view) != 2:
                raise InvalidType(f"view must be (images, pass), got {checks.shown(view)}.")
            if self.consistency_distance is None:
                raise InvalidValue("view must be None for an objective without consistency, got one.")
            terms = self._with_view(terms, result, *view)
        loss = terms.loss.mean() if self.penalty is None else terms.loss.mean() + self.penalty()
        return terms._replace(loss=loss, mse=terms.mse.mean())

    @without_autocast
    def per_sample(self, x: Tensor, result: ForwardPass) -> LossTerms:
        """Return the terms before the mean over the batch, each [b]."""
        check_pass(result)
        nll, mse = self.likelihood.nll_and_mse(result.out, x)
        groups = self.group_divergences(result)
        divergence = weighted = reduce(torch.add, groups)
        if self.balance and self.annealing is not None:
            weights = group_weights(groups, [z[0].numel() for z in result.z])
            weights = torch.where(self.annealing.factor < 1, weights, torch.ones_like(weights))
            weighted = reduce(torch.add, [weight * group for weight, group in zip(weights, groups, strict=True)])
        return LossTerms(nll + self.divergence_weight * weighted, nll, divergence, mse, torch.zeros_like(nll))

    @without_autocast
    def total_divergence(self, result: ForwardPass) -> Tensor:
        """Return the divergence of a pass, summed over its latent groups: [b], nats."""
        return reduce(torch.add, self.group_divergences(result))

    @without_autocast
    def group_divergences(self, result: ForwardPass) -> list[Tensor]:
        """Return the divergence of every latent group of a pass: [b] each, nats."""
        check_pass(result)
        return list(map(self._of_group, result.q, result.p, result.z))

    def _of_group(self, q: Gaussian, p: Gaussian | Prior, z: Tensor) -> Tensor:
        if not isinstance(p, Prior):
            divergence: Tensor = self.divergence(q, p)
            return divergence
        check_estimable(self.divergence, p)
        estimate: Tensor = self.divergence.of_rate(p.rate(q, z))  # type: ignore[operator]
        return estimate

    def _with_view(self, terms: LossTerms, result: ForwardPass, view: Tensor, view_result: ForwardPass) -> LossTerms:
        assert self.consistency_distance is not None
        assert self.consistency_weight is not None
        others = self.per_sample(view, view_result)
        distance = self.consistency_distance(view_result.q, result.q).unflatten(0, (self.samples, -1)).mean(0)
        nll, divergence, mse = ((a + b) / 2 for a, b in zip(terms[1:4], others[1:4], strict=True))
        loss = terms.loss + others.loss + self.consistency_weight * distance
        return LossTerms(loss, nll, divergence, mse, distance)

    @property
    def divergence_weight(self) -> Tensor:
        """The weight of the divergence times the factors of its schedules, 0-d."""
        return self.weight if self.annealing is None else self.weight * self.annealing.factor

    @property
    def schedules(self) -> list[GammaPolicy | Annealing]:
        """The policies and schedules that change the balance once per optimizer step."""
        return [schedule for schedule in (self.likelihood.gamma, self.annealing) if schedule is not None]


def check_estimable(divergence: nn.Module, prior: Prior) -> None:
    """Raise InvalidValue unless a divergence can be estimated by ln q(z|x) - ln p(z)."""
    if not hasattr(divergence, "of_rate"):
        raise InvalidValue(
            f"divergence must be the KL for a learned prior, {prior.name}, got {type(divergence).__name__}, which "
            "needs a Gaussian."
        )
    if getattr(divergence, "per", None) == "latent":
        raise InvalidValue(f"free bits must be per group for a learned prior, {prior.name}, got per latent.")


class Experiment(ScalarModule):
    """A model with its objective: the unit that is trained, saved and stacked.

    Data enter as x [n, *shape]: uint8 or floats in [0, 1], or, where the domain of the likelihood
    is "real", any finite floats of any shape: images, vectors (d,), point clouds (points, 3).

    Args:
        model: Encoder and decoder.
        objective: The loss, of which a copy is kept, since training changes it; parts of the model
            inside it stay those of the model.
        shape: Shape of one datum.

    Returns:
        `LossTerms` of a batch x [b, *shape].

    Example:
        >>> from vaelab import recipes
        >>> experiment = recipes.vae((1, 8, 8), latent=2)
        >>> x = torch.zeros(5, 1, 8, 8)
        >>> experiment(x).nll.shape, experiment.encode(x).mean.shape, experiment.sample(3).shape
        (torch.Size([5]), torch.Size([5, 2]), torch.Size([3, 1, 8, 8]))
    """

    views: Callable[[Tensor], Tensor] | None  # see `vaelab.consistency`

    @typed
    def __init__(self, model: VAE, objective: Objective, shape: tuple[int, ...]) -> None:
        super().__init__()
        check_sizes(shape=shape)
        for prior in learned_priors(model):
            check_estimable(objective.divergence, prior)
        same = {id(part): part for part in (*model.modules(), *model.parameters(), *model.buffers())}
        self.model, self.objective, self.shape = model, copy.deepcopy(objective, dict(same)), shape
        self.views = None

    def forward(self, x: Tensor) -> LossTerms:
        x = self.as_input(x)
        return self.objective(x, self.model(x, self.objective.samples))

    @property
    def domain(self) -> Domain:
        """The domain of the data, "unit" or "real"."""
        return self.objective.likelihood.domain

    def as_input(self, x: Tensor) -> Tensor:
        """Return a batch [b, *shape] as the floats that the model takes; bytes become [0, 1].

        Values are not checked, since a training step does not wait for the device.

        Raises:
            InvalidType, InvalidValue: For another type or shape.
        """
        checks.tensor("images", x)
        if x.dtype not in (torch.uint8, torch.bool) and not x.is_floating_point():
            raise InvalidType(f"images must be uint8, bool or floating point, got {x.dtype}.")
        if x.shape[1:] != tuple(self.shape):
            raise InvalidValue(f"images must have the shape {tuple(self.shape)}, got {tuple(x.shape[1:])}.")
        return to_float(x).to(self.objective.weight.dtype)

    def as_images(self, x: Images) -> Tensor:
        """Return data [n, *shape], checked, on the device of the weights."""
        return as_images(x, self.shape, self.domain).to(self.objective.weight.device)

    def init_from_data(self, x: Images) -> None:
        """Initialize gamma and a learned prior from the training data [n, *shape], once, before the first step."""
        x = self.as_images(x)
        if (gamma := self.objective.likelihood.gamma) is not None:
            gamma.init_from_data(x)
        for prior in learned_priors(self.model):
            prior.init_from_data(x)

    def update(self, terms: LossTerms) -> None:
        """Advance gamma and annealing by one optimizer step with these terms."""
        checks.instance("terms", terms, LossTerms)
        for schedule in self.objective.schedules:
            schedule.update(terms.mse.detach(), terms.divergence.detach())

    @torch.no_grad()
    def encode(self, x: Images, group: int | None = None) -> Gaussian:
        """Return q(z|x) of the latent group that `decode` takes, or of another one.

        Args:
            x: Data [n, *shape], as the experiment is trained on: tensor, array or `Dataset`.
            group: Number of a group, from 0: its posterior in the coordinates in which its prior is
                N(0, I), with the other groups at their posterior means. None is what `decode` takes.

        Returns:
            Gaussian of [n, latent].

        Raises:
            InvalidType, InvalidValue: For other data, or a group that the model has not.
        """
        return self._posterior(self.as_images(x), self._check_group(group))

    @torch.no_grad()
    def encode_in_chunks(self, x: Images, chunk: int = 2000, group: int | None = None) -> Gaussian:
        """Return `encode` of many x on any device, `chunk` at a time; the result is on the CPU."""
        self._check_group(group)
        device, chunk = self.objective.weight.device, checks.positive_int("chunk", chunk)
        images = as_images(x, self.shape, self.domain)
        parts = [self._posterior(part.to(device), group) for part in images.split(chunk)]
        return Gaussian(*(torch.cat(columns).cpu() for columns in zip(*parts, strict=True)))

    def _check_group(self, group: int | None) -> int | None:
        last = self.model.groups - 1
        if group is not None and checks.positive_int("group", group, at_least=0) > last:
            raise InvalidValue(f"group must be at most {last} in a model with {last + 1} of them, got {group}.")
        return group

    def _posterior(self, x: Tensor, group: int | None) -> Gaussian:
        with eval_mode(self):
            x = self.as_input(x)
            q = self.model.posterior(x) if group is None else self.model.group_posterior(x, group)
        checks.finite_result("q(z|x)", q.mean + q.logvar, self)
        return q

    @torch.no_grad()
    def mean_pass(self, x: Images) -> ForwardPass:
        """Return the pass over x [n, *shape] with z at the posterior means; nothing is drawn."""
        with eval_mode(self):
            result = self.model.mean_pass(self.as_input(self.as_images(x)))
        checks.finite_result("the result of the decoder", result.out, self)
        return result

    @torch.no_grad()
    def rate(self, x: Images) -> Tensor:
        """Return KL(q || p), whatever the objective: in closed form, or for a learned prior by one draw.

        For several latent groups this is not the rate of the ELBO, which averages the KL of later
        groups over draws of earlier ones.

        Args:
            x: Data [n, *shape].

        Returns:
            [n], nats, summed over latents.
        """
        with eval_mode(self):
            return total_rate(self.mean_pass(x))

    @torch.no_grad()
    def group_rates(self, x: Images) -> Tensor:
        """Return `rate` for every group of latents: [groups, n], nats."""
        with eval_mode(self):
            return torch.stack(group_rates(self.mean_pass(x)))

    @torch.no_grad()
    def reconstruct(self, x: Images) -> Tensor:
        """Return the mean images [n, *shape] of x [n, *shape] with z at the posterior means."""
        return self.objective.likelihood.mean(self.mean_pass(x).out)

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """Return the mean images [n, *shape] of latents z [n, latent].

        Raises:
            InvalidType, InvalidValue: If z is no finite floating-point tensor of that shape.
        """
        if checks.float_tensor("z", z).dim() != 2 or z.shape[1] != self.model.latent:
            raise InvalidValue(f"z must be [n, {self.model.latent}], got {tuple(z.shape)}.")
        z = z.to(self.objective.weight)
        with eval_mode(self):
            return checks.finite_result("the images of z", self.objective.likelihood.mean(self.model.decode(z)), self)

    def sample(self, n: int) -> Tensor:
        """Return the mean images [n, *shape] of n draws from the prior."""
        with eval_mode(self):
            z = self.model.prior_sample(checks.positive_int("n", n))
        return self.decode(z)
