"""Figures: their numbers, equal bytes for equal inputs, their provenance, and what happens when things go wrong."""

import csv
import errno
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import figures
from figures import provenance
from figures.gjs import theory, trainings
from figures.registry import FIGURES, MAIN_FIGURES
from vaelab._utils.errors import DataError, InvalidValue, StorageError, TrainingError
from vaelab.data.download import UnavailableError
from vaelab.divergences import fitting
from vaelab.runs import store
from vaelab.runs.execute import train_all
from vaelab.runs.run import Run

law_bars = FIGURES["var-law-bars"]
recon_vs_alpha = FIGURES["gjs-recon-vs-alpha"]
SMALL = {"data": "digits", "latent": 4, "hidden": (16,), "epochs": 1}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """One cache for this file: trainings are shared between its tests, as they are between figures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    out = tmp_path_factory.mktemp("figures")
    figures.make(["gjs-1d", "gjs-mixture-fit"], out=out)
    return out


def files_of(folder):
    """Every file of a folder of figures, by name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def table(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_every_figure_has_both_presets_or_says_why_not():
    assert set(MAIN_FIGURES) <= set(FIGURES)
    for item in FIGURES.values():
        assert set(item.presets) == ({"paper"} if item.why_no_quick_preset else {"quick", "paper"}), item.id
        assert item.title
    assert all("quick" in FIGURES[id].presets for id in MAIN_FIGURES)


def test_the_curves_of_figure_one_have_their_known_bumps():
    """With the correct mean: .0936 at -2.60, -.0984 at -.61, .4651 at 3.62; JS .1002 at -2.21.

    The pair is that of `gaussian_example.ipynb` in jacobdeasy/geometric-js (Deasy et al. 2020,
    figure 1), which has the mean wrong; the numbers are derived here and checked by quadrature.
    """
    n = theory.divergences_in_one_dimension(**FIGURES["gjs-1d"].presets["quick"])
    curve = dict(zip(theory.CURVES, n["curves"], strict=True))
    x, gjs, js = n["x"], curve["geometric JS"], curve["JS"]
    left = x < -1
    assert gjs[left].max() == pytest.approx(0.0936, abs=1e-4)
    assert x[left][gjs[left].argmax()] == pytest.approx(-2.60, abs=0.03)
    assert gjs.min() == pytest.approx(-0.0984, abs=1e-4)
    assert x[gjs.argmin()] == pytest.approx(-0.61, abs=0.03)
    assert gjs.max() == pytest.approx(0.4651, abs=1e-4)
    assert x[gjs.argmax()] == pytest.approx(3.62, abs=0.03)
    assert js[left].max() == pytest.approx(0.1002, abs=1e-4)
    assert js.min() >= 0
    assert n["integrals"] == pytest.approx([2.31814718, 8.80685282, 0.47430741, 1.86967822], abs=1e-8)
    np.testing.assert_allclose(n["family"][[0, -1]], [curve["q"], curve["p"]], atol=1e-9)


# Family, alpha, mean, std: optima of quadratures on a grid, by L-BFGS from two starts.  The mixture
# is that of `comparison.py` in jacobdeasy/geometric-js, seed 22.
MIXTURE_FITS = """
primed      0    -.437775 -1.082047 .747811
primed      1    -.308174  -.089585 1.491132
JS          .5   -.436547 -1.078957 .768253
primed      .1   -.4399   -1.1189   .7123
primed      .25  -.4249    -.9664   .8495
primed      .5   -.2790    -.3650   1.2248
primed      .75  -.3209     .0702   1.5634
primed      .9   -.3425    -.0173   1.5742
dual        .1   -.3343    -.4070   1.3236
dual        .25  -.4437   -1.1486   .6854
dual        .5   -.4342   -1.0665   .7766
dual        .75  -.4356   -1.0739   .7687
dual        .9   -.4374   -1.0795   .7554
"""


def test_the_mixture_fits_have_their_known_values(drawn):
    rows = table(drawn / "gjs-mixture-fit.csv")
    for line in MIXTURE_FITS.strip().splitlines():
        family, *numbers = line.split()
        alpha, *expected = map(float, numbers)
        family = "primed dual" if family == "dual" else family
        (row,) = [r for r in rows if r["kind"] == family and r["start"] == "moments" and float(r["alpha"]) == alpha]
        assert [float(row[k]) for k in ("mean_1", "mean_2", "std")] == pytest.approx(expected, abs=1e-3), line
    values = {(r["kind"], r["alpha"], r["start"]): float(r["value"]) for r in rows}
    assert values["primed", "0", "moments"] == pytest.approx(0.319530, abs=1e-5)
    assert values["primed", "1", "moments"] == pytest.approx(0.933667, abs=1e-5)
    assert values["primed dual", "0.1", "moments"] == pytest.approx(0.700077, abs=1e-5)
    assert values["primed dual", "0.1", "component"] < values["primed dual", "0.1", "moments"]


def test_mass_covering_matches_the_moments_of_the_target():
    target = fitting.mixture()
    (found, *_) = fitting.fit(target, "primed", 1.0)
    assert found.mean == pytest.approx(target.mean.tolist(), abs=1e-4)
    assert found.std == pytest.approx(float(target.variance.mean().sqrt()), abs=1e-4)


def test_again_gives_the_same_bytes(drawn, tmp_path):
    again = tmp_path / "again"
    figures.make(["gjs-mixture-fit", "gjs-1d"], out=again)
    kinds = ("{}.csv", "{}.pdf", "{}.png", "numbers/{}.npz")
    names = {kind.format(id) for id in ("gjs-1d", "gjs-mixture-fit") for kind in kinds}
    assert set(files_of(drawn)) == {*names, "manifest.json"}
    assert files_of(drawn) == files_of(again)


def test_figures_carry_their_alt_text_and_their_provenance(drawn):
    (row, _) = json.loads((drawn / "manifest.json").read_text())["figures"]
    assert row["id"] == "gjs-1d"
    assert set(row) == {
        "id",
        "paper",
        "title",
        "alt",
        "preset",
        "settings",
        "seeds",
        "data",
        "recipes",
        "numbers",
        "provenance",
        "files",
    }
    with Image.open(drawn / "gjs-1d.png") as image:
        assert image.text["Description"] == row["alt"]
        assert image.info["dpi"][0] == pytest.approx(200, abs=1)
    for kind in ("png", "pdf", "csv"):
        text = figures.explain(drawn / f"gjs-1d.{kind}")
        assert "vaelab figures make gjs-1d --preset quick" in text
        assert row["numbers"] in text
        assert "divergences-in-one-dimension version 1" in text
        assert row["alt"] in text
    moved = drawn.parent / "moved.pdf"
    shutil.copy(drawn / "gjs-1d.pdf", moved)
    assert "figure gjs-1d" in figures.explain(moved)


@pytest.mark.parametrize("name", ["gjs-1d.png", "gjs-1d.pdf", "gjs-1d.csv"])
def test_one_changed_byte_is_found_and_named(drawn, tmp_path, name):
    shutil.copytree(drawn, tmp_path / "f")
    assert figures.check(tmp_path / "f") == ["gjs-1d: unchanged", "gjs-mixture-fit: unchanged"]
    content = bytearray((tmp_path / "f" / name).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "f" / name).write_bytes(content)
    with pytest.raises(DataError, match=name):
        figures.check(tmp_path / "f")
    (tmp_path / "f" / name).unlink()
    with pytest.raises(DataError, match=f"{name} is missing"):
        figures.check(tmp_path / "f")


def test_trainings_are_kept_shared_and_measured():
    settings = {"alphas": [0.1, 0.9], "seeds": 2, **SMALL}
    result = recon_vs_alpha.compute("cpu", **settings)
    assert result.numbers["values"].shape == (6, 2, 4, 2)
    rows = recon_vs_alpha.rows(result.numbers)
    assert len(rows) == 6 * 2 * 2
    assert {row["variant"] for row in rows} == set(trainings.VARIANTS)
    again = recon_vs_alpha.compute("cpu", **settings)
    assert again.key == result.key
    np.testing.assert_array_equal(again.numbers["values"], result.numbers["values"])
    assert "alpha" in recon_vs_alpha.alt(result.numbers)
    with_plots = recon_vs_alpha.draw(result.numbers)
    assert len(with_plots.axes) == 4


def test_the_variance_law_is_read_off_the_same_trainings(monkeypatch):
    def no_training(*args, **kwargs):
        raise AssertionError("this was trained before")

    recon_vs_alpha.compute("cpu", alphas=[0.1, 0.9], seeds=2, **SMALL)
    monkeypatch.setattr(store, "attempt_each", no_training)
    settings = {name: value for name, value in SMALL.items() if name not in ("data", "epochs")}
    result = law_bars.compute("cpu", data=["digits"], epochs=[1], seeds=2, **settings)
    total = result.numbers["of_means"] + result.numbers["of_noise"]
    assert total.shape == (1, 2, 4)
    assert (np.diff(result.numbers["of_means"]) <= 0).all()
    assert len(law_bars.rows(result.numbers)) == 8
    assert "law" in law_bars.title
    assert law_bars.draw(result.numbers).axes[0].get_ylim()[1] > 1
    for active in (np.zeros_like(total, dtype=bool), total > np.median(total)):
        text = law_bars.alt({**result.numbers, "active": active})
        assert f"averages {total[~active].mean():.3f}" in text
        assert ("active latents" in text.replace("inactive", "")) == active.any()


def test_a_damaged_result_is_computed_again():
    (first,) = train_all([Run("vae", **SMALL)], "cpu")
    path = store.path_of(first.key)
    path.write_bytes(path.read_bytes()[:100])
    (second,) = train_all([Run("vae", **SMALL)], "cpu")
    np.testing.assert_allclose(first.numbers["mean"], second.numbers["mean"], atol=1e-5)  # the first may be a stack's


def test_the_key_follows_recipe_version_settings_and_data_only(monkeypatch):
    monkeypatch.setattr(store, "VERSIONS", {})

    def key(name="train", version=1, settings=None, data="data"):
        return store.key(store.Recipe(name, version), settings or {"a": 1, "b": 2}, data)

    others = [key(name="sample"), key(version=2), key(settings={"a": 1, "b": 3}), key(data="other")]
    assert len({key(), *others}) == 5
    assert key(settings={"b": 2, "a": 1}) == key()

    @store.recipe("train", 1)
    def renamed_and_written_anew(a, b):
        return {}

    assert store.key(store.recipe_of(renamed_and_written_anew), {"a": 1, "b": 2}, "data") == key()


def test_a_failure_leaves_no_half_written_file(tmp_path, monkeypatch, drawn):
    shutil.copytree(drawn, tmp_path / "f")
    before = files_of(tmp_path / "f")

    def full_disk(path, row, paths):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", lambda self, data: full_disk(self, None, None))
    with pytest.raises(StorageError, match="disk is full"):
        figures.make(["gjs-1d"], out=tmp_path / "f")
    monkeypatch.undo()
    assert files_of(tmp_path / "f") == before


def test_a_figure_without_its_data_does_not_stop_the_others(tmp_path, monkeypatch):
    def unavailable(device, **settings):
        raise UnavailableError("chairs cannot be fetched: no mirror answers.")

    monkeypatch.setitem(FIGURES, "gjs-ratio", replace(FIGURES["gjs-1d"], id="gjs-ratio", compute=unavailable))
    sentence = r"gjs-ratio not made, 1 others are: chairs cannot be fetched"
    with pytest.raises(DataError, match=sentence):
        figures.make(["gjs-ratio", "gjs-1d"], out=tmp_path)
    assert sorted(path.name for path in tmp_path.glob("gjs-*")) == ["gjs-1d.csv", "gjs-1d.pdf", "gjs-1d.png"]


def test_a_figure_whose_training_diverges_does_not_stop_the_others(tmp_path, monkeypatch):
    def diverge(device, **settings):
        raise TrainingError("1 of 8 tasks failed: seed=3: the loss became nan.")

    monkeypatch.setitem(FIGURES, "gjs-ratio", replace(FIGURES["gjs-1d"], id="gjs-ratio", compute=diverge))
    with pytest.raises(TrainingError, match="gjs-ratio not made, 1 others are: 1 of 8 tasks failed: seed=3"):
        figures.make(["gjs-ratio", "gjs-1d"], out=tmp_path)
    assert sorted(path.name for path in tmp_path.glob("gjs-*")) == ["gjs-1d.csv", "gjs-1d.pdf", "gjs-1d.png"]


def test_bad_input_gets_one_sentence(tmp_path, drawn):
    with pytest.raises(InvalidValue, match="did you mean gjs-1d"):
        figures.make(["gjs-d1"], out=tmp_path)
    with pytest.raises(InvalidValue, match="'fast'"):
        figures.make(["gjs-1d"], preset="fast", out=tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        figures.make(["gjs-1d"], out=tmp_path / "file")
    with pytest.raises(DataError, match="no manifest"):
        figures.check(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(DataError, match="damaged"):
        figures.check(tmp_path)
    Image.new("L", (4, 4)).save(tmp_path / "foreign.png")
    for name, words in (
        ("foreign.png", "no vaelab provenance"),
        ("file", "no vaelab provenance"),
        ("absent.png", "there is no file"),
    ):
        with pytest.raises(DataError, match=words):
            figures.explain(tmp_path / name)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG")
    with pytest.raises(DataError, match="no vaelab provenance"):
        figures.explain(tmp_path / "broken.png")
    (tmp_path / "foreign.pdf").write_bytes(b"%PDF-1.4 /Keywords (hello)")
    with pytest.raises(DataError, match="no vaelab provenance"):
        provenance.explain(tmp_path / "foreign.pdf")


def test_the_target_of_the_mixture_is_the_papers():
    target = fitting.mixture(22)
    assert target.mean.tolist() == pytest.approx([-0.308174, -0.089585], abs=1e-6)
    torch.manual_seed(0)
    cov = torch.cov(target.sample((400_000,)).T)
    torch.testing.assert_close(
        cov, torch.tensor([[0.803087, 0.28235], [0.28235, 3.643861]], dtype=torch.float64), atol=0.03, rtol=0
    )
