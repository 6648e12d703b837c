"""On a machine with an accelerator panels draw on the CPU, and leave the user's experiment where it is."""

import pytest
import torch

from tests.emulated_device import EmulatedDevice
from vaelab import MarginalPosterior, live, load, recipes
from vaelab.live.worker import worker
from vaelab.posterior.samplers import PriorSampler


def flat(**options):
    return recipes.vae((1, 8, 8), options.pop("latent", 3), hidden=(8,), **options)


MAKERS = {
    "latent": lambda e, x, labels: live.latent_panel(e[0], x, labels),
    "traversal": lambda e, x, labels: live.latent_panel(e[1], x),
    "posterior": lambda e, x, labels: live.posterior_panel(e[1], x),
    "posterior alone": lambda e, x, labels: live.posterior_panel(MarginalPosterior(*e[1].encode(x))),
    "clouds": lambda e, x, labels: live.cloud_panel({0.0: e[1], 1.0: e[2]}, x),
    "balance": lambda e, x, labels: live.balance_panel(e[1:], x),
    "scale": lambda e, x, labels: live.scale_panel(
        e[1], {"prior": PriorSampler().fit(e[1].encode(x))}, load("digits"), n=100
    ),
}


@pytest.fixture
def at_once(monkeypatch):
    """Draw on the thread that moves the sliders, the only one on which the device is emulated."""
    monkeypatch.setattr("vaelab.live.panel.MIN_INTERVAL", 0.0)
    monkeypatch.setattr("vaelab.live.panel.IDLE", 0.0)
    monkeypatch.setattr(worker, "wake", lambda job, due=0.0: job())


@pytest.mark.parametrize("name", MAKERS)
def test_a_panel_takes_what_is_on_an_accelerator_and_leaves_it_there(name, at_once, tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path))
    digits = load("digits")
    torch.manual_seed(0)
    experiments = [flat(latent=2), flat(gamma=0.1), flat(gamma=0.4)]
    expected = MAKERS[name](experiments, digits.images[:60], digits.labels[:60])
    with EmulatedDevice() as device:
        for experiment in experiments:
            experiment.to("mps").train()
        images, labels = digits.images[:60].to("mps"), digits.labels[:60].to("mps")
        panel = MAKERS[name](experiments, images, labels)
        assert panel.settle()  # the scale panel measures on a thread of its own
        assert expected.settle()
        for values in list(panel.presets.values())[:2]:
            for one in (panel, expected):
                one.set(**values)
                assert one.settle()
                assert one.message.layout.display == "none", one.message.value
            assert panel.readout.value == expected.readout.value
        assert panel.filmstrip == expected.filmstrip
        for experiment in experiments:
            assert all(device.holds(p) for p in experiment.parameters())
            assert experiment.training


def test_the_training_panel_and_its_code_stay_on_the_cpu(monkeypatch):
    monkeypatch.setattr("vaelab._utils.device.accelerator", lambda: "xpu")
    panel = live.training_panel(epochs=1)
    panel.start()
    assert panel.settle()
    assert panel.trainer.state == "finished", panel.trainer.sentence
    names = {}
    exec(panel.code, names)
    assert names["config"].device == "cpu"
