"""The Inception network of December 2015, on whose pooled features the FID is defined.

Its published weights are frozen, so every batch norm is folded into the convolution before it:
convolutions with ReLU remain, in the order of the published files.
"""

import hashlib
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import torch
from torch import Tensor, nn

from vaelab._utils.errors import DataError
from vaelab._utils.reading import reading, reason

EPSILON = 1e-3
FEATURES, SIDE = 2048, 299


class Branches(nn.ModuleList):
    """Branches whose outputs are joined along the channels."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self], 1)


def inception() -> nn.Sequential:
    """Build the network, without its weights.

    The last block takes a maximum where the paper takes a mean, as the weights of 2015 do.

    Returns:
        Module of images [b, 3, 299, 299], bytes x as (x - 128) / 128, to pooled features [b, 2048].

    References:
        Szegedy et al. (2016), https://arxiv.org/abs/1512.00567.
    """
    largest, mean = nn.MaxPool2d(3, 2), nn.AvgPool2d(3, 1, 1, count_include_pad=False)
    stem = [*_conv(3, 32, 3, 2, 0), *_conv(32, 32, 3, 1, 0), *_conv(32, 64, 3), largest]
    stem += [*_conv(64, 80, 1), *_conv(80, 192, 3, 1, 0), largest]
    sides = [_fives(192, 32, mean), _fives(256, 64, mean), _fives(288, 64, mean), _first_reduction(largest)]
    sevens = [_sevens(inner, mean) for inner in (128, 160, 160, 192)]
    wide = [_second_reduction(largest), _threes(1280, mean), _threes(2048, nn.MaxPool2d(3, 1, 1))]
    return nn.Sequential(*stem, *sides, *sevens, *wide, nn.AvgPool2d(8), nn.Flatten())


def load_weights(network: nn.Sequential, path: Path, sha256: str) -> None:
    """Load the weights, after their checksum.

    TorchScript parses the code in its archive, by a parser that is not meant for hostile files;
    none of it is run. The bytes that passed the checksum are those that are parsed.

    Args:
        network: What `inception` returns.
        path: TorchScript archive (.pt) or state dict (.pth).
        sha256: Checksum of the file, in hexadecimal.

    Raises:
        DataError: For another file, or one without the 94 convolutions of this network.
    """
    with reading(path):
        content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DataError(f"{path} must have the checksum of the published weights; replace or remove it.")
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    try:
        convolutions = list((_script if path.suffix == ".pt" else _state_dict)(io.BytesIO(content)))
        for layer, (weight, scale, shift) in zip(layers, convolutions, strict=True):
            if weight.shape != layer.weight.shape or layer.bias is None:
                raise ValueError(f"a convolution {tuple(weight.shape)} where {tuple(layer.weight.shape)} is needed")
            with torch.no_grad():
                layer.weight.copy_(weight * scale[:, None, None, None])
                layer.bias.copy_(shift)
    except Exception as error:  # what a parser raises depends on the place of the damage
        raise DataError(f"{path} must hold the weights of the 2015 Inception network ({reason(error)}).") from error


Folded = tuple[Tensor, Tensor, Tensor]  # weight; scale and shift of the batch norm after it


def _script(file: IO[bytes]) -> Iterator[Folded]:
    values = list(torch.jit.load(file, map_location="cpu").state_dict().values())
    for weight, beta, mean, variance in zip(*(values[k::4] for k in range(4)), strict=True):
        scale = (variance + EPSILON).rsqrt()
        yield weight, scale, beta - mean * scale


def _state_dict(file: IO[bytes]) -> Iterator[Folded]:
    state = torch.load(file, map_location="cpu", weights_only=True)
    for name in [name.removesuffix(".conv.weight") for name in state if name.endswith(".conv.weight")]:
        scale = state[f"{name}.bn.weight"] * (state[f"{name}.bn.running_var"] + EPSILON).rsqrt()
        yield state[f"{name}.conv.weight"], scale, state[f"{name}.bn.bias"] - state[f"{name}.bn.running_mean"] * scale


def _conv(
    wide: int, deep: int, kernel: int | tuple[int, int], stride: int = 1, padding: int | None = None
) -> list[nn.Module]:
    """Build a convolution with ReLU; padding None keeps the side."""
    height, width = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    around = (height // 2, width // 2) if padding is None else padding
    return [nn.Conv2d(wide, deep, (height, width), stride, around), nn.ReLU(inplace=True)]


def _branch(*parts: Iterable[nn.Module]) -> nn.Sequential:
    return nn.Sequential(*(module for part in parts for module in part))


def _fives(wide: int, pooled: int, mean: nn.Module) -> Branches:
    return Branches(
        [
            _branch(_conv(wide, 64, 1)),
            _branch(_conv(wide, 48, 1), _conv(48, 64, 5)),
            _branch(_conv(wide, 64, 1), _conv(64, 96, 3), _conv(96, 96, 3)),
            _branch([mean], _conv(wide, pooled, 1)),
        ]
    )


def _first_reduction(largest: nn.Module) -> Branches:
    tower = _branch(_conv(288, 64, 1), _conv(64, 96, 3), _conv(96, 96, 3, 2, 0))
    return Branches([_branch(_conv(288, 384, 3, 2, 0)), tower, largest])


def _sevens(inner: int, mean: nn.Module) -> Branches:
    flat, tall = (1, 7), (7, 1)
    tower = [(768, inner, 1), (inner, inner, tall), (inner, inner, flat), (inner, inner, tall), (inner, 192, flat)]
    return Branches(
        [
            _branch(_conv(768, 192, 1)),
            _branch(_conv(768, inner, 1), _conv(inner, inner, flat), _conv(inner, 192, tall)),
            _branch(*(_conv(*step) for step in tower)),  # type: ignore[arg-type]
            _branch([mean], _conv(768, 192, 1)),
        ]
    )


def _second_reduction(largest: nn.Module) -> Branches:
    sevens = _branch(_conv(768, 192, 1), _conv(192, 192, (1, 7)), _conv(192, 192, (7, 1)), _conv(192, 192, 3, 2, 0))
    return Branches([_branch(_conv(768, 192, 1), _conv(192, 320, 3, 2, 0)), sevens, largest])


def _threes(wide: int, pool: nn.Module) -> Branches:
    def fork() -> list[nn.Module]:
        return [Branches([_branch(_conv(384, 384, (1, 3))), _branch(_conv(384, 384, (3, 1)))])]

    return Branches(
        [
            _branch(_conv(wide, 320, 1)),
            _branch(_conv(wide, 384, 1), fork()),
            _branch(_conv(wide, 448, 1), _conv(448, 384, 3), fork()),
            _branch([pool], _conv(wide, 192, 1)),
        ]
    )
