"""Image and view with the same noise in every group of latents."""

import copy

import pytest
import torch
from torch import nn

from vaelab import Experiment, TrainConfig, consistency, fit, recipes
from vaelab._utils.errors import InvalidValue
from vaelab.models.vae import VAE
from vaelab.objectives.annealing import Linear
from vaelab.objectives.consistency import ConsistentExperiment, consistent
from vaelab.training.identity import describe

SHAPE = (1, 8, 8)
SMALL = {"groups": ((2, 1), (4, 1)), "latent": 2, "width": 8}


def same(x):
    return x.clone()


def deep(shared_noise, cells="plain", **options):
    torch.manual_seed(0)
    experiment = recipes.cr_hierarchical_vae(
        SHAPE, views=same, shared_noise=shared_noise, cells=cells, **SMALL, **options
    )
    with torch.no_grad():
        for parameter in experiment.model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return experiment


@pytest.mark.parametrize("cells", ["plain", "nvae"])
def test_an_image_and_its_copy_are_consistent_only_with_shared_noise(cells):
    """The first group's posteriors are equal either way; those of later groups follow the draws."""
    x = torch.rand(5, *SHAPE)
    with torch.no_grad():
        assert float(deep(True, cells).eval()(x).consistency.abs().max()) < 1e-5
        assert float(deep(False, cells).eval()(x).consistency.min()) > 1e-3


@pytest.mark.parametrize("joint_batch", [True, False])
@pytest.mark.parametrize(
    "make",
    [
        lambda: recipes.hierarchical_vae(SHAPE, **SMALL),
        lambda: recipes.two_layer_iwae(SHAPE, 6, top=3, samples=3),
        lambda: recipes.iwae(SHAPE, 3, hidden=(16,), samples=4),
    ],
)
def test_every_draw_of_the_view_has_the_noise_of_the_image(make, joint_batch):
    experiment = consistent(make(), views=lambda x: 1 - x, joint_batch=joint_batch, shared_noise=True)
    x = torch.rand(5, *SHAPE)
    passes = experiment._passes(x, 1 - x)
    noises = [
        [(z - q.mean) * torch.exp(-0.5 * q.logvar) for z, q in zip(result.z, result.q, strict=True)]
        for result in passes
    ]
    for ours, theirs in zip(*noises, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)
    flat = torch.cat([part.flatten() for part in noises[0]]).detach()
    assert len(torch.unique(flat.round(decimals=3))) > 0.5 * len(flat)  # every draw has its own
    rows = noises[0][-1].flatten(1).detach()
    assert float(torch.pdist(rows).min()) > 1e-3


def test_shared_noise_trains_compiles_and_resumes_bit_for_bit(tmp_path):
    x = torch.rand(40, *SHAPE, generator=torch.Generator().manual_seed(1))
    options = {"batch_size": 10, "progress": False, "device": "cpu"}
    whole, parts = deep(True), deep(True)
    fit(whole, x, TrainConfig(epochs=3, **options))
    fit(parts, x, TrainConfig(epochs=1, checkpoints=tmp_path, **options))
    resumed = deep(True)
    fit(resumed, x, TrainConfig(epochs=3, checkpoints=tmp_path, **options), resume=True)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    with pytest.raises(InvalidValue, match="shared_noise"):
        fit(deep(False), x, TrainConfig(epochs=3, checkpoints=tmp_path, **options), resume=True)
    compiled = torch.compile(whole, fullgraph=True, backend="eager")
    assert torch.isfinite(compiled(x[:4]).loss)


def test_noise_of_its_own_is_what_it_was():
    """Without the option, the same numbers are drawn as by a pass over the joint batch."""
    experiment, x = deep(False), torch.rand(4, *SHAPE)
    torch.manual_seed(3)
    ours = copy.deepcopy(experiment)(x)
    torch.manual_seed(3)
    result = experiment.model(torch.cat([x, x]))
    assert torch.equal(
        ours.nll, experiment.objective.likelihood.nll(result.out, torch.cat([x, x])).unflatten(0, (2, 4)).mean(0)
    )


def test_shared_noise_needs_views_and_a_model_that_takes_noise():
    with pytest.raises(InvalidValue, match=r"^shared_noise needs views.*cr_hierarchical_vae\.$"):
        recipes.hierarchical_vae(SHAPE, shared_noise=True)

    class Own(VAE):
        def forward(self, x, samples=1):
            return super().forward(x, samples)

    plain = recipes.vae((6,), 2)
    own = Experiment(Own(nn.Linear(6, 4), nn.Linear(2, 6), 2), plain.objective, (6,))
    with pytest.raises(InvalidValue, match="takes noise, got Own"):
        consistency.consistent(own, views=same, shared_noise=True)
    assert isinstance(consistent(own, views=same), ConsistentExperiment)


def test_a_checkpoint_from_before_the_options_is_still_of_the_same_training():
    """Only what is set is a setting of the objective."""
    plain, other = describe(deep(False)), describe(deep(True, balance=True, annealing=Linear(5)))
    assert {"shared_noise", "balance"}.isdisjoint(plain)
    assert other["shared_noise"].value is other["balance"].value is True
