"""Networks: parameter counts, and images of any side."""

import re

import pytest
import torch

from vaelab import networks, recipes
from vaelab._utils.errors import InvalidValue


def parameters(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(("shape", "count"), [((1, 32, 32), 469_173), ((1, 64, 64), 502_005), ((3, 64, 64), 504_055)])
def test_burgess_has_the_published_number_of_parameters(shape, count):
    encoder, decoder = networks.burgess(shape, 10)
    assert parameters(encoder) + parameters(decoder) == count
    if shape == (1, 32, 32):
        assert (parameters(encoder), parameters(decoder)) == (235_636, 233_537)


@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (2, 33, 47), (1, 64, 64), (4, 100, 9), (3, 127, 128)]
)
@pytest.mark.parametrize("network", ["mlp", "conv", "burgess"])
def test_networks_fit_any_side(shape, network):
    if network == "burgess" and max(shape[1:]) > 64:
        with pytest.raises(InvalidValue, match="8 to 64"):
            recipes.vae(shape, 4, network=network)
        return
    experiment = recipes.vae(shape, 4, network=network)
    x = torch.rand(2, *shape)
    assert experiment.model(x).out.shape == x.shape
    assert experiment.encode(x).mean.shape == (2, 4)
    assert experiment.sample(3).shape == (3, *shape)


def test_every_side_from_8_to_128():
    for side in range(8, 129):
        encoder, decoder = networks.conv((1, side, side), 2, hidden=(2, 2, 2))
        assert decoder(torch.zeros(1, 2)).shape == (1, 1, side, side)
        assert encoder(torch.zeros(1, 1, side, side)).shape == (1, 4)


@pytest.mark.parametrize("network", ["conv", "burgess", "resnet", "infogan"])
@pytest.mark.parametrize("shape", [(7,), (4, 4), (1, 4, 4), (1, 6, 64), (3, 129, 129), (1, 200, 64), (3, 70, 70)])
def test_a_network_that_cannot_take_a_side_recommends_one_that_can(network, shape):
    try:
        recipes.vae(shape, 2, network=network)
    except InvalidValue as error:
        other = re.search(r"use network='(\w+)'", str(error))[1]
    else:
        return
    assert recipes.vae(shape, 2, network=other).sample(1).shape == (1, *shape)


def test_burgess_pads_and_crops_what_it_padded():
    _, decoder = networks.burgess((1, 28, 28), 3)
    _, bare = networks.burgess((1, 32, 32), 3)
    bare.load_state_dict(decoder.state_dict())
    z = torch.randn(2, 3)
    torch.testing.assert_close(decoder(z), bare(z)[..., 2:-2, 2:-2])
