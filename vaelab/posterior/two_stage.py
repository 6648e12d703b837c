"""A second VAE, trained on the codes of a first one, as a sampler of its latents."""

import copy
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from vaelab._utils import checks, rng
from vaelab._utils.device import on_device
from vaelab._utils.errors import TrainingError
from vaelab._utils.typed import check_fields, typed
from vaelab.divergences.gaussian import KL
from vaelab.models import networks
from vaelab.models.vae import VAE
from vaelab.objectives.annealing import Linear
from vaelab.objectives.gamma import GammaPolicy
from vaelab.objectives.likelihoods import Normal
from vaelab.objectives.objective import Experiment, Objective
from vaelab.posterior.renormalization import Deviations, Renormalization, check_known
from vaelab.posterior.samplers import Codes, check_fitted, posterior_params
from vaelab.posterior.scaling import units
from vaelab.training.config import TrainConfig
from vaelab.training.loop import TrainStep, check_inference_mode
from vaelab.training.optimizer import adam

MEASURED = 10_000  # latents generated to measure their standard deviations


@dataclass
class SecondStage:
    """A VAE on the codes z, with its own gamma; `fit(z)`, then `sample(n)`.

    After `fit`: `experiment_` and its `policy_` of gamma, for codes over `unit_`, a power of 100
    that is 1 for codes of deviations near 1; `gammas_` [steps] and `deviations_`, the standard
    deviations of z and of generated latents without noise, in units of z.

    Args:
        width, depth: Width and number of hidden layers, see `networks.skip_mlp`.
        steps, batch_size, lr: Those of Adam; the codes are resampled at every step.
        warmup: Fraction of the steps over which the weight of KL rises to 1. Without it the stage
            collapses if gamma starts at 1: no latent then lowers the loss by more than its KL.
        gamma: As in the recipes; "computed" starts at the standard deviation of z.
        noise: Add gamma N(0, I) to generated latents, as Dai & Wipf do.
        renormalize: "law", "published", "unit" or None, see `vaelab.posterior.renormalization`.
        seed: Seed of the weights, the order and the draws.
        device: "auto", "cpu", "cuda", ...

    References:
        Dai & Wipf (2019), https://arxiv.org/abs/1903.05789.
        Asperti & Trentin (2020), https://arxiv.org/abs/2002.07514.
    """

    width: int = 256
    depth: int = 2
    steps: int = 3000
    batch_size: int = 100
    lr: float = 1e-3
    warmup: float = 0.5
    gamma: float | str | GammaPolicy = "computed"
    noise: bool = False
    renormalize: Renormalization | None = None
    seed: int = 0
    device: str = "auto"

    @typed
    def fit(self, z: Codes) -> Self:
        """Train on posteriors or points z [n, d] and return the stage.

        Raises:
            InvalidType, InvalidValue: If codes or settings are unusable, or a stage to renormalize
                has collapsed.
            TrainingError: If gamma or the weights are not finite after training.
        """
        check_inference_mode()
        mean, std = posterior_params(z)
        config, device = self._config(len(mean)), on_device(self.device)
        deviations = Deviations.of_codes(mean.double(), std.double())
        with rng.fork():
            torch.manual_seed(self.seed)
            self.experiment_, self.policy_ = self._experiment(mean.shape[1])
            self.experiment_.to(device)
            self.unit_ = float(units(deviations.codes.mean()))
            mean, std = mean / self.unit_, std / self.unit_
            self.experiment_.init_from_data((mean + std * torch.randn(mean.shape)).to(device))
            codes = torch.cat([mean, std], 1).to(device)
            self.gammas_ = self.unit_ * _train(self.experiment_, self.policy_, codes, config)
            if not all(bool(torch.isfinite(t).all()) for t in (self.gammas_, *self.experiment_.parameters())):
                raise TrainingError(
                    f"the second stage diverged: its weights or gamma are not finite; lower lr, now {self.lr:g}, or "
                    "bring the standard deviation of z, now "
                    f"{checks.shortest(float(deviations.codes.mean()))}, nearer to 1."
                )
            generated = self._generate(MEASURED, torch.Generator().manual_seed(checks.seed(self.seed)))
        self.deviations_ = deviations._replace(generated=generated.double().std(0))
        if self.renormalize is not None:
            self.factor()
        return self

    @property
    def std_ratio(self) -> float:
        """The mean standard deviation of generated latents without noise, over that of z."""
        check_fitted(self, "deviations_")
        return self.deviations_.std_ratio

    @property
    def collapsed(self) -> bool:
        """Whether the generated latents are concentrated at the origin: std_ratio below 0.5."""
        check_fitted(self, "deviations_")
        return self.deviations_.collapsed

    def renormalized(self, by: Renormalization = "law") -> Self:
        """Return a copy of this fitted stage with another renormalization; the networks are shared.

        Raises InvalidValue if the stage has collapsed.
        """
        check_known(by)
        other = copy.copy(self)
        other.renormalize = by
        other.factor()
        return other

    def factor(self) -> Tensor:
        """Return the factors on generated latents [d]; raises InvalidValue before `fit`."""
        check_fitted(self, "deviations_")
        if self.renormalize is None:
            return torch.ones_like(self.deviations_.codes)
        return self.deviations_.factor(self.renormalize, self._noise)

    @typed
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw n latents, see `Sampler`."""
        factor = self.factor().float()
        checks.positive_int("n", n)
        z = self._generate(n, generator)
        if self.noise:
            z = z + self._noise * torch.randn(z.shape, generator=generator)
        return z * factor

    @property
    def _noise(self) -> float:
        """The standard deviation of the noise added to generated latents."""
        return self.unit_ * float(self.policy_.gamma.detach()) if self.noise else 0.0

    def _config(self, n: int) -> TrainConfig:
        check_fields(self)
        checks.positive_int("width", self.width)
        checks.positive_int("depth", self.depth)
        checks.seed(self.seed)
        checks.in_range("warmup", self.warmup, 0, 1)
        config = TrainConfig(
            batch_size=self.batch_size, lr=self.lr, seed=self.seed, device=self.device, steps=self.steps
        )
        return replace(config, batch_size=min(self.batch_size, n))

    def _experiment(self, d: int) -> tuple[Experiment, GammaPolicy]:
        encoder, decoder = networks.skip_mlp(d, d, self.width, self.depth)
        likelihood = Normal(self.gamma, squash=False)
        warmup = round(self.warmup * self.steps)
        objective = Objective(likelihood, KL(), annealing=Linear(warmup) if warmup else None)
        experiment = Experiment(VAE(encoder, decoder, d), objective, (d,))
        policy = experiment.objective.likelihood.gamma
        assert policy is not None
        return experiment, policy

    @torch.no_grad()
    def _generate(self, n: int, generator: torch.Generator | None) -> Tensor:
        """Generate n latents by the networks, without noise and unscaled: [n, d], on the CPU."""
        device, d = self.experiment_.objective.weight.device, self.experiment_.model.latent
        return self.unit_ * self.experiment_.decode(torch.randn(n, d, generator=generator).to(device)).cpu()


def _train(experiment: Experiment, policy: GammaPolicy, codes: Tensor, config: TrainConfig) -> Tensor:
    """Train on codes [n, 2 d], means then deviations, resampled at every step; returns gammas."""

    def draw(batch: Tensor) -> Tensor:
        mean, std = batch.chunk(2, dim=1)
        return mean + std * rng.normal_like(std)

    optimizer = adam(experiment, config, codes.device)
    step = TrainStep(experiment, codes, config, optimizer, draw)
    n, gammas = len(codes), []
    per_epoch = n // config.batch_size
    for number in range(config.total_steps(per_epoch)):
        position = number % per_epoch
        if position == 0:
            order = rng.permutation(n, codes.device)
        step(order[position * config.batch_size : (position + 1) * config.batch_size])
        gammas.append(policy.gamma.detach().clone())
    return torch.stack(gammas).cpu()
