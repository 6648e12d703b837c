"""The committed figures, drawn again from the committed numbers: the same files to the last byte."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text

from figures import build, manifest, npz
from figures.figure import Figure
from figures.registry import FIGURES
from vaelab._utils.errors import DataError

FOLDER = Path(manifest.FOLDER)


WORDS = {}  # of every picture that the fixture draws, by figure


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    picture = Figure.picture

    def noting(self, numbers, seeds):
        drawing = picture(self, numbers, seeds)
        WORDS[self.id] = " ".join(text.get_text() for text in drawing.findobj(Text))
        return drawing

    out = tmp_path_factory.mktemp("figures")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "picture", noting)
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


def test_every_picture_and_its_words_say_of_how_many_seeds_they_are(drawn):
    """Where the numbers hold one seed, or have no axis of seeds, picture and words say "one seed"."""
    averaged = {"gam-ratchet", "gjs-evidence"}  # over seeds, by what computes the numbers
    for row in manifest.read(FOLDER):
        id, n = row["id"], len(row["seeds"])
        texts = WORDS[id], row["alt"]
        if not n:
            assert not re.search(r"\d seeds|one seed", " ".join(texts)), id
            continue
        shown = count_seeds(id)
        assert shown in (0, n), id
        for text in texts:
            said = {int(k) for k in re.findall(r"(\d+) seeds", text)}
            assert said <= {n}, id
            one = "one seed" in text.lower()
            assert one if max(shown, 1) == 1 and id not in averaged else one or said == {n}, id


def count_seeds(id):
    """The number of seeds in the numbers of a figure, from the names of the axes of its table; 0 if it has none."""
    values, table = npz.load_arrays(npz.path_of(FOLDER, id)), FIGURES[id].table
    if callable(table):
        return len(values["curves"][0]) if "curves" in values else len(values["frechet"])
    if "seed" in values:
        return len(set(values["seed"].tolist()))
    for key, axes in table.items():
        names = axes.split() if isinstance(axes, str) else list(axes)
        if "seed" in names:
            array = key(values) if callable(key) else values[key.split()[0]]
            return array.shape[names.index("seed")]
    return 0


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
