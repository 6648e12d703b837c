"""The denoising experiment: noisy inputs, clean targets."""

import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.domain import require_unit
from vaelab._utils.typed import typed
from vaelab.models.vae import VAE
from vaelab.objectives.objective import Experiment, LossTerms, Objective


class DenoisingExperiment(Experiment):
    """An experiment that reconstructs x from x + noise * N(0, 1), clamped to [0, 1].

    Args:
        model: Encoder and decoder.
        objective: The loss.
        shape: Shape of one image.
        noise: Standard deviation of the noise, in units of the range of a pixel.

    Returns:
        `LossTerms` of clean images x [b, *shape].

    Raises:
        InvalidValue: For a likelihood whose domain is not [0, 1].
    """

    noise: Tensor

    @typed
    def __init__(self, model: VAE, objective: Objective, shape: tuple[int, ...], noise: float) -> None:
        require_unit("Denoising", objective.likelihood.domain)
        super().__init__(model, objective, shape)
        self.register_scalar("noise", checks.positive("noise", noise))

    def forward(self, x: Tensor) -> LossTerms:
        x = self.as_input(x)
        return self.objective(x, self.model(noisy(x, self.noise), self.objective.samples))


def noisy(images: Tensor, noise: Tensor | float, generator: torch.Generator | None = None) -> Tensor:
    """Add Gaussian noise to images and clamp them to [0, 1].

    Args:
        images: [n, ...] in [0, 1].
        noise: Standard deviation.
        generator: Source of the noise; torch's own by default.

    Returns:
        [n, ...].
    """
    draw = torch.randn(images.shape, dtype=images.dtype, device=images.device, generator=generator)
    return (images + noise * draw).clamp_(0, 1)
