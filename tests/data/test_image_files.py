"""A user's images, CelebA, Chairs, Omniglot and dSprites, in small copies of their layout."""

import hashlib
import io
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vaelab import data as datasets
from vaelab._utils.errors import DataError, InvalidValue
from vaelab.data import dsprites, formats
from vaelab.data.catalogue import ENTRIES
from vaelab.data.dataset import limit_indices, split_indices
from vaelab.data.formats import read_idx, read_npy_rows


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("VAELAB_DATA", raising=False)
    monkeypatch.setenv("PATH", "")
    for name, entry in ENTRIES.items():
        monkeypatch.setitem(ENTRIES, name, replace(entry, mirrors=("http://127.0.0.1:9/",), system=None))


def known(monkeypatch, name, path):
    """Put the sum of a small file into the catalogue, under the name of the real one."""
    sums = {path.name: f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"}
    monkeypatch.setitem(ENTRIES, name, replace(ENTRIES[name], files=ENTRIES[name].files | sums))


def png(pixels, mode=None):
    content = io.BytesIO()
    image = Image.fromarray(np.asarray(pixels))
    (image.convert(mode) if mode else image).save(content, "png")
    return content.getvalue()


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (40, 12, 10, 3), np.uint8)


def test_a_folder_of_color_pictures_splits_without_overlap(tmp_path, noise):
    for i, pixels in enumerate(noise):
        write(tmp_path / f"{i:02}.png", png(pixels))
    write(tmp_path / "notes.txt", b"not a picture")
    write(tmp_path / ".trash" / "x.png", b"hidden")
    everything = datasets.load(f"folder:{tmp_path}", "all")
    assert everything.images.numpy().transpose(0, 2, 3, 1).tobytes() == noise.tobytes()
    assert everything.labels.unique().tolist() == [0]
    assert (everything.name, everything.origin) == (f"folder:{tmp_path}", str(tmp_path))
    train, test = (datasets.load(f"folder:{tmp_path}", split, progress=False) for split in ("train", "test"))
    assert (len(train), len(test)) == (36, 4)
    rows = {image.numpy().tobytes() for part in (train, test) for image in part.images}
    assert len(rows) == 40
    assert len(datasets.load(f"folder:{tmp_path}", limit=7)) == 7


def test_sub_folders_are_classes(tmp_path, noise):
    for i, pixels in enumerate(noise):
        write(tmp_path / "abc"[i % 3] / f"{i}.png", png(pixels))
    data = datasets.load(f"folder:{tmp_path}", "all")
    assert data.labels.bincount().tolist() == [14, 13, 13]


def test_folders_named_train_and_test_are_the_splits(tmp_path, noise):
    for i, pixels in enumerate(noise):
        part = "test" if i < 10 else "train"
        write(tmp_path / part / ("cat" if i % 2 else "dog") / f"{i:02}.png", png(pixels))
    train, test, both = (datasets.load(f"folder:{tmp_path}", split) for split in ("train", "test", "all"))
    assert (len(train), len(test), len(both)) == (30, 10, 40)
    assert test.labels.tolist() == [1, 0] * 5 or test.labels.tolist() == [0] * 5 + [1] * 5
    assert both.labels.bincount().tolist() == [20, 20]


def test_gray_stays_gray_and_a_mixture_becomes_color(tmp_path, noise):
    for i in range(3):
        write(tmp_path / f"{i}.png", png(noise[i, :, :, 0]))
    gray = datasets.load(f"folder:{tmp_path}", "all")
    assert gray.shape == (1, 12, 10)
    write(tmp_path / "3.png", png(noise[3]))
    mixed = datasets.load(f"folder:{tmp_path}", "all")
    assert mixed.shape == (3, 12, 10)
    assert (mixed.images[:3] == gray.images.expand(-1, 3, -1, -1)).all()


@pytest.mark.parametrize("kind", ["1", "L", "LA", "P", "RGBA", "16 bits"])
def test_every_kind_of_png_is_read(tmp_path, kind):
    bars = np.tile(np.repeat([0, 255], 6).astype(np.uint8), (12, 1))
    content = png(bars.astype(np.uint16) * 257) if kind == "16 bits" else png(bars, kind)
    write(tmp_path / "bars.png", content)
    data = datasets.load(f"folder:{tmp_path}", "all")
    assert data.shape[0] == (3 if kind in ("P", "RGBA") else 1)
    assert (data.images[0].numpy() == bars).all()


def test_pictures_of_several_sizes_get_a_sentence_whose_remedy_works(tmp_path, noise):
    write(tmp_path / "a.png", png(noise[0]))
    write(tmp_path / "b.png", png(noise[1][:, :8]))
    with pytest.raises(InvalidValue, match=r"a\.png is 10x12, b\.png is 8x12.*@64"):
        datasets.load(f"folder:{tmp_path}", "all")
    assert datasets.load(f"folder:{tmp_path}@64", "all").images.shape == (2, 3, 64, 64)


def test_the_square_is_cut_from_the_center(tmp_path):
    pixels = np.zeros((20, 60), np.uint8)
    pixels[:, 20:40] = 255
    write(tmp_path / "wide.png", png(pixels))
    assert (datasets.load(f"folder:{tmp_path}@10", "all").images == 255).all()


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("folder:/no/such/place", DataError, "/no/such/place is not a folder"),
        ("folder:", DataError, "write folder:PATH"),
        ("folder:{}", DataError, "holds 0 images"),
        ("folder:{}@2", InvalidValue, "side.*got 2"),
        ("folder:{}@2000", InvalidValue, "side.*got 2000"),
    ],
)
def test_a_folder_that_cannot_be_used_is_named(tmp_path, name, error, words):
    with pytest.raises(error, match=words):
        datasets.load(name.format(tmp_path))


@pytest.mark.parametrize(
    "content", [b"no picture", png(np.random.default_rng(0).integers(0, 256, (50, 50), np.uint8))[:900]]
)
def test_a_damaged_picture_is_named(tmp_path, content):
    write(tmp_path / "bad.png", content)
    with pytest.raises(DataError, match=r"bad\.png.*replace or remove"):
        datasets.load(f"folder:{tmp_path}", "all")


def faces(numbers):
    """Portraits 178x218: the square that is cut out is as bright as the number, the rest black."""
    for number in numbers:
        pixels = np.zeros((218, 178, 3), np.uint8)
        pixels[35:183, 15:163] = number % 251
        yield f"{number:06}.jpg", pixels


NUMBERS = (1, 162_770, 162_771, 182_637, 182_638, 202_599)


@pytest.mark.parametrize("layout", ["folder", "zip"])
def test_celeba_is_cut_scaled_and_split_as_its_authors_did(tmp_path, monkeypatch, layout):
    archive = tmp_path / "img_align_celeba.zip"
    with zipfile.ZipFile(archive, "w") as content:
        for name, pixels in faces(NUMBERS):
            picture = png(pixels)  # lossless, whatever the name says
            content.writestr(f"img_align_celeba/{name}", picture)
            if layout == "folder":
                write(tmp_path / "img_align_celeba" / name, picture)
    known(monkeypatch, "celeba", archive)
    train, test, everything = (
        datasets.load("celeba", split, folder=tmp_path, progress=False) for split in ("train", "test", "all")
    )
    assert (len(train), len(test), len(everything)) == (2, 2, 6)
    assert everything.shape == (3, 64, 64)
    for image, number in zip(everything.images, NUMBERS, strict=True):
        assert image.unique().tolist() == [number % 251]
    assert len(datasets.load("celeba", "all", folder=tmp_path, limit=3)) == 3
    assert datasets.where("celeba", folder=tmp_path).endswith("celeba" if layout == "folder" else "celeba.zip")


def test_celeba_without_pictures_of_a_split_says_so(tmp_path):
    for name, pixels in faces([1, 2]):
        write(tmp_path / "img_align_celeba" / name, png(pixels))
    with pytest.raises(DataError, match=r"none of the 2 images.*test"):
        datasets.load("celeba", "test", folder=tmp_path)


def chair(shade):
    """A view 600x600: white, with a gray square of 400 about the center."""
    pixels = np.full((600, 600, 3), 255, np.uint8)
    pixels[100:500, 100:500] = shade
    return png(pixels)


@pytest.mark.parametrize("layout", ["folder", "tar"])
def test_chairs_are_cut_first_and_scaled_then(tmp_path, monkeypatch, layout):
    archive = tmp_path / "rendered_chairs.tar"
    with tarfile.open(archive, "w") as content:
        for i in range(10):
            name = f"rendered_chairs/{'ab'[i % 2]}/renders/image_{i:03}.png"
            member = tarfile.TarInfo(name)
            member.size = len(chair(i))
            content.addfile(member, io.BytesIO(chair(i)))
            if layout == "folder":
                write(tmp_path / name, chair(i))
        content.addfile(tarfile.TarInfo("rendered_chairs/all_chair_names.mat"))
    known(monkeypatch, "chairs", archive)
    train, test, everything = (
        datasets.load("chairs", split, folder=tmp_path, progress=False) for split in ("train", "test", "all")
    )
    assert (len(train), len(test), everything.shape) == (9, 1, (1, 64, 64))
    assert [image.unique().tolist() for image in everything.images] == [[i] for i in (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)]
    assert everything.labels.tolist() == [0] * 5 + [1] * 5


def test_omniglot_is_ink_high_and_averaged_over_area(tmp_path, monkeypatch):
    for file, characters in (("images_background.zip", 3), ("images_evaluation.zip", 2)):
        with zipfile.ZipFile(tmp_path / file, "w") as content:
            for i in range(2 * characters):
                paper = np.full((105, 105), 255, np.uint8)
                paper[:15, :60] = 0  # ink over 4 x 16 pixels of the small image
                name = f"{file[:-4]}/Greek/character{i // 2:02}/{i:04}.png"
                content.writestr(name, png(paper, "1"))
        known(monkeypatch, "omniglot", tmp_path / file)
    train, test = (datasets.load("omniglot", split, folder=tmp_path) for split in ("train", "test"))
    want = np.zeros((28, 28), np.uint8)
    want[:4, :16] = 255
    assert (train.images.numpy() == want).all()
    assert (train.labels.tolist(), test.labels.tolist()) == ([0, 0, 1, 1, 2, 2], [0, 0, 1, 1])
    assert len(datasets.load("omniglot", "all", folder=tmp_path)) == 10


def test_omniglot_may_come_as_a_small_npz(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (6, 28, 28), np.uint8)
    path = tmp_path / "omniglot_28.npz"
    np.savez(path, images=images, split=np.array([0, 0, 1, 1, 0, 1]), character=np.array([4, 9, 7, 7, 4, 5]))
    train = datasets.load("omniglot", folder=tmp_path)
    assert (train.images[:, 0].numpy() == images[[0, 1, 4]]).all()
    assert train.labels.tolist() == [0, 1, 0]
    assert datasets.load("omniglot", "test", folder=tmp_path).labels.tolist() == [1, 1, 0]
    assert datasets.where("omniglot", folder=tmp_path) == str(path)


@pytest.mark.parametrize("harm", ["cut", "other keys", "other type", "pickled", "text"])
def test_a_bad_npz_is_named_and_never_unpickled(tmp_path, harm):
    path = tmp_path / "omniglot_28.npz"
    arrays = {"images": np.zeros((2, 28, 28), np.uint8), "split": np.zeros(2), "character": np.zeros(2)}
    if harm == "other keys":
        del arrays["split"]
    if harm == "other type":
        arrays["images"] = arrays["images"] / 255
    if harm == "pickled":
        arrays["images"] = np.array([object()])
    np.savez(path, **arrays)
    if harm == "cut":
        path.write_bytes(path.read_bytes()[:-50])
    if harm == "text":
        path.write_text("nothing")
    with pytest.raises(DataError, match=r"omniglot_28\.npz"):
        datasets.load("omniglot", folder=tmp_path)


@pytest.mark.parametrize("split", ["train", "test", "all"])
def test_the_real_dsprites_are_used_when_they_are_here(tmp_path, monkeypatch, split):
    """A file of the same layout, holding the first 5,000 images."""
    path = tmp_path / next(iter(ENTRIES["dsprites"].files))
    np.savez_compressed(path, imgs=dsprites.render(range(5_000)), metadata=np.array({"never": "unpickled"}))
    known(monkeypatch, "dsprites", path)
    small = type("Small", (), {"COUNT": 5_000, "latents": staticmethod(dsprites.latents)})
    monkeypatch.setattr(formats, "dsprites", small)
    data = datasets.load("dsprites", split, folder=tmp_path, limit=100)
    assert (data.name, data.origin, len(data)) == ("dsprites", str(path), 100)
    chosen = limit_indices(split_indices(5_000, split), 100)
    assert (data.images[:, 0].numpy() == 255 * dsprites.render(chosen)).all()


@given(st.sets(st.integers(0, 29), min_size=1), st.integers(1, 40), st.sampled_from([(1, 0), (2, 0)]))
def test_rows_of_a_stored_array_are_read_without_the_rest(rows, block, version):
    array = np.arange(30 * 6, dtype=np.uint8).reshape(30, 2, 3)
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    file.seek(0)
    chosen = np.array(sorted(rows))
    assert (read_npy_rows(file, chosen, block) == array[chosen]).all()


def test_a_stored_array_that_is_not_plain_is_refused():
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asfortranarray(np.zeros((2, 3))))
    file.seek(0)
    with pytest.raises(ValueError, match="plain"):
        read_npy_rows(file, np.array([0]))


@given(st.binary(max_size=12))
def test_bytes_that_are_no_idx_file_are_refused(content):
    with pytest.raises(ValueError):
        read_idx(b"\x01" + content)


def test_no_file_is_opened_with_pickle():
    for path in Path(datasets.__file__).parent.glob("*.py"):
        text = path.read_text()
        assert "import pickle" not in text
        assert "allow_pickle=True" not in text
        assert text.count("np.load(") == text.count("allow_pickle=False")


def test_a_file_of_no_known_format_is_named_without_an_object_in_memory(tmp_path):
    (tmp_path / "a.png").write_bytes(b"text")
    with pytest.raises(DataError, match=r"a\.png is damaged \(cannot identify image file\)") as caught:
        datasets.load(f"folder:{tmp_path}")
    assert "0x" not in str(caught.value)
