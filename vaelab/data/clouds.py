"""Point clouds: surfaces as points, their scale, and subsets that cover them evenly."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaelab._utils import checks
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab._utils.typed import typed
from vaelab.data.meshes import Mesh, read_off, sample_mesh

__all__ = ["Mesh", "farthest_points", "read_off", "sample_mesh", "unit_ball"]


@typed
def unit_ball(clouds: NDArray[Any]) -> NDArray[Any]:
    """Move and scale clouds so that their mean is the origin and their farthest point is at distance 1.

    Args:
        clouds: [..., n, d], finite floats.

    Returns:
        The same shape; a cloud whose points coincide becomes zeros.

    Raises:
        InvalidType, InvalidValue: For others.

    Example:
        >>> unit_ball(np.array([[0.0, 0.0], [4.0, 0.0]])).tolist()
        [[-1.0, 0.0], [1.0, 0.0]]
    """
    centered = _floats(clouds) - clouds.mean(-2, keepdims=True)
    radius = np.linalg.norm(centered, axis=-1).max(-1)[..., None, None]
    result: NDArray[Any] = centered / np.where(radius > 0, radius, 1)
    return result


@typed
def farthest_points(cloud: NDArray[Any], k: int, first: int = 0) -> NDArray[np.int64]:
    """Choose points one by one, each the farthest from those before: an even subset of a cloud.

    Args:
        cloud: [n, d], finite floats.
        k: Number of points.
        first: Index of the first.

    Returns:
        Indices [k], in the order of the choice.

    Raises:
        InvalidType, InvalidValue: For others, or k above n.

    Example:
        >>> farthest_points(np.array([[0.0], [1.0], [5.0], [2.0]]), 3).tolist()
        [0, 2, 3]

    References:
        Eldar et al. (1997), doi:10.1109/83.623193.
    """
    if _floats(cloud).ndim != 2:
        raise InvalidValue(f"cloud must be [n, d], got {cloud.shape}.")
    for name, value, low, high in (("k", k, 1, len(cloud)), ("first", first, 0, len(cloud) - 1)):
        if not low <= checks.integer(name, value) <= high:
            raise InvalidValue(f"{name} must be from {low} to {high} for {len(cloud)} points, got {value}.")
    chosen = np.empty(k, np.int64)
    gap = np.full(len(cloud), np.inf)
    for i in range(k):
        chosen[i] = first if i == 0 else int(gap.argmax())
        gap = np.minimum(gap, np.square(cloud - cloud[chosen[i]]).sum(1))
    return chosen


def _floats(clouds: NDArray[Any]) -> NDArray[Any]:
    masked = isinstance(clouds, np.ma.MaskedArray)
    if not isinstance(clouds, np.ndarray) or masked or clouds.dtype.kind != "f":
        raise InvalidType(f"clouds must be an array of floats, got {checks.shown(clouds)}.")
    if clouds.ndim < 2 or not clouds.size:
        raise InvalidValue(f"clouds must be [..., n, d] with at least one point, got {clouds.shape}.")
    if not np.isfinite(clouds).all():
        raise InvalidValue(f"clouds must be finite, got {clouds[~np.isfinite(clouds)][0]}.")
    return clouds
