"""dSprites, rendered: 737,280 white shapes on black, from six latent factors.

The geometry was fitted to 254 frames of the authors' animated preview and reproduces each of them
exactly. A pixel is set if its center is inside the outline. Corners are rounded to 1/256 pixel, as
a graphics card does, and all arithmetic after that is in integers, so that every machine draws the
same images. Positions inside the grid and small rotated shapes are extrapolated: hence the name
dsprites-rendered.

References:
    Matthey et al. (2017), https://github.com/google-deepmind/dsprites-dataset.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vaelab._utils.errors import InvalidType, InvalidValue

SIZES = (1, 3, 6, 40, 32, 32)  # color, shape, scale, orientation, x, y; the last varies fastest
COUNT = 737_280
SHAPES = ("square", "ellipse", "heart")
SIDE = 64
UNIT = 256  # subpixels in a pixel
CHUNK = 4096  # images rendered at a time, to limit memory

Ints = NDArray[np.int64]


def latents(indices: ArrayLike) -> Ints:
    """Return the latent classes of images by their index.

    Args:
        indices: Integers from 0 to 737,279, [n].

    Returns:
        Color, shape, scale, orientation, x and y, [n, 6].

    Example:
        >>> latents([0, 737_279]).tolist()
        [[0, 0, 0, 0, 0, 0], [0, 2, 5, 39, 31, 31]]
    """
    index = np.asarray(indices)
    if index.ndim != 1 or (index.size and index.dtype.kind not in "iu"):
        raise InvalidType(f"indices must be integers [n], got {index.dtype} {list(index.shape)}.")
    wrong = index[(index < 0) | (index >= COUNT)]
    if wrong.size:
        raise InvalidValue(f"indices must be from 0 to {COUNT - 1}, got {wrong[0]}.")
    return np.stack(np.unravel_index(index.astype(np.int64), SIZES), axis=1)


def render(indices: ArrayLike) -> NDArray[np.uint8]:
    """Render images by their index.

    Args:
        indices: As for `latents`.

    Returns:
        [n, 64, 64] with the values 0 and 1, as in the original file.

    Example:
        >>> int(render([0]).sum())
        100
    """
    classes = latents(indices)
    images = np.empty((len(classes), SIDE, SIDE), np.uint8)
    for shape in range(len(SHAPES)):
        members = np.flatnonzero(classes[:, 1] == shape)
        for start in range(0, len(members), CHUNK):
            chunk = members[start : start + CHUNK]
            images[chunk] = _fill(_corners(_outline(shape), classes[chunk]))
    return images


def _outline(shape: int) -> NDArray[np.float64]:
    """Return the corners [k, 2] of an unrotated shape, in pixels from the center, y downward."""
    if shape == 0:
        return 9.6 * np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    t = np.linspace(0, 2 * np.pi, 64 if shape == 1 else 150, endpoint=False)
    if shape == 1:
        return np.stack([12.78 * np.cos(t), 7.22 * np.sin(t)], axis=1)
    height = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([9.5995 * np.sin(t) ** 3, -0.66215 * height - 1.438], axis=1)


def _corners(outline: NDArray[np.float64], classes: Ints) -> tuple[Ints, Ints]:
    """Scale, rotate and shift an outline [k, 2] per image: x and y, each [n, k], in subpixels."""
    _, _, scale, orientation, x, y = classes.T
    size = np.linspace(0.5, 1, SIZES[2])[scale]
    angle = np.linspace(0, 2 * np.pi, SIZES[3])[orientation]  # the last repeats the first
    grid = np.linspace(16, 48, SIZES[4])
    cos, sin = (size * np.cos(angle))[:, None], (size * np.sin(angle))[:, None]
    u, v = outline.T
    return _subpixels(cos * u + sin * v + grid[x, None]), _subpixels(cos * v - sin * u + grid[y, None])


def _subpixels(pixels: NDArray[np.float64]) -> Ints:
    return np.rint(UNIT * pixels).astype(np.int64)


def _fill(corners: tuple[Ints, Ints]) -> NDArray[np.uint8]:
    """Fill closed polygons [n, k] by the even-odd rule: images [n, 64, 64].

    Each edge flips every pixel to the right of it in the rows whose center line it crosses.
    """
    x, y = corners
    n, k = x.shape
    down = y <= np.roll(y, -1, axis=1)
    ends: Any = [(a, np.roll(a, -1, axis=1)) for a in (x, y)]
    (x0, x1), (y0, y1) = ((np.where(down, a, b).ravel(), np.where(down, b, a).ravel()) for a, b in ends)

    first, stop = -((UNIT // 2 - y0) // UNIT), -((UNIT // 2 - y1) // UNIT)
    crossings = stop - first
    edge = np.repeat(np.arange(n * k), crossings)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(crossings) - crossings - first, crossings)
    rise, run = (y1 - y0)[edge], (x1 - x0)[edge]
    along = UNIT * row + UNIT // 2 - y0[edge]
    column = -(((UNIT // 2 - x0[edge]) * rise - along * run) // (UNIT * rise))

    flips = np.zeros((n, SIDE, SIDE), np.uint8)
    np.bitwise_xor.at(flips, (edge // k, row, column), 1)
    return np.bitwise_xor.accumulate(flips, axis=2)
