"""Every reader of files on damaged files: the right value, "absent", or one sentence."""

import csv
import json
import random
import tarfile
import time
import zipfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import figures
from figures import manifest, npz, provenance
from vaelab import data as datasets
from vaelab._utils.errors import UserError
from vaelab.data import download, formats
from vaelab.data.catalogue import ENTRIES
from vaelab.data.image_files import list_tar, list_zip
from vaelab.runs import round_robin, store
from vaelab.runs.run import Run, read_settings, write_settings
from vaelab.training import checkpoints

TRIES = 30
RUN = Run("gjs_vae", {"alpha": 0.3, "dual": True}, data="digits", latent=3, hidden=(16,), epochs=7, lr=0.002)


def damage(content, seed):
    """Flip bytes, cut, or repeat a part, by a seed."""
    rng = random.Random(seed)
    content = bytearray(content)
    kind = seed % 3
    if kind == 0:
        for _ in range(rng.choice((1, 1, 3, 20))):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    elif kind == 1:
        del content[rng.randrange(len(content)) :]
    else:
        start = rng.randrange(len(content))
        content[start : start + rng.randrange(1, 40)] = rng.randbytes(rng.randrange(40))
    return bytes(content)


def settings_file(folder):
    write_settings(RUN, folder)
    return folder / "settings.json", lambda: json.dumps(read_settings(folder).__dict__)


def old_settings_file(folder):
    (folder / "settings.json").write_text(json.dumps(RUN.__dict__))
    return folder / "settings.json", lambda: type(read_settings(folder)).__name__


def test_table(folder):
    path = folder / round_robin.name_of(RUN) / "test.csv"
    path.parent.mkdir()
    epochs = [round_robin.Epoch(i, 1.5 * i, 2.25, 3.125, 4.0 + i, 0.1) for i in range(1, 9)]
    rows = [[*epoch, round_robin._check(epoch)] for epoch in epochs]
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([[*round_robin.Epoch._fields, "check"], *rows])
    # A file that is cut between two lines is one of an earlier epoch.
    return path, lambda: all(a == b for a, b in zip(round_robin.curve(RUN, folder), epochs, strict=False))


def portraits(folder):
    path = folder / "names"
    path.write_text("\n".join(f"{i:06}.jpg" for i in (1, 5, 162_771, 182_638)))

    def read():
        names = path.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
        return formats._celeba_partition(names, "all").dtype == np.int64

    return path, read


def characters(folder):
    path = folder / "omniglot_28.npz"
    images = np.random.default_rng(0).integers(0, 256, (6, 28, 28), np.uint8)
    np.savez_compressed(path, images=images, split=np.array([0, 0, 1, 1, 0, 1]), character=np.arange(6) // 2)
    return path, lambda: formats._read_omniglot_npz(path, "train").images.tobytes()


def manifest_file(folder):
    path = folder / "manifest.json"
    rows = manifest.read(manifest.FOLDER)[:3]
    path.write_text(json.dumps({"figures": rows}, indent=1), encoding="utf-8")
    (folder / f"{rows[0]['id']}.csv").write_bytes((manifest.FOLDER / f"{rows[0]['id']}.csv").read_bytes())

    def read():
        for row in manifest.read(folder):
            manifest.outdated(row, figures.FIGURES.get(row["id"], figures.FIGURES["gjs-1d"]))
        with suppress(UserError):  # most of its files are missing
            manifest.check(folder)
        return bool(figures.explain(folder / f"{rows[0]['id']}.csv"))

    return path, read


def picture_of_a_figure(kind):
    def make(folder):
        path = folder / f"gjs-1d.{kind}"
        path.write_bytes((manifest.FOLDER / path.name).read_bytes()[:3000])
        content = (manifest.FOLDER / path.name).read_bytes()
        place = provenance.IDENTITY.search(content).start()
        path.write_bytes(content[max(0, place - 200) : place + 400])
        return path, lambda: bool(figures.explain(path))

    return make


def picture(format, mode):
    def make(folder):
        path = folder / f"a.{format}"
        pixels = np.random.default_rng(0).integers(0, 256, (9, 8, 4), np.uint8)
        image = Image.fromarray(pixels).convert(mode)
        exif = Image.Exif()
        exif[0x112] = 6
        if mode == "F":
            image = Image.fromarray(pixels[..., 0].astype(np.float32) / 255)
        image.save(path, format, **({} if format in ("gif", "bmp", "ppm") else {"exif": exif}))
        # Formats without checksums can have other pixels, but not another type.
        return path, lambda: datasets.load(f"folder:{folder}", "all", progress=False).images.dtype == torch.uint8

    return make


def result_of_the_store(folder):
    arrays = {"a": np.arange(30.0), "b": np.eye(3)}
    result = store.Result(arrays, "key", (store.Recipe("r", 1),), store.Provenance("", {}, "", 1.0))
    store.save(result, {})

    def read():
        found = store.find("key", store.Recipe("r", 1))
        return found is None or [(k, v.tobytes()) for k, v in found.numbers.items()]

    return store.path_of("key"), read


def numbers_of_a_figure(folder):
    arrays = {"a": np.arange(30.0), "b": np.eye(3)}
    path = npz.write(folder, "gjs-1d", arrays)
    return path, lambda: npz.read(folder, "gjs-1d", npz.checksum(arrays))["a"].tobytes()


def checkpoint(folder):
    checkpoints.save(folder, {"step": 1, "weights": torch.arange(5.0)})
    return next(folder.glob("*.ckpt")), lambda: checkpoints.load_latest(folder, lambda c: c["weights"].tolist())


ENTRY = replace(ENTRIES["mnist"], name="tiny", files={"a.bin": ""}, downloads={})


def archive(kind):
    def make(folder):
        (folder / "a.bin").write_bytes(bytes(range(256)) * 4)
        path = folder / f"pack.{kind}"
        if kind == "whl":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
                file.write(folder / "a.bin", "p/a.bin")
        else:
            with tarfile.open(path, "w:gz") as file:
                file.add(folder / "a.bin", "p/a.bin")
        checksum = download.checksum(folder / "a.bin", "sha256:")
        entry = replace(ENTRY, files={"a.bin": checksum})

        def read():
            download.unpack(entry, path, folder / "into")
            return (folder / "into" / "a.bin").read_bytes()

        return path, read

    return make


def list_archive(kind):
    def make(folder):
        path = folder / f"pictures.{kind}"
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(folder / "a.png")
        if kind == "zip":
            with zipfile.ZipFile(path, "w") as file:
                file.write(folder / "a.png", "a.png")
        else:
            with tarfile.open(path, "w") as file:
                file.add(folder / "a.png", "a.png")

        def read():
            files = (list_zip if kind == "zip" else list_tar)(path)
            from vaelab.data.image_files import decode

            return decode(files, files.names, mode="L", crop=None, side=None, progress=False).dtype == np.uint8

        return path, read

    return make


READERS = {
    "settings.json": settings_file,
    "settings.json of an older version": old_settings_file,
    "test.csv": test_table,
    "celeba": portraits,
    "omniglot": characters,
    "manifest": manifest_file,
    "figure png": picture_of_a_figure("png"),
    "figure pdf": picture_of_a_figure("pdf"),
    "store": result_of_the_store,
    "numbers": numbers_of_a_figure,
    "checkpoint": checkpoint,
    "wheel": archive("whl"),
    "tgz": archive("tgz"),
    "zip of pictures": list_archive("zip"),
    "tar of pictures": list_archive("tar"),
    **{
        f"{format} {mode}": picture(format, mode)
        for format, mode in (
            ("png", "RGBA"), ("png", "P"), ("jpeg", "RGB"), ("gif", "P"), ("tiff", "RGB"), ("tiff", "F"),
            ("webp", "RGBA"), ("bmp", "RGB"), ("ppm", "L"),
        )
    },
}  # fmt: skip
del test_table


def outcome(read):
    """What a reader returns, and its sentence."""
    try:
        return read(), ""
    except UserError as error:
        return None, str(error)[:600]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", READERS)
def test_a_damaged_file_ends_in_the_right_value_or_one_sentence(tmp_path, monkeypatch, kind):
    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "files"
    folder.mkdir()
    path, read = READERS[kind](folder)
    content, right = path.read_bytes(), read()
    for seed in range(TRIES):
        path.write_bytes(damage(content, seed))
        started = time.monotonic()
        value, sentence = outcome(read)
        assert sentence.isprintable(), (seed, sentence)
        assert sentence or value is True or value == right, (seed, value)
        assert time.monotonic() - started < 5


def test_a_hostile_picture_does_not_stop_the_search_for_provenance(tmp_path):
    for content in (
        b'{"id": "' * 300_000,
        b'{"id": "' + b"a" * 3_000_000,
        b'{"id": "a", "preset": "quick", "' * 90_000,
    ):
        (tmp_path / "a.png").write_bytes(content)
        started = time.monotonic()
        with pytest.raises(UserError, match="no vaelab provenance"):
            figures.explain(tmp_path / "a.png")
        assert time.monotonic() - started < 2


def test_explain_obeys_nothing_that_stands_in_a_manifest(tmp_path):
    row = manifest.read(manifest.FOLDER)[0]
    row = {**row, "title": "a\x1b[2J\x1b]0;b\x07", "alt": "two\nlines", "paper": "\u202eright to left"}
    (tmp_path / "manifest.json").write_text(json.dumps({"figures": [row]}))
    name = next(name for name in row["files"] if name.endswith("csv"))
    (tmp_path / name).write_bytes((Path(manifest.FOLDER) / name).read_bytes())
    text = figures.explain(tmp_path / name)
    assert all(line.isprintable() for line in text.splitlines())
    assert r"a\x1b[2J\x1b]0;b\x07" in text
    assert r"two\nlines" in text
