"""Every panel: random events, the right picture and readout, a filmstrip with alt text."""

import gc
import io
import math
import random
import re
import threading
import time

import numpy as np
import psutil
import pytest
import torch
from PIL import Image

from vaelab import MarginalPosterior, Train, fit_many, live, load, quadrature, recipes
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.divergences import Gaussian, fitting
from vaelab.live import Choice, Slider, controls
from vaelab.live.panels import clouds, mixture, rho

REACH = 3.0


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def balanced(digits):
    settings = [{"gamma": gamma} for gamma in (0.05, 0.15, 0.5)]
    config = Train(epochs=6, batch_size=64, lr=3e-3, device="cpu", progress=False)
    return fit_many(lambda gamma: recipes.vae((1, 8, 8), 4, hidden=(32,), gamma=gamma), settings, digits, config)


@pytest.fixture(scope="module")
def makers(digits, balanced):
    """Every panel with a picture of its own, by name."""
    torch.manual_seed(1)
    flat, deep = (recipes.vae((1, 8, 8), latent, hidden=(16,)) for latent in (2, 5))
    images, labels = digits.images[:200], digits.labels[:200]
    return {
        "divergence": live.divergence_panel,
        "mixture": live.mixture_panel,
        "rho": live.rho_panel,
        "truth": live.truth_panel,
        "latent": lambda **how: live.latent_panel(flat, images, labels, **how),
        "traversal": lambda **how: live.latent_panel(deep, images, **how),
        "posterior": lambda **how: live.posterior_panel(balanced.experiments[1], images, **how),
        "clouds": lambda **how: live.cloud_panel(dict(enumerate(balanced.experiments)), images, **how),
        "balance": lambda **how: live.balance_panel(balanced.experiments, images, **how),
    }


NAMES = ("divergence", "mixture", "rho", "truth", "latent", "traversal", "posterior", "clouds", "balance")


def final(panel):
    """The picture that the panel should rest at."""
    return panel._picture[1].render(panel.values)


def somewhere(spec, r):
    if isinstance(spec, Slider):
        share = r.random()
        value = spec.low * (spec.high / spec.low) ** share if spec.log else spec.low + (spec.high - spec.low) * share
        return round(value) if spec.whole else value
    return r.choice(spec.options) if isinstance(spec, Choice) else r.random() < 0.5


@pytest.mark.parametrize("name", NAMES)
def test_a_thousand_random_events_end_at_the_right_picture_and_keep_no_memory(makers, name, monkeypatch):
    escaped = []
    monkeypatch.setattr(threading, "excepthook", escaped.append)
    panel, r, process, used = makers[name](), random.Random(2), psutil.Process(), 0
    for i in range(1000):
        key = r.choice(list(panel.controls))
        panel.controls[key].value = somewhere(panel._specs[key], r)
        if i % 25 == 0:
            time.sleep(0.02)
        if i == 300:
            assert panel.settle()
            gc.collect()
            used = process.memory_info().rss
    assert panel.settle()
    assert not escaped
    assert panel.message.layout.display == "none", panel.message.value
    assert panel.values == {key: control.value for key, control in panel.controls.items()}
    fresh = makers[name]()
    assert bytes(panel.picture.value) == fresh._picture[1].render(panel.values)
    del fresh
    gc.collect()
    assert process.memory_info().rss - used < 20 * 2**20


@pytest.mark.parametrize("name", NAMES)
def test_sixty_events_in_a_second_need_fifteen_draws_and_end_at_the_last_value(makers, name):
    panel = makers[name]()
    key, spec = next((k, s) for k, s in panel._specs.items() if isinstance(s, Slider))
    time.sleep(0.3)
    before, started = panel.draws, time.monotonic()
    for i in range(60):
        share = i / 59
        value = spec.low * (spec.high / spec.low) ** share if spec.log else spec.low + (spec.high - spec.low) * share
        panel.controls[key].value = round(value) if spec.whole else value
        time.sleep(max(0.0, started + (i + 1) / 60 - time.monotonic()))
    draws, seconds = panel.draws - before, time.monotonic() - started  # more if busy
    assert panel.settle()
    assert draws <= 15 * seconds
    assert panel.values[key] == pytest.approx(spec.high)
    assert bytes(panel.picture.value) == final(panel)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("style", ["notebook", "talk"])
def test_every_preset_is_drawn_in_its_size_and_every_panel_has_a_filmstrip(makers, name, style):
    panel = makers[name](style=style)
    assert panel.presets
    for values in panel.presets.values():
        panel.set(**values)
        assert panel.settle()
        assert panel.message.layout.display == "none", panel.message.value
        shown = Image.open(io.BytesIO(bytes(panel.picture.value))).size
        width, height = panel._picture[1].size
        assert panel.picture.layout.width == f"{width}px"
        assert abs(shown[0] / shown[1] - width / height) < 0.02
    assert Image.open(io.BytesIO(panel.filmstrip)).size[0] > 200
    assert len(panel.alt) > 60
    assert len(panel.caption) > 60
    assert ("vaelab-talk" in panel.box._dom_classes) == (style == "talk")


# -- mixture: the shipped optima are the true ones


@pytest.mark.parametrize(("family", "alpha"), [("primed", 0.3), ("primed dual", 0.06), ("primed dual", 0.5)])
def test_the_shipped_optima_are_what_the_descent_finds(family, alpha):
    found = min(fitting.fit(fitting.mixture(), family, alpha), key=lambda f: f.value)
    shipped = mixture._optimum(alpha, family == "primed dual")
    assert shipped.value == pytest.approx(found.value, abs=1e-4)
    assert (shipped.mean_1, shipped.mean_2, shipped.std) == pytest.approx((*found.mean, found.std), abs=2e-3)


def test_between_two_optima_the_shown_one_is_nearly_optimal_and_the_jump_is_not_smeared():
    grid, target = quadrature.plane(-14.0, 14.0, 141), fitting.mixture()
    log_target = target.log_prob(grid.points)
    for alpha, dual in ((0.25, False), (0.613, False), (0.337, True)):
        best = mixture._optimum(alpha, dual)
        q = torch.distributions.Normal(torch.tensor([best.mean_1, best.mean_2]).double(), best.std)
        value = quadrature.geometric_js(
            lambda z, q=q: q.log_prob(z).sum(1), lambda z: log_target, alpha, grid, dual=dual
        )
        assert float(value) == pytest.approx(best.value, abs=2e-3)
    widths = [mixture._optimum(a, True).std for a in np.linspace(0, 0.2, 400)]
    steps = np.abs(np.diff(widths))
    assert (steps > mixture.JUMP).sum() == 1  # one jump, in one step
    assert np.sort(steps)[-2] < 0.02


def test_the_table_is_made_by_its_own_command(tmp_path, monkeypatch):
    monkeypatch.setattr(mixture, "OPTIMA", tmp_path / "optima.csv")
    mixture._table.cache_clear()
    mixture._compute([0.0, 1.0])
    assert mixture._optimum(0.0, False).std == pytest.approx(mixture._optimum(1.0, True).std, abs=1e-4)
    mixture._table.cache_clear()


# -- rho


@pytest.mark.parametrize("ratio", [0.1, 0.2, 0.5, 1.0, 2.0, 5.0])
def test_the_least_kl_lies_on_the_line_and_is_the_package_s(ratio):
    variance, square, least = rho._minimum(ratio)
    q = Gaussian(torch.tensor([[square**0.5]]).double(), torch.tensor([[variance]]).double().log())
    exact = 0.5 * (q.mean**2 + q.logvar.exp() - q.logvar - 1)
    assert variance + square == pytest.approx(1)
    assert least == pytest.approx(float(exact)) == pytest.approx(rho._kl(variance, ratio))
    assert all(rho._kl(variance * f, ratio) > least for f in (0.9, 1.1))


# -- posterior


def test_the_mixture_s_density_and_moments_agree_with_quadrature_and_with_draws():
    torch.manual_seed(0)
    mean, logvar = torch.randn(300, 2).double() ** 2, torch.randn(300, 2).double() - 1
    posterior, grid = MarginalPosterior(mean, logvar), quadrature.line(-30, 40, 6001)
    moments = posterior.moments()
    for k in range(2):
        density = posterior.density_1d(grid.points, k, chunk=77)
        center = grid.integrate(density * grid.points)
        c = grid.points - center
        second, third, fourth = (grid.integrate(density * c**n) for n in (2, 3, 4))
        assert float(grid.integrate(density)) == pytest.approx(1, abs=1e-8)
        truth = (center, second, third / second**1.5, fourth / second**2)
        assert [float(m[k]) for m in moments[:4]] == pytest.approx([float(t) for t in truth], rel=1e-5)
    with pytest.raises(InvalidValue, match="latent must be from 0 to 1"):
        posterior.density_1d(grid.points, 2)


def test_the_posterior_panel_sorts_by_signal_and_rescaling_gives_variance_one(balanced, digits):
    panel = live.posterior_panel(balanced.experiments[1], digits.images)
    law = MarginalPosterior(*balanced.experiments[1].encode(digits.images)).variance_law()
    first = int(law.of_means.argmax())
    assert first != 0, "rank and index must differ here"
    assert f"Latent {first} is" in panel.readout.value
    assert f"latent {first}: " in panel.alt
    assert f"{float(law.total[first]):.3f}" in panel.readout.value
    panel.set(rescaled=True)
    assert panel.settle()
    assert "variance 1.000" in panel.readout.value
    with pytest.raises(InvalidType, match="images must be"):
        live.posterior_panel(balanced.experiments[1])
    with pytest.raises(InvalidValue, match="latent"):
        live.posterior_panel(balanced.experiments[1], digits.images, latent=9)


# -- balance


def test_the_balance_panel_stops_at_the_trained_gammas_alone(balanced, digits):
    panel = live.balance_panel(balanced.experiments, digits.images)
    for _, gamma in panel.controls["gamma"].options:
        panel.set(gamma=gamma)
        assert panel.settle()
        assert f"At γ = {gamma:g} the decoder" in panel.readout.value
    assert [gamma for _, gamma in panel.controls["gamma"].options] == [0.05, 0.15, 0.5]
    with pytest.raises(InvalidValue, match=r"gamma must be one of 0\.05, 0\.15, 0\.5, got 0\.06"):
        panel.set(gamma=0.06)
    with pytest.raises(InvalidValue, match="experiments must be at least two"):
        live.balance_panel(balanced.experiments[:1], digits.images)
    bernoulli = [recipes.vae((1, 8, 8), 2, hidden=(8,), likelihood="bernoulli") for _ in range(2)]
    with pytest.raises(InvalidValue, match="Bernoulli"):
        live.balance_panel(bernoulli, digits.images)


def test_the_cloud_panel_shows_r_of_its_models_and_nothing_moves_without_views(balanced, digits):
    panel = live.cloud_panel(dict(enumerate(balanced.experiments)), digits.images[:100], strength=0.0)
    assert panel.settle()
    assert "0.00 nats" in panel.readout.value
    gaps = []
    for which in range(3):
        panel.set(which=which, strength=2.0)
        assert panel.settle()
        gaps.append(float(re.search(r"R\D*([0-9.]+) nats", panel.readout.value).group(1)))
    assert gaps[0] > gaps[2] > 0  # the first has the least gamma, so the narrowest posteriors
    with pytest.raises(InvalidValue, match="at least two models"):
        live.cloud_panel({0.0: balanced.experiments[0]}, digits.images[:100])
    with pytest.raises(InvalidType, match="experiments must be a mapping, got "):
        live.cloud_panel(balanced.experiments, digits.images[:100])


def test_the_clouds_of_a_wide_image_are_shifted_by_shares_of_each_side():
    draws = torch.tensor([[0.0], [1.0], [1.0], [0.0]])  # turn, right, down, scale
    assert clouds._warp(draws, 1.0, 12, 20).shift.flatten().tolist() == pytest.approx([1.0, 0.6])


def test_without_anything_the_balance_panel_trains_its_own_and_more_gamma_means_less_code():
    panel = live.balance_panel(epochs=2)
    rates = []
    for name in ("sharp", "collapse"):
        panel.set(**panel.presets[name])
        assert panel.settle()
        rates.append(float(panel.readout.value.split("KL(q‖p) <b>")[1].split(" nats")[0]))
    assert rates[0] > rates[1]


# -- traversals


def test_a_traversal_moves_one_latent_of_one_image(makers, digits):
    panel = makers["traversal"]()
    torch.manual_seed(1)
    _, deep = (recipes.vae((1, 8, 8), latent, hidden=(16,)) for latent in (2, 5))
    codes = deep.encode(digits.images[:200]).mean
    order = codes.var(0).argsort(descending=True)
    panel.set(image=7, latent=2, value=1.5)
    assert panel.settle()
    expected = codes[7].clone()
    expected[order[2]] = 1.5
    assert f"latent <b>{int(order[2])}</b>" in panel.readout.value
    assert f"|z| <b>{expected.norm():.2f}</b>" in panel.readout.value


def test_without_images_the_traversal_starts_at_the_prior_s_center():
    panel = live.latent_panel(recipes.vae((1, 8, 8), 3, hidden=(8,)))
    assert set(panel.controls) == {"value", "latent"}
    panel.set(value=2.0, latent=1)
    assert panel.settle()
    assert "|z| <b>2.00</b>" in panel.readout.value


def test_the_grid_shows_the_plane_around_the_point(makers):
    panel = makers["latent"]()
    panel.set(grid=True, z1=1.0, width=2.0)
    assert panel.settle()
    assert "2.0 x 2.0 sigma" in panel.readout.value


# -- controls


@pytest.mark.parametrize(
    ("control", "value"),
    [
        (Slider("n", "n", 0, 5, 1, 1, whole=True), 2.5),
        (Slider("n", "n", 0.1, 5, 1, 0.1, log=True), 0.0),
        (Choice("c", "c", ("a", "b"), "a"), "d"),
    ],
)
def test_a_control_takes_only_what_it_can_show(control, value):
    with pytest.raises(InvalidValue, match=control.name):
        controls.accept(control, value)
    assert controls.accept(control, control.start) == control.start
    assert controls.build(control).value == control.start


def test_the_distance_from_the_prior_is_right_for_wide_and_narrow_latents():
    torch.manual_seed(0)
    mean = torch.randn(400, 2) * torch.tensor([5.0, 0.0125])
    posterior = MarginalPosterior(mean, torch.tensor([[2.0, 0.0015]]).expand(400, 2).log() * 2)
    panel = live.posterior_panel(posterior)
    shown = []
    for latent in (0, 1):
        panel.set(latent=latent)
        assert panel.settle()
        shown.append(float(panel.readout.value.split("KL(Q‖p) <b>")[1].split(" nats")[0]))
    spread = posterior.moments().variance[[0, 1]]
    gaussian = [0.5 * (float(v) - math.log(v) - 1) for v in spread]
    assert shown == pytest.approx(gaussian, rel=0.1)


def test_ordinary_but_small_input_gets_a_panel_or_a_sentence(balanced, digits):
    torch.manual_seed(0)
    assert live.latent_panel(recipes.vae((1, 8, 8), 2, hidden=(8,)), reach=1.0).settle()
    assert live.posterior_panel(MarginalPosterior(torch.randn(50, 1), torch.zeros(50, 1))).settle()
    with pytest.raises(InvalidValue, match="images must be at least 6"):
        live.balance_panel(balanced.experiments, digits.images[:4])
    with pytest.raises(InvalidValue, match="style must be one of"):
        live.rho_panel(style="huge")
    panel = live.rho_panel()
    panel.controls["rho"].value = 5.000000000000001
    panel.set(**panel.values)
