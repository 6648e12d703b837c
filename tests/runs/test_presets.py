"""Presets build, train and resume; the published ones have the published sizes and steps."""

import json

import pytest
import torch

from vaelab import fit
from vaelab._utils.errors import InvalidValue
from vaelab.runs.presets import PRESETS, preset
from vaelab.runs.run import Run

SHAPES = {"hvae-tiny": (1, 28, 28), "nvae-mnist": (1, 28, 28), "nvae-cifar10": (3, 32, 32)}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_takes_a_step(name):
    chosen = preset(name)
    torch.manual_seed(0)
    experiment = chosen.run.experiment(SHAPES[name])
    images = torch.randint(0, 256, (2, *SHAPES[name]), dtype=torch.uint8)
    before = experiment.model.start.clone()
    config = chosen.config(steps=1, batch_size=2, device="cpu", progress=False)
    history = fit(experiment, images, config, augment=chosen.augment)
    assert history["loss"][0] > 0
    assert not torch.equal(experiment.model.start, before)


@pytest.mark.parametrize(("name", "images", "groups"), [("nvae-mnist", 60_000, 15), ("nvae-cifar10", 50_000, 30)])
def test_published_presets_have_the_published_groups_and_rise_over_30_percent_of_the_steps(name, images, groups):
    chosen = preset(name)
    config = chosen.config()
    steps = config.total_steps(config.steps_per_epoch(images))
    assert sum(count for _, count in chosen.run.options["groups"]) == groups
    assert chosen.run.options["annealing"] == round(0.3 * steps)
    per_epoch = config.steps_per_epoch(images)
    rates = [config.lr * config.lr_factor(step, per_epoch) for step in (0, 5 * per_epoch, steps)]
    assert rates == pytest.approx([1e-2 / (5 * per_epoch), 1e-2, 1e-4])


def test_the_command_trains_a_preset_and_its_folder_is_a_run(vaelab, tmp_path):
    command = ("preset", "hvae-tiny", "--epochs", "1", "--limit", "200", "--device", "cpu", "--out", str(tmp_path))
    status, output, errors = vaelab(*command)
    assert status == 0, errors
    assert "Trained hierarchical_vae on mnist-mini" in output
    assert json.loads((tmp_path / "settings.json").read_text())["options"]["annealing"] == 300
    run, experiment, step = Run.load(tmp_path)
    assert (run.batch_size, step, experiment.model.groups) == (100, 2, 4)
    before = (tmp_path / "history.csv").read_bytes()
    assert vaelab(*command)[0] == 0, "the same command resumes"
    assert (tmp_path / "history.csv").read_bytes() == before


def test_an_unknown_name_is_refused(vaelab):
    with pytest.raises(
        InvalidValue, match=r"name must be that of a preset, got 'hvae-tinny'; did you mean hvae-tiny\?"
    ):
        preset("hvae-tinny")
    assert vaelab("preset", "nvae")[0] == 2
