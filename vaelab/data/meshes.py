"""Triangle meshes: the text formats OFF and OBJ, and points drawn from a surface by area."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vaelab._utils import checks
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab._utils.files import user_path
from vaelab._utils.reading import printable, reading
from vaelab._utils.typed import typed

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Mesh(NamedTuple):
    """A surface of triangles.

    Args:
        vertices: Coordinates [v, 3].
        faces: Indices of the vertices of each triangle, [f, 3].
    """

    vertices: Floats
    faces: Ints


@typed
def read_off(path: Path | str) -> Mesh:
    """Read a mesh in the format OFF; faces with more than three corners are cut into triangles.

    The counts may stand on the line of the word OFF, as in some files of ModelNet40. Comments and
    colors of faces are skipped.

    Args:
        path: The file.

    Returns:
        The mesh.

    Raises:
        DataError: For a file that is no OFF of plain vertices, or has another number of lines, a
            face with fewer than three corners or with an unknown one, or a coordinate that is not
            finite.
        StorageError: If the file cannot be read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "square.off"
        ...     _ = path.write_text("OFF 4 1 0\\n0 0 0\\n1 0 0\\n1 1 0\\n0 1 0\\n4 0 1 2 3\\n")
        ...     read_off(path).faces.tolist()
        [[0, 1, 2], [0, 2, 3]]

    References:
        https://people.sc.fsu.edu/~jburkardt/data/off/off.html.
    """
    path = user_path(path)
    with reading(path):
        return parse_off(path.read_text(encoding="utf-8", errors="replace"))


def parse_off(text: str) -> Mesh:
    """Return the mesh of the text of an OFF file; raise ValueError with what is wrong with it."""
    stripped = (line.partition("#")[0].split() for line in text.splitlines())
    lines = [tokens for tokens in stripped if tokens]
    word = lines[0][0] if lines else ""
    if word[:3].upper() != "OFF" or (len(lines[0]) > 1 and lines[0][1].upper() == "BINARY"):
        raise ValueError(f"it must begin with OFF and be a text, but begins with {printable(word[:20])!r}")
    # Either the word alone, or with the counts behind it, with or without a space.
    counts = [word[3:], *lines[0][1:]] if word[3:] else lines[0][1:]
    body = lines[1:]
    if not counts and body:
        counts, body = body[0], body[1:]
    if len(counts) not in (2, 3) or not all(token.isascii() and token.isdigit() for token in counts):
        raise ValueError(f"its counts must be whole numbers of vertices, faces and edges, but are {_shown(counts)}")
    v, f = int(counts[0]), int(counts[1])
    if len(body) != v + f:
        raise ValueError(f"it must have {v} vertices and {f} faces, a line each, but has {len(body)} lines after them")
    return Mesh(_coordinates(body[:v]), _triangles([_corners(tokens) for tokens in body[v:]], v))


def parse_obj(text: str) -> Mesh:
    """Return the mesh of the text of an OBJ file: its lines v and f, without textures and normals."""
    vertices: list[list[str]] = []
    faces: list[list[int]] = []
    for line in text.splitlines():
        tokens = line.partition("#")[0].split()
        if tokens[:1] == ["v"]:
            vertices.append(tokens[1:4])
        elif tokens[:1] == ["f"]:
            corners = [int(token.partition("/")[0]) for token in tokens[1:]]  # from 1, or from the end
            faces.append([k - 1 if k > 0 else len(vertices) + k for k in corners])
    return Mesh(_coordinates(vertices), _triangles(faces, len(vertices)))


def _coordinates(lines: list[list[str]]) -> Floats:
    for tokens in lines:
        if len(tokens) != 3:
            raise ValueError(f"a vertex must have three coordinates, but one is {_shown(tokens)}")
    vertices = np.array(lines, np.float64).reshape(-1, 3)
    finite = np.isfinite(vertices).all(1)
    if not finite.all():
        raise ValueError(f"its coordinates must be finite, but a vertex is {_shown(lines[int(np.argmin(finite))])}")
    return vertices


def _corners(tokens: list[str]) -> list[int]:
    """Return the vertices of a face: their number, they, and perhaps a color."""
    n = int(tokens[0])
    if n < 3 or len(tokens) <= n:
        raise ValueError(f"a face must have at least three corners and list them all, but one is {_shown(tokens)}")
    return [int(token) for token in tokens[1 : n + 1]]


def _triangles(faces: list[list[int]], vertices: int) -> Ints:
    """Cut each face into triangles that share its first corner."""
    fans = [(face[0], face[i], face[i + 1]) for face in faces for i in range(1, len(face) - 1)]
    triangles = np.array(fans, np.int64).reshape(-1, 3)
    unknown = triangles[(triangles < 0) | (triangles >= vertices)]
    if unknown.size:
        raise ValueError(f"its faces must name vertices from 0 to {vertices - 1}, but one names {unknown[0]}")
    return triangles


def _shown(tokens: list[str]) -> str:
    return repr(printable(" ".join(tokens)[:40]))


@typed
def sample_mesh(mesh: Mesh, n: int, seed: int = 0) -> Floats:
    """Draw points from the surface of a mesh, uniform by area.

    Args:
        mesh: The surface.
        n: Number of points.
        seed: Equal seeds give equal points, with every version of NumPy.

    Returns:
        Points [n, 3].

    Raises:
        InvalidType, InvalidValue: For other values, or a mesh without area.

    Example:
        >>> square = Mesh(np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]), np.array([[0, 1, 2], [0, 2, 3]]))
        >>> sample_mesh(square, 5).shape
        (5, 3)
    """
    _check_mesh(mesh)
    n, seed = checks.positive_int("n", n), checks.seed(seed)
    return draw_points(mesh, n, np.random.RandomState(seed))


def draw_points(mesh: Mesh, n: int, random: np.random.RandomState) -> Floats:
    """Draw points [n, 3] from a checked mesh, uniform by area."""
    corners = mesh.vertices[mesh.faces]
    u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    # Twice the areas; np.cross takes three times as long.
    normal = u[:, [1, 2, 0]] * v[:, [2, 0, 1]] - u[:, [2, 0, 1]] * v[:, [1, 2, 0]]
    total = np.cumsum(np.sqrt(np.square(normal).sum(1)))
    if not len(total) or not total[-1] > 0:
        raise InvalidValue("mesh must have a face with an area above 0, got none.")
    a, b, where = random.uniform(size=(3, n))
    face = np.searchsorted(total, where * total[-1], side="right").clip(max=len(total) - 1)
    # A point of the parallelogram, turned back into the triangle.
    outside = a + b > 1
    a, b = np.where(outside, 1 - a, a)[:, None], np.where(outside, 1 - b, b)[:, None]
    return corners[face, 0] + a * u[face] + b * v[face]


def _check_mesh(mesh: Mesh) -> None:
    for name, array, kinds in (("vertices", mesh.vertices, "f"), ("faces", mesh.faces, "iu")):
        value: Any = array
        if not isinstance(value, np.ndarray) or value.dtype.kind not in kinds:
            raise InvalidType(f"mesh.{name} must be an array of {_kind(kinds)}, got {checks.shown(value)}.")
        if value.ndim != 2 or value.shape[1] != 3:
            raise InvalidValue(f"mesh.{name} must be [n, 3], got {value.shape}.")
    if not np.isfinite(mesh.vertices).all():
        raise InvalidValue(f"mesh.vertices must be finite, got {mesh.vertices[~np.isfinite(mesh.vertices)][0]}.")
    if mesh.faces.size and not 0 <= mesh.faces.min() <= mesh.faces.max() < len(mesh.vertices):
        wrong = mesh.faces[(mesh.faces < 0) | (mesh.faces >= len(mesh.vertices))][0]
        raise InvalidValue(f"mesh.faces must be indices of the {len(mesh.vertices)} vertices, got {wrong}.")


def _kind(kinds: str) -> str:
    return "floats" if kinds == "f" else "whole numbers"
