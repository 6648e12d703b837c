"""What a resumed training has to continue besides weights: rows, records of parameters, generators."""

import functools
import random
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from vaelab import Interventions, TrainConfig, fit, recipes, train
from vaelab._utils.errors import InvalidValue
from vaelab.training import checkpoints
from vaelab.training.generators import own_generators, restore, states

CONFIG = TrainConfig(steps=12, batch_size=20, progress=False, device="cpu")
IMAGES = torch.rand(100, 1, 4, 4, generator=torch.Generator().manual_seed(0))  # 5 steps an epoch


def experiment(**options):
    torch.manual_seed(0)
    return recipes.gjs_vae((1, 4, 4), 2, hidden=(4,), **options)


def without_seconds(history):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history.rows]


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


# -- rows


@pytest.mark.parametrize("stops", [(7,), (3, 4, 8), (5, 6), (1, 2, 3, 4, 5, 9, 10, 11)])
def test_a_training_prolonged_within_an_epoch_has_each_epoch_once(stops, tmp_path):
    reference = experiment()
    wanted = fit(reference, IMAGES, CONFIG)
    for stop in stops:
        part = fit(experiment(), IMAGES, replace(CONFIG, steps=stop, checkpoints=tmp_path), resume=True)
        assert part["epoch"] == list(range(1, -(-stop // 5) + 1))
    last = experiment()
    history = fit(last, IMAGES, replace(CONFIG, checkpoints=tmp_path), resume=True)
    assert history["epoch"] == [1, 2, 3]
    assert without_seconds(history) == without_seconds(wanted)
    assert torch.equal(weights(last), weights(reference))
    again = fit(experiment(), IMAGES, replace(CONFIG, checkpoints=tmp_path), resume=True)
    assert without_seconds(again) == without_seconds(wanted)


def test_a_checkpoint_of_a_version_without_an_option_resumes_with_its_default(tmp_path):
    """Here of the version before the optimizer was an option."""
    fit(experiment(), IMAGES, replace(CONFIG, steps=5, checkpoints=tmp_path))
    latest = checkpoints.load(checkpoints.list_checkpoints(tmp_path)[0])
    for name in ("optimizer", "eps", "lr_warmup"):
        del latest["settings"][name]
    checkpoints.save(tmp_path, latest)
    assert fit(experiment(), IMAGES, replace(CONFIG, checkpoints=tmp_path), resume=True)["epoch"] == [1, 2, 3]
    with pytest.raises(InvalidValue, match="optimizer='adamax' instead of 'adam'"):
        fit(experiment(), IMAGES, replace(CONFIG, optimizer="adamax", checkpoints=tmp_path), resume=True)


# -- old values of interventions


def test_the_old_value_of_an_intervention_is_the_one_that_was_given_also_after_resuming(tmp_path):
    options = {"alpha": 0.3, "gamma": 0.7, "weight": 1.1}
    first = Interventions([(1, "alpha", 0, 0.35), (2, "gamma", 0, 0.6), (2, "lr", 0, 0.007), (3, "weight", 0, 0.9)])
    fit(experiment(**options), IMAGES, replace(CONFIG, steps=5, checkpoints=tmp_path), interventions=first)
    second = Interventions([(6, "alpha", 0, 0.4), (6, "gamma", 0, 0.5), (6, "lr", 0, 0.01), (6, "weight", 0, 2.3)])
    config = replace(CONFIG, checkpoints=tmp_path)
    history = fit(experiment(**options), IMAGES, config, interventions=second, resume=True)
    assert [tuple(change) for change in history.interventions] == [
        (1, "alpha", 0.3, 0.35),
        (2, "gamma", 0.7, 0.6),
        (2, "lr", 0.001, 0.007),
        (3, "weight", 1.1, 0.9),
        (6, "alpha", 0.35, 0.4),
        (6, "gamma", 0.6, 0.5),
        (6, "lr", 0.007, 0.01),
        (6, "weight", 0.9, 2.3),
    ]


def test_a_value_changed_on_purpose_is_recorded_exactly(tmp_path):
    fit(experiment(alpha=0.3), IMAGES, replace(CONFIG, steps=5, checkpoints=tmp_path))
    config = replace(CONFIG, checkpoints=tmp_path)
    history = fit(experiment(alpha=0.35), IMAGES, config, resume=True, changed=("alpha",))
    assert history.interventions == [(5, "alpha", 0.3, 0.35)]


# -- generators of the user's own


@dataclass
class Holder:
    generator: object


class Slotted:
    __slots__ = ("generator",)

    def __init__(self, generator):
        self.generator = generator


def draw(generator, n):
    if isinstance(generator, torch.Generator):
        return torch.rand(n, generator=generator)
    if isinstance(generator, random.Random):
        return torch.tensor([generator.gauss(0, 1) for _ in range(n)])
    return torch.tensor(generator.random(n) + generator.normal(size=n), dtype=torch.float32)


class Augment:
    def __init__(self, generator, held):
        self.held = held(generator)
        self.draw = functools.partial(draw, generator)

    def __call__(self, x):
        return (x + 0.1 * self.draw(len(x))[:, None, None, None]).clamp(0, 1)


KINDS = {
    "torch": lambda: torch.Generator().manual_seed(3),
    "PCG64": lambda: np.random.default_rng(3),
    "MT19937": lambda: np.random.Generator(np.random.MT19937(3)),
    "Philox": lambda: np.random.Generator(np.random.Philox(3)),
    "SFC64": lambda: np.random.Generator(np.random.SFC64(3)),
    "RandomState": lambda: np.random.RandomState(3),
    "random": lambda: random.Random(3),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("where", ["augment", "views"])
def test_a_generator_of_the_user_s_own_continues(kind, where, tmp_path):
    def run(config, stop=None, resume=False):
        own = Augment(KINDS[kind](), Holder)
        e = experiment() if where == "augment" else recipes.cr_vae((1, 4, 4), 2, hidden=(4,), views=own)
        torch.manual_seed(1)
        for part in e.model.parameters():
            part.data = torch.randn(part.shape) / 4
        for progress in train(e, IMAGES, config, augment=own if where == "augment" else None, resume=resume):
            if progress.step == stop:
                break
        return weights(e), without_seconds(progress.history)

    wanted, rows = run(CONFIG)
    config = replace(CONFIG, checkpoints=tmp_path, checkpoint_minutes=1e-9)
    run(config, stop=8)
    resumed, resumed_rows = run(config, resume=True)
    assert torch.equal(resumed, wanted)
    assert resumed_rows == rows


GLOBAL = torch.Generator().manual_seed(5)


def of_a_global(x):
    return x + torch.rand(x.shape, generator=GLOBAL)


def test_generators_are_found_wherever_they_are_held():
    g = torch.Generator()

    def default(x, generator=g):
        return x

    def outer(x):
        return (lambda y: of_a_global(y))(x)

    class OfClass:
        def __call__(self, x):
            return of_a_global(x)

    held = [Holder(g), Slotted(g), default, lambda x: (x, g), functools.partial(default, generator=g), Holder(g).__eq__]
    held += [{"a": [(g,)]}, torch.nn.Sequential(*[torch.nn.Identity()] * 2).append(_module(g))]
    for holder in held:
        assert own_generators(holder) == [g], holder
    for holder in (of_a_global, outer, OfClass()):
        assert own_generators(holder) == [GLOBAL], holder
    circle = Holder(None)
    circle.generator = [circle, g, g]
    assert own_generators(circle, circle) == [g]
    assert own_generators(experiment(), None, torch.rand, 3) == []


def _module(generator):
    module = torch.nn.Identity()
    module.generator = generator
    return module


def test_every_state_is_restored():
    ours = [make() for make in KINDS.values()]
    before = states(ours)
    first = [draw(generator, 3) for generator in ours]
    assert not torch.equal(first[0], draw(ours[0], 3))
    restore(ours, before)
    for generator, wanted in zip(ours, first, strict=True):
        assert torch.equal(draw(generator, 3), wanted)


def test_other_generators_than_those_of_the_checkpoint_are_refused():
    with pytest.raises(InvalidValue, match=r"checkpoint, torch.Generator on cpu, got numpy.Generator of PCG64\."):
        restore([np.random.default_rng(0)], states([torch.Generator()]))
