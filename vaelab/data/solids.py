"""`solids`: point clouds of eight deformed solids, drawn by vaelab, so that no download is needed.

Each shape is a mesh with random proportions. It is stretched along the axes, tapered and twisted,
and points are drawn from its surface by area; they are moved into the unit ball and get normal
noise. The third axis points up, and shapes are upright.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vaelab.data.clouds import unit_ball
from vaelab.data.meshes import Floats, Ints, Mesh, draw_points

NAMES = ("sphere", "cube", "torus", "cone", "cylinder", "pyramid", "ring", "helix")
STRETCH, TAPER, TWIST, NOISE = 0.25, 0.2, 0.3, 0.01  # largest ln of a scale, change of width, radians; sigma
Uniform = Callable[[float, float], float]


def draw_solids(n: int, points: int, seed: int) -> tuple[NDArray[np.float32], Ints]:
    """Draw clouds of solids.

    Args:
        n: Number of clouds, as nearly as possible the same of every class.
        points: Points of a cloud.
        seed: Equal seeds give equal clouds; the first ones do not depend on n.

    Returns:
        Clouds [n, points, 3] and classes [n], which follow one another.

    Example:
        >>> clouds, labels = draw_solids(8, 32, seed=0)
        >>> clouds.shape, labels.tolist()
        ((8, 32, 3), [0, 1, 2, 3, 4, 5, 6, 7])
    """
    random = np.random.RandomState(seed)
    labels = np.arange(n) % len(NAMES)
    clouds = np.empty((n, points, 3), np.float32)
    for i, label in enumerate(labels):
        mesh = deform(SHAPES[NAMES[label]](random.uniform), random.uniform)
        cloud = unit_ball(draw_points(mesh, points, random))
        clouds[i] = cloud + NOISE * random.standard_normal(cloud.shape)
    return clouds, labels


def deform(mesh: Mesh, uniform: Uniform) -> Mesh:
    """Stretch a mesh along the axes, taper it along the third, and twist it about the third."""
    scale = np.exp([uniform(-STRETCH, STRETCH) for _ in range(3)])
    taper, twist = uniform(-TAPER, TAPER), uniform(-TWIST, TWIST)
    x, y, z = (mesh.vertices * scale).T
    width = 1 + taper * z
    cos, sin = np.cos(twist * z), np.sin(twist * z)
    return Mesh(np.stack([width * (cos * x - sin * y), width * (sin * x + cos * y), z], 1), mesh.faces)


def sphere(uniform: Uniform) -> Mesh:
    angle = np.linspace(0, np.pi, 17)
    return revolve(np.sin(angle), np.cos(angle))


def cube(uniform: Uniform) -> Mesh:
    return prism(np.full(2, np.sqrt(2)), np.array([-1.0, 1.0]), sides=4)


def cone(uniform: Uniform) -> Mesh:
    return prism(np.array([1.0, 0.0]), _heights(uniform), sides=32)


def cylinder(uniform: Uniform) -> Mesh:
    return prism(np.array([1.0, 1.0]), _heights(uniform), sides=32)


def pyramid(uniform: Uniform) -> Mesh:
    return prism(np.array([np.sqrt(2), 0.0]), _heights(uniform), sides=4)


def torus(uniform: Uniform) -> Mesh:
    tube, angle = uniform(0.25, 0.45), np.linspace(0, 2 * np.pi, 17)
    return revolve(1 + tube * np.cos(angle), tube * np.sin(angle), sides=32)


def ring(uniform: Uniform) -> Mesh:
    """Return a washer: a flat ring with a rectangular cross section."""
    inner, half = uniform(0.55, 0.8), uniform(0.05, 0.15)
    radius = np.array([1, 1, inner, inner, 1])
    return revolve(radius, half * np.array([-1, 1, 1, -1, -1]), sides=32)


def helix(uniform: Uniform) -> Mesh:
    """Return a tube along a spiral."""
    turns, half, tube = uniform(1.8, 3.0), uniform(0.8, 1.3), uniform(0.12, 0.2)
    t, angle = np.linspace(0, 1, 65)[:, None], np.linspace(0, 2 * np.pi, 9)
    phi, radius = 2 * np.pi * turns * t, 1 + tube * np.cos(angle)
    z = half * (2 * t - 1) + tube * np.sin(angle)
    return grid_mesh(np.stack([radius * np.cos(phi), radius * np.sin(phi), z], -1))


SHAPES: dict[str, Callable[[Uniform], Mesh]] = {name: globals()[name] for name in NAMES}


def _heights(uniform: Uniform) -> Floats:
    return uniform(0.8, 1.4) * np.array([-1.0, 1.0])


def prism(radius: Floats, height: Floats, sides: int) -> Mesh:
    """Return a surface between two regular polygons, with its two ends; a radius of 0 is a tip."""
    corners = np.arange(4)
    between = np.linspace(0, 3, 19)  # divided, so that taper and twist bend the surface
    profile = np.interp(between, corners, [0, *radius, 0]), np.interp(between, corners, np.repeat(height, 2))
    return revolve(*profile, sides)


def revolve(radius: Floats, height: Floats, sides: int = 32) -> Mesh:
    """Return the surface that a curve (radius, height), each [k], makes around the third axis."""
    angle = 2 * np.pi * (np.arange(sides + 1) + 0.5) / sides
    x, y = radius[:, None] * np.cos(angle), radius[:, None] * np.sin(angle)
    return grid_mesh(np.stack([x, y, np.broadcast_to(height[:, None], x.shape)], -1))


def grid_mesh(points: Floats) -> Mesh:
    """Return the surface of a grid of points [rows, columns, 3], two triangles for each of its cells."""
    rows, columns = points.shape[:2]
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).reshape(-1, 1)
    faces = np.concatenate([corner + [0, 1, columns + 1], corner + [0, columns + 1, columns]])
    return Mesh(points.reshape(-1, 3).astype(np.float64), faces)
