"""Adam: which parameters decay, and where its kernels are fused."""

import pytest
import torch
from torch import nn
from torch.utils import _foreach_utils

from tests.emulated_device import EmulatedDevice
from vaelab import Experiment, Train, recipes
from vaelab.divergences import KL
from vaelab.objectives.objective import Objective
from vaelab.training.ensemble import Stack
from vaelab.training.optimizer import adam, has_fused_adam, parameter_groups

SHAPE, CPU = (1, 8, 8), torch.device("cpu")
DECAY = Train(lr=3e-3, weight_decay=0.1, progress=False, device="cpu")


class Tempered(KL):
    """A divergence with trainable scalars of a user's own."""

    def __init__(self):
        super().__init__()
        self.temperature, self.offset = nn.Parameter(torch.tensor(2.0)), nn.Parameter(torch.tensor([2.0]))


def tempered():
    plain = recipes.vae(SHAPE, 2, hidden=(4,))
    return Experiment(plain.model, Objective(plain.objective.likelihood, Tempered()), SHAPE)


@pytest.mark.parametrize(
    ("make", "read", "value"),
    [
        (
            lambda: recipes.gjs_vae(SHAPE, 2, hidden=(4,), alpha=0.05, trainable=True),
            lambda o: o.divergence.alpha,
            0.05,
        ),
        (lambda: recipes.vae(SHAPE, 2, hidden=(4,), gamma="learned"), lambda o: o.likelihood.gamma.gamma, 1.0),
        (tempered, lambda o: o.divergence.temperature, 2.0),
        (tempered, lambda o: o.divergence.offset, 2.0),
    ],
)
def test_weight_decay_leaves_scalars_alone(make, read, value):
    experiment = make()
    optimizer = adam(experiment, DECAY, CPU)
    weight = experiment.model.decoder[0][0].weight
    before = float(weight.detach().norm())
    for _ in range(500):
        for parameter in experiment.parameters():
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()
    assert float(read(experiment.objective).detach()) == pytest.approx(value, rel=1e-6)
    assert float(weight.detach().norm()) < 0.5 * before


def test_weight_decay_leaves_scalars_of_stacked_experiments_alone():
    members = [
        recipes.gjs_vae(SHAPE, 2, hidden=(4,), alpha=alpha, trainable=True, gamma="learned")
        for alpha in (0.05, 0.3, 0.9)
    ]
    stack = Stack(members, (0, 1, 2), CPU)
    groups = parameter_groups(members[0], stack.parameters)
    without = [tensor for group in groups if group.get("weight_decay") == 0 for tensor in group["params"]]
    assert len(without) == 2
    assert {id(tensor) for tensor in without} == {
        id(stack.parameters[name]) for name in ("objective.divergence.logit", "objective.likelihood.gamma.log_gamma")
    }


@pytest.mark.parametrize("kind", ["cpu", "cuda", "xpu", "mps"])
def test_adam_is_fused_where_torch_has_it(kind):
    with EmulatedDevice("xpu" if kind == "cpu" else kind):
        experiment = recipes.vae(SHAPE, 2, hidden=(4,)).to(kind)
        optimizer = adam(experiment, DECAY, torch.device(kind))
    assert all(group["fused"] for group in optimizer.param_groups)


def test_adam_is_not_fused_where_torch_does_not_say_so(monkeypatch):
    experiment, other = recipes.vae(SHAPE, 2, hidden=(4,)), torch.device("xla")
    assert not any(group["fused"] for group in adam(experiment, DECAY, other).param_groups)
    monkeypatch.delattr(_foreach_utils, "_get_fused_kernels_supported_devices")
    assert has_fused_adam(CPU)
    assert has_fused_adam(torch.device("cuda"))
    assert not has_fused_adam(torch.device("mps"))
