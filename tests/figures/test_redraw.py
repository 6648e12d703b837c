"""The committed figures, drawn again from the committed numbers: the same files to the last byte."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from figures import build, manifest, npz
from vaelab._utils.errors import DataError

FOLDER = Path(manifest.FOLDER)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    out = tmp_path_factory.mktemp("figures")
    return out, build.draw(out=out)


@pytest.mark.timeout(900)
def test_every_committed_figure_is_drawn_again_without_training(drawn):
    out, made = drawn
    committed = {row["id"]: row for row in manifest.read(FOLDER)}
    assert [figure.id for figure in made] == sorted(committed)
    assert {figure.difference for figure in made} == {"drawn from the committed numbers"}
    for id, row in committed.items():
        for name in row["files"]:
            assert (out / name).read_bytes() == (FOLDER / name).read_bytes(), name
        assert npz.checksum(npz.load_arrays(npz.path_of(out, id))) == row["numbers"]
    assert json.loads((out / manifest.NAME).read_text()) == json.loads((FOLDER / manifest.NAME).read_text())


def test_how_numbers_are_compressed_does_not_matter(drawn, tmp_path):
    out, _ = drawn
    shutil.copytree(out, tmp_path / "f")
    path = npz.path_of(tmp_path / "f", "var-rho")
    numbers = npz.load_arrays(path)
    np.savez(path, **numbers)
    other = path.read_bytes()
    assert len(build.check(tmp_path / "f")) == len(manifest.read(FOLDER))
    assert npz.write(tmp_path / "f", "var-rho", numbers).read_bytes() == other
    numbers["kl"] = numbers["kl"] + 1e-12
    npz.write(tmp_path / "f", "var-rho", numbers)
    with pytest.raises(DataError, match=r"var-rho.npz was changed"):
        build.check(tmp_path / "f")


def test_without_its_manifest_nothing_is_drawn_silently(tmp_path, monkeypatch):
    monkeypatch.setattr(manifest, "FOLDER", tmp_path)
    with pytest.raises(DataError, match=r"manifest.json is missing; restore it with git"):
        build.draw(out=tmp_path / "out")
    (tmp_path / "manifest.json").write_text('{"figures": [{"id": "gjs-1d"}]}')
    with pytest.raises(DataError, match="a row has other entries"):
        build.draw(out=tmp_path / "out")


def test_the_numbers_are_small():
    assert sum(path.stat().st_size for path in (FOLDER / "numbers").iterdir()) < 5e6


def test_every_row_says_where_its_numbers_come_from():
    for row in manifest.read(FOLDER):
        assert row["recipes"], row["id"]
        assert set(row["provenance"]) == {"commit", "versions", "machine", "seconds"}
        assert row["provenance"]["commit"], row["id"]
