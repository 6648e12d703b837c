"""The truth panel shows exact values: each gap by a formula of its own, ln p(x) by the data's covariance."""

import io
import math
import re

import numpy as np
import pytest
import torch
from PIL import Image

from vaelab import live
from vaelab._utils.errors import InvalidValue
from vaelab.live.panels import truth

EXACT = {"gamma": 0.5, "angle": 0.0, "ratio": 1.0, "shift": 0.0}
LIKELIHOOD = "ln p(x)"


@pytest.fixture(scope="module")
def panel():
    return live.truth_panel()


def numbers(panel, **values):
    """The numbers of the readout, by label."""
    panel.set(**{**EXACT, **values})
    assert panel.settle()
    assert panel.message.layout.display == "none", panel.message.value
    found = re.findall(r"([A-Za-z() ]+?) <b>(-?[0-9.]+)", panel.readout.value)
    return {label.strip(): float(number) for label, number in found}


def test_the_start_is_exact_and_the_parts_add_up(panel):
    start = numbers(panel)
    assert start["approximation gap"] == start["amortization gap"] == 0
    assert start[LIKELIHOOD] == start["ELBO"]
    assert "the ELBO equals ln p(x)" in panel.readout.value
    density = torch.distributions.MultivariateNormal(torch.zeros(5).double(), torch.diag(truth._variances()))
    assert start[LIKELIHOOD] == pytest.approx(float(density.log_prob(truth._data()).mean()), abs=6e-4)
    all_at_once = numbers(panel, angle=30.0, ratio=0.7, shift=0.8, gamma=0.4)
    gaps = all_at_once["approximation gap"] + all_at_once["amortization gap"]
    assert all_at_once["ELBO"] + gaps == pytest.approx(all_at_once[LIKELIHOOD], abs=2e-3)


@pytest.mark.parametrize("shift", [0.5, 1.5])
@pytest.mark.parametrize("ratio", [0.4, 1.0, 2.0])
@pytest.mark.parametrize("gamma", [0.3, 2.0])
def test_the_amortization_gap_is_what_its_formula_says(panel, shift, ratio, gamma):
    found = numbers(panel, shift=shift, ratio=ratio, gamma=gamma)
    expected = 0.5 * shift**2 + ratio**2 - 1 - 2 * math.log(ratio)  # two latents
    assert found["amortization gap"] == pytest.approx(expected, abs=6e-4)
    assert found["approximation gap"] == 0


@pytest.mark.parametrize("angle", [10.0, 45.0, 80.0, 90.0])
def test_turned_latents_cost_an_approximation_gap_and_leave_ln_p(panel, angle):
    found, c, s = numbers(panel, angle=angle), math.cos(math.radians(angle)) ** 2, math.sin(math.radians(angle)) ** 2
    first, second = 9 / 0.25, 0.5625 / 0.25  # eigenvalues of the posterior's precision
    diagonal = (c * first + s * second) * (s * first + c * second)
    assert found["approximation gap"] == pytest.approx(0.5 * math.log(diagonal / (first * second)), abs=6e-4)
    assert found[LIKELIHOOD] == numbers(panel)[LIKELIHOOD]


def test_gamma_switches_latents_off_and_its_fixed_point_is_the_optimum(panel):
    active = [numbers(panel, gamma=gamma)["active latents"] for gamma in (0.7, 0.8, 2.9, 3.1)]
    assert active == [2, 1, 1, 0]
    assert numbers(panel, gamma=3.5)["rate"] == 0
    best = numbers(panel)
    assert best["root of the error"] == 0.5
    assert best["rate"] == pytest.approx(math.log(3 / 0.5) + math.log(0.75 / 0.5), abs=6e-4)
    assert all(numbers(panel, gamma=gamma)[LIKELIHOOD] < best[LIKELIHOOD] for gamma in (0.3, 0.45, 0.55, 1.0))
    assert 0.5 < numbers(panel, gamma=0.7)["root of the error"] < 0.7


def test_the_picture_shows_the_posterior_only_where_q_leaves_it(panel):
    """At the start the line of q covers that of the exact posterior, so less of the latter's color is left."""

    def green(**values):
        numbers(panel, **values)
        pixels = np.asarray(Image.open(io.BytesIO(bytes(panel.picture.value))).convert("RGB")).astype(int)
        middle = pixels[60:, pixels.shape[1] // 3 : 2 * pixels.shape[1] // 3]
        return int((np.abs(middle - [10, 138, 95]).sum(-1) < 40).sum())

    assert green(ratio=0.4) > green()


def test_the_filmstrip_s_alt_text_names_the_values_of_its_frames(panel):
    assert "turned latents: ln p(x) -5.83, approximation gap 0.75, amortization gap 0.00" in panel.alt
    assert "one active latent: ln p(x) -6.85" in panel.alt
    assert Image.open(io.BytesIO(panel.filmstrip)).size[0] > 800


def test_a_start_out_of_range_is_refused():
    with pytest.raises(InvalidValue, match="gamma must be"):
        live.truth_panel(gamma=9.0)
