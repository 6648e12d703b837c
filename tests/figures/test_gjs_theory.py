"""The figures that need no training, and the one of the evidence: the physics in their tables."""

import csv
import io

import numpy as np
import pytest

from figures.gjs.limits import LOWEST, ZERO
from figures.gjs.mixture_fit import jump
from figures.gjs.theory import entrance_fee
from figures.registry import FIGURES
from figures.table import to_csv

integrands = FIGURES["gjs-integrands"]
limits = FIGURES["gjs-limits"]
mixture_fit = FIGURES["gjs-mixture-fit"]
model_evidence = FIGURES["gjs-evidence"]
small_sigma = FIGURES["gjs-small-sigma"]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def drawn(item, **settings):
    """The numbers of a figure and its table as it is written; its drawing and its alt text come without complaint."""
    n = item.compute("cpu", **{**item.presets["quick"], **settings}).numbers
    assert item.draw(n).axes
    assert len(item.alt(n)) > 60
    return n, list(csv.DictReader(io.StringIO(to_csv(item.rows(n)))))


def column(rows, name, **where):
    return np.array([float(r[name]) for r in rows if all(r[k] == v for k, v in where.items())])


def test_the_integrands_have_their_known_bumps_right_and_as_published():
    """Derived here; published: the mean of `gaussian_example.ipynb`, jacobdeasy/geometric-js."""
    n, rows = drawn(integrands)
    first = rows[0]["pair"]
    z = column(rows, "x", pair=first)
    for name, left, low, right in (
        ("geometric JS", (0.0936, -2.60), (-0.0984, -0.61), (0.4651, 3.62)),
        ("notebook's geometric JS", (0.1795, -2.54), (-0.1078, -0.45), (0.3195, 3.74)),
    ):
        value = column(rows, name, pair=first)
        for (expected, at), i in (
            (left, np.where(z < -1, value, -9).argmax()),
            (low, value.argmin()),
            (right, value.argmax()),
        ):
            assert (value[i], z[i]) == (pytest.approx(expected, abs=1e-4), pytest.approx(at, abs=0.05)), name
    assert n["integrals"][0] == pytest.approx([0.474307, 1.869678, 1.394233], abs=1e-6)
    for pair in {row["pair"] for row in rows}:
        assert column(rows, "JS", pair=pair).min() >= 0
        assert column(rows, "geometric JS", pair=pair).min() < 0
    assert n["integrals"][3, :2] == pytest.approx([0.69182810, 10.79467822], abs=1e-8)
    same_width = n["integrals"][2]
    assert same_width[1] == pytest.approx(same_width[2]), "with equal sigmas the notebook's mean is right"


def test_the_limits_are_the_two_kl_divergences_or_zero():
    n, rows = drawn(limits)
    ends = {
        name: column(rows, "value", divergence=name)[[0, -1]]
        for name in ("primed", "primed dual", "plain", "plain dual")
    }
    assert ends["primed"] == pytest.approx([1.249719, 5.420281], abs=1e-6)
    assert ends["primed dual"] == pytest.approx([5.420281, 1.249719], abs=1e-6)
    assert [*ends["plain"], *ends["plain dual"]] == pytest.approx([0] * 4, abs=1e-12)
    assert n["ends"] == pytest.approx([1.249719, 5.420281], abs=1e-6)
    for name in ("plain", "plain dual"):
        assert (np.diff(np.sign(np.diff(column(rows, "value", divergence=name)))) != 0).sum() == 1, "one hump"
    both = [column(rows, "value", divergence=name) for name in ("plain", "plain dual")]
    a = column(rows, "alpha", divergence="plain")
    np.testing.assert_allclose(sum(both), a * (1 - a) * (1.249719 + 5.420281), atol=1e-5)


def test_sharp_posteriors_meet_the_wall_or_pay_the_fee():
    _, rows = drawn(small_sigma, smallest=1e-7)
    for alpha, fee in (("0.1", 2.898707), ("0.25", 0.431853), ("0.5", -0.096574), ("0.75", -0.102174)):
        of = {"alpha": alpha}
        difference = column(rows, "excess", **of)
        assert column(rows, "fee", **of)[0] == pytest.approx(fee, abs=1e-6)
        assert difference[0] == pytest.approx(fee, abs=1e-5)
        assert difference[-1] == pytest.approx(0, abs=1e-12)
        wall = float(alpha) ** 2 / (2 * column(rows, "s", **of)[0])
        assert column(rows, "primed", **of)[0] / wall == pytest.approx(1, abs=1e-2)
        for name in ("kl_qp", "kl_pq", "primed", "dual"):
            assert (np.diff(column(rows, name, **of)) < 0).all(), "sharper is dearer"


def test_the_entrance_fee_is_zero_and_lowest_where_it_must_be():
    """c(α) = ln(α)/2 + (1-α)²/(2α) is lowest where α² + α = 1: the golden ratio; derived here."""
    assert entrance_fee(ZERO) == pytest.approx(0, abs=1e-6)
    lowest = entrance_fee(LOWEST)
    assert lowest == pytest.approx(-0.122572, abs=1e-6)
    assert all(entrance_fee(LOWEST + d) > lowest for d in (-1e-3, 1e-3))


def test_the_dual_jumps_between_two_branches_at_small_alpha():
    n, rows = drawn(mixture_fit, grid=[0.02, 0.05, 0.12, 0.14, 0.2, 0.35, 0.6, 0.8])
    assert jump(n) == (0.12, 0.14)
    dual = {"kind": "primed dual"}
    std = column(rows, "std", start="moments", **dual)
    value = column(rows, "value", start="moments", **dual)
    at = column(rows, "alpha", start="moments", **dual)
    lower = column(rows, "alpha", start="component", **dual)
    assert lower.tolist() == [0.1, 0.12]
    assert (column(rows, "value", start="component", **dual) < value[np.isin(at, lower)]).all()
    assert std[at <= 0.12].min() > 1.1 > 0.8 > std[at >= 0.14].max()
    primed = column(rows, "std", kind="primed")
    assert (np.diff(primed[2:10]) > 0).all(), "the primed one widens without a jump"
    assert np.abs(np.diff(primed)).max() < 0.3
    assert primed[-1] == pytest.approx(std[0], abs=1e-5)
    assert primed[0] == pytest.approx(std[-1], abs=1e-5)


def test_the_evidence_is_right_on_the_toy_and_the_published_one_is_not():
    small = {"data": "digits", "latent": 4, "hidden": (16,), "epochs": 1}
    n, rows = drawn(model_evidence, alphas=[0.1, 0.9], seeds=2, **small)
    toy = {"variant": ""}
    low, high = (column(rows, name, proposal="right", **toy) for name in ("low_95", "high_95"))
    assert ((low < -14.3396) & (high > -14.3396)).all()
    published = column(rows, "nats", proposal="published", **toy)
    samples = column(rows, "samples", proposal="published", **toy)
    assert (np.diff(published) > 0).all(), "a lower bound that rises with the number of samples"
    assert published[samples == 128] == pytest.approx([-22.31], abs=0.5)
    trained = [r for r in rows if r["variant"]]
    assert len(trained) == 2 * (3 + 4)
    assert n["trained"].shape == (7, 2, 3)
    for row in trained:
        assert float(row["low_95"]) < float(row["nats"]) < float(row["high_95"])
    assert model_evidence.presets["quick"]["seeds"] >= 2
