"""A network for point clouds: a graph of near points as encoder, a folded plane or sphere as decoder."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from vaelab._utils.errors import InvalidValue
from vaelab._utils.precision import without_autocast
from vaelab._utils.typed import typed
from vaelab.divergences.chamfer_distance import k_nearest
from vaelab.models.networks._mlp import check_sizes

Grid = Literal["plane", "sphere"]


@typed
def folding(
    shape: Sequence[int],
    latent: int,
    hidden: Sequence[int] = (32, 32, 64, 256),
    *,
    fold: int = 128,
    neighbors: int = 16,
    grid: Grid = "plane",
) -> tuple[nn.Module, nn.Module]:
    """Build the encoder and the decoder of FoldingNet with a variational head.

    Args:
        shape: (points, 3). The encoder takes any number of points above `neighbors`.
        latent: Number of latents.
        hidden: Widths of one or more dense layers, then of two graph layers, the last of which is
            pooled. The paper's are (64, 64, 64, 128, 1024), with a code of 512.
        fold: Width of the two hidden layers of each of both folds; 512 in the paper.
        neighbors: Near points of each point, itself included.
        grid: What is folded, a square or a sphere.

    Returns:
        Encoder [b, points, 3] -> [b, 2 latent], means, then log variances, which does not depend on
        the order of the points; decoder [b, latent] -> [b, points, 3].

    Raises:
        InvalidValue: For another shape, or too few points or layers.

    Example:
        >>> encoder, decoder = folding((32, 3), 2, hidden=(8, 8, 8), fold=8)
        >>> encoder(torch.randn(5, 32, 3)).shape, decoder(torch.zeros(5, 2)).shape
        (torch.Size([5, 4]), torch.Size([5, 32, 3]))

    References:
        Yang et al. (2018), https://arxiv.org/abs/1712.07262.
    """
    check_sizes(shape=shape, latent=latent, hidden=hidden, fold=fold, neighbors=neighbors)
    if len(shape) != 2 or shape[1] != 3:
        raise InvalidValue(f"shape must be (points, 3) for folding, got {tuple(shape)}.")
    if not 3 < neighbors < shape[0]:
        raise InvalidValue(f"neighbors must be from 4 to {shape[0] - 1}, below the points, got {neighbors}.")
    if len(hidden) < 3:
        raise InvalidValue(f"hidden must be three widths or more, got {tuple(hidden)}.")
    return GraphEncoder(latent, hidden, neighbors), FoldingDecoder(latent, shape[0], fold, grid)


class GraphEncoder(nn.Module):
    """Dense layers on each point with its local covariance, graph layers, and a maximum over all points.

    A graph layer takes the maximum of every feature over the near points, then a linear map. Near
    are those in space, in every layer. Batch normalization follows every linear layer but the last.

    Args:
        latent: Number of latents.
        hidden: As for `folding`.
        neighbors: As for `folding`.
    """

    def __init__(self, latent: int, hidden: Sequence[int], neighbors: int) -> None:
        super().__init__()
        self.neighbors = neighbors
        self.points = nn.Sequential(*(PointLayer(a, b) for a, b in pairwise([12, *hidden[:-2]])))
        self.graph = nn.ModuleList(PointLayer(a, b) for a, b in pairwise(hidden[-3:]))
        self.head = nn.Sequential(
            nn.Linear(hidden[-1], hidden[-1]), nn.BatchNorm1d(hidden[-1]), nn.ReLU(), nn.Linear(hidden[-1], 2 * latent)
        )

    def forward(self, x: Tensor) -> Tensor:
        index = k_nearest(x, x, self.neighbors)
        features = self.points(torch.cat([x, local_covariance(x, index)], -1))
        for layer in self.graph:
            features = layer(neighbor_max(features, index))
        out: Tensor = self.head(features.amax(1))
        return out


class PointLayer(nn.Module):
    """A linear map of the features of every point, batch normalization and ReLU: [b, n, a] -> [b, n, c].

    Args:
        inputs, outputs: Numbers of features.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        normal = self.norm(self.linear(x).flatten(0, 1))
        return torch.relu(normal).unflatten(0, x.shape[:2])


@without_autocast
def local_covariance(x: Tensor, index: Tensor) -> Tensor:
    """Compute the covariance of the near points of every point.

    Args:
        x: Points [b, n, 3].
        index: Near points [b, n, k].

    Returns:
        The nine entries of 1/k Σ (p - mean)(p - mean)ᵀ, [b, n, 9].
    """
    near = gather_points(x, index)
    near = near - near.mean(2, keepdim=True)
    return (near.transpose(2, 3) @ near / index.shape[2]).flatten(2)


def gather_points(x: Tensor, index: Tensor) -> Tensor:
    """Return the features [b, n, c] of the points with the indices [b, m, k]: [b, m, k, c]."""
    flat = index.flatten(1)[..., None].expand(-1, -1, x.shape[2])
    return x.gather(1, flat).unflatten(1, index.shape[1:])


def neighbor_max(x: Tensor, index: Tensor) -> Tensor:
    """Return the maximum of every feature [b, n, c] over the near points [b, m, k]: [b, m, c]."""
    rows, base = x.flatten(0, 1), x.shape[1] * torch.arange(len(x), device=x.device)
    with torch.no_grad():  # which point has it is all that the gradient needs, at a k-th of the memory and time
        near = (index + base[:, None, None]).flatten(0, 1).int()  # half the memory traffic of 64 bits
        source = near[:, :1].expand(-1, x.shape[2])
        best = rows[near[:, 0]]
        for i in near.unbind(1)[1:]:
            other = rows[i]
            source, best = torch.where(other > best, i[:, None], source), torch.maximum(best, other)
    return rows.gather(0, source.long()).unflatten(0, index.shape[:2])


class FoldingDecoder(nn.Module):
    """Two folds of a grid: each maps the code and a point, of the grid or of the first fold, to space.

    Args:
        latent: Number of latents.
        points: Number of points.
        width: Width of the hidden layers.
        grid: "plane" or "sphere".
    """

    grid: Tensor

    def __init__(self, latent: int, points: int, width: int, grid: Grid) -> None:
        super().__init__()
        self.register_buffer("grid", plane(points) if grid == "plane" else sphere(points))
        self.first, self.second = Fold(latent, self.grid.shape[1], width), Fold(latent, 3, width)

    def forward(self, z: Tensor) -> Tensor:
        out: Tensor = self.second(z, self.first(z, self.grid.expand(len(z), -1, -1)))
        return out

    def steps(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the grid and the points after each fold: [b, points, 2 or 3], twice [b, points, 3]."""
        grid = self.grid.expand(len(z), -1, -1)
        first = self.first(z, grid)
        return grid, first, self.second(z, first)


class Fold(nn.Module):
    """Dense layers of [z, point] with ReLU: z [b, latent] and points [b, n, d] -> [b, n, 3].

    Args:
        latent, inputs, width: Numbers of latents, of coordinates and of hidden units.
    """

    def __init__(self, latent: int, inputs: int, width: int) -> None:
        super().__init__()
        # The first layer in two parts, since the code is the same for all points of a cloud.
        self.code, self.place = nn.Linear(latent, width), nn.Linear(inputs, width, bias=False)
        self.rest = nn.Sequential(nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 3))

    def forward(self, z: Tensor, points: Tensor) -> Tensor:
        out: Tensor = self.rest(self.code(z)[:, None] + self.place(points))
        return out


def plane(points: int) -> Tensor:
    """Return points on the square [-1, 1]² in rows, as nearly as possible of equal length: [points, 2].

    Example:
        >>> plane(4).tolist()
        [[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]]
    """
    rows = max(round(math.sqrt(points)), 1)
    ends = [points * i // rows for i in range(rows + 1)]
    heights = torch.linspace(-1, 1, rows) if rows > 1 else torch.zeros(1)
    parts = []
    for (first, end), y in zip(pairwise(ends), heights, strict=True):
        x = torch.linspace(-1, 1, end - first)
        parts.append(torch.stack([x, y.expand_as(x)], 1))
    return torch.cat(parts)


def sphere(points: int) -> Tensor:
    """Return points spread evenly on the unit sphere, along a spiral: [points, 3]."""
    i = torch.arange(points, dtype=torch.float64) + 0.5
    height, angle = 1 - 2 * i / points, math.pi * (1 + math.sqrt(5)) * i
    radius = (1 - height.square()).sqrt()
    return torch.stack([radius * angle.cos(), radius * angle.sin(), height], 1).float()
