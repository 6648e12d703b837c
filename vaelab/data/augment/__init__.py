"""Random transformations of a batch of images, one per image, where the images lie: all warps in one `grid_sample`.

    views = Augment((Flip(), Affine(rotation=15, scale=(0.9, 1.1)), Jitter(contrast=0.5)))
    y = views(x)                                  # x, y: [b, c, h, w] in [0, 1]

Nothing is learned and nothing branches on a tensor: it traces into the graph of a training step, and under vmap every
member draws its own (randomness="different").
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from vaelab._utils import rng
from vaelab._utils.domain import Domain, require_unit
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.data.augment.color import Jitter
from vaelab.data.augment.geometric import Affine, Crop, Flip, Warp, affine, inside

__all__ = [
    "Affine",
    "Augment",
    "Crop",
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
Interpolation = Literal["bilinear", "nearest"]
PADDING = {"edge": "border", "reflect": "reflection"}
SIMPLE = Affine(15.0, 0.05, (0.9, 1.1))
LARGE = Affine(30.0, 0.1, (0.75, 1.25))
JITTER = Jitter(brightness=0.2, contrast=0.5, hue=0.2)


@dataclass(frozen=True)
class Augment:
    """Its parts one after the other: first all that move pixels, as one warp, then all that change colors.

    fill: what lies outside the image: a gray value in [0, 1], or "edge" or "reflect" to go on with it.

    Raises InvalidType for anything but `Affine`, `Flip`, `Crop` and `Jitter`, and with InvalidValue for a fill that
    cannot be.
    """

    parts: tuple[Affine | Flip | Crop | Jitter, ...]
    interpolation: Interpolation = "bilinear"
    fill: Fill = "edge"

    def __post_init__(self) -> None:
        if not isinstance(self.parts, tuple | list):
            raise InvalidType(f"parts must be a tuple of transformations, got {self.parts!r}; a single one is (part,).")
        for part in self.parts:
            if not isinstance(part, Affine | Flip | Crop | Jitter):
                raise InvalidType(f"{part!r} is no transformation; use Affine, Flip, Crop or Jitter.")
        if not isinstance(self.fill, str):
            inside("fill", self.fill, 0, 1)
        elif self.fill not in PADDING:
            raise InvalidValue(f"fill must be a gray value, 'edge' or 'reflect', got {self.fill!r}; choose one.")
        if self.interpolation not in ("bilinear", "nearest"):
            raise InvalidValue(f"interpolation must be bilinear or nearest, got {self.interpolation!r}; choose one.")

    @torch.no_grad()
    def __call__(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Images [b, c, h, w] in [0, 1], each transformed in its own way.

        generator: where the draws come from; otherwise from `vaelab._utils.rng`, as everything in a training.
        """
        if x.dim() != 4 or not x.is_floating_point():
            raise InvalidType(f"images must be floats [b, c, h, w], got {x.dtype} {tuple(x.shape)}; see pixels.unit.")

        def draw() -> Tensor:
            return rng.uniform(len(x), x, generator)

        size = (x.shape[2], x.shape[3])
        warps = [part.warp(draw, size) for part in self.parts if not isinstance(part, Jitter)]
        if warps:
            whole = warps[0]
            for warp in warps[1:]:
                whole = warp.after(whole)
            x = resample(x, whole, self.interpolation, self.fill)
        for part in self.parts:
            if isinstance(part, Jitter):
                x = part.color(x, draw)
        return x


def check_domain(name: str, transformation: object, domain: Domain) -> None:
    """Raise InvalidValue where an `Augment`, the option `name`, would meet data outside [0, 1].

    Functions of one's own are taken as they are: they may be for any data.
    """
    if isinstance(transformation, Augment):
        require_unit(f"{name}=Augment(...)", domain)


def resample(x: Tensor, warp: Warp, interpolation: Interpolation = "bilinear", fill: Fill = "edge") -> Tensor:
    """Images [b, c, h, w] with their contents moved by the warps: the same shape."""
    height, width = x.shape[-2:]
    back = warp.inverse()
    right, down = (_middles(side, x) for side in (width, height))
    # grid_sample counts in halves of the sides; numbers stay numbers, as a CUDA graph allows no tensor made of them
    columns = torch.stack([back.linear[..., 0, 0] * (2 / width), back.linear[..., 1, 0] * (2 / height)], -1)
    rows = torch.stack([back.linear[..., 0, 1] * (2 / width), back.linear[..., 1, 1] * (2 / height)], -1)
    shift = torch.stack([back.shift[..., 0] * (2 / width), back.shift[..., 1] * (2 / height)], -1)
    by_row = down[:, None] * rows[..., None, :] + shift[..., None, :]
    grid = by_row[..., None, :] + right[:, None] * columns[..., None, None, :]
    if isinstance(fill, str):
        return F.grid_sample(x, grid, interpolation, PADDING[fill], align_corners=False)
    return F.grid_sample(x - fill, grid, interpolation, "zeros", align_corners=False) + fill


def _middles(side: int, like: Tensor) -> Tensor:
    """The pixels' middles along a side, in pixels from the image's: [side]."""
    return torch.arange(side, device=like.device, dtype=like.dtype) + 0.5 * (1 - side)


def simple(*, flip: bool = False, jitter: bool = False, fill: Fill = "edge", published: bool = False) -> Augment:
    """ "simple" of the published code: ±15°, ±5 % of a side, scale 0.9 to 1.1.

    flip: upside down, in half of the cases; jitter: brightness 0.2, contrast 0.5, hue 0.2.  Neither is safe for labels
    of every kind.  published: nearest pixels, black outside and shifts of whole pixels, as there.
    Source: Sinha & Dieng 2021, published code.
    """
    return _named(SIMPLE, flip, jitter, fill, published)


def large(*, flip: bool = False, jitter: bool = False, fill: Fill = "edge", published: bool = False) -> Augment:
    """ "large" of the published code: ±30°, ±10 % of a side, scale 0.75 to 1.25; options as for `simple`."""
    return _named(LARGE, flip, jitter, fill, published)


def _named(warp: Affine, flip: bool, jitter: bool, fill: Fill, published: bool) -> Augment:
    if published and fill != "edge":
        raise InvalidValue(f"published=True is black outside, got fill={fill!r} too; leave one of them out.")
    warp = Affine(warp.rotation, warp.translation, warp.scale, whole_pixels=published)
    before, after = [Flip(0.0, 0.5)] if flip else [], [JITTER] if jitter else []
    parts: tuple[Affine | Flip | Jitter, ...] = (*before, warp, *after)
    return Augment(parts, "nearest", 0.0) if published else Augment(parts, fill=fill)
