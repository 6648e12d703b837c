"""Point clouds: meshes from files, points by area, the generated solids, and the domain of a data set."""

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

import vaelab
from tests.data.test_download import StandIn, sha
from vaelab import clouds, data, metrics, recipes
from vaelab._utils.errors import DataError, InvalidType, InvalidValue
from vaelab.data.catalogue import ENTRIES
from vaelab.data.meshes import parse_obj, parse_off
from vaelab.data.solids import NAMES, SHAPES, deform, draw_solids

TETRAHEDRON = "4 4 6\n0 0 0\n1 0 0\n0 1 0\n0 0 1\n3 0 2 1\n3 0 1 3\n3 0 3 2\n3 1 2 3\n"


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("VAELAB_DATA", raising=False)


@pytest.mark.parametrize("head", ["OFF\n", "OFF ", "OFF", "# made by hand\nOFF # the word\n\n", "off\n"])
def test_off_with_counts_on_the_line_of_the_word_and_comments(head, tmp_path):
    path = tmp_path / "tetrahedron.off"
    path.write_text(head + TETRAHEDRON.replace("0 1 0\n", "0 1 0 # the third\n\n"))
    mesh = clouds.read_off(path)
    assert mesh.vertices.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert mesh.faces.tolist() == [[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]


def test_polygons_become_triangles_and_colors_are_skipped():
    mesh = parse_off("OFF\n5 2 0\n0 0 0\n2 0 0\n2 1 0\n1 2 0\n0 1 0\n4 0 1 2 4 255 0 0\n3 2 3 4 0.5 0.5 0.5\n")
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 4], [2, 3, 4]]
    u, v = (mesh.vertices[mesh.faces[:, i]] - mesh.vertices[mesh.faces[:, 0]] for i in (1, 2))
    assert np.abs(np.cross(u, v)[:, 2]).sum() / 2 == pytest.approx(3.0)  # of the pentagon


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "begin with OFF"),
        ("PLY\n" + TETRAHEDRON, "begin with OFF"),
        ("COFF\n" + TETRAHEDRON, "begin with OFF"),
        ("OFF BINARY\n" + TETRAHEDRON, "begin with OFF and be a text"),
        ("OFF\nfour 4 6\n", "counts must be whole numbers"),
        ("OFF\n-4 4 6\n", "counts must be whole numbers"),
        ("OFF\n" + TETRAHEDRON[:-8], "4 vertices and 4 faces, a line each, but has 7 lines"),
        ("OFF\n" + TETRAHEDRON + "3 0 1 2\n", "but has 9 lines"),
        ("OFF\n" + TETRAHEDRON.replace("1 0 0", "nan 0 0"), "must be finite, but a vertex is 'nan 0 0'"),
        ("OFF\n" + TETRAHEDRON.replace("1 0 0", "1e999 0 0"), "must be finite, but a vertex is '1e999 0 0'"),
        ("OFF\n" + TETRAHEDRON.replace("1 0 0", "1 0"), "three coordinates, but one is '1 0'"),
        ("OFF\n" + TETRAHEDRON.replace("1 0 0", "one 0 0"), "could not convert"),
        ("OFF\n" + TETRAHEDRON.replace("3 1 2 3", "0"), "at least three corners and list them all, but one is '0'"),
        ("OFF\n" + TETRAHEDRON.replace("3 1 2 3", "2 1 2"), "at least three corners and list them all"),
        ("OFF\n" + TETRAHEDRON.replace("3 1 2 3", "4 1 2 3"), "list them all, but one is '4 1 2 3'"),
        ("OFF\n" + TETRAHEDRON.replace("3 1 2 3", "3 1 2 4"), "vertices from 0 to 3, but one names 4"),
        ("OFF\n" + TETRAHEDRON.replace("3 1 2 3", "3 1 2 -1"), "vertices from 0 to 3, but one names -1"),
    ],
)
def test_a_malformed_off_is_refused_in_one_sentence(text, words, tmp_path):
    path = tmp_path / "wrong.off"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        clouds.read_off(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_obj_counts_from_one_or_from_the_end():
    mesh = parse_obj("# a square\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nf 1/1/1 2//1 3\nf -4 -2 -1\n")
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3]]


def test_points_of_a_mesh_fall_on_its_faces_in_proportion_to_their_areas():
    random = np.random.RandomState(0)
    mesh = clouds.Mesh(random.normal(size=(12, 3)), np.arange(12).reshape(4, 3))
    points = clouds.sample_mesh(mesh, 20_000, seed=3)
    corners = mesh.vertices[mesh.faces]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    # Barycentric coordinates by least squares: the face with the least residual, and all within [0, 1].
    weights, residuals = [], []
    for triangle in corners:
        system = np.vstack([triangle.T, np.ones(3)])
        solved = np.linalg.lstsq(system, np.vstack([points.T, np.ones(len(points))]), rcond=None)[0]
        weights.append(solved.T)
        residuals.append(np.linalg.norm(system @ solved - np.vstack([points.T, np.ones(len(points))]), axis=0))
    face = np.argmin(residuals, 0)
    assert np.min(residuals, 0).max() < 1e-9
    inside = np.array(weights)[face, np.arange(len(points))]
    assert inside.min() > -1e-9
    assert chisquare(np.bincount(face, minlength=4), areas / areas.sum() * len(points)).pvalue > 1e-3
    # Uniform on each face: every barycentric coordinate has the mean 1/3 and the variance 1/18.
    assert np.abs(inside.mean(0) - 1 / 3).max() < 0.01
    assert np.abs(inside.var(0) - 1 / 18).max() < 0.002
    assert (clouds.sample_mesh(mesh, 5, seed=3) == clouds.sample_mesh(mesh, 5, seed=3)).all()


def test_a_mesh_without_area_is_refused():
    with pytest.raises(InvalidValue, match="area above 0"):
        clouds.sample_mesh(clouds.Mesh(np.zeros((3, 3)), np.array([[0, 1, 2]])), 5)
    with pytest.raises(InvalidValue, match="indices of the 3 vertices, got 7"):
        clouds.sample_mesh(clouds.Mesh(np.eye(3), np.array([[0, 1, 7]])), 5)


def test_the_unit_ball_takes_the_mean_to_the_origin_and_the_farthest_point_to_1():
    cloud = np.random.RandomState(0).normal(3, 2, size=(4, 50, 3))
    ball = clouds.unit_ball(cloud)
    assert np.abs(ball.mean(1)).max() < 1e-12
    np.testing.assert_allclose(np.linalg.norm(ball, axis=2).max(1), 1)
    np.testing.assert_allclose(clouds.unit_ball(5 * cloud - 2), ball)
    assert (clouds.unit_ball(np.ones((7, 3))) == 0).all()


def test_farthest_points_are_chosen_greedily_and_cover_better_than_a_random_subset():
    random = np.random.RandomState(0)
    cloud = random.normal(size=(200, 3))
    chosen = clouds.farthest_points(cloud, 20, first=7)
    table = np.linalg.norm(cloud[:, None] - cloud, axis=2)
    expected = [7]
    while len(expected) < 20:
        expected.append(int(table[:, expected].min(1).argmax()))
    assert chosen.tolist() == expected
    radius = table[:, chosen].min(1).max()
    assert radius < min(table[:, random.permutation(200)[:20]].min(1).max() for _ in range(50))


def test_the_solids_are_balanced_clouds_in_the_unit_ball():
    train, test = vaelab.load("solids"), vaelab.load("solids", "test")
    assert train.images.shape == (2000, 512, 3)
    assert test.images.shape == (400, 512, 3)
    assert train.labels.bincount().tolist() == [250] * len(NAMES)
    assert train.images.dtype == torch.float32
    radius = train.images.norm(dim=2).amax(1)
    assert 0.95 < radius.min() < radius.max() < 1.1  # 1 and the noise
    assert not (train.images[:400] == test.images).any()
    assert (vaelab.load("solids", limit=30).images == train.images[:30]).all()
    assert train.is_clouds
    assert "2,000 point clouds 512x3" in repr(train)


def test_equal_seeds_draw_equal_solids_whose_classes_are_not_one_shape():
    first, labels = draw_solids(16, 64, seed=5)
    again, _ = draw_solids(24, 64, seed=5)
    assert (first == again[:16]).all()
    assert labels.tolist() == [*range(8), *range(8)]
    a, b = (torch.from_numpy(part) for part in (first[:8], first[8:]))
    assert (metrics.chamfer(a, b) > 0.005).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_surface_of_a_solid_is_closed_or_ends_only_where_it_should(name):
    """Each edge belongs to two triangles once equal vertices are joined; the tube of the helix has two open ends."""
    mesh = SHAPES[name](np.random.RandomState(1).uniform)
    _, joined = np.unique(mesh.vertices.round(9), axis=0, return_inverse=True)
    faces = joined.reshape(-1)[mesh.faces]
    faces = faces[[len(set(face)) == 3 for face in faces]]  # without those of no area at a tip
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1)
    counts = np.unique(edges, axis=0, return_counts=True)[1]
    assert set(counts) <= {1, 2}
    assert (counts == 1).sum() == (16 if name == "helix" else 0)
    assert np.isfinite(deform(mesh, np.random.RandomState(2).uniform).vertices).all()


def test_images_in_0_to_1_are_asked_for_where_they_are_required():
    solids = vaelab.load("solids", limit=8)
    needs = "solids are point clouds \\[512, 3\\] of the domain 'real'"
    for call in (
        lambda: recipes.vae((512, 3)).encode(solids),
        lambda: vaelab.fit(recipes.vae((512, 3)), solids),
        lambda: metrics.evaluate(recipes.vae((512, 3), likelihood="bernoulli"), solids),
    ):
        with pytest.raises(InvalidValue, match=needs):
            call()
    assert recipes.vae((512, 3), 2, squash=False, hidden=(4,)).encode(solids).mean.shape == (8, 2)
    images = vaelab.load("digits", limit=8)
    assert (images.domain, solids.domain, solids.subset(3).domain) == ("unit", "real", "real")
    assert vaelab.load(np.zeros((4, 5, 3)), domain="real").is_clouds
    assert vaelab.load("solids", domain="real", limit=3).images.shape == (3, 512, 3)
    with pytest.raises(InvalidType, match="array or point clouds"):
        vaelab.load("digits", domain="real")


def off(scale):
    rows = [line.split() for line in TETRAHEDRON.splitlines()]
    vertices = [" ".join(str(float(value) * scale) for value in row) for row in rows[1:5]]
    return "\n".join(["OFF", "4 4 6", *vertices, *(" ".join(row) for row in rows[5:])])


MEMBERS = {
    "ModelNet10/bed/train/bed_0001.off": off(1),
    "ModelNet10/bed/test/bed_0002.off": off(2),
    "ModelNet10/sofa/train/sofa_0001.off": off(3).replace("OFF\n4", "OFF4"),
    "ModelNet10/sofa/test/.hidden.off": "nothing",
    "ModelNet10/README.txt": "nothing",
    "__MACOSX/ModelNet10/bed/train/._bed_0001.off": "nothing",
}


def write_zip(path, members=MEMBERS):
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def registered(monkeypatch, archive, **fields):
    sums = {"ModelNet10.zip": sha(archive.read_bytes())}
    monkeypatch.setitem(ENTRIES, "modelnet10", replace(ENTRIES["modelnet10"], files=sums, **fields))


def test_modelnet_is_read_from_its_archive_and_from_its_folder(tmp_path, monkeypatch):
    archive = write_zip(tmp_path / "mine" / "ModelNet10.zip")
    registered(monkeypatch, archive)
    train, test = (
        vaelab.load("modelnet10", split, folder=archive.parent, progress=False) for split in ("train", "test")
    )
    assert train.images.shape == (2, 2048, 3)
    assert (train.labels.tolist(), test.labels.tolist()) == ([0, 1], [0])  # numbered over both splits
    assert train.images.norm(dim=2).amax(1).numpy() == pytest.approx(1, abs=1e-5)
    assert train.domain == "real"
    with zipfile.ZipFile(archive) as content:
        content.extractall(tmp_path / "unpacked")
    again = vaelab.load("modelnet10", folder=tmp_path / "unpacked", progress=False)
    assert (again.images == train.images).all()
    both = vaelab.load("modelnet10", "all", folder=archive.parent, limit=1, progress=False)
    assert len(both) == 1


def test_modelnet_is_fetched_on_request_with_its_checksum(tmp_path, monkeypatch):
    content = write_zip(tmp_path / "web" / "ModelNet10.zip")
    mirror = StandIn()
    mirror.files["ModelNet10.zip"] = content.read_bytes()
    registered(monkeypatch, content, mirrors=(f"{mirror.url}ModelNet10.zip",))
    try:
        with pytest.raises(DataError, match="vaelab data get modelnet10"):
            vaelab.load("modelnet10")
        data.get("modelnet10", progress=False)
        assert len(vaelab.load("modelnet10", progress=False)) == 2
        mirror.faults["ModelNet10.zip"] = "altered"
        with pytest.raises(DataError, match="altered or incomplete"):
            data.get("modelnet10", folder=tmp_path / "other", progress=False)
    finally:
        mirror.server.shutdown()
        mirror.server.server_close()


@pytest.mark.parametrize(
    "name",
    ["../bed/train/a.off", "bed/../../train/a.off", "/bed/train/a.off", "bed\\..\\train\\a.off", "C:/bed/train/a.off"],
)
def test_an_archive_that_names_a_path_outside_of_itself_is_refused(name, tmp_path, monkeypatch):
    archive = write_zip(tmp_path / "mine" / "ModelNet10.zip", {**MEMBERS, name: off(1)})
    registered(monkeypatch, archive)
    with pytest.raises(DataError, match="names a file outside of itself"):
        vaelab.load("modelnet10", folder=archive.parent, progress=False)


def test_a_damaged_mesh_in_an_archive_is_named(tmp_path, monkeypatch):
    wrong = off(1).replace("0.0 0.0 1.0", "0 0 inf")
    archive = write_zip(tmp_path / "mine" / "ModelNet10.zip", {**MEMBERS, "ModelNet10/bed/train/bed_0001.off": wrong})
    registered(monkeypatch, archive)
    with pytest.raises(DataError, match=r"ModelNet10.zip: ModelNet10/bed/train/bed_0001.off is damaged .*'0 0 inf'"):
        vaelab.load("modelnet10", folder=archive.parent, progress=False)


@pytest.mark.parametrize("lists", [False, True])
def test_shapenet_is_read_from_the_folder_of_the_user(lists, tmp_path):
    root = tmp_path / "ShapeNetCore.v2"
    (root / "02691156" / "model1").mkdir(parents=True)
    (root / "02691156" / "model1" / "model.obj").write_text("v 0 0 0\nv 0 4 0\nv 1 0 0\nf 1 2 3\n")
    (root / "03001627").mkdir()
    points = np.random.RandomState(0).uniform(size=(3000, 6))
    np.savetxt(root / "03001627" / "model2.txt", points)
    np.savetxt(root / "03001627" / "model3.txt", points[::-1])
    if lists:
        (root / "train_test_split").mkdir()
        for part, names in {"train": ["model2"], "val": [], "test": ["model3"]}.items():
            file = root / "train_test_split" / f"shuffled_{part}_file_list.json"
            file.write_text(json.dumps([f"shape_data/03001627/{name}" for name in names]))
    everything = vaelab.load("shapenet", "all", folder=tmp_path, progress=False)
    assert everything.labels.tolist() == [0, 1, 1]
    # Up is the second axis of the file and the third of the cloud.
    assert everything.images[0].std(0).argmax() == 2
    assert everything.images[0, :, 1].abs().max() == 0
    train = vaelab.load("shapenet", "train", folder=tmp_path, progress=False)
    assert train.labels.tolist() == ([1] if lists else [0, 1, 1])
    assert data.where("shapenet", folder=tmp_path) == str(root)


def test_shapenet_has_no_download_and_short_clouds_are_refused(tmp_path):
    with pytest.raises(DataError, match="shapenet has no download"):
        vaelab.load("shapenet")
    with pytest.raises(InvalidValue, match="shapenet has no download"):
        data.get("shapenet")
    (tmp_path / "02691156").mkdir()
    np.savetxt(tmp_path / "02691156" / "small.pts", np.eye(3))
    with pytest.raises(DataError, match=r"small.pts is damaged .*at least 2048 points, but has 3"):
        vaelab.load("shapenet", "all", folder=tmp_path, progress=False)
