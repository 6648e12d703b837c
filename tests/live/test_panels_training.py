"""The training panel: it follows its controls, reports errors, and can be reproduced."""

import gc
import math
import threading
import time

import pytest
import torch

from tests.live.waiting import wait_for
from vaelab import Train, live, load, plots, recipes, train
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.live import TrainingChoices
from vaelab.live.panels.training import PRESETS
from vaelab.live.panels.training_figure import draw
from vaelab.live.panels.training_texts import describe, readout
from vaelab.live.trainer import MAX_SNAPSHOTS, Trainer
from vaelab.live.training_config import DIVERGENCES, NETWORKS, POLICIES

QUICK = TrainingChoices(epochs=2)


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def reproduced(panel):
    names = {}
    exec(panel.code, names)
    return names["experiment"], names["history"]


def test_a_steered_run_is_reproduced_by_its_code(capsys):
    panel = live.training_panel(epochs=8)
    panel.start()
    for alpha, beta, lr in ((0.1, 2.0, 0.003), (0.9, 0.5, 0.0005), (0.5, 1.5, 0.002)):
        before = panel.trainer.record.steps
        wait_for(lambda before=before: panel.trainer.record.steps > before or not panel.trainer.alive)
        panel.set(alpha=alpha, beta=beta, lr=lr, gamma=0.1 + alpha / 2)
    assert panel.settle()
    assert panel.trainer.state == "finished", panel.trainer.sentence
    assert len(panel.trainer.record.history.interventions) >= 4
    experiment, history = reproduced(panel)
    assert same(experiment, panel.trainer.experiment)
    assert history.interventions == panel.trainer.record.history.interventions
    capsys.readouterr()


@pytest.mark.parametrize("divergence", ["KL(q‖p)", "JS"])
def test_a_hierarchy_shows_the_rate_of_every_group_and_is_reproduced_by_its_code(divergence, capsys):
    panel = live.training_panel(epochs=2, network="hierarchical", divergence=divergence)
    figure = plots.new_figure(10, 5)
    scene = draw(figure)
    middle = figure.axes[1]
    scene.update(panel.process.look(panel.values))
    assert middle.get_title() == "γ"
    panel.start()
    assert panel.settle()
    assert panel.trainer.state == "finished", panel.trainer.sentence
    points = panel.trainer.record.points
    assert all(point.rate == pytest.approx(sum(point.groups)) and len(point.groups) == 3 for point in points)
    values = panel.process.look(panel.values)
    assert scene.update(values)
    assert middle.get_title() == "rate by group (nats)"
    assert [text.get_text() for text in middle.get_legend().get_texts()] == ["1", "2", "3"]
    drawn = [list(line.get_ydata()) for line in middle.lines if line.get_label() in ("1", "2", "3")]
    assert drawn == [[point.groups[k] for point in points] for k in range(3)]
    assert not scene.update(values)  # nothing new, so no full redraw
    assert "rate of every group" in dict(readout(values).rows)
    assert "Its groups carry, from coarse to fine" in describe(values)
    assert same(reproduced(panel)[0], panel.trainer.experiment)
    plain = live.training_panel()
    scene.update(plain.process.look(plain.values))  # the same picture after a restart with another network
    assert middle.get_title() == "γ"
    assert middle.get_legend() is None
    capsys.readouterr()


def test_two_runs_at_once_beside_a_cell_that_draws_random_numbers_are_both_reproduced(capsys):
    panel, other = live.training_panel(epochs=200), live.training_panel(epochs=200, divergence="KL(q‖p)", seed=7)
    panel.start(), other.start()
    wait_for(lambda: panel.trainer.record.steps > 30 and other.trainer.record.steps > 30)
    for _ in range(50):
        torch.rand(3)
        time.sleep(0.001)
    panel.stop(), other.stop()
    for one in (panel, other):
        assert one.settle()
        assert one.trainer.state == "stopped"
        assert "Stopped" in one.message.value
        assert same(reproduced(one)[0], one.trainer.experiment)
    capsys.readouterr()


def test_training_leaves_the_random_numbers_of_the_cells_alone():
    torch.manual_seed(5)
    expected = torch.rand(4)
    torch.manual_seed(5)
    panel = live.training_panel(epochs=1)
    panel.start()
    assert panel.settle()
    assert torch.equal(torch.rand(4), expected)


def test_pause_step_continue_and_restart():
    panel = live.training_panel(epochs=300)
    panel.step()
    wait_for(lambda: panel.trainer.state == "paused" and panel.trainer.record.steps == 1)
    panel.step()
    wait_for(lambda: panel.trainer.record.steps == 2 and panel.trainer.state == "paused")
    time.sleep(0.05)
    assert panel.trainer.record.steps == 2
    panel.pause()
    wait_for(lambda: panel.trainer.record.steps > 10)
    panel.pause()
    wait_for(lambda: panel.trainer.state == "paused")
    held = panel.trainer.record.steps
    panel.start()
    wait_for(lambda: panel.trainer.record.steps > held)
    first = panel.trainer
    panel.restart()
    assert panel.trainer is not first
    assert first.join()
    wait_for(lambda: panel.trainer.record.steps > 0)
    panel.stop()
    assert panel.settle()


def test_a_training_pauses_as_planned_says_so_and_its_code_trains_through_without_a_pause(capsys):
    panel = live.training_panel(epochs=6, pause_at=(2, 4))
    panel.start()
    for epoch, gamma in ((2, 0.5), (4, 0.1)):
        wait_for(lambda epoch=epoch: f"Paused after epoch {epoch}, as planned" in panel.message.value)
        assert panel.trainer.record.steps == panel.trainer.record.points[-1].step == 25 * epoch
        assert not panel.buttons["Start"].disabled
        panel.set(gamma=gamma)
        panel.start()
    assert panel.settle()
    assert panel.trainer.state == "finished", panel.trainer.sentence
    changes = panel.trainer.record.history.interventions
    assert [(change.step, change.name, change.new) for change in changes] == [(50, "gamma", 0.5), (100, "gamma", 0.1)]
    assert "pause" not in panel.code
    assert same(reproduced(panel)[0], panel.trainer.experiment)
    capsys.readouterr()


def test_a_planned_pause_can_be_left_by_pause_step_restart_and_stop():
    panel = live.training_panel(epochs=300, pause_at=1)
    planned = "Paused after epoch 1, as planned"
    panel.start()
    wait_for(lambda: planned in panel.message.value)
    panel.step()
    wait_for(lambda: "Paused: step 26 of" in panel.message.value)
    panel.restart()
    wait_for(lambda: panel.trainer.record.steps == 25 and planned in panel.message.value)
    panel.pause()  # continues
    wait_for(lambda: panel.trainer.record.steps > 30)
    panel.restart()
    wait_for(lambda: panel.trainer.record.steps == 25 and planned in panel.message.value)
    panel.stop()
    assert panel.settle()
    assert panel.trainer.state == "stopped"
    assert "Stopped: step 25 of" in panel.message.value


def test_pauses_beyond_the_epochs_that_were_chosen_later_do_nothing():
    panel = live.training_panel(epochs=6, pause_at=(2, 5))
    panel.set(epochs=2)
    panel.start()
    assert panel.settle()
    assert panel.trainer.state == "finished", panel.trainer.sentence


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (0, "pause_at must be at least 1, got 0."),
        (-3, "pause_at must be at least 1, got -3."),
        ((2, 0), "pause_at must be at least 1, got 0."),
        ("5", "pause_at must be a sequence or an integer, got '5'."),
        (2.5, "pause_at must be a sequence or an integer, got 2.5."),
        ((2, "5"), "pause_at must be a sequence or an integer, got (2, '5')."),
        (8, "pause_at must be below the number of epochs, 8, got 8."),
        ((20, 2), "pause_at must be below the number of epochs, 8, got 20."),
    ],
)
def test_a_pause_that_cannot_come_is_refused_in_a_sentence(wrong, sentence):
    with pytest.raises((InvalidType, InvalidValue)) as caught:
        live.training_panel(epochs=8, pause_at=wrong)
    assert str(caught.value) == sentence


def test_a_late_change_and_a_missing_parameter_do_nothing():
    panel = live.training_panel(epochs=2, divergence="KL(q‖p)", policy="learned")
    panel.controls["alpha"].value = 0.7  # before the start
    panel.start()
    wait_for(lambda: panel.trainer.steerable or not panel.trainer.alive)
    panel.controls["alpha"].value, panel.controls["gamma"].value = 0.1, 1.0  # this experiment has neither
    assert panel.settle()
    assert panel.trainer.state == "finished", panel.trainer.sentence
    panel.set(beta=3.0)  # after the end
    assert panel.trainer.record.history.interventions == []
    panel.stop(), panel.pause()
    assert panel.settle()


def test_lambda_changes_while_it_runs_and_the_code_has_the_views(capsys):
    panel = live.training_panel(epochs=60, views="simple", divergence="KL(q‖p)", consistency=0.01)
    panel.start()
    wait_for(lambda: panel.trainer.record.steps > 20 or not panel.trainer.alive)
    panel.set(consistency=50.0)
    wait_for(lambda: panel.trainer.record.history.interventions or not panel.trainer.alive)
    panel.stop()
    assert panel.settle()
    assert panel.trainer.record.history.interventions[0].name == "consistency"
    assert panel.trainer.record.points[-1].consistency > 0
    assert "KL(q(z|view)‖q(z|image))" in panel.readout.value
    assert "vaelab.consistency.consistent(vaelab.recipes.beta_vae(" in panel.code
    assert same(reproduced(panel)[0], panel.trainer.experiment)
    capsys.readouterr()


def test_looking_back_shows_the_weights_of_that_epoch():
    panel = live.training_panel(epochs=5)
    panel.start()
    assert panel.settle()
    assert panel.scrub.max == 5
    newest = bytes(panel.picture.value)
    panel.scrub.value = 1
    assert panel.settle()
    assert "the pictures show epoch 1" in panel.message.value
    assert bytes(panel.picture.value) != newest
    first = panel.trainer.record.epochs[0]
    alone = panel.trainer.setup.recipe(load("digits"))
    torch.manual_seed(0)
    experiment = alone.make()
    for progress in train(experiment, load("digits"), panel.trainer.setup.config):
        if progress.row:
            break
    assert all(torch.equal(first.weights[name], value) for name, value in experiment.state_dict().items())
    panel.scrub.value = 5
    assert panel.settle()
    assert bytes(panel.picture.value) == newest


def test_the_number_of_snapshots_is_limited():
    trainer = Trainer(QUICK._replace(epochs=3 * MAX_SNAPSHOTS, batch=1000), lambda _: None).start()
    assert trainer.join()
    assert trainer.state == "finished", trainer.sentence
    epochs = [snapshot.epoch for snapshot in trainer.record.epochs]
    assert len(epochs) <= MAX_SNAPSHOTS
    assert epochs == sorted(epochs)
    assert epochs[-1] == 3 * MAX_SNAPSHOTS


def test_a_loss_that_explodes_becomes_a_sentence_and_the_panel_goes_on():
    panel = live.training_panel(epochs=20, divergence="KL(p‖q)", lr=0.1, gamma=0.02, beta=20.0, network="mlp 400")
    panel.start()
    wait_for(lambda: panel.trainer.experiment is not None and panel.trainer.record.steps > 2)
    with torch.no_grad():
        next(panel.trainer.experiment.parameters()).fill_(math.nan)
    assert panel.settle()
    assert panel.trainer.state == "failed"
    assert "became nan" in panel.message.value
    assert "Traceback" not in panel.message.value
    panel.set(lr=0.001, gamma=0.3, beta=1.0, epochs=1)
    panel.restart()
    assert panel.settle()
    assert panel.trainer.state == "finished"
    assert "Finished" in panel.message.value


def test_the_reason_for_a_failed_training_is_shown_in_the_panel(monkeypatch):
    monkeypatch.setattr("vaelab.live.trainer.load", lambda name: load("no such data"))
    panel = live.training_panel()
    panel.start()
    assert panel.settle()
    assert "no such data" in panel.message.value
    assert panel.trainer.state == "failed"


def test_a_closed_panel_stops_its_training():
    panel = live.training_panel(epochs=400)
    panel.start()
    wait_for(lambda: panel.trainer.record.steps > 0)
    panel.box.close()
    assert panel.trainer.join(20)
    assert panel.trainer.state == "stopped"


def test_before_the_first_start_nothing_is_broken():
    panel = live.training_panel()
    panel.stop(), panel.pause()
    panel.scrub.value = 1
    assert "press Start" in panel.code
    assert "press Start" in panel.message.value
    assert panel.settle()


@pytest.mark.parametrize("divergence", DIVERGENCES)
@pytest.mark.parametrize("policy", POLICIES)
def test_every_choice_can_be_trained(divergence, policy):
    for network in NETWORKS:
        setup = QUICK._replace(divergence=divergence, policy=policy, network=network, epochs=1)
        trainer = Trainer(setup, lambda _: None).start()
        assert trainer.join()
        assert trainer.state == "finished", trainer.sentence


@pytest.mark.parametrize(
    "wrong", [{"alpha": 2.0}, {"data": "mnist"}, {"network": "resnet"}, {"latent": 0}, {"lr": "x"}]
)
def test_a_wrong_choice_is_refused_in_a_sentence(wrong):
    with pytest.raises((InvalidType, InvalidValue), match=next(iter(wrong))):
        live.training_panel(**wrong)
    with pytest.raises(InvalidValue, match="choice must be"):
        live.training_panel(gama=1)
    with pytest.raises(InvalidValue, match="batch_size must be at least 1, got 0"):
        live.training_panel(batch=0)
    panel = live.training_panel()
    with pytest.raises((InvalidType, InvalidValue), match=next(iter(wrong))):
        panel.set(**wrong)


def test_presets_lie_within_the_controls_and_the_alt_text_has_numbers():
    panel = live.training_panel(epochs=3)
    for values in PRESETS.values():
        panel.set(**values)
        assert values.items() <= panel.setup._asdict().items()
    assert "squared error" in panel.alt


def test_a_thousand_random_changes_while_it_trains_leave_no_exception_and_no_memory():
    import random

    import psutil

    escaped = []
    hook, threading.excepthook = threading.excepthook, escaped.append
    try:
        panel, r = live.training_panel(epochs=400), random.Random(0)
        panel.start()
        wait_for(lambda: panel.trainer.record.steps > 20)
        process, used = psutil.Process(), 0
        for i in range(1000):
            name, low, high = r.choice([("alpha", 0, 1), ("gamma", 0.1, 1), ("beta", 0.1, 10), ("lr", 1e-5, 1e-3)])
            panel.controls[name].value = r.uniform(low, high)
            if i % 10 == 0:
                time.sleep(0.01)
            if i == 200:
                gc.collect()
                used = process.memory_info().rss
        panel.stop()
        assert panel.settle()
    finally:
        threading.excepthook = hook
    assert not escaped
    assert panel.trainer.state == "stopped", panel.trainer.sentence
    gc.collect()
    assert process.memory_info().rss - used < 20 * 2**20
    steps = panel.trainer.record.steps
    assert all(change.step <= steps for change in panel.trainer.record.history.interventions)


def test_a_background_run_equals_the_plain_one():
    trainer = Trainer(QUICK, lambda _: None).start()
    assert trainer.join()
    torch.manual_seed(QUICK.seed)
    experiment = recipes.gjs_vae((1, 8, 8), QUICK.latent, alpha=QUICK.alpha, gamma=QUICK.gamma, hidden=(64,))
    settings = Train(epochs=2, batch_size=QUICK.batch, lr=QUICK.lr, progress=False)
    for _ in train(experiment, load("digits"), settings):
        pass
    assert same(experiment, trainer.experiment)


def test_a_slider_moved_right_after_start_acts_on_the_training():
    panel = live.training_panel(epochs=2)
    panel.start()
    panel.set(alpha=0.9)
    assert panel.settle()
    assert float(panel.trainer.experiment.objective.divergence.alpha) == pytest.approx(0.9)
    assert panel.trainer.record.history.interventions[0].name == "alpha"
