"""The scale panel: its factor changes images and numbers; its distances are right."""

import threading

import pytest
import torch

from tests.live.waiting import wait_for
from vaelab import live, load, recipes
from vaelab._utils.errors import InvalidValue
from vaelab.live.panels import scale
from vaelab.metrics import classifier as classifiers
from vaelab.metrics import encode
from vaelab.metrics.classifier import classifier
from vaelab.metrics.frechet import frechet_distance
from vaelab.posterior.samplers import GMMSampler, PriorSampler


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        torch.manual_seed(0)
        digits = load("digits")
        experiment = recipes.vae((1, 8, 8), 4, hidden=(16,))
        codes = encode(experiment, digits.images)
        samplers = {"prior": PriorSampler().fit(codes), "mixture": GMMSampler(2).fit(codes)}
        yield experiment, samplers, digits


def test_every_control_changes_the_picture_and_the_readout(parts):
    panel = live.scale_panel(*parts, n=100)
    assert panel.settle()
    before, readout = bytes(panel.picture.value), panel.spec.readout(panel.values)
    for values in ({"factor": 2.0}, {"source": "mixture"}, {"factor": 0.4}):
        panel.set(**values)
        assert panel.settle()
        assert bytes(panel.picture.value) != before
        assert panel.spec.readout(panel.values) != readout
        before, readout = bytes(panel.picture.value), panel.spec.readout(panel.values)
    with pytest.raises(InvalidValue, match=r"factor must be one of 0\.4, 0\.6, .*, got 1\.3"):
        panel.set(factor=1.3)
    assert panel.presets
    assert len(panel.alt) > 60
    assert panel.filmstrip.startswith(b"\x89PNG")


def test_the_curves_are_the_distances(parts):
    experiment, samplers, digits = parts
    latents = {name: sampler.sample(100, torch.Generator().manual_seed(0)) for name, sampler in samplers.items()}
    shown = scale._measure(experiment, latents, digits)
    network = classifier(digits)
    z = samplers["mixture"].sample(100, torch.Generator().manual_seed(0))
    expected = frechet_distance(network.features(digits.images), network.features(experiment.decode(1.4 * z)))
    k, f = shown.at({"source": "mixture", "factor": 1.4})
    assert shown.distance[k, f] == pytest.approx(expected, rel=1e-4)
    assert shown.images[k, f, 0, 0] == pytest.approx(experiment.decode(1.4 * z)[0, 0].numpy(), abs=1e-5)


def test_color_and_no_sampler_are_refused(parts):
    experiment, _, digits = parts
    with pytest.raises(InvalidValue, match="got 0"):
        live.scale_panel(experiment, {}, digits)
    with pytest.raises(InvalidValue, match="n must be at least 65, got 64"):
        live.scale_panel(*parts, n=64)
    with pytest.raises(InvalidValue, match="dataset must have more than 64 images, got 64"):
        live.scale_panel(*parts[:2], digits.subset(64))


def preparing():
    return "vaelab-prepare" in [thread.name for thread in threading.enumerate()]


def test_closing_the_panel_stops_the_training_of_its_classifier(parts, tmp_path, monkeypatch):
    steps, shuffle = [], torch.randint
    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path))  # without a stored classifier
    monkeypatch.setattr(classifiers, "STEPS", 10**6)  # hours
    monkeypatch.setattr(torch, "randint", lambda *a, **k: (steps.append(0), shuffle(*a, **k))[1])
    panel = live.scale_panel(*parts, n=70)
    wait_for(lambda: steps)
    panel.close()
    wait_for(lambda: not preparing())


def test_closing_the_panel_stops_its_measurement(parts, monkeypatch):
    measured, gate = [], threading.Event()
    monkeypatch.setattr(scale, "frechet_distance", lambda *_: (gate.wait(60), measured.append(0), 0.0)[-1])
    panel = live.scale_panel(*parts, n=70)
    panel.close()
    gate.set()
    wait_for(lambda: not preparing())
    assert len(measured) <= 1
