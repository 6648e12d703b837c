"""Notebook 03: what it says about alpha and gamma happens in its panels, and their code repeats it bit for bit."""

import pytest
import torch

from tests.live.waiting import wait_for
from vaelab import live, metrics

EPOCH = 157  # steps, of 10,000 images in batches of 64


def turned(name, value, **choices):
    """Pause a training of eight epochs near its fourth, change a parameter, continue to the end."""
    panel = live.training_panel(data="mnist-mini", divergence="JS", latent=2, epochs=8, **choices)
    panel.start()
    wait_for(lambda: panel.trainer.record.steps >= 3 * EPOCH or not panel.trainer.alive, 120)
    panel.pause()
    wait_for(lambda: panel.trainer.state == "paused" or not panel.trainer.alive)
    before = panel.trainer.record.points[-1]
    panel.set(**{name: value})
    panel.pause()
    assert panel.settle(200)
    assert panel.trainer.state == "finished", panel.trainer.sentence
    (change,) = panel.trainer.record.history.interventions
    assert (change.step, change.name, change.new) == (before.step, name, value)
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
