"""Samplers fitted to the codes of a trained VAE: prior, Gaussian mixture, flow.

`sampler.fit(z)` returns the sampler, `sampler.sample(n)` latents [n, d] for `experiment.decode`.
The codes z of the training images are posteriors (a `Gaussian` [n, d], resampled in every pass
over them) or points [n, d]. `two_stage` has one more sampler, a second VAE.
"""

from dataclasses import dataclass
from typing import Any, Protocol, Self

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from vaelab._utils import checks, rng
from vaelab._utils.errors import DataError, InvalidValue
from vaelab._utils.typed import check_fields, typed
from vaelab.divergences.gaussian import Gaussian
from vaelab.posterior.scaling import fit_gaussian_mixture, units

Codes = Tensor | Gaussian


class Sampler(Protocol):
    """The interface of all samplers."""

    def fit(self, z: Codes) -> Self:
        """Learn the distribution of the codes z and return the sampler.

        Raises InvalidType or InvalidValue unless z is finite, [n, d], with n at least 2.
        """

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw n latents [n, d], on the CPU; generator None is torch's own.

        Raises InvalidType or InvalidValue if n is not a positive whole number, or before `fit`.
        """


def posterior_params(z: Codes) -> tuple[Tensor, Tensor]:
    """Return means and standard deviations (0 for points) of codes: [n, d], float32 on the CPU.

    Raises InvalidType or InvalidValue unless z is finite and [n, d], with n at least 2.
    """
    mean = checks.float_tensor("z", z.mean if isinstance(z, Gaussian) else z)
    std = torch.exp(0.5 * z.logvar) if isinstance(z, Gaussian) else torch.zeros_like(mean)
    checks.float_tensor("the standard deviation of z", std)
    if mean.dim() != 2 or len(mean) < 2 or mean.shape[1] < 1 or std.shape != mean.shape:
        raise InvalidValue(f"z must be [n, d] for at least two images, got {tuple(mean.shape)}.")
    return mean.detach().float().cpu(), std.detach().float().cpu()


def sample_codes(z: Codes, generator: torch.Generator | None = None) -> Tensor:
    """Draw one point per image from its posterior: [n, d], float32 on the CPU."""
    mean, std = posterior_params(z)
    return mean + std * torch.randn(mean.shape, generator=generator)


def posterior_deviation(mean: Tensor, std: Tensor) -> Tensor:
    """Return the standard deviation of draws from posteriors [n, d]: [d]."""
    return (mean.var(0, correction=0) + std.square().mean(0)).sqrt()


def check_fitted(sampler: Sampler, attribute: str) -> None:
    """Raise InvalidValue if the sampler lacks the attribute that its `fit` sets."""
    if not hasattr(sampler, attribute):
        raise InvalidValue(f"{type(sampler).__name__} has not been fitted; call its fit(z) with codes first.")


@dataclass
class PriorSampler:
    """N(0, I) with the number of latents of the codes.

    Example:
        >>> PriorSampler().fit(torch.zeros(5, 2)).sample(3).shape
        torch.Size([3, 2])
    """

    @typed
    def fit(self, z: Codes) -> Self:
        self.d_ = posterior_params(z)[0].shape[1]
        return self

    @typed
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        check_fitted(self, "d_")
        checks.positive_int("n", n)
        return torch.randn(n, self.d_, generator=generator)


@dataclass
class GMMSampler:
    """A scikit-learn Gaussian mixture with full covariances, fitted to one draw per image.

    Args:
        components: Number of components.
        seed: Seed of the draws and the fit.
    """

    components: int = 10
    seed: int = 0

    @typed
    def fit(self, z: Codes) -> Self:
        check_fields(self)
        generator = torch.Generator().manual_seed(checks.seed(self.seed))
        points = sample_codes(z, generator).double()
        if checks.positive_int("components", self.components) > len(points):
            raise InvalidValue(f"components must be at most {len(points)}, the number of codes, got {self.components}.")
        self.model_ = fit_gaussian_mixture(points, self.components, self.seed)
        return self

    @typed
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        check_fitted(self, "model_")
        checks.positive_int("n", n)
        self.model_.random_state = int(torch.randint(2**31, (), generator=generator))
        points = torch.from_numpy(self.model_.sample(n)[0]).float()
        return points[torch.randperm(n, generator=generator)]  # scikit-learn sorts them


@dataclass
class FlowSampler:
    """A neural spline flow of zuko (`pip install "vaelab[flow]"`), trained by maximum likelihood.

    Args:
        transforms: Number of spline transforms.
        hidden: Hidden widths of their networks.
        steps, batch_size, lr: Those of Adam; the codes are resampled at every step.
        seed: Seed of the weights and the draws.

    Raises:
        InvalidType, InvalidValue: By `fit`, for unusable settings.
        DataError: By `fit`, if zuko is not installed.
    """

    transforms: int = 3
    hidden: tuple[int, ...] = (64, 64)
    steps: int = 1000
    batch_size: int = 256
    lr: float = 1e-3
    seed: int = 0

    @torch.enable_grad()
    @typed
    def fit(self, z: Codes) -> Self:
        check_fields(self)
        mean, std = posterior_params(z)
        for name in ("transforms", "steps", "batch_size"):
            checks.positive_int(name, getattr(self, name))
        for width in self.hidden:
            checks.positive_int("hidden", width)
        checks.positive("lr", self.lr)
        self.units_ = units(posterior_deviation(mean, std))  # the splines end at ±5
        mean, std = mean / self.units_, std / self.units_
        with rng.fork():
            torch.manual_seed(checks.seed(self.seed))
            self.flow_ = _spline_flow(mean.shape[1], self.transforms, self.hidden)
            optimizer = torch.optim.Adam(self.flow_.parameters(), lr=self.lr)
            for _ in range(self.steps):
                index = torch.randint(len(mean), (self.batch_size,))
                points = mean[index] + std[index] * torch.randn(self.batch_size, mean.shape[1])
                optimizer.zero_grad()
                (-self.flow_().log_prob(points).mean()).backward()
                clip_grad_norm_(self.flow_.parameters(), 10.0)
                optimizer.step()
        return self

    @torch.no_grad()
    @typed
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        check_fitted(self, "flow_")
        checks.positive_int("n", n)
        density = self.flow_()
        noise = torch.randn(n, *density.event_shape, generator=generator)
        points: Tensor = density.transform.inv(noise)
        return points * self.units_


def _spline_flow(d: int, transforms: int, hidden: tuple[int, ...]) -> Any:
    try:
        import zuko
    except ImportError as error:
        raise DataError('a flow needs the package zuko: pip install "vaelab[flow]".') from error
    return zuko.flows.NSF(d, transforms=transforms, hidden_features=hidden)
