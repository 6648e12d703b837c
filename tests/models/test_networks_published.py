"""The published networks: exact parameter counts, any fitting side, and batch norms that measuring leaves alone."""

import copy
import math

import pytest
import torch

from vaelab import Train, fit, fit_many, networks, recipes
from vaelab._utils.errors import InvalidValue
from vaelab.metrics import evaluate
from vaelab.metrics.log_likelihood import log_evidence
from vaelab.models.networks._infogan import Softplus


def parameters(*modules):
    return sum(p.numel() for module in modules for p in module.parameters())


def test_resnet_has_the_published_numbers_of_parameters():
    encoder, decoder = networks.resnet((3, 32, 32), 64)
    assert (parameters(encoder), parameters(decoder)) == (1_135_840, 4_054_627)
    assert parameters(encoder, decoder) == 5_190_467
    assert parameters(*networks.resnet((3, 64, 64), 64)) == 19_321_667


@pytest.mark.parametrize(("width", "count"), [(1024, 4_540_608), (2048, 17_457_344), (4096, 68_456_640)])
def test_second_stages_have_the_published_numbers_of_parameters(width, count):
    with torch.device("meta"):
        encoder, decoder = networks.skip_mlp(64, 64, width)
    assert parameters(encoder, decoder) == count
    small = networks.skip_mlp(5, 3, 7)
    assert small[0](torch.randn(2, 5)).shape == (2, 6)
    assert small[1](torch.randn(2, 3)).shape == (2, 5)


@pytest.mark.parametrize(
    ("network", "shape"),
    [("resnet", (1, 28, 28)), ("resnet", (3, 64, 64)), ("resnet", (2, 33, 47)), ("infogan", (1, 28, 28))],
)
def test_published_networks_give_back_the_shape_and_reach_every_weight(network, shape):
    torch.manual_seed(0)
    hidden = {"resnet": (4, 8, 16, 32), "infogan": (4, 8, 32)}[network]
    experiment = recipes.vae(shape, 3, network=network, hidden=hidden, gamma="learned")
    x = torch.rand(8, *shape)
    assert experiment.sample(2).shape == (2, *shape)
    experiment(x).loss.backward()
    for name, parameter in experiment.named_parameters():
        assert parameter.grad is not None, name
        if "bias" not in name:  # the bias before a batch norm has no effect, and is counted all the same
            assert float(parameter.grad.abs().sum()) > 0, name


def test_infogan_keeps_its_encoder_gentle_and_its_deviations_positive():
    torch.manual_seed(0)
    encoder, _ = networks.infogan((1, 8, 8), 2, (4, 8, 16))
    for _ in range(30):
        encoder(torch.rand(16, 1, 8, 8))
    weights = [m.weight.detach().flatten(1) for m in encoder if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    assert len(weights) == 4
    for weight in weights:
        assert float(torch.linalg.matrix_norm(weight, 2)) == pytest.approx(1, abs=0.05)
    _, logvar = Softplus()(torch.tensor([[0.0, 0.0, -1000.0, 1.0]])).chunk(2, 1)
    assert logvar.tolist() == [pytest.approx([2 * math.log(1e-6), 2 * math.log(math.log1p(math.e))], abs=1e-4)]


@pytest.mark.parametrize("settings", [{"batch_size": 1}, {"batch_size": 5, "micro_batches": 4}])
def test_a_batch_norm_that_sees_one_image_says_so(settings):
    experiment = recipes.vae((1, 8, 8), 2, network="infogan", hidden=(4, 8, 16))
    images = torch.randint(0, 256, (10, 1, 8, 8), dtype=torch.uint8)
    with pytest.raises(InvalidValue, match="at least two images per batch"):
        fit(experiment, images, Train(steps=1, progress=False, **settings))
    assert experiment.encode(images[:1]).mean.shape == (1, 2)


@pytest.mark.parametrize("network", ["resnet", "infogan"])
def test_measuring_neither_uses_nor_moves_the_statistics_of_a_batch(network):
    torch.manual_seed(0)
    hidden = {"resnet": (4, 8, 16), "infogan": (4, 8, 16)}[network]
    experiment = recipes.vae((1, 8, 8), 2, network=network, hidden=hidden)
    images = torch.randint(0, 256, (60, 1, 8, 8), dtype=torch.uint8)
    fit(experiment, images, Train(steps=10, batch_size=20, progress=False))
    before = copy.deepcopy(experiment.state_dict())
    alone = experiment.encode(images[:1]).mean
    torch.testing.assert_close(alone, experiment.encode(images).mean[:1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        evaluate(experiment, images, chunk=7)["reconstruction"], evaluate(experiment, images)["reconstruction"]
    )
    log_evidence(experiment, images[:3], 4)
    experiment.sample(3)
    assert all(torch.equal(before[name], value) for name, value in experiment.state_dict().items())
    assert experiment.training


def test_batch_norms_are_trained_one_by_one():
    images = torch.randint(0, 256, (40, 1, 8, 8), dtype=torch.uint8)
    made = fit_many(
        lambda seed: recipes.vae((1, 8, 8), 2, network="resnet", hidden=(4, 8, 16)),
        [{"seed": 0}, {"seed": 1}],
        images,
        Train(steps=2, batch_size=20, progress=False),
    )
    assert "one by one" in made.method


@pytest.mark.parametrize(
    ("network", "shape", "hidden", "words"),
    [
        ("resnet", (1, 65, 65), None, "8 to 64"),
        ("resnet", (1, 28, 28), (16,), r"3 channel counts.*\(16,\)"),
        ("resnet", (1, 64, 64), (8, 16, 32), r"4 channel counts.*\(8, 16, 32\)"),
        ("infogan", (1, 30, 30), None, "multiples of 4"),
        ("infogan", (1, 28, 28), (64, 128), "three widths"),
    ],
)
def test_shapes_that_do_not_fit_are_named(network, shape, hidden, words):
    with pytest.raises(InvalidValue, match=words):
        recipes.vae(shape, 2, network=network, hidden=hidden)
