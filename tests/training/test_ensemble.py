"""Ensembles: stacked or not, every experiment comes out as if it had been trained alone."""

import math
import pickle
import re
from dataclasses import fields, replace

import pytest
import torch
from torch import nn

from vaelab import Experiment, Train, fit, load, recipes
from vaelab._utils.errors import InvalidType, InvalidValue, TrainingError
from vaelab.divergences import KL
from vaelab.models.vae import VAE
from vaelab.objectives.annealing import Linear, PIController
from vaelab.objectives.gamma import Computed, Geco
from vaelab.objectives.likelihoods import Normal
from vaelab.objectives.objective import Objective
from vaelab.training.ensemble import UNSUPPORTED, EnsembleError, fit_many

SHAPE = (1, 8, 8)
SEEDS = [{"seed": 0}, {"seed": 1}, {"seed": 2}]
SHORT = Train(steps=50, batch_size=50, lr=3e-3, progress=False, device="cpu")


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def alone(make, settings, data, config):
    histories, experiments = [], []
    for setting in settings:
        seed = setting.get("seed", config.seed)
        torch.manual_seed(seed)
        experiments.append(make(**setting))
        histories.append(fit(experiments[-1], data, replace(config, seed=seed)))
    return histories, experiments


def assert_as_if_alone(make, settings, data, config, tolerance=1e-5):
    """Compare histories, weights and buffers with those of `fit`; return the method."""
    many = fit_many(make, settings, data, config)
    histories, experiments = alone(make, settings, data, config)
    assert len(many) == len(settings)
    for ours, theirs in zip(many, histories, strict=True):
        assert (ours.columns, len(ours)) == (theirs.columns, len(theirs))
        for column in set(ours.columns) - {"seconds"}:
            assert ours[column] == pytest.approx(theirs[column], rel=tolerance, nan_ok=True), column
    for one, other in zip(many.experiments, experiments, strict=True):
        for (name, a), b in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
            torch.testing.assert_close(a, b, rtol=100 * tolerance, atol=tolerance, msg=name)
    return many.method


DIVERGENCES = {
    "kl": lambda number, **design: recipes.beta_vae(SHAPE, 3, beta=1 + number, **design),
    "reverse kl": lambda number, **design: recipes.reverse_kl_vae(SHAPE, 3, **design),
    "primed": lambda number, **design: recipes.gjs_vae(SHAPE, 3, alpha=number, **design),
    "trained": lambda number, **design: recipes.gjs_vae(SHAPE, 3, alpha=number, trainable=True, **design),
    "dual": lambda number, **design: recipes.gjs_vae(SHAPE, 3, alpha=number, dual=True, weight=2.0, **design),
}
DESIGNS = {
    "fixed": {"gamma": 0.3},
    "learned": {"gamma": "learned"},
    "computed": {"gamma": "computed"},
    "laplace": {"likelihood": "laplace", "gamma": "learned"},
    "bernoulli": {"likelihood": "bernoulli"},
}


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_stacked_equals_the_loop(digits, divergence, design):
    def make(number, seed):
        return DIVERGENCES[divergence](number, hidden=(16,), **DESIGNS[design]).double()

    settings = [{"number": 0.2, "seed": 0}, {"number": 0.7, "seed": 5}, {"number": 0.2, "seed": 1}]
    assert assert_as_if_alone(make, settings, digits, SHORT).startswith("stacked")


@pytest.mark.parametrize(
    "options",
    [
        {"grad_clip": 0.5},
        {"weight_decay": 0.1},
        {"lr_schedule": "cosine"},
        {"lr_schedule": "step", "lr_milestones": (2,)},
    ],
    ids=str,
)
def test_options_of_the_stacked_step_equal_those_of_the_loop(digits, options):
    def make(gamma):
        return recipes.vae(SHAPE, 3, hidden=(16, 8), gamma=gamma).double()

    config = replace(SHORT, seed=4, **options)
    settings = [{"gamma": gamma} for gamma in (0.2, 0.5, 1.0)]
    assert assert_as_if_alone(make, settings, digits, config).startswith("stacked")


def test_single_precision_and_floats_stay_close(digits):
    def make(seed):
        return recipes.vae(SHAPE, 3, hidden=(16,), gamma="learned")

    settings = [{"seed": 1}, {"seed": 2}, {"seed": 3}]
    assert "stacked" in assert_as_if_alone(make, settings, digits.images.float() / 255, SHORT, tolerance=1e-3)


@pytest.mark.parametrize(
    "make",
    [
        lambda seed: recipes.vae(SHAPE, 3, network="burda", hidden=(8,), likelihood="bernoulli"),
        lambda seed: recipes.vae(SHAPE, 3, hidden=(8,), gamma="optimal", annealing=Linear(20)),
        lambda seed: recipes.vae(SHAPE, 3, hidden=(8,), gamma="computed", annealing=PIController(20.0)),
        lambda seed: recipes.vae(SHAPE, 3, hidden=(8,), gamma=Geco(0.1)),
        lambda seed: recipes.free_bits_vae(SHAPE, 3, hidden=(8,), gamma="per-image"),
        lambda seed: with_decoder(nn.Sigmoid()),
    ],
)
def test_dense_networks_are_stacked(digits, make):
    assert assert_as_if_alone(lambda seed: make(seed).double(), SEEDS, digits, SHORT).startswith("stacked")


def hooked():
    e = recipes.vae(SHAPE, 3, hidden=(8,))
    e.model.encoder.register_forward_hook(lambda module, inputs, output: 0.5 * output)
    return e


def with_decoder(*more):
    model = recipes.vae(SHAPE, 3, hidden=(8,)).model
    encoder, decoder = model.encoder, model.decoder
    return Experiment(VAE(encoder, nn.Sequential(decoder, *more), 3), Objective(Normal(0.3), KL()), SHAPE)


def with_dropout():
    return with_decoder(nn.Dropout(0.5))


@pytest.mark.parametrize(
    ("make", "settings", "words"),
    [
        (
            lambda alpha: recipes.gjs_vae(SHAPE, 3, alpha=alpha, hidden=(8,)),
            [{"alpha": 0.3}, {"alpha": 0.4}],
            "fewer than 3",
        ),
        (lambda seed: recipes.vae(SHAPE, 3, network="conv", hidden=(4,)), SEEDS, "convolutions"),
        (
            lambda width: recipes.vae(SHAPE, 3, hidden=(width,)),
            [{"width": 8}, {"width": 9}, {"width": 8}],
            "more than numbers",
        ),
        (
            lambda dual: recipes.gjs_vae(SHAPE, 3, dual=dual),
            [{"dual": True}, {"dual": False}, {"dual": True}],
            "more than numbers",
        ),
        (lambda seed: recipes.mmd_vae(SHAPE, 3, hidden=(8,)), SEEDS, "MMD draws"),
        (
            lambda t: recipes.gjs_vae(SHAPE, 3, trainable=t, hidden=(8,)),
            [{"t": True}, {"t": False}, {"t": True}],
            "more than numbers",
        ),
        (lambda seed: hooked(), SEEDS, "hooks"),
        (lambda seed: with_dropout(), SEEDS, "only dense"),
    ],
)
def test_other_experiments_are_trained_one_by_one(digits, make, settings, words):
    method = assert_as_if_alone(make, settings, digits, replace(SHORT, steps=3))
    assert method.startswith("one by one")
    assert words in method


def test_unsupported_options_are_trained_one_by_one(digits):
    def make(seed):
        return recipes.vae(SHAPE, 3, hidden=(8,))

    config = replace(SHORT, steps=3, binarize="dynamic")
    method = assert_as_if_alone(make, SEEDS, digits, config)
    assert method == "one by one: the stacked step does not support binarize"


def test_every_option_is_known_to_be_supported_or_not():
    supported = {"epochs", "steps", "batch_size", "lr", "lr_schedule", "lr_milestones", "lr_decay", "weight_decay"}
    supported |= {"grad_clip", "seed", "device", "progress", "checkpoint_minutes", "lr_end", "lr_warmup"}
    rejected = {"checkpoints"}
    assert {field.name for field in fields(Train)} == supported | rejected | set(UNSUPPORTED)


@pytest.mark.parametrize("options", [{"precision": "bf16"}, {}], ids=["one by one", "stacked"])
def test_shared_objects_are_as_if_every_member_had_its_own(digits, options):
    """The same as with a new policy and schedule for each."""
    policy, schedule = Computed(start=1.0), Linear(20)
    config = replace(SHORT, steps=30, **options)

    def shared(seed):
        return recipes.vae(SHAPE, 3, hidden=(8,), gamma=policy, annealing=schedule)

    def separate(seed):
        return recipes.vae(SHAPE, 3, hidden=(8,), gamma=Computed(start=1.0), annealing=Linear(20))

    many, expected = fit_many(shared, SEEDS, digits, config), fit_many(separate, SEEDS, digits, config)
    assert many.method == expected.method
    for ours, theirs in zip(many.experiments, expected.experiments, strict=True):
        for a, b in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
            assert torch.equal(a, b)
    assert (float(policy.gamma), int(schedule.taken)) == (1.0, 0)


def test_members_that_share_a_network_are_trained_as_if_alone(digits):
    torch.manual_seed(0)
    network = recipes.vae(SHAPE, 3, hidden=(8,)).model
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    config = replace(SHORT, steps=10, lr=1e-3)

    def make(gamma):
        return Experiment(network, Objective(Normal(gamma), KL()), SHAPE)

    many = fit_many(make, [{"gamma": gamma} for gamma in (0.3, 0.3, 0.3)], digits, config)
    alone = recipes.vae(SHAPE, 3, hidden=(8,), gamma=0.3)
    alone.model.load_state_dict(state)
    expected = fit(alone, digits, config)
    for history in many:
        assert history["loss"] == pytest.approx(expected["loss"], rel=1e-5)


def test_trained_experiments_have_their_own_tensors(digits):
    many = fit_many(lambda seed: recipes.vae(SHAPE, 3, hidden=(8,)), SEEDS, digits, replace(SHORT, steps=2))
    assert many.method == "stacked: 3 dense networks"
    tensors = [tensor for e in many.experiments for tensor in e.state_dict().values()]
    assert all(tensor.is_contiguous() for tensor in tensors)
    assert len({tensor.untyped_storage().data_ptr() for tensor in tensors}) == len(tensors)


def sometimes_broken(kind="dense"):
    def make(broken, seed):
        e = recipes.vae(SHAPE, 3, **({"network": "conv", "hidden": (4,)} if kind == "conv" else {"hidden": (8,)}))
        if broken:
            with torch.no_grad():
                next(e.model.encoder.parameters()).mul_(broken)
        return e

    return make


@pytest.mark.parametrize(("kind", "method"), [("dense", "stacked"), ("conv", "one by one")])
@pytest.mark.parametrize("broken", [float("nan"), 1e30])
def test_a_diverging_member_leaves_the_others_as_if_it_were_not_there(digits, kind, method, broken):
    config = replace(SHORT, steps=None, epochs=2)
    settings = [{"broken": b, "seed": i} for i, b in enumerate((0.0, broken, 0.0, 0.0))]
    with pytest.raises(EnsembleError) as caught:
        fit_many(sometimes_broken(kind), settings, digits.images[:200], config)
    error = caught.value
    reasons = r"(nll|divergence) became (nan|inf) in epoch 1; lower lr, now 0\.003, or alpha, or set guard"
    assert re.fullmatch(
        rf"1 of 4 members failed: settings\[1\] {re.escape(repr(settings[1]))}: {reasons}\.", str(error)
    )
    assert list(error.failures) == [1]
    assert error.histories.method.startswith(method)
    assert [len(history) for history in error.histories] == [2, 0, 2, 2]
    good = [{"broken": 0.0, "seed": i} for i in range(4)]
    expected = fit_many(sometimes_broken(kind), good, digits.images[:200], config)
    for i in (0, 2, 3):
        assert error.histories[i]["loss"] == expected[i]["loss"]
        pairs = zip(error.histories.experiments[i].parameters(), expected.experiments[i].parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)


def test_all_failed_members_are_named_and_the_error_can_be_pickled(digits):
    settings = [{"broken": b, "seed": 0} for b in (math.nan, 0.0, math.nan)]
    with pytest.raises(TrainingError, match=r"2 of 3 .*settings\[0\].*settings\[2\].*lr") as caught:
        fit_many(sometimes_broken(), settings, digits, replace(SHORT, steps=2))
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.failures) == (str(caught.value), caught.value.failures)
    assert "\n" not in str(again)


def a_vae(seed=0):
    return recipes.vae(SHAPE, 3, hidden=(8,))


@pytest.mark.parametrize(
    ("make", "settings", "config", "error", "words"),
    [
        (a_vae, [], SHORT, InvalidValue, "at least one dict"),
        (a_vae, [0.3], SHORT, InvalidType, r"settings\[0\] must be a mapping, got 0\.3"),
        (a_vae, [{"beta": 2}], SHORT, InvalidType, "beta.*"),
        (a_vae, [{"seed": 1.5}], SHORT, InvalidType, r"seed.*1\.5"),
        (lambda seed: nn.Linear(1, 1), [{"seed": 0}], SHORT, InvalidType, "Experiment.*Linear"),
        (a_vae, [{"seed": 0}], replace(SHORT, checkpoints="folder"), InvalidValue, "checkpoints.*folder"),
        (a_vae, SEEDS, replace(SHORT, batch_size=9999), InvalidValue, "images, got 9999"),
        (a_vae, SEEDS, replace(SHORT, device="abacus"), InvalidValue, "abacus"),
    ],
)
def test_invalid_input_is_rejected(digits, make, settings, config, error, words):
    with pytest.raises(error, match=words):
        fit_many(make, settings, digits, config)
