"""Random transformations of a batch, one per image or cloud, on the device of the images.

All geometric parts are one warp and one `grid_sample`. Nothing is learned and nothing branches on a
tensor, so a transformation traces into the graph of a training step, and under vmap every member
draws its own (randomness="different").
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from vaelab._utils import checks, rng
from vaelab._utils.domain import Domain, require_unit
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab._utils.precision import without_autocast
from vaelab._utils.typed import typed
from vaelab.data.augment.clouds import CloudAugment
from vaelab.data.augment.color import Jitter
from vaelab.data.augment.geometric import Affine, Flip, Warp, affine

__all__ = [
    "Affine",
    "Augment",
    "CloudAugment",
    "Flip",
    "Jitter",
    "Warp",
    "affine",
    "check_domain",
    "large",
    "resample",
    "simple",
]

Fill = float | Literal["edge", "reflect"]
PADDING = {"edge": "border", "reflect": "reflection"}
SIMPLE = Affine(15.0, 0.05, (0.9, 1.1))
LARGE = Affine(30.0, 0.1, (0.75, 1.25))
JITTER = Jitter(brightness=0.2, contrast=0.5, hue=0.2)


@dataclass(frozen=True)
class Augment:
    """A sequence of random transformations: first all geometric parts as one warp, then colors.

    Args:
        parts: `Affine`, `Flip` and `Jitter`, in order.
        fill: Values outside the image: a gray value in [0, 1], "edge" or "reflect".

    Returns:
        From a call on floats [b, c, h, w] in [0, 1]: the same shape, each image transformed by its
        own draw, from `generator` if given, else from the generator of the training.

    Raises:
        InvalidType: If a part, `fill` or the images have a wrong type.
        InvalidValue: If `fill` is out of range.

    Example:
        >>> views = Augment((Flip(), Affine(rotation=15, scale=(0.9, 1.1)), Jitter(contrast=0.5)))
        >>> views(torch.rand(2, 1, 28, 28)).shape
        torch.Size([2, 1, 28, 28])
    """

    parts: tuple[Affine | Flip | Jitter, ...]
    fill: Fill = "edge"

    def __post_init__(self) -> None:
        if not isinstance(self.parts, tuple | list):
            raise InvalidType(
                f"parts must be a tuple of transformations, got {checks.shown(self.parts)}; write (part,)."
            )
        object.__setattr__(self, "parts", tuple(self.parts))  # a list could change later
        for part in self.parts:
            if not isinstance(part, Affine | Flip | Jitter):
                raise InvalidType(f"parts must be Affine, Flip or Jitter, got {checks.shown(part)}.")
        _check_fill(self.fill)

    @without_autocast
    @torch.no_grad()
    def __call__(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        checks.tensors(images=x)
        if generator is not None:
            checks.instance("generator", generator, torch.Generator)
        if x.dim() != 4 or not x.numel():
            raise InvalidType(f"images must be floats [b, c, h, w], got {x.dtype} {list(x.shape)}.")

        def uniform() -> Tensor:
            return rng.uniform(len(x), x, generator)

        size = (x.shape[2], x.shape[3])
        warps = [part.warp(uniform, size) for part in self.parts if not isinstance(part, Jitter)]
        if warps:
            total = warps[0]
            for warp in warps[1:]:
                total = warp.after(total)
            x = resample(x, total, self.fill)
        for part in self.parts:
            if isinstance(part, Jitter):
                x = part.apply(x, uniform)
        return x


@typed
def check_domain(name: str, transformation: object, domain: Domain) -> None:
    """Raise `InvalidValue` for an `Augment` on data outside [0, 1], or one of clouds on images.

    Other functions pass.

    Args:
        name: The option, for the message.
        transformation: What the user passed.
        domain: Of the likelihood.
    """
    if isinstance(transformation, Augment):
        require_unit(f"{name}=Augment(...)", domain)
    if isinstance(transformation, CloudAugment) and domain == "unit":
        raise InvalidValue(f"{name}=CloudAugment(...) needs point clouds, but the domain of this likelihood is 'unit'.")


@without_autocast
def resample(x: Tensor, warp: Warp, fill: Fill = "edge") -> Tensor:
    """Move the content of images by warps, with bilinear interpolation.

    No value leaves the range of its image and the fill. The identity and mirrors are exact.

    Args:
        x: [b, c, h, w].
        warp: One per image.
        fill: Values outside the image: a gray value, "edge" or "reflect".

    Returns:
        [b, c, h, w].

    Example:
        >>> zero = torch.zeros(1)
        >>> to_the_right = affine(zero, torch.tensor([[1.0, 0.0]]), zero + 1, zero)
        >>> resample(torch.arange(4.0).reshape(1, 1, 1, 4), to_the_right, fill=0.0).tolist()
        [[[[0.0, 0.0, 1.0, 2.0]]]]
    """
    checks.tensors(x=x, **checks.instance("warp", warp, Warp)._asdict())
    if (
        x.dim() < 4
        or not x.numel()
        or warp.linear.shape != (*x.shape[:-3], 2, 2)
        or warp.shift.shape != (*x.shape[:-3], 2)
    ):
        raise InvalidValue(
            f"x must be [b, c, h, w] with one warp per image, got {list(x.shape)} for {list(warp.linear.shape)}."
        )
    _check_fill(fill)
    height, width = x.shape[-2:]
    back = warp.inverse()
    right, down = (_pixel_centers(side, x) for side in (width, height))
    # grid_sample counts in halves of the sides. These stay Python numbers: a CUDA graph cannot
    # capture a tensor made of them.
    columns = torch.stack([back.linear[..., 0, 0] * (2 / width), back.linear[..., 1, 0] * (2 / height)], -1)
    rows = torch.stack([back.linear[..., 0, 1] * (2 / width), back.linear[..., 1, 1] * (2 / height)], -1)
    shift = torch.stack([back.shift[..., 0] * (2 / width), back.shift[..., 1] * (2 / height)], -1)
    by_row = down[:, None] * rows[..., None, :] + shift[..., None, :]
    grid = by_row[..., None, :] + right[:, None] * columns[..., None, None, :]
    low, high = x.amin((-2, -1), keepdim=True), x.amax((-2, -1), keepdim=True)
    if isinstance(fill, str) and x.device.type == "mps":  # which lacks both paddings before torch 2.13
        moved = F.grid_sample(x, _inside(grid, fill, width, height), "bilinear", "zeros", align_corners=False)
    elif isinstance(fill, str):
        moved = F.grid_sample(x, grid, "bilinear", PADDING[fill], align_corners=False)
    else:
        moved = F.grid_sample(x - fill, grid, "bilinear", "zeros", align_corners=False) + fill
        low, high = low.clamp(max=fill), high.clamp(min=fill)
    # The weights of an interpolation sum to 1 only up to rounding.
    return _mirrored(x, warp, torch.minimum(torch.maximum(moved, low), high))


def _inside(grid: Tensor, fill: str, width: int, height: int) -> Tensor:
    """Move points outside the images to the points inside that have their value: [b, h, w, 2]."""
    if fill == "reflect":
        grid = 1 - ((grid + 1) % 4 - 2).abs()
    sides = zip(grid.unbind(-1), (width, height), strict=True)
    return torch.stack([part.clamp(1 / side - 1, 1 - 1 / side) for part, side in sides], -1)


def _check_fill(fill: object) -> None:
    if not isinstance(fill, str):
        checks.in_range("fill", fill, 0, 1)
    elif fill not in PADDING:
        raise InvalidValue(f"fill must be a gray value, 'edge' or 'reflect', got {checks.shown(fill)}.")


def _mirrored(x: Tensor, warp: Warp, otherwise: Tensor) -> Tensor:
    """Return images whose warp only swaps sides, or nothing, without interpolation."""
    (a, b), (c, d) = (row.unbind(-1) for row in warp.linear.unbind(-2))
    shift = (warp.shift == 0).all(-1)
    exact, across, down = (
        condition[..., None, None, None]
        for condition in ((a.abs() == 1) & (d.abs() == 1) & (b == 0) & (c == 0) & shift, a < 0, d < 0)
    )
    swapped = torch.where(across, x.flip(-1), x)
    return torch.where(exact, torch.where(down, swapped.flip(-2), swapped), otherwise)


def _pixel_centers(side: int, like: Tensor) -> Tensor:
    return torch.arange(side, device=like.device, dtype=like.dtype) + 0.5 * (1 - side)


@typed
def simple(*, flip: bool = False, jitter: bool = False, fill: Fill = "edge") -> Augment:
    """Return gentle transformations: ±15 degrees, ±5 % of a side, scale 0.9 to 1.1.

    Args:
        flip: Swap top and bottom of half of the images.
        jitter: Change brightness, contrast and hue.
        fill: Values outside the image.

    Returns:
        A function of images [b, c, h, w].

    Example:
        >>> simple().parts
        (Affine(rotation=15.0, translation=0.05, scale=(0.9, 1.1), shear=0.0),)

    References:
        Sinha & Dieng (2021), https://arxiv.org/abs/2105.14859, "simple" of the published code.
    """
    return _combine(SIMPLE, flip, jitter, fill)


@typed
def large(*, flip: bool = False, jitter: bool = False, fill: Fill = "edge") -> Augment:
    """Return strong transformations: ±30 degrees, ±10 % of a side, scale 0.75 to 1.25.

    Args:
        flip: Swap top and bottom of half of the images.
        jitter: Change brightness, contrast and hue.
        fill: Values outside the image.

    Returns:
        A function of images [b, c, h, w].

    References:
        Sinha & Dieng (2021), https://arxiv.org/abs/2105.14859, "large" of the published code.
    """
    return _combine(LARGE, flip, jitter, fill)


def _combine(warp: Affine, flip: bool, jitter: bool, fill: Fill) -> Augment:
    return Augment((*([Flip(0.0, 0.5)] if flip else []), warp, *([JITTER] if jitter else [])), fill)
