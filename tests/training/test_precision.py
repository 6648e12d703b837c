"""Precision: TF32 within the steps and nowhere else."""

import threading

import pytest
import torch

from vaelab import Train, fit, fit_many, load, recipes, train
from vaelab._utils.precision import tf32
from vaelab.posterior.two_stage import SecondStage

SHAPE = (1, 8, 8)
SHORT = {"steps": 3, "batch_size": 50, "progress": False, "device": "cpu"}


@pytest.fixture(scope="module")
def digits():
    return load("digits").images[:100]


def switches():
    return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32


@pytest.fixture(params=[("highest", True), ("high", True), ("medium", False)])
def before(request):
    default = switches()
    torch.set_float32_matmul_precision(request.param[0])
    torch.backends.cudnn.allow_tf32 = request.param[1]
    yield request.param
    torch.set_float32_matmul_precision(default[0])
    torch.backends.cudnn.allow_tf32 = default[1]


def watched(seen, **options):
    experiment = recipes.vae(SHAPE, 2, hidden=(4,), **options)
    experiment.model.decoder.register_forward_hook(lambda *_: seen.append(switches()))
    return experiment


@pytest.mark.parametrize(
    ("precision", "inside"), [("fp32", ("highest", False)), ("bf16", ("highest", False)), ("tf32", ("high", True))]
)
def test_both_switches_are_set_in_the_steps_and_restored(digits, before, precision, inside):
    seen = []
    for _ in train(watched(seen), digits, Train(**SHORT, precision=precision)):
        assert switches() == before
    assert seen == [inside] * 3
    assert switches() == before


def test_the_switches_are_restored_when_the_iterator_is_closed_or_dropped_or_fails(digits, before):
    steps = train(watched([]), digits, Train(**SHORT, precision="tf32"))
    next(steps)
    steps.close()
    assert switches() == before
    steps = train(watched([]), digits, Train(**SHORT, precision="tf32"))
    next(steps)
    del steps
    assert switches() == before

    def fail(*_):
        raise KeyboardInterrupt

    experiment = watched([])
    experiment.model.decoder.register_forward_hook(fail)
    with pytest.raises(KeyboardInterrupt):
        fit(experiment, digits, Train(**SHORT, precision="tf32"))
    assert switches() == before


def test_two_trainings_in_turn_do_not_mix(digits, before):
    one, other = [], []
    pair = (
        train(watched(one), digits, Train(**SHORT, precision="tf32")),
        train(watched(other), digits, Train(**SHORT)),
    )
    for _ in range(3):
        for steps in pair:
            next(steps)
    assert one == [("high", True)] * 3
    assert other == [("highest", False)] * 3
    assert switches() == before


@pytest.mark.parametrize("precision", ["fp32", "tf32"])
def test_ensembles_set_and_restore_both(digits, before, precision, monkeypatch):
    seen, calls = [], recipes.vae(SHAPE, 2, hidden=(4,)).model.__class__.posterior
    monkeypatch.setattr("vaelab.models.vae.VAE.posterior", lambda self, x: (seen.append(switches()), calls(self, x))[1])
    settings = [{"gamma": gamma} for gamma in (0.1, 0.3, 0.5)]
    config = Train(**SHORT, precision=precision)
    method = fit_many(lambda gamma: recipes.vae(SHAPE, 2, hidden=(4,), gamma=gamma), settings, digits, config).method
    assert method.startswith("stacked" if precision == "fp32" else "one by one")
    assert set(seen) == {("high", True) if precision == "tf32" else ("highest", False)}
    assert switches() == before


def test_the_second_stage_sets_and_restores_both(before, monkeypatch):
    seen = []
    experiment = SecondStage._experiment

    def build(self, d):
        made = experiment(self, d)
        made[0].model.decoder.register_forward_hook(lambda module, *_: seen.append((module.training, switches())))
        return made

    monkeypatch.setattr(SecondStage, "_experiment", build)
    torch.manual_seed(0)
    SecondStage(width=8, steps=4, batch_size=20, device="cpu").fit(torch.randn(60, 3))
    assert [state for training, state in seen if training] == [("highest", False)] * 4
    assert switches() == before


def test_blocks_of_two_threads_end_in_the_state_before(before):
    inside, release = threading.Event(), threading.Event()

    def other():
        with tf32(True):
            inside.set()
            release.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait(10)
    with tf32(False):
        assert switches() == ("highest", False)
        release.set()
        thread.join()
        assert switches() == ("highest", False)
    assert switches() == before
