"""Updates that are skipped because their gradient is not finite or too large."""

import math

import pytest
import torch

from vaelab import TrainConfig, fit, fit_many, recipes, train
from vaelab._utils.errors import InvalidValue, TrainingError
from vaelab.objectives.annealing import Linear
from vaelab.training import optimizer as optimizers
from vaelab.training.loop import TrainStep
from vaelab.training.optimizer import adam

SHAPE = (1, 8, 8)
OPTIONS = {"progress": False, "device": "cpu", "batch_size": 10}
CPU = torch.device("cpu")


class Spoil(torch.nn.Module):
    """Scales the batch of one step, so that its gradient is huge, or not a number."""

    def __init__(self, at, factor):
        super().__init__()
        self.at, self.factor, self.step = at, factor, 0

    def forward(self, x):
        self.step += 1
        return x * self.factor if self.step == self.at else x


def deep(**options):
    torch.manual_seed(0)
    options = {"groups": ((2, 1), (4, 1)), "latent": 2, "width": 8, "gamma": 0.3, "squash": False, **options}
    return recipes.hierarchical_vae(SHAPE, **options)


def data(n=40):
    return torch.rand(n, *SHAPE, generator=torch.Generator().manual_seed(1))


def same_weights(a, b):
    return all(torch.equal(s, t) for s, t in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def everything(step):
    """Copies of all that an update changes: weights, buffers, the optimizer's state, the average."""
    state = {f"experiment.{k}": v.clone() for k, v in step.experiment.state_dict().items()}
    if step.average is not None:
        state |= {f"average.{k}": v.clone() for k, v in step.average.state_dict().items()}
    for i, values in enumerate(step.optimizer.state.values()):
        state |= {f"optimizer.{i}.{k}": v.clone() for k, v in values.items()}
    return state | {"updates": step.updates.clone()}


@pytest.mark.parametrize("factor", [1e4, math.nan, math.inf])
@pytest.mark.parametrize("cells", ["plain", "nvae"])
@pytest.mark.parametrize("fused", [True, False])
def test_a_skipped_update_changes_nothing_bit_for_bit(factor, cells, fused, monkeypatch):
    if not fused:
        monkeypatch.setattr(optimizers, "has_fused_adam", lambda device: False)
    config = TrainConfig(guard=1e5, grad_clip=1.0, ema_decay=0.9, weight_decay=0.01, **OPTIONS)
    experiment, images = deep(cells=cells, gamma="computed", annealing=Linear(9)).train(), data()
    step = TrainStep(experiment, images, config, adam(experiment, config, CPU), Spoil(3, factor))
    index = torch.arange(10)
    for _ in range(2):
        step(index)
    before, sums = everything(step), step.sums.clone()
    step(index)
    after = everything(step)
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert torch.equal(step.sums, sums + torch.tensor([0, 0, 0, 0, 1]))
    step(index)
    changed = [name for name, value in everything(step).items() if not torch.equal(value, after[name])]
    assert len(changed) > 0.9 * len(before)


@pytest.mark.parametrize("fused", [True, False])
def test_also_the_first_update_can_be_skipped(fused, monkeypatch):
    if not fused:
        monkeypatch.setattr(optimizers, "has_fused_adam", lambda device: False)
    skipping, fresh = deep(), deep()
    fit(skipping, data(), TrainConfig(steps=4, guard=1e30, **OPTIONS), augment=Spoil(1, math.nan))
    start = fresh.state_dict()
    assert all(torch.isfinite(value).all() for value in skipping.state_dict().values())
    assert any(not torch.equal(value, start[name]) for name, value in skipping.state_dict().items())


def test_a_guard_that_never_acts_changes_nothing():
    ours, plain = deep(cells="nvae"), deep(cells="nvae")
    rows = fit(ours, data(), TrainConfig(epochs=2, guard=1e9, **OPTIONS))
    others = fit(plain, data(), TrainConfig(epochs=2, **OPTIONS))
    assert rows["skipped"] == [0, 0]
    assert rows["loss"] == pytest.approx(others["loss"], rel=1e-6)
    assert same_weights(ours, plain)


@pytest.mark.parametrize("recipe", ["hierarchical_vae", "cr_hierarchical_vae"])
def test_the_history_counts_what_is_skipped_and_leaves_it_out_of_the_means(recipe):
    torch.manual_seed(0)
    e = getattr(recipes, recipe)(SHAPE, groups=((2, 1),), latent=2, width=8)
    history = fit(e, data(), TrainConfig(epochs=3, guard=1e30, **OPTIONS), augment=Spoil(6, math.nan))
    assert history["skipped"] == [0, 1, 0]
    assert max(history["nll"]) < 3 * min(history["nll"])


def test_without_a_guard_the_training_ends_with_an_explanation():
    with pytest.raises(TrainingError, match=r"nll became nan in epoch 2; lower lr, now 0\.001.*or set guard\.$"):
        fit(deep(), data(), TrainConfig(epochs=3, **OPTIONS), augment=Spoil(6, math.nan))
    with pytest.raises(TrainingError, match=r"^all 4 updates of epoch 1 were skipped; lower lr.*raise guard\.$"):
        fit(deep(), data(), TrainConfig(epochs=3, guard=1e-9, **OPTIONS))


def test_two_thousand_steps_at_three_times_the_learning_rate_stay_finite():
    experiment, losses = deep(annealing=Linear(100), balance=True), []
    config = TrainConfig(steps=2000, lr=3e-3, guard=1e4, **OPTIONS)
    for progress in train(experiment, data(), config):
        losses.append(progress.terms.loss.detach())
    losses = torch.stack(losses)
    assert torch.isfinite(losses[progress.history["skipped"] == 0]).all()
    assert all(torch.isfinite(p).all() for p in experiment.parameters())
    assert float(losses[-100:].mean()) < float(losses[:100].mean())


def test_a_training_with_skipped_updates_resumes_bit_for_bit(tmp_path):
    """One image is a hundred times too bright, so that its batch is skipped in every epoch."""
    x, options = data(), {"guard": 5e3, "ema_decay": 0.9, **OPTIONS}
    x[7] *= 100
    whole, parts, resumed = deep(), deep(), deep()
    rows = fit(whole, x, TrainConfig(epochs=4, **options))
    assert rows["skipped"] == [1] * 4
    fit(parts, x, TrainConfig(epochs=2, checkpoints=tmp_path, **options))
    again = fit(resumed, x, TrainConfig(epochs=4, checkpoints=tmp_path, **options), resume=True)
    assert again["skipped"] == rows["skipped"]
    assert again["loss"] == rows["loss"]
    assert same_weights(whole, resumed)
    assert same_weights(rows.average, again.average)


def test_members_with_a_guard_are_trained_one_by_one():
    config = TrainConfig(epochs=1, guard=1e6, **OPTIONS)
    histories = fit_many(lambda seed: recipes.vae(SHAPE, 2), [{"seed": k} for k in range(3)], data(), config)
    assert "guard" in histories.method
    assert [h["skipped"] for h in histories] == [[0]] * 3


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf])
def test_a_guard_is_a_positive_number(value):
    with pytest.raises(InvalidValue, match=r"^guard must be"):
        TrainConfig(guard=value)
