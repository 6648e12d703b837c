"""Spectral regularization: a penalty on the largest singular values of a model's convolutions.

It bounds how much the networks, and so the divergences of later groups, change with their inputs. It is
a term of the loss; the layers themselves are not divided by anything.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab._utils.precision import without_autocast
from vaelab._utils.scalars import ScalarModule
from vaelab._utils.typed import typed

ITERATIONS = 4  # of the power method, per step
FIRST_ITERATIONS = 40


class SpectralPenalty(ScalarModule):
    """weight * (sum of the spectral norms of all convolutions + sum of max |factor| of all batch norms).

    A weight [out, in, h, w] counts as the matrix [out, in h w]. Its largest singular value comes from the
    power method, which goes on from the vector of the step before, in training mode only.

    Args:
        model: Model whose weights are penalized; it stays a part of its experiment only.
        weight: Weight of the penalty.

    Returns:
        From the call: the penalty, [], with a gradient.

    Raises:
        InvalidValue: If the weight is not positive, or the model has no convolutions.

    Example:
        >>> layer = nn.Conv2d(1, 1, 1)
        >>> penalty = SpectralPenalty(layer, weight=0.5)
        >>> bool(torch.isclose(penalty(), 0.5 * layer.weight.abs().sum()))
        True

    References:
        Vahdat & Kautz (2020), https://arxiv.org/abs/2007.03898, section 3.2; Yoshida & Miyato (2017),
        https://arxiv.org/abs/1705.10941.
    """

    weight: Tensor

    @typed
    def __init__(self, model: nn.Module, weight: float = 0.01) -> None:
        super().__init__()
        self.register_scalar("weight", checks.positive("weight", weight))
        # Lists hide the layers from `parameters`, which would hold them twice, and from a state.
        self._convolutions = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]
        self._norms = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]
        if not self._convolutions:
            raise InvalidValue(f"spectral needs a model with convolutions, got {type(model).__name__}.")
        for k, layer in enumerate(self._convolutions):
            self.register_buffer(f"left{k}", normalize(torch.randn_like(layer.weight[:, 0, 0, 0]), dim=0))
        self._iterate(FIRST_ITERATIONS)

    @without_autocast
    def forward(self) -> Tensor:
        if self.training:
            self._iterate(ITERATIONS)
        return self.weight * torch.stack([*self.spectral_norms(), *self._factors()]).sum()

    def spectral_norms(self) -> list[Tensor]:
        """Return the largest singular value of every convolution, each [], with a gradient."""
        norms = []
        for matrix, left in self._pairs():
            left = left.clone()  # a later step changes the buffer, which the gradient still needs
            right = normalize(matrix.detach().T @ left, dim=0)
            norms.append(left @ matrix @ right)
        return norms

    @torch.no_grad()
    def _iterate(self, iterations: int) -> None:
        for matrix, left in self._pairs():
            for _ in range(iterations):
                left.copy_(normalize(matrix @ normalize(matrix.T @ left, dim=0), dim=0))

    def _pairs(self) -> Iterator[tuple[Tensor, Tensor]]:
        for k, layer in enumerate(self._convolutions):
            yield layer.weight.flatten(1), getattr(self, f"left{k}")

    def _factors(self) -> list[Tensor]:
        return [layer.weight.abs().max() for layer in self._norms]
