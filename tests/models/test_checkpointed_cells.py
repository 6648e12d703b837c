"""Gradient checkpointing of cells, channels-last weights and bfloat16 against the plain training of a hierarchy."""

import copy

import pytest
import torch

from vaelab import TrainConfig, fit, load, recipes
from vaelab.models.networks._cells import checkpoint_cells

SHAPE = (1, 8, 8)


def make(cells="plain"):
    torch.manual_seed(0)
    return recipes.hierarchical_vae(SHAPE, 2, groups=((2, 1), (4, 2)), width=8, cells=cells)


def losses(cells="plain", **options):
    experiment = make(cells)
    config = TrainConfig(steps=8, batch_size=100, progress=False, device="cpu", **options)
    losses = fit(experiment, load("digits").images[:400], config)["loss"]
    return experiment, losses


@pytest.mark.parametrize("cells", ["plain", "nvae"])
def test_checkpointed_cells_train_bit_for_bit_like_stored_ones(cells):
    (stored, expected), (again, computed) = losses(cells), losses(cells, checkpoint_cells=True)
    assert computed == expected
    for name, value in stored.state_dict().items():  # with the running statistics of batch norms
        assert torch.equal(again.state_dict()[name], value), name


@pytest.mark.parametrize("cells", ["plain", "nvae"])
def test_checkpointed_cells_store_less(cells):
    experiment, x = make(cells), torch.rand(20, *SHAPE)

    def stored():
        sizes = {}

        def pack(tensor):
            sizes[tensor.data_ptr()] = tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            loss = experiment(x).loss
        loss.backward()
        return sum(sizes.values())

    everything = stored()
    checkpoint_cells(experiment.model, True)
    assert stored() < 0.7 * everything
    copied = copy.deepcopy(experiment)
    checkpoint_cells(experiment.model, False)
    assert stored() == everything
    assert copied(x).loss.isfinite()


@pytest.mark.parametrize("cells", ["plain", "nvae"])
def test_channels_last_trains_a_hierarchy_alike_up_to_rounding(cells):
    (_, expected), (last, computed) = losses(cells), losses(cells, channels_last=True)
    assert computed == pytest.approx(expected, rel=1e-5)
    weight = last.model.stem[0].weight
    assert any(
        p.is_contiguous(memory_format=torch.channels_last) and not p.is_contiguous()
        for p in last.model.parameters()
        if p.dim() == 4
    ), weight.stride()


def test_bfloat16_trains_a_hierarchy_within_one_percent():
    _, expected = losses()
    _, computed = losses(precision="bf16")
    assert computed != expected
    assert computed == pytest.approx(expected, rel=0.01)
