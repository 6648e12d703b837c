"""pc-collapse: what the committed numbers say, and that a short training has the numbers of the figure."""

import numpy as np
import pytest

from figures import npz
from figures.clouds.trainings import MEASURES, QUICK, compute_collapse, spread
from figures.manifest import FOLDER
from figures.registry import FIGURES
from tests.figures.helpers import draw, table
from vaelab.data import load
from vaelab.metrics import chamfer

pytestmark = pytest.mark.usefixtures("shared_cache")
FULL = 3.0 * QUICK["points"]


@pytest.fixture(scope="module")
def committed():
    with np.load(npz.path_of(FOLDER, "pc-collapse"), allow_pickle=False) as file:
        return dict(file)


def rows(n, method, dimension=None, start="fresh"):
    chosen = (n["method"] == method) & (n["start"] == start)
    return chosen if dimension is None else chosen & (n["dimension"] == dimension)


@pytest.mark.parametrize("method", ["computed", "learned"])
def test_a_gamma_that_follows_the_error_lives_or_dies_by_the_dimension(committed, method):
    dead, alive = rows(committed, method, 3.0), rows(committed, method, FULL)
    assert committed["rate"][dead].max() < 0.1
    assert committed["distinct"][dead].max() < 0.01
    assert committed["rate"][alive].min() > 3
    assert committed["distinct"][alive].min() > 0.4
    assert committed["distance"][alive].max() < 0.8 * committed["distance"][dead].min()


def test_neither_start_changes_the_end(committed):
    """A live model dies at D = 3, and a collapsed one comes to life at D = 3 points: no local minimum."""
    for start in ("alive", "collapsed"):
        assert committed["rate"][rows(committed, "computed", 3.0, start)].max() < 0.1
        assert committed["rate"][rows(committed, "computed", FULL, start)].min() > 3
        assert committed["distinct"][rows(committed, "computed", FULL, start)].min() > 0.4


def test_the_weight_orders_the_rates_whatever_sets_gamma(committed):
    weight, rate = (np.log(committed[name].ravel()) for name in ("weight", "rate"))
    ranks = [np.argsort(np.argsort(values)) for values in (weight, rate)]
    assert np.corrcoef(*ranks)[0, 1] > 0.9


def test_a_standardized_svm_scores_well_on_dead_models(committed):
    dead = committed["rate"] < 0.05
    assert dead.any()
    assert committed["svm_standardized"][dead].mean() > 3 * committed["svm_sampled"][dead].mean()
    assert committed["svm_sampled"][dead].max() < 0.25  # of eight classes


def test_the_spread_is_the_mean_over_all_pairs():
    clouds = load("solids", limit=5).images[:, :40]
    pairs = [chamfer(clouds[[i]], clouds[[j]], reduce="mean") for i in range(5) for j in range(i)]
    assert spread(clouds) == pytest.approx(float(sum(pairs)) / 10, rel=1e-5)


def test_a_short_training_has_the_numbers_of_the_figure():
    item = FIGURES["pc-collapse"]
    short = {**QUICK, "gammas": [1.0], "dimensions": [3.0], "seeds": 1, "epochs": 1, "limit": 64}
    result = compute_collapse("cpu", **short)
    assert result.numbers["rate"].shape == (9, 1)
    assert np.isfinite([result.numbers[name] for name in MEASURES]).all()
    np.testing.assert_allclose(
        result.numbers["weight"], result.numbers["dimension"][:, None] / (2 * result.numbers["gamma"] ** 2)
    )
    assert len(table(item, result)) == 9
    assert len(draw(item, result).axes) == 4
