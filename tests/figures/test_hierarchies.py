"""The figures on hierarchies: what is measured, and that the words follow the numbers."""

import numpy as np
import pytest

from figures.hierarchies import consistency, groups, trainings
from figures.hierarchies.consistency import differences
from vaelab import load


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path))


def test_groups_are_followed_to_the_end_and_free_nats_make_the_first_group_active():
    options = {**trainings.SMALL, "free_nats": 3.0}
    common = {"device": "cpu", "seed": 0, "data": "digits", "epochs": 8, "points": 4}
    free = trainings.follow_groups(options=options, **common)
    plain = trainings.follow_groups(options={**trainings.SMALL, "free_nats": None}, **common)
    total = 8 * (len(load("digits")) // 64)
    assert free["step"].tolist() == [1, *(round(total * k / 4) for k in (1, 2, 3, 4))]
    assert free["rates"].shape == (5, 3)
    assert free["rates"][-1, 0] > 0.5 > plain["rates"][-1, 0]


def test_samples_below_more_fixed_groups_vary_less_and_a_lower_temperature_too():
    settings = {**trainings.SAMPLES, "limit": 300, "epochs": 1, "temperatures": [1.0, 0.3]}
    numbers = trainings.sample_hierarchy(device="cpu", seed=0, **{k: v for k, v in settings.items() if k != "seeds"})
    assert numbers["spread"][0] > numbers["spread"][1] > 0
    assert numbers["left"][-1] < 1e-6 < numbers["left"][0]
    assert numbers["below"].shape == (4, trainings.N_SHOWN, 28, 28)
    assert (numbers["below"][-1] == numbers["below"][-1, :1]).all(), "with all groups fixed, the reconstruction"


def test_differences_are_paired_by_seed():
    seeds = np.array([0.0, 10.0, 20.0])
    n = {"nll": np.stack([seeds + 3, seeds, seeds + np.array([1.0, 2.0, 3.0])])}
    mean, half = differences(n, "nll")
    assert mean.tolist() == [3, 0, 2]
    assert half[0] == half[1] == 0
    assert half[2] == pytest.approx(4.303 / np.sqrt(3))


def test_the_words_follow_the_numbers():
    names = {"method": np.array(["plain", "augmented", "CR"])}
    values = {name: np.arange(9.0).reshape(3, 3) for name in consistency.MEASURES}
    text = consistency.alt({**names, **values})
    assert "plain 1.0 (-3.0 ± 0.0), augmented 4.0 (the reference), CR 7.0 (+3.0 ± 0.0)" in text
    n = {"method": np.array(["plain"]), "rates": np.ones((1, 2, 4, 3)), "elbo": np.array([[5.0, 6.0]])}
    words = groups.alt({**n, "step": np.arange(4)})
    assert "plain: 1.0 to 1.0, 1.0 to 1.0, 1.0 to 1.0, ELBO 5.0 to 6.0" in words
