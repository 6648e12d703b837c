"""The experiment that denoises: its network is fed noisy images and judged against the clean ones."""

import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.domain import require_unit
from vaelab.models.vae import VAE
from vaelab.objectives.objective import Experiment, LossTerms, Objective


class DenoisingExperiment(Experiment):
    """An experiment whose network is fed x + noise * N(0, 1), clamped to [0, 1], and judged against x.

    noise: standard deviation, in units of the full range of a pixel.
    Raises InvalidValue for a likelihood whose domain is not [0, 1].
    """

    noise: Tensor

    def __init__(self, model: VAE, objective: Objective, shape: tuple[int, ...], noise: float) -> None:
        require_unit("Denoising", objective.likelihood.domain)
        super().__init__(model, objective, shape)
        self.register_buffer("noise", torch.tensor(checks.positive("noise", noise)))

    def forward(self, x: Tensor) -> LossTerms:
        """Clean images [b, *shape] -> LossTerms."""
        clean = self.as_input(x)
        return self.objective(clean, self.model(noisy(clean, self.noise), self.objective.samples))


def noisy(images: Tensor, noise: Tensor | float, generator: torch.Generator | None = None) -> Tensor:
    """Images [n, ...] in [0, 1] with Gaussian noise of this standard deviation, clamped to [0, 1]."""
    draw = torch.randn(images.shape, dtype=images.dtype, device=images.device, generator=generator)
    return (images + noise * draw).clamp_(0, 1)
