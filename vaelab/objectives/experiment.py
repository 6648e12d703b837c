"""A model with its objective, the unit that is trained; and the one that denoises."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from vaelab._utils import checks
from vaelab._utils.images import unit
from vaelab.divergences.gaussian import Gaussian
from vaelab.models.vae import VAE, at_rest
from vaelab.objectives.objective import Objective, Terms


class Experiment(nn.Module):
    """A model with its objective: the unit that is trained, saved and stacked.

    Images enter as [n, *shape], uint8 or floats in [0, 1].
    """

    views: Callable[[Tensor], Tensor] | None = None  # what makes the second image of a pair, see `vaelab.consistency`

    def __init__(self, model: VAE, objective: Objective, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.model, self.objective, self.shape = model, objective, shape

    def forward(self, x: Tensor) -> Terms:
        """images [b, *shape] -> Terms."""
        x = self._unit(x)
        return self.objective(x, self.model(x, self.objective.samples))

    def _unit(self, images: Tensor) -> Tensor:
        return unit(images).to(self.objective.weight.dtype)

    def begin(self, images: Tensor) -> None:
        """Let the gamma policy see the training images once, before the first step."""
        if (gamma := self.objective.likelihood.gamma) is not None:
            gamma.begin(images)

    def update(self, terms: Terms) -> None:
        """Move the gamma policy and the heating, once per optimiser step."""
        for mover in self.objective.balance:
            mover.update(terms.mse.detach(), terms.divergence.detach())

    @torch.no_grad()
    def encode(self, x: Tensor) -> Gaussian:
        """q(z|x) of images [n, *shape]: Gaussian of [n, latent]."""
        with at_rest(self):
            return self.model.posterior(self._unit(x))

    def encode_in_chunks(self, x: Tensor, chunk: int = 2000) -> Gaussian:
        """The same for many images on any device, `chunk` at a time; the result is on the CPU."""
        device = self.objective.weight.device
        parts = [self.encode(part.to(device)) for part in x.split(chunk)]
        return Gaussian(torch.cat([q.mean for q in parts]).cpu(), torch.cat([q.logvar for q in parts]).cpu())

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """The mean image of latents [n, latent]: [n, *shape] in [0, 1]."""
        with at_rest(self):
            return self.objective.likelihood.mean(self.model.decoder(z))

    def sample(self, n: int) -> Tensor:
        """Mean images of n draws from the prior N(0, I): [n, *shape]."""
        return self.decode(self.model.prior_sample(n))


class Denoising(Experiment):
    """An experiment whose network is fed x + noise * N(0, 1), clamped to [0, 1], and judged against x.

    noise: standard deviation, in units of the full range of a pixel.
    """

    noise: Tensor

    def __init__(self, model: VAE, objective: Objective, shape: tuple[int, ...], noise: float) -> None:
        super().__init__(model, objective, shape)
        self.register_buffer("noise", torch.tensor(checks.positive("noise", noise)))

    def forward(self, x: Tensor) -> Terms:
        """Clean images [b, *shape] -> Terms."""
        clean = self._unit(x)
        return self.objective(clean, self.model(noisy(clean, self.noise), self.objective.samples))


def noisy(images: Tensor, noise: Tensor | float, generator: torch.Generator | None = None) -> Tensor:
    """Images [n, ...] in [0, 1] with Gaussian noise of this standard deviation, clamped to [0, 1]."""
    draw = torch.randn(images.shape, dtype=images.dtype, device=images.device, generator=generator)
    return (images + noise * draw).clamp_(0, 1)
