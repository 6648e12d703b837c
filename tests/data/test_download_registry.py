"""The real registries, by their clients, into a new cache: `pytest -m registry`."""

import hashlib

import pytest

from vaelab import data

pytestmark = pytest.mark.registry

SETS = {"mnist": (60_000, 1, 28, 28), "fashion-mnist": (60_000, 1, 28, 28), "cifar10": (50_000, 3, 32, 32)}


@pytest.mark.parametrize("name", SETS)
def test_a_full_set_comes_whole(name, tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path))
    monkeypatch.delenv("VAELAB_DATA", raising=False)
    train, test = data.load(name), data.load(name, "test")
    assert train.images.shape == SETS[name]
    assert test.images.shape == (10_000, *SETS[name][1:])
    assert train.labels.unique().tolist() == list(range(10))
    assert all(verdict.ok for verdict in data.verify())


def test_cifar_is_lossless(tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path))
    for split, start in (("train", "47af8b02cfcfb6cd"), ("test", "f9b1e2130bab680d")):
        images = data.load("cifar10", split).images.permute(0, 2, 3, 1).contiguous()
        assert hashlib.sha256(images.numpy().tobytes()).hexdigest().startswith(start)
