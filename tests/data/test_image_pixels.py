"""Image files of every usual kind end in the pixels that a viewer shows, or in one sentence."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vaelab import data as datasets
from vaelab._utils.errors import DataError, StorageError, UserError

RNG = np.random.default_rng(0)
# EXIF orientation -> how the stored pixels follow from the upright ones.
STORED = {
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: x.swapaxes(0, 1)[::-1],
    7: lambda x: x[::-1, ::-1].swapaxes(0, 1),
    8: lambda x: x.swapaxes(0, 1)[:, ::-1],
}
# Format -> its modes without loss, and whether it has orientations and pages.
FORMATS = {
    "png": (("1", "L", "LA", "RGB", "RGBA", "P", "P+", "I;16"), True, True),
    "tiff": (("1", "L", "LA", "RGB", "RGBA", "P", "I;16", "F", "I", "I;12"), True, True),
    "webp": (("RGB", "RGBA"), True, True),
    "gif": (("P", "P+"), False, True),
    "bmp": (("L", "RGB"), False, False),
    "ppm": (("L", "RGB"), False, False),
}
SUFFIX = {"tiff": ".tif", "ppm": ".pgm"}


def read(folder, **options):
    return datasets.load(f"folder:{folder}", "all", progress=False, **options)


def one(folder):
    """The only image of a folder, [h, w] or [h, w, 3]."""
    return read(folder).images[0].permute(1, 2, 0).squeeze(-1).numpy()


def upright(mode, seed):
    """Random values of a mode, [h, w] or [h, w, channels], 7 high and 5 wide."""
    rng = np.random.default_rng(seed)
    channels = {"LA": (2,), "RGB": (3,), "RGBA": (4,)}.get(mode, ())
    values = rng.integers(0, 256, (7, 5, *channels), np.uint8)
    if mode == "1":
        return (values > 127) * np.uint8(255)
    if mode in ("P", "P+"):
        return values % 8
    if mode == "I;16":
        deep = values.astype(np.uint16) * 257
        deep[0, 0] = 65535
        return deep
    if mode == "I;12":
        return values.astype(np.uint16) * 16 % 4096 | 1
    if mode == "F":
        return values.astype(np.float32) / 255
    return values.astype(np.int32) * 1000 if mode == "I" else values


PALETTE = np.random.default_rng(5).integers(0, 256, (8, 3), np.uint8)


def on_white(values, alpha):
    exact = values.astype(float) * alpha[..., None] / 255 + 255.0 - alpha[..., None]
    return np.floor(exact + 0.5).astype(np.uint8)


def expected(values, mode):
    """What a viewer shows."""
    if mode in ("LA", "RGBA"):
        shown = on_white(values[..., :-1], values[..., -1])
        return shown[..., 0] if mode == "LA" else shown
    if mode in ("P", "P+"):
        return on_white(PALETTE[values], np.where((values == 3) & (mode == "P+"), 0, 255))
    if mode == "I;16":
        return (values >> 8).astype(np.uint8)
    return np.rint(values * 255).astype(np.uint8) if mode == "F" else values


def picture(values, mode):
    if mode in ("P", "P+"):
        image = Image.fromarray(values, "L").copy()
        image.putpalette(PALETTE.tobytes())
        return image
    image = Image.fromarray(np.ascontiguousarray(values))
    return image.convert("1") if mode == "1" else image


@st.composite
def files(draw):
    format = draw(st.sampled_from(sorted(FORMATS)))
    modes, turns, pages = FORMATS[format]
    return (
        format,
        draw(st.sampled_from(modes)),
        draw(st.sampled_from(sorted(STORED))) if turns else 1,
        draw(st.sampled_from([1, 1, 1, 2])) if pages else 1,
        draw(st.integers(0, 99)),
    )


@settings(max_examples=200, deadline=None)
@given(file=files())
def test_every_kind_of_file_ends_in_the_right_pixels_or_one_sentence(file, tmp_path_factory):
    format, mode, orientation, pages, seed = file
    folder = tmp_path_factory.mktemp("images")
    values = upright(mode, seed)
    frames = [picture(STORED[orientation](upright(mode, seed + i)), mode) for i in range(pages)]
    options = {"exif": Image.Exif()} if orientation > 1 else {}
    if options:
        options["exif"][0x112] = orientation
    if pages > 1:
        options |= {"save_all": True, "append_images": frames[1:]}
    if mode == "P+":
        options["transparency"] = 3
    if format == "webp":
        options |= {"lossless": True, "exact": True}
    frames[0].save(folder / f"a{SUFFIX.get(format, f'.{format}')}", format, **options)
    if pages > 1:
        with pytest.raises(DataError, match=r"a\.\w+ has 2 pages or frames"):
            read(folder)
    elif mode == "I":
        with pytest.raises(DataError, match=r"a\.tif has signed integers or 32 bits"):
            read(folder)
    elif mode == "I;12":
        with pytest.raises(DataError, match=r"up to \d+ of 65535, such as 12 bits"):
            read(folder)
    else:
        assert one(folder).tolist() == expected(values, mode).tolist()


def test_jpeg_is_turned_and_scaled_after_that(tmp_path):
    pixels = np.zeros((16, 48), np.uint8)
    pixels[:, 32:] = 255
    exif = Image.Exif()
    exif[0x112] = 6
    Image.fromarray(pixels).save(tmp_path / "a.jpg", exif=exif, quality=100)
    assert read(tmp_path).shape == (1, 48, 16)
    assert (one(tmp_path)[34:] > 240).all()
    assert (one(tmp_path)[:30] < 15).all()


def test_black_ink_on_a_transparent_ground_stays_visible(tmp_path):
    ink = np.zeros((6, 6, 4), np.uint8)
    ink[2:4, 2:4, 3] = 255
    Image.fromarray(ink).save(tmp_path / "a.png")
    assert sorted(np.unique(one(tmp_path)).tolist()) == [0, 255]


def test_a_photograph_with_a_preview_is_its_first_picture(tmp_path):
    pixels = [Image.fromarray(np.full((8, 8, 3), value, np.uint8)) for value in (200, 10)]
    pixels[0].save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=pixels[1:])
    assert abs(int(one(tmp_path)[0, 0, 0]) - 200) < 3


def test_a_tiff_whose_white_is_zero_is_inverted(tmp_path):
    """Pillow inverts 8 bits only."""
    for kind in (np.uint8, np.uint16):
        values = np.array([[0, 50], [200, 255]], kind) * (257 if kind is np.uint16 else 1)
        content = io.BytesIO()
        Image.fromarray(values.astype(kind)).save(content, "tiff")
        raw = bytearray(content.getvalue())
        place = raw.index(struct.pack("<HHI", 262, 3, 1) + struct.pack("<HH", 1, 0))
        raw[place + 8] = 0
        (tmp_path / "a.tif").write_bytes(raw)
        assert one(tmp_path).tolist() == [[255, 205], [55, 0]]


def test_sixteen_bits_of_color_that_are_not_used_are_refused(tmp_path):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    for largest, fails in ((65535, False), (4095, True), (255, True)):
        rows = b"".join(b"\0" + np.array([[0, largest, largest // 2]] * 3, ">u2").tobytes() for _ in range(3))
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 3, 16, 2, 0, 0, 0))
        content = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
        (tmp_path / "a.png").write_bytes(content)
        if fails:
            with pytest.raises(DataError, match="such as 12 bits"):
                read(tmp_path)
        else:
            assert one(tmp_path)[0, 0].tolist() == [0, 255, 127]


@pytest.mark.parametrize("values", [[0.0, 1.5], [-0.1, 1.0], [0.0, np.nan], [0.0, 255.0]])
def test_floats_outside_of_the_unit_interval_are_named(tmp_path, values):
    Image.fromarray(np.array([values] * 2, np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match=r"a\.tif must have floats in \[0, 1\]"):
        read(tmp_path)


def picture_in(path, shade=9):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 4), shade, np.uint8)).save(path)


SPLITS = [  # folders and their number of images, -> train, test, all, classes
    ({"train": 3, "val": 2}, (3, 2, 5, 1)),
    ({"training": 3, "testing": 2}, (3, 2, 5, 1)),
    ({"train/a": 3, "train/b": 1, "val/a": 2, "test/b": 1}, (4, 1, 7, 2)),
    ({"Train/a": 3, "TEST/b": 2}, (3, 2, 5, 2)),
    ({"pets/Training/a": 3, "pets/Validation/b": 2}, (3, 2, 5, 2)),
    ({"cat/train": 3, "cat/test": 1, "dog/train": 2, "dog/test": 1}, (5, 2, 7, 2)),
    ({"train/a": 6, "train/b": 4}, (9, 1, 10, 2)),
    ({"train": 4, "car": 3, "plane": 3}, (9, 1, 10, 3)),  # a class of vehicles
    ({"valid": 5, "invalid": 5}, (9, 1, 10, 2)),
    ({"train_images": 3, "test_images": 2}, (3, 2, 5, 1)),
    ({"training_set/a": 3, "test_set/a": 1, "test_set/b": 1}, (3, 2, 5, 2)),
    ({"train2017": 3, "val2017": 2}, (3, 2, 5, 1)),
    ({"X_train": 3, "X_test": 2}, (3, 2, 5, 1)),
    ({"mnist_train": 3, "mnist_eval": 2}, (3, 2, 5, 1)),
    ({"train/a": 3, "dev/b": 2}, (3, 2, 5, 2)),
    ({"test_tube": 5, "test_strip": 5}, (9, 1, 10, 2)),  # classes of the laboratory
]


@pytest.mark.parametrize(("folders", "want"), SPLITS)
def test_usual_names_of_splits_are_no_classes(tmp_path, folders, want):
    for folder, n in folders.items():
        for i in range(n):
            picture_in(tmp_path / folder / f"{i}.png")
    parts = [datasets.load(f"folder:{tmp_path}", split, progress=False) for split in ("train", "test", "all")]
    assert (*map(len, parts), len(parts[2].labels.unique())) == want


def test_a_folder_of_test_images_alone_holds_none_for_training(tmp_path):
    for i in range(12):
        picture_in(tmp_path / "test" / f"{i}.png")
    assert len(datasets.load(f"folder:{tmp_path}", "test", progress=False)) == 12
    with pytest.raises(DataError, match=r"holds 12 images, none for split='train'"):
        datasets.load(f"folder:{tmp_path}", "train", progress=False)


def test_images_beside_the_splits_are_named(tmp_path):
    for folder in ("train", "test", "more"):
        picture_in(tmp_path / folder / "1.png")
    with pytest.raises(DataError, match=r"more/1\.png must be in one of the splits, which are test, train"):
        read(tmp_path)


def test_an_empty_test_folder_is_not_a_tenth_of_the_training_images(tmp_path):
    (tmp_path / "test").mkdir()
    for i in range(20):
        picture_in(tmp_path / "train" / f"{i}.png")
    with pytest.raises(DataError, match="none for split='test'"):
        datasets.load(f"folder:{tmp_path}", "test")


def test_linked_class_folders_are_followed_and_circles_end(tmp_path):
    picture_in(tmp_path / "far" / "1.png", 1)
    picture_in(tmp_path / "mine" / "b" / "2.png", 2)
    (tmp_path / "mine" / "a").symlink_to(tmp_path / "far")
    (tmp_path / "mine" / "b" / "again").symlink_to(tmp_path / "mine")
    data = read(tmp_path / "mine")
    assert data.images[:, 0, 0, 0].tolist() == [1, 2]
    assert data.labels.tolist() == [0, 1]


def test_folders_and_pipes_named_like_pictures_are_no_pictures(tmp_path):
    picture_in(tmp_path / "cats.png" / "1.png")
    os.mkfifo(tmp_path / "endless.png")
    assert len(read(tmp_path)) == 1
    (tmp_path / "lost.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(StorageError, match=r"lost\.png"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["~nosuchuser/x", "x" * 300, "a\0b", "~nosuchuser@64"])
def test_a_path_that_no_system_can_have_gets_one_sentence(name):
    with pytest.raises(UserError) as caught:
        datasets.load(f"folder:{name}")
    assert len(str(caught.value)) < 250
    assert str(caught.value).isprintable()


def test_a_name_that_is_not_utf8_is_read_and_escaped(tmp_path):
    bad = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\x1b[2J.png")
    picture_in(tmp_path / "a.png")
    (tmp_path / "a.png").rename(bad)
    assert len(read(tmp_path)) == 1
    Path(bad).write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"\\udcff\\x1b\[2J\.png"):
        read(tmp_path)


def test_too_many_pixels_get_one_sentence(tmp_path, monkeypatch):
    picture_in(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4)
    with pytest.raises(DataError, match=r"a\.png is damaged \(Image size"):
        read(tmp_path)


def test_a_folder_that_exists_is_not_taken_for_a_side(tmp_path):
    picture_in(tmp_path / "faces@64" / "a.png")
    assert read(tmp_path / "faces@64").shape == (1, 4, 4)
