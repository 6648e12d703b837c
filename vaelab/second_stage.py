"""A second VAE on the latents of the first: it learns where the encoder puts images; N(0, I) is only near it."""

import copy
from dataclasses import dataclass, replace
from typing import Literal, Self

import torch
from torch import Tensor

from vaelab import checks, networks, randomness
from vaelab.batches import on_device
from vaelab.divergences import KL
from vaelab.errors import InvalidValue
from vaelab.gamma import Policy
from vaelab.likelihoods import Normal
from vaelab.models import VAE
from vaelab.objective import Experiment, Objective
from vaelab.samplers import Codes, Flow, Mixture, Prior, Sampler, fitted, spread_codes
from vaelab.settings import Train
from vaelab.step import Step, adam

__all__ = ["Flow", "Mixture", "Prior", "Sampler", "SecondStage"]

COLLAPSED = 0.5  # of the spread of the codes: below it, what is generated is a heap at the origin
MEASURED = 10_000  # latents generated to learn their spread

Renormalisation = Literal["published", "law"]


@dataclass
class SecondStage:
    """A VAE on z with its own gamma; `fit(z)`, `sample(n)`.

    width, depth: of the dense networks, `networks.latents`.  warmup: the share of the steps over which the weight of
    KL rises to 1; without it the stage collapses when gamma starts at 1, for no latent is worth its KL then (sheet,
    I11).  gamma: as in the recipes; "computed" starts at the variance of z, about 1.
    noise: add gamma times N(0, 1) to what is generated, as Dai & Wipf do and Asperti & Trentin do not.
    renormalise: scale what is generated, by one factor so that the mean standard deviation is 1 ("published"), or each
    latent to the variance of z, V = Var(mean) + E[sigma²] ("law"; about 1 by the variance law).

    Fitted: experiment_ and its policy_ of gamma; gammas_ [steps], gamma at every step; deviations_ [d], the standard
    deviations of what it generates unscaled; target_ [d], those of z.
    Source: Dai & Wipf 2019; Asperti & Trentin 2020; balancing sheet 1.6.
    """

    width: int = 256
    depth: int = 2
    steps: int = 3000
    batch_size: int = 100
    lr: float = 1e-3
    warmup: float = 0.5
    gamma: float | str | Policy = "computed"
    noise: bool = False
    renormalise: Renormalisation | None = None
    seed: int = 0
    device: str = "auto"

    def fit(self, z: Codes) -> Self:
        """Train on posteriors (drawn anew at every step) or draws [n, d].

        Raises InvalidType or InvalidValue for unusable codes or settings, and for a collapsed stage to renormalise.
        """
        mean, std = spread_codes(z)
        config, device = self._config(len(mean)), on_device(self.device)
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            self.experiment_, self.policy_ = self._experiment(mean.shape[1])
            self.experiment_.to(device)
            self.experiment_.begin((mean + std * torch.randn(mean.shape)).to(device))
            self.gammas_ = _trained(self.experiment_, self.policy_, torch.cat([mean, std], 1).to(device), config)
            self.target_ = (mean.double().var(0, correction=0) + std.double().square().mean(0)).sqrt()
            made = self._generated(MEASURED, torch.Generator().manual_seed(self.seed))
        self.deviations_ = made.double().std(0)
        if self.renormalise is not None:
            self.factor()
        return self

    @property
    def spread(self) -> float:
        """The mean standard deviation of what is generated, unscaled, over that of z; 1 is right."""
        fitted(self, "deviations_")
        return float(self.deviations_.mean() / self.target_.mean())

    @property
    def collapsed(self) -> bool:
        """Whether the stage generates a heap at the origin instead of something like z: spread below 0.5."""
        return self.spread < COLLAPSED

    def renormalised(self, by: Renormalisation = "law") -> Self:
        """This fitted stage, renormalised in either way; the networks are shared.

        Raises InvalidValue for a collapsed stage, or an unknown way.
        """
        _check_known(by)
        other = copy.copy(self)
        other.renormalise = by
        other.factor()
        return other

    def factor(self) -> Tensor:
        """What generated latents are multiplied by: [d].  InvalidValue for a stage that collapsed or was not fitted."""
        fitted(self, "target_")
        if self.renormalise is None:
            return torch.ones_like(self.target_)
        if self.collapsed:
            raise InvalidValue(
                f"the second stage has collapsed: what it generates has {self.spread:.2f} of the spread of z, and "
                f"renormalising it would blow up noise; fit it with warmup=0.5 or more steps."
            )
        if self.renormalise == "published":
            return (1 / self.deviations_.mean()).expand_as(self.target_)
        return self.target_ / self.deviations_

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        factor = self.factor().float()
        checks.count("n", n)
        return self._generated(n, generator) * factor

    def _config(self, n: int) -> Train:
        _check_known(self.renormalise)
        checks.count("width", self.width)
        checks.count("depth", self.depth)
        if checks.not_negative("warmup", self.warmup) > 1:
            raise InvalidValue(f"warmup must be a share of the steps from 0 to 1, got {self.warmup}; 0.5 is usual.")
        checked = Train(batch_size=self.batch_size, lr=self.lr, seed=self.seed, device=self.device, steps=self.steps)
        return replace(checked, batch_size=min(self.batch_size, n), warmup=round(self.warmup * self.steps))

    def _experiment(self, d: int) -> tuple[Experiment, Policy]:
        encoder, decoder = networks.latents(d, d, self.width, self.depth)
        likelihood = Normal(copy.deepcopy(self.gamma), squash=False)
        return Experiment(VAE(encoder, decoder, d), Objective(likelihood, KL()), (d,)), likelihood.gamma

    @torch.no_grad()
    def _generated(self, n: int, generator: torch.Generator | None) -> Tensor:
        device = self.experiment_.objective.weight.device
        d = self.experiment_.model.latent
        z = self.experiment_.decode(torch.randn(n, d, generator=generator).to(device)).cpu()
        return z + float(self.policy_.gamma) * torch.randn(n, d, generator=generator) if self.noise else z


def _check_known(renormalise: str | None) -> None:
    if renormalise not in (None, "published", "law"):
        raise InvalidValue(f"renormalise must be 'published', 'law' or None, got {renormalise!r}.")


def _trained(experiment: Experiment, policy: Policy, codes: Tensor, config: Train) -> Tensor:
    """Train in place on codes [n, 2 d], means then deviations, drawn anew at every step; gamma at every step."""

    def draw(batch: Tensor) -> Tensor:
        mean, std = batch.chunk(2, dim=1)
        return mean + std * randomness.normal_like(std)

    optimiser = adam(experiment, config, codes.device)
    step = Step(experiment, codes, config, optimiser, draw)
    n, gammas = len(codes), []
    per_epoch = n // config.batch_size
    for number in range(config.total(per_epoch)):
        position = number % per_epoch
        if position == 0:
            order = randomness.permutation(n, codes.device)
        experiment.objective.heat.fill_(config.heat(number))
        step(order[position * config.batch_size : (position + 1) * config.batch_size])
        gammas.append(policy.gamma.detach().clone())
    return torch.stack(gammas).cpu()
