"""Residual cells of a hierarchical VAE; each maps [b, channels, h, w] to the same shape.

"plain" is the bottleneck of VD-VAE: no normalization, so an image's code does not depend on its batch.
"nvae" is the pair of NVAE: batch norm, depthwise convolutions in the decoder, squeeze and excitation.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

Cells = Literal["plain", "nvae"]
BRANCH = 0.1  # of NVAE: factor of every residual branch
MOMENTUM = 0.05  # of its batch norms


class _Cell(nn.Module):
    """A cell whose branch may be computed again in the backward pass, so that its inside need not be stored."""

    branch: nn.Module
    checkpointed = False

    def run_branch(self, x: Tensor) -> Tensor:
        """Return branch(x)."""
        if not (self.checkpointed and torch.is_grad_enabled()):
            inside: Tensor = self.branch(x)
            return inside
        again: Tensor = checkpoint(
            self.branch, x, use_reentrant=False, preserve_rng_state=False, context_fn=self._contexts
        )
        return again

    def _contexts(self) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _frozen_statistics(self)


def checkpoint_cells(model: nn.Module, checkpointed: bool) -> None:
    """Let all cells in a model be computed again in the backward pass (gradient checkpointing), or not."""
    for module in model.modules():
        if isinstance(module, _Cell):
            module.checkpointed = checkpointed


@contextmanager
def _frozen_statistics(module: nn.Module) -> Iterator[None]:
    """Leave the running statistics of batch norms as they are: the second pass over a batch must not count."""
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    counts = [norm.num_batches_tracked for norm in norms]
    for norm in norms:  # track_running_stats=False would let it store other tensors than the first pass has
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, count in zip(norms, counts, strict=True):
            norm.momentum, norm.num_batches_tracked = MOMENTUM, count


class PlainCell(_Cell):
    """x + branch(x): GELU before each of 1x1, 3x3, 3x3 and 1x1 convolutions at half the width.

    Args:
        channels: Of input and output.
        side: Of the image; at sides 1 and 2 a 3x3 convolution would see mostly padding, so it is 1x1.
        depth: Number of cells on the way; the last weights start at 1/sqrt(depth) of their usual size.

    References:
        Child (2021), https://arxiv.org/abs/2011.10650.
    """

    def __init__(self, channels: int, side: int, depth: int) -> None:
        super().__init__()
        inner, size = max(channels // 2, 1), 3 if side > 2 else 1
        layers: list[nn.Module] = []
        for into, out, kernel in (
            (channels, inner, 1),
            (inner, inner, size),
            (inner, inner, size),
            (inner, channels, 1),
        ):
            layers += [nn.GELU(), nn.Conv2d(into, out, kernel, padding=kernel // 2)]
        self.branch = nn.Sequential(*layers)
        last = layers[-1]
        assert isinstance(last, nn.Conv2d)
        last.weight.data.mul_(depth**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.run_branch(x)


class SqueezeExcitation(nn.Module):
    """Weight each channel by a number in (0, 1) that depends on the means of all channels.

    References:
        Hu et al. (2018), https://arxiv.org/abs/1709.01507.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(channels // 16, 4)
        self.weights = nn.Sequential(nn.Linear(channels, inner), nn.ReLU(), nn.Linear(inner, channels), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weights(x.mean((2, 3)))[:, :, None, None]


class NVAECell(_Cell):
    """x + 0.1 branch(x), with batch norm and squeeze and excitation.

    Args:
        channels: Of input and output.
        generative: The decoder's branch, a depthwise 5x5 convolution at `expansion` times the width,
            in place of the encoder's two 3x3 convolutions.
        expansion: Its factor.

    References:
        Vahdat & Kautz (2020), https://arxiv.org/abs/2007.03898, figure 3.
    """

    def __init__(self, channels: int, *, generative: bool, expansion: int = 6) -> None:
        super().__init__()
        if generative:
            wide = channels * expansion
            layers = [
                *(_norm(channels), nn.Conv2d(channels, wide, 1, bias=False)),
                *(_norm(wide), nn.SiLU(), nn.Conv2d(wide, wide, 5, padding=2, groups=wide, bias=False)),
                *(_norm(wide), nn.SiLU(), nn.Conv2d(wide, channels, 1, bias=False), _norm(channels)),
            ]
        else:
            layers = []
            for _ in range(2):
                layers += [_norm(channels), nn.SiLU(), nn.Conv2d(channels, channels, 3, padding=1)]
        self.branch = nn.Sequential(*layers, SqueezeExcitation(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + BRANCH * self.run_branch(x)


def _norm(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels, momentum=MOMENTUM)


def build_cell(cells: Cells, channels: int, side: int, depth: int, *, generative: bool) -> nn.Module:
    """Return a cell of one of the two families.

    Args:
        cells: "plain" or "nvae".
        channels: Of input and output.
        side: Of the image.
        depth: Number of cells on the way from the input to the output.
        generative: Whether it belongs to the decoder.
    """
    return NVAECell(channels, generative=generative) if cells == "nvae" else PlainCell(channels, side, depth)
