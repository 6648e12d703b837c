"""Objects given to two experiments: neither moves the other, nor the object."""

import pytest
import torch
from torch import nn

from vaelab import Experiment, Gaussian, Train, fit, load, recipes
from vaelab.data.augment import Affine, Augment, Flip
from vaelab.divergences import KL
from vaelab.divergences.modules import GeometricJS
from vaelab.objectives.annealing import Cyclical, Linear, PIController
from vaelab.objectives.consistency import PosteriorKL, consistent
from vaelab.objectives.gamma import Computed, Geco, Learned, Optimal
from vaelab.objectives.likelihoods import Normal
from vaelab.objectives.objective import Objective

SHAPE = (1, 8, 8)
CONFIG = Train(steps=15, batch_size=50, lr=1e-2, progress=False, device="cpu")


@pytest.fixture(scope="module")
def digits():
    return load("digits").images[:200]


def vae(**options):
    return recipes.vae(SHAPE, 2, hidden=(8,), **options)


class Counting(nn.Module):
    """Views with a state: every call brightens more."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        return (x * (1 + 0.1 * self.calls)).clamp(0, 1)


class Scaled(PosteriorKL):
    """A distance that is trained."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, views, images):
        return self.scale.exp() * super().forward(views, images)


def on_objective(make):
    return lambda given: Experiment(vae().model, make(given), SHAPE)


KINDS = {
    "computed": (lambda: Computed(start=1.0), lambda given: vae(gamma=given)),
    "learned": (Learned, lambda given: vae(gamma=given)),
    "optimal": (Optimal, lambda given: vae(gamma=given)),
    "geco": (lambda: Geco(0.1), lambda given: vae(gamma=given)),
    "linear": (lambda: Linear(20), lambda given: vae(annealing=given)),
    "cyclical": (lambda: Cyclical(20), lambda given: vae(annealing=given)),
    "controller": (lambda: PIController(5.0), lambda given: vae(annealing=given)),
    "likelihood": (lambda: Normal("learned"), on_objective(lambda given: Objective(given, KL()))),
    "divergence": (
        lambda: GeometricJS(0.3, trainable=True),
        on_objective(lambda given: Objective(Normal(), given)),
    ),
    "objective": (lambda: Objective(Normal("computed"), KL(), annealing=Linear(9)), on_objective(lambda given: given)),
    "distance": (Scaled, lambda given: consistent(vae(), 1.0, distance=given)),
    "views": (Counting, lambda given: consistent(vae(), 1.0, given)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_given_to_two_experiments_stays_what_it_was(digits, kind):
    make, use = KINDS[kind]
    given, results = make(), []
    before = {name: tensor.clone() for name, tensor in given.state_dict().items()}
    for one in (given, given, make()):  # the third has its own
        torch.manual_seed(0)
        experiment = use(one)
        fit(experiment, digits, CONFIG)
        results.append(experiment.state_dict())
    for name, tensor in given.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    for name, tensor in results[2].items():
        assert torch.equal(results[0][name], tensor), name
        assert torch.equal(results[1][name], tensor), name


def test_consistency_leaves_the_plain_experiment_as_it_was():
    plain = vae(gamma="computed")
    one, other = consistent(plain, 0.5), consistent(plain, 1.0)
    assert plain.objective.consistency_weight is None
    assert float(one.objective.consistency_weight) == 0.5
    assert float(other.objective.consistency_weight) == 1.0
    assert one.model is other.model is plain.model
    one.objective.likelihood.gamma.logvar.fill_(-3.0)
    assert float(plain.objective.likelihood.gamma.logvar) == 0.0


class PseudoInputs(nn.Module):
    """KL to the mean posterior of pseudo-inputs, which needs the model's own encoder."""

    def __init__(self, model):
        super().__init__()
        self.model, self.inputs = model, nn.Parameter(torch.rand(4, *SHAPE))

    def forward(self, q, p):
        prior = self.model.posterior(self.inputs)
        return KL()(q, Gaussian(prior.mean.mean(0).expand_as(q.mean), prior.logvar.mean(0).expand_as(q.mean)))


def test_a_divergence_that_uses_the_model_keeps_using_it(digits):
    model = vae().model
    experiment = Experiment(model, Objective(Normal(), PseudoInputs(model)), SHAPE)
    assert experiment.objective.divergence.model is experiment.model is model
    before = model.encoder[1].weight.detach().clone() if hasattr(model.encoder[1], "weight") else None
    fit(experiment, digits, CONFIG)
    assert experiment.objective.divergence.model is model
    assert before is None or not torch.equal(before, model.encoder[1].weight)


def test_the_parts_of_an_augmentation_cannot_change_later():
    scale = [0.9, 1.1]
    parts = [Affine(scale=scale), Flip()]
    views = Augment(parts)
    parts.append(Flip())
    scale[1] = 3.0
    assert views == Augment((Affine(scale=(0.9, 1.1)), Flip()))
