"""Interventions: set from another thread between steps, recorded, and replayed."""

import threading
from itertools import pairwise

import pytest
import torch

from vaelab import Train, fit, load, recipes, train
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.training.interventions import Interventions

CONFIG = Train(epochs=6, batch_size=50, progress=False, device="cpu")


def experiment():
    torch.manual_seed(0)
    return recipes.gjs_vae((1, 8, 8), 4, hidden=(32,), alpha=0.3, gamma=0.5)


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_fifty_interventions_from_another_thread_are_recorded_and_replayed(digits):
    torch.manual_seed(0)
    steered, interventions, ready, done = experiment(), Interventions(), threading.Semaphore(0), threading.Semaphore(0)

    def set_parameters():
        for i in range(50):
            ready.acquire()
            name = ("alpha", "gamma", "lr", "weight")[i % 4]
            interventions.set(
                **{name: {"alpha": i / 50, "gamma": 0.2 + i / 100, "lr": 1e-3 / (i + 1), "weight": 1 + i}[name]}
            )
            done.release()

    thread = threading.Thread(target=set_parameters)
    thread.start()
    history = None
    for progress in train(steered, digits, CONFIG, interventions=interventions):
        history = progress.history
        ready.release()
        if progress.step <= 50:
            assert done.acquire(timeout=10)
    thread.join(timeout=10)
    assert len(history.interventions) == 50
    assert [i.step for i in history.interventions] == sorted(i.step for i in history.interventions)
    for name in ("alpha", "gamma", "lr", "weight"):
        changes = [i for i in history.interventions if i.name == name]
        assert all(later.old == earlier.new for earlier, later in pairwise(changes))

    again = experiment()
    replayed = fit(again, digits, CONFIG, interventions=history.replay())
    assert replayed.interventions == history.interventions
    for a, b in zip(again.state_dict().values(), steered.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    reference = experiment()
    fit(reference, digits, CONFIG)
    assert not torch.equal(reference.model.encoder[1][0].weight, again.model.encoder[1][0].weight)


def test_every_intervention_is_recorded_and_the_last_one_counts(digits):
    e, interventions = experiment(), Interventions()
    for progress in train(e, digits, CONFIG, interventions=interventions):
        if progress.step == 2:
            interventions.set(alpha=0.9)
            interventions.set(alpha=0.7, gamma=0.25)
        if progress.step == 3:
            break
    assert [tuple(i) for i in progress.history.interventions] == [
        (2, "alpha", pytest.approx(0.3), 0.9),
        (2, "alpha", 0.9, 0.7),
        (2, "gamma", pytest.approx(0.5), 0.25),
    ]
    assert float(e.objective.divergence.alpha) == pytest.approx(0.7)
    assert float(e.objective.likelihood.gamma.gamma) == pytest.approx(0.25)


def test_new_values_need_no_second_trace():
    """alpha, gamma and weight are tensors: one graph serves all their values."""
    e, graphs = experiment(), []

    def count(graph, inputs):
        graphs.append(graph)
        return graph.forward

    torch._dynamo.reset()
    compiled = torch.compile(e, backend=count, fullgraph=True)
    x = torch.rand(4, 1, 8, 8)
    for i in range(12):
        e.objective.divergence.alpha.fill_(i / 12)
        e.objective.likelihood.gamma.logvar.fill_(-i / 12)
        e.objective.weight.fill_(1 + i)
        compiled(x)
    assert len(graphs) == 1


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Interventions().set(alpha=1.2), InvalidValue, "1.2"),
        (lambda: Interventions().set(gamma=-1), InvalidValue, "gamma"),
        (lambda: Interventions().set(lr="fast"), InvalidType, "fast"),
    ],
)
def test_invalid_values_are_rejected(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_an_unknown_parameter_is_rejected(digits):
    interventions = Interventions()
    interventions.set(alpha=0.5)
    with pytest.raises(InvalidValue, match=r"parameter must be one of gamma, lr, weight, got 'alpha'"):
        fit(recipes.vae((1, 8, 8), 4, hidden=(32,)), digits, CONFIG, interventions=interventions)


def test_a_trained_alpha_cannot_be_set(digits):
    interventions = Interventions()
    interventions.set(alpha=0.5)
    e = recipes.gjs_vae((1, 8, 8), 4, hidden=(32,), trainable=True)
    with pytest.raises(InvalidValue, match=r"one of gamma, lr, weight, got 'alpha'"):
        fit(e, digits, CONFIG, interventions=interventions)


def test_the_history_has_a_trained_alpha(digits):
    e = recipes.gjs_vae((1, 8, 8), 4, hidden=(32,), alpha=0.3, trainable=True)
    history = fit(e, digits, CONFIG)
    assert len(history["alpha"]) == CONFIG.epochs
    assert history["alpha"][-1] == pytest.approx(e.objective.divergence.alpha.item())
    assert len({0.3, *history["alpha"]}) == CONFIG.epochs + 1
    assert "alpha" not in fit(experiment(), digits, CONFIG).columns
