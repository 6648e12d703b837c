"""The two-stage figures: their numbers, the best generator, and a collapsed second stage."""

import numpy as np
import pytest

from figures.registry import FIGURES
from figures.two_stage.samplers import COLORS, best_generators, order_holds
from figures.two_stage.trainings import (
    CELEBA,
    CIFAR,
    CONTROL,
    GEN1,
    GEN2,
    GMM,
    LAW,
    PUBLISHED,
    REAL,
    REC,
    SOURCES,
    compare_samplers,
)
from tests.figures.helpers import table
from vaelab._utils.errors import InvalidValue
from vaelab.metrics import fid
from vaelab.training.config import Train

renormalized = FIGURES["gam-second-stage"]
samplers = FIGURES["gam-samplers"]

SMALL = {
    "data": "digits",
    "rescaled": True,
    "design": {"latent": 6, "hidden": (64,)},
    "train": {"epochs": 20, "batch_size": 50, "lr": 2e-3},
    "second": {"width": 32, "steps": 400},
    "components": 5,
}


pytestmark = pytest.mark.usefixtures("shared_cache")


@pytest.fixture(scope="module")
def result():
    return samplers.compute("cpu", seeds=2, **SMALL)


def test_the_table_names_the_measure_and_the_best_generator(result):
    rows = table(samplers, result)
    assert len(rows) == 2 * len(SOURCES)
    for seed in ("0", "1"):
        row = {r["source"]: r for r in rows if r["seed"] == seed}
        distance = {name: float(r["frechet"]) for name, r in row.items()}
        generators = {name: value for name, value in distance.items() if name not in (REAL, REC, CONTROL)}
        (winner,) = [name for name, r in row.items() if r["wins"] == "yes"]
        assert distance[winner] == min(generators.values())
        assert row[REC]["wins"] == row[REAL]["wins"] == row[CONTROL]["wins"] == "no"
        holds = distance[LAW] <= distance[GEN2] <= distance[GEN1]
        assert {r["order_holds"] for r in row.values()} == {"yes" if holds else "no"}
        assert max(distance[REAL], distance[REC]) < min(generators.values())
        assert all(0 <= float(r[x]) <= 1 for r in rows for x in ("precision", "recall"))
        assert {r["score"] for r in rows} == {"Fréchet distance on classifier features"}
        assert {(r["data"], r["split"], r["images"], r["reconstructed_at"]) for r in rows} == {
            ("digits", "test", "179", "mean of z")
        }


def test_an_fid_is_reported_with_its_protocol(result):
    """Resizing, number, split, file format and where z is taken, in the table and the picture."""
    numbers = {**result.numbers, "score": np.array("fid"), "jpeg": np.array(True), "data": np.array("cifar10")}
    row = samplers.rows(numbers)[0]
    assert row["resize"] == "bilinear to 299, as TensorFlow 1"
    assert (row["data_files"], row["made_files"]) == ("JPEG, quality 75", "bytes")
    assert (row["data"], row["split"], row["reconstructed_at"]) == ("cifar10", "test", "mean of z")
    below = samplers.draw(numbers)._supxlabel.get_text()
    for words in (below, samplers.alt(numbers)):
        for word in ("cifar10, test", "299", "TensorFlow", "JPEG, quality 75", "bytes", "mean of z"):
            assert word in words
    assert len({c for name, c in COLORS.items() if name in (LAW, PUBLISHED, GMM, GEN1, GEN2)}) == 5


def test_blur_is_lost_variance_and_the_second_stage_narrows_its_latents(result):
    """The variance that reconstructions have lost is about their error."""
    for row in table(samplers, result):
        assert float(row["variance_loss"]) == pytest.approx(float(row["mse"]), rel=0.35)
        assert 0.5 < float(row["spread"]) < 1
        assert 0.5 < float(row["memorised"]) < 2
        assert float(row["gamma_second"]) < 1


def test_both_figures_read_one_training(result, no_training):
    other = renormalized.compute("cpu", seeds=2, **SMALL)
    assert len(renormalized.draw(other.numbers).axes[0].get_yticklabels()) == 6
    assert len(samplers.draw(result.numbers).axes) == 3
    by_both = [
        {(r["seed"], r["source"]): r[name] for r in table(m, result)}
        for m, name in ((samplers, "frechet"), (renormalized, "distance"))
    ]
    assert by_both[1].items() <= by_both[0].items()
    for item, numbers in ((samplers, result.numbers), (renormalized, other.numbers)):
        words = item.alt(numbers)
        assert "nan" not in words
        assert GMM in words or "mixture" in words


def test_renormalized_images_are_those_of_the_scaled_raw_latents(result):
    raw, scaled = (result.numbers["pictures"][0][SOURCES.index(name)].astype(float) for name in (GEN2, LAW))
    assert 0 < np.abs(raw - scaled).mean() < np.abs(raw - scaled[::-1]).mean()


def test_a_collapsed_stage_has_no_renormalized_samples():
    collapsing = {"width": 8, "steps": 40, "warmup": 0.0, "gamma": 1.0}
    settings = {**SMALL, "train": {"epochs": 2}, "second": collapsing, "components": 1}
    numbers = samplers.compute("cpu", seeds=1, **settings).numbers
    missing = [np.isnan(numbers["frechet"][0, SOURCES.index(name)]) for name in SOURCES]
    assert [name for name, gone in zip(SOURCES, missing, strict=True) if gone] == [LAW, PUBLISHED, CONTROL]
    assert not order_holds(numbers).any()
    assert best_generators(numbers)[0] not in (LAW, PUBLISHED)
    for item in (samplers, renormalized):
        assert "nan" not in item.alt(numbers)
        item.draw(numbers)


def test_the_published_set_ups_are_those_of_the_paper(monkeypatch):
    """Those of `computed_gamma.py` in asperti/BalancingVAE; and no quick preset asks for an FID."""
    assert set(FIGURES["gam-celeba"].presets) == {"paper"}
    assert "score" not in FIGURES["gam-cifar"].presets["quick"], "an Inception network takes hours without a GPU"
    cifar, celeba = (Train(**preset["train"]) for preset in (CIFAR, CELEBA))
    assert [cifar.lr * cifar.lr_factor(epoch * 500, 500) for epoch in (0, 249, 250, 500)] == [1e-4, 1e-4, 5e-5, 2.5e-5]
    assert [celeba.lr * celeba.lr_factor(epoch * 10, 10) for epoch in (59, 60)] == [5e-5, 2.5e-5]
    assert (cifar.epochs, celeba.epochs) == (700, 70)


def test_fid_uses_the_inception_network(monkeypatch):
    asked = []

    def features(images, device):
        asked.append(images.shape)
        return images.float().flatten(1)[:, 20:24] + 0.1 * images.float().flatten(1)[:, 30:34]

    monkeypatch.setattr(fid, "features", features)
    quick = {**SMALL, "train": {"epochs": 1}, "second": {"width": 8, "steps": 20}, "components": 1}
    numbers = compare_samplers(device="cpu", seed=0, score="fid", **quick)
    assert set(asked) == {(179, 1, 8, 8)}
    assert np.isfinite(numbers["frechet"][: SOURCES.index(LAW)]).all()
    with pytest.raises(InvalidValue, match="'inception'"):
        compare_samplers(device="cpu", seed=0, score="inception", **quick)
