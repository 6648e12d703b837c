"""A model with its objective, the unit that is trained; and the one that denoises."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from vaelab._utils import checks
from vaelab._utils.domain import Domain, require_unit
from vaelab._utils.images import unit
from vaelab.divergences.gaussian import Gaussian
from vaelab.models.vae import VAE, Pass, at_rest, total_rate
from vaelab.objectives.objective import Objective, Terms


class Experiment(nn.Module):
    """A model with its objective: the unit that is trained, saved and stacked.

    Data enter as [n, *shape]: uint8 or floats in [0, 1], or, where the domain of the likelihood is
    "real", any finite floats, and every shape: images, vectors (d,), point clouds (points, 3).
    """

    views: Callable[[Tensor], Tensor] | None = None  # what makes the second image of a pair, see `vaelab.consistency`

    def __init__(self, model: VAE, objective: Objective, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.model, self.objective, self.shape = model, objective, shape

    def forward(self, x: Tensor) -> Terms:
        """x [b, *shape] -> Terms."""
        x = self.as_input(x)
        return self.objective(x, self.model(x, self.objective.samples))

    @property
    def domain(self) -> Domain:
        """Where the data lie, as the likelihood has it: "unit" or "real"."""
        return self.objective.likelihood.domain

    def as_input(self, x: Tensor) -> Tensor:
        """Turn x [b, *shape] into the floats that the model takes; bytes become [0, 1]."""
        return unit(x).to(self.objective.weight.dtype)

    def begin(self, x: Tensor) -> None:
        """Let the gamma policy see the training data [n, ...] once, before the first step."""
        if (gamma := self.objective.likelihood.gamma) is not None:
            gamma.begin(x)

    def update(self, terms: Terms) -> None:
        """Move the gamma policy and the heating, once per optimiser step."""
        for mover in self.objective.balance:
            mover.update(terms.mse.detach(), terms.divergence.detach())

    @torch.no_grad()
    def encode(self, x: Tensor) -> Gaussian:
        """q(z|x) of x [n, *shape]: Gaussian of [n, latent].

        Where there are more groups of latents than one, it is of the group that `decode` takes;
        `posteriors` gives all.
        """
        with at_rest(self):
            return self.model.posterior(self.as_input(x))

    @torch.no_grad()
    def mean_pass(self, x: Tensor) -> Pass:
        """Pass x [n, *shape] in evaluation mode, with z at the posterior means; draw nothing."""
        with at_rest(self):
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
        with at_rest(self):
            return self.objective.likelihood.mean(self.model.decoder(z))

    def sample(self, n: int) -> Tensor:
        """Mean images of n draws from the prior: [n, *shape]."""
        return self.decode(self.model.prior_sample(n))


class Denoising(Experiment):
    """An experiment whose network is fed x + noise * N(0, 1), clamped to [0, 1], and judged against x.

    noise: standard deviation, in units of the full range of a pixel.
    Raises InvalidValue for a likelihood whose domain is not [0, 1].
    """

    noise: Tensor

    def __init__(self, model: VAE, objective: Objective, shape: tuple[int, ...], noise: float) -> None:
        require_unit("Denoising", objective.likelihood.domain)
        super().__init__(model, objective, shape)
        self.register_buffer("noise", torch.tensor(checks.positive("noise", noise)))

    def forward(self, x: Tensor) -> Terms:
        """Clean images [b, *shape] -> Terms."""
        clean = self.as_input(x)
        return self.objective(clean, self.model(noisy(clean, self.noise), self.objective.samples))


def noisy(images: Tensor, noise: Tensor | float, generator: torch.Generator | None = None) -> Tensor:
    """Images [n, ...] in [0, 1] with Gaussian noise of this standard deviation, clamped to [0, 1]."""
    draw = torch.randn(images.shape, dtype=images.dtype, device=images.device, generator=generator)
    return (images + noise * draw).clamp_(0, 1)
