"""The committed figures, drawn again from the committed numbers: the same files to the last byte."""

import json
from pathlib import Path

import pytest

from figures import build, manifest

FOLDER = Path(manifest.FOLDER)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    out = tmp_path_factory.mktemp("figures")
    return out, build.draw(out=out)


@pytest.mark.timeout(900)
def test_every_committed_figure_is_drawn_again_without_training(drawn, monkeypatch):
    out, made = drawn
    committed = {row["id"]: row for row in manifest.read(FOLDER)}
    assert [figure.id for figure in made] == sorted(committed)
    assert {figure.difference for figure in made} == {"drawn from the committed numbers"}
    for id, row in committed.items():
        for name in (*row["files"], f"numbers/{id}.npz"):
            assert (out / name).read_bytes() == (FOLDER / name).read_bytes(), name
    assert json.loads((out / manifest.NAME).read_text()) == json.loads((FOLDER / manifest.NAME).read_text())


def test_the_numbers_are_small():
    assert sum(path.stat().st_size for path in (FOLDER / "numbers").iterdir()) < 5e6


def test_every_row_says_where_its_numbers_come_from():
    for row in manifest.read(FOLDER):
        assert row["recipes"], row["id"]
        assert set(row["provenance"]) == {"commit", "versions", "machine", "seconds"}
        assert row["provenance"]["commit"], row["id"]
