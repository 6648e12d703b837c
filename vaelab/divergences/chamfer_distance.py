"""The Chamfer distance of two point clouds: from every point to the nearest one of the other cloud.

Which points are nearest is found without gradients, in chunks, and the distances are then computed
from these pairs alone. Value and gradient are those of all pairwise distances, but nothing of the
size of both clouds is stored.
"""

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab._utils.precision import without_autocast
from vaelab._utils.typed import typed

Reduction = Literal["sum", "max", "mean"]
CHUNK = 2**19  # distances at a time, so that they stay in the processor's cache


@typed
def chamfer(a: Tensor, b: Tensor, squared: bool = True, reduce: Reduction = "sum") -> Tensor:
    """Compute the Chamfer distance of each pair of point clouds.

    With d(a, b) = mean over points of a of the distance, or squared distance, to the nearest of b:

        reduce="sum"    d(a, b) + d(b, a)        squared: "CD-L2" of completion papers; times n, for
                                                 equal counts n, the sums of Fan et al. (2017)
        reduce="max"    max of both              not squared: FoldingNet, Yang et al. (2018), eq. 1
        reduce="mean"   half of their sum        not squared: "Chamfer-L1", Mescheder et al. (2019)

    It is not a metric, and it has a floor: two samples of one surface are not at distance 0, so
    compare values at equal numbers of points only. In float32 a pair may be taken whose squared
    distance exceeds that of the nearest by some 1e-7 of the square of the cloud's extent.

    Args:
        a: Clouds [b, n, d].
        b: Clouds [b, m, d].
        squared: Whether to take squared distances.
        reduce: How to join both directions.

    Returns:
        [b], squared units of length, or units of length. It does not depend on the order of the
        points. Where a point has two nearest ones the gradient is that of one of them.

    Raises:
        InvalidType, InvalidValue: For other shapes, values or reductions.

    Example:
        >>> a, b = torch.zeros(1, 2, 3), torch.tensor([[[0.0, 0.0, 0.0], [0.0, 0.0, 2.0]]])
        >>> chamfer(a, b).item(), chamfer(a, b, squared=False, reduce="max").item()
        (2.0, 1.0)

    References:
        Fan et al. (2017), https://arxiv.org/abs/1612.00603; Yang et al. (2018),
        https://arxiv.org/abs/1712.07262; Mescheder et al. (2019), https://arxiv.org/abs/1812.03828.
    """
    for name, cloud in (("a", a), ("b", b)):
        if checks.float_tensor(name, cloud).dim() != 3 or not cloud.numel():
            raise InvalidValue(f"{name} must be clouds [b, n, d], got {list(cloud.shape)}.")
    if len(a) != len(b) or a.shape[2] != b.shape[2]:
        raise InvalidValue(f"b must be {len(a)} clouds in {a.shape[2]} dimensions like a, got {list(b.shape)}.")
    a, b = (cloud.float() if cloud.dtype.itemsize < 4 else cloud for cloud in (a, b))
    return chamfer_of(a, b, squared, reduce)


@without_autocast
def chamfer_of(a: Tensor, b: Tensor, squared: bool = True, reduce: Reduction = "sum") -> Tensor:
    """Compute `chamfer` without its checks, as a training step does."""
    dtype = torch.promote_types(a.dtype, b.dtype)
    a, b = a.to(dtype), b.to(dtype)
    to_b, to_a = nearest(a, b), nearest(b, a)
    there, back = _mean_distance(a, _take(b, to_b), squared), _mean_distance(b, _take(a, to_a), squared)
    if reduce == "max":
        return torch.maximum(there, back)
    return there + back if reduce == "sum" else (there + back) / 2


@torch.no_grad()
def nearest(a: Tensor, b: Tensor) -> Tensor:
    """Return the index of the nearest point of b [b, m, d] for every point of a [b, n, d]: [b, n]."""
    # Written in place: small results between large tables would keep the memory of all tables.
    index = torch.empty_like(a[..., 0], dtype=torch.int64)
    for pairs, rows, table in _tables(a, b):
        index[pairs, rows] = table.argmin(-1)
    return index


@without_autocast
@torch.no_grad()
def k_nearest(a: Tensor, b: Tensor, k: int) -> Tensor:
    """Return the indices of the k nearest points of b [b, m, d] for every point of a [b, n, d]: [b, n, k]."""
    index = torch.empty_like(a[..., :1].expand(*a.shape[:-1], k), dtype=torch.int64)
    for pairs, rows, table in _tables(a, b):
        index[pairs, rows] = table.topk(k, largest=False).indices
    return index


def _tables(a: Tensor, b: Tensor) -> Iterator[tuple[slice, slice, Tensor]]:
    """Yield slices of clouds and of points of a, with their squared distances to b, less |a|²."""
    n, m = a.shape[1], b.shape[1]
    # About the middle of the cloud, since products of large coordinates lose their digits.
    center = b.mean(1, keepdim=True)
    a, b = a - center, b - center
    pairs, rows = max(CHUNK // (n * m), 1), min(max(CHUNK // m, 1), n)
    for first in range(0, len(a), pairs):
        some = slice(first, first + pairs)
        for row in range(0, n, rows):
            part = slice(row, row + rows)
            yield some, part, _table(a[some, part], b[some])


def _table(a: Tensor, b: Tensor) -> Tensor:
    """Return the squared distances less |a|², or the distances: [b, n, m]."""
    if a.device.type != "cpu":  # where products of float32 may have the three digits of TF32
        return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
    features = torch.cat([a, torch.ones_like(a[..., :1])], -1)
    return features @ torch.cat([-2 * b, b.square().sum(-1, keepdim=True)], -1).transpose(1, 2)


def _take(b: Tensor, index: Tensor) -> Tensor:
    """Return the points of b [b, m, d] with the indices [b, n]: [b, n, d]."""
    return b.gather(1, index[..., None].expand(-1, -1, b.shape[2]))


def _mean_distance(a: Tensor, b: Tensor, squared: bool) -> Tensor:
    difference = a - b
    # The norm has the gradient 0 for points that coincide, where that of a root would be nan.
    each = difference.square().sum(-1) if squared else torch.linalg.vector_norm(difference, dim=-1)
    return each.mean(1)
