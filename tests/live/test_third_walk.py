"""Notebook 03: what it says about alpha and gamma happens in its panels, and their code repeats it bit for bit."""

import re
from pathlib import Path

import pytest
import torch

import vaelab
from tests.live.waiting import wait_for
from vaelab import live, metrics
from vaelab.live.trainer import rates_and_distortion
from vaelab.posterior import LinearGaussian

SOURCES = Path(__file__).parents[2] / "notebooks" / "source"
SOURCE = SOURCES / "03_train_it_yourself.py"
EPOCH = 156  # steps, full batches of 64 in 10,000 images


def turned(name, value, **choices):
    """Let a training of eight epochs pause after its fourth, change a parameter, continue to the end."""
    panel = live.training_panel(data="mnist-mini", divergence="JS", latent=2, epochs=8, pause_at=4, **choices)
    panel.start()
    wait_for(lambda: panel.trainer.state == "paused" or not panel.trainer.alive, 120)
    before = panel.trainer.record.points[-1]
    panel.set(**{name: value})
    panel.start()
    assert panel.settle(200)
    assert panel.trainer.state == "finished", panel.trainer.sentence
    (change,) = panel.trainer.record.history.interventions
    assert (change.step, change.name, change.new) == (4 * EPOCH, name, value) == (before.step, name, value)
    return panel, before, panel.trainer.record.points[-1]


def spread(experiment, images):
    return float(metrics.encode(experiment, images).mean.var(0).mean())


def test_a_large_alpha_raises_the_rate_and_spreads_the_codes_and_the_copied_code_repeats_it():
    panel, before, after = turned("alpha", 0.9, alpha=0.1, gamma=0.2)
    assert after.rate > before.rate
    names = {}
    exec(panel.code, names)
    repeated, experiment = names["experiment"].state_dict(), panel.trainer.experiment
    assert all(torch.equal(repeated[key], value) for key, value in experiment.state_dict().items())
    exec(panel.code.replace(", 0.9)", ", 0.1)"), names)  # the control: the same run without the change
    images = panel.trainer.images
    assert spread(experiment, images) > 1.5 * spread(names["experiment"], images)
    assert metrics.evaluate(names["experiment"], images)["rate"] < 0.8 * after.rate


@pytest.mark.parametrize(("start", "end"), [(0.7, 0.2), (0.2, 0.7)])
def test_a_smaller_gamma_raises_the_rate_and_a_larger_one_lowers_it(start, end):
    _, before, after = turned("gamma", end, alpha=0.1, gamma=start)
    if end < start:
        assert after.rate > before.rate
        assert after.distortion < before.distortion
    else:
        assert after.rate < 0.7 * before.rate


def test_the_epoch_of_the_text_is_that_of_the_panel():
    panel = live.training_panel(data="mnist-mini", divergence="JS", latent=2)
    steps = panel.setup.config.steps_per_epoch(len(vaelab.load("mnist-mini").images))
    text = SOURCE.read_text(encoding="utf-8")
    assert steps == EPOCH == int(re.search(r"an epoch has (\d+) steps", text)[1])
    assert int(re.search(r"At step (\d+), after five epochs", text)[1]) == 5 * EPOCH


@pytest.mark.parametrize(
    ("notebook", "name", "line", "after"),
    [  # the panel, the start of the line that plans the changes of the replay, and later pauses
        (SOURCE.stem, "alpha_panel", "turned = ", [12]),
        (SOURCE.stem, "gamma_panel", "smaller = ", [12]),
        ("05_geometric_js_vae", "training", "steady, turned = ", [12]),
        ("08_setting_gamma", "steering", "plan = ", []),
        ("90_panels", "training", "for changes in ", []),
    ],
)
def test_the_panels_pause_where_the_replays_change_a_parameter(notebook, name, line, after):
    text = (SOURCES / f"{notebook}.py").read_text(encoding="utf-8")
    (call,) = re.findall(rf"^{name} = (live\.training_panel\((?:[^()]|\([^()]*\))*\))", text, re.MULTILINE)
    (plan,) = re.findall(rf"^{line}(.*)", text, re.MULTILINE)
    panel = eval(call)
    steps = panel.setup.config.steps_per_epoch(len(vaelab.load(panel.setup.data)))
    changes = re.findall(r'\((\d+)( \* \w+)?, "\w+"', plan)
    epochs = {int(number) if per_epoch else int(number) / steps for number, per_epoch in changes}
    panel.process._begin(paused=True)
    panel.stop()
    assert epochs
    assert panel.trainer.pause_at == epochs | {*after}


def test_the_squared_error_of_the_panel_is_that_of_sampled_codes_with_the_same_noise_each_time():
    torch.manual_seed(0)
    experiment, x = vaelab.recipes.linear_vae((5,), 2), torch.randn(5000, 5)
    before = torch.get_rng_state()
    (rate,), distortion = rates_and_distortion(experiment, x)
    assert ((rate,), distortion) == rates_and_distortion(experiment, x)
    assert torch.equal(torch.get_rng_state(), before)
    at_means = metrics.evaluate(experiment, x)
    weight = LinearGaussian.from_experiment(experiment).weight
    noise = float((metrics.encode(experiment, x).logvar.exp().mean(0) * weight.square().sum(0)).sum())
    assert noise > 0.1 * at_means["reconstruction"]
    assert distortion == pytest.approx(at_means["reconstruction"] + noise, rel=0.02)
    assert rate == pytest.approx(at_means["rate"], rel=1e-6)
