"""Repair of the variance law: latents brought to scale 1 without a change of what is decoded.

A factor c on one latent is undone by 1/c on the weights that read it, so the reconstruction does not notice; the rate
does: with V = E[mean²] + E[sigma²], c = 1/sqrt(V) lowers KL(q‖p) by (V - 1 - ln V)/2, the most that any c can.
"""

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.data.images import as_images
from vaelab.objectives.objective import Experiment


class Rescaled(NamedTuple):
    """The new experiment; per latent [d], float64: V before (1 now), and what the mean rate fell by, in nats."""

    experiment: Experiment
    variance: Tensor
    saved: Tensor


@torch.no_grad()
def rescale(experiment: Experiment, images: Tensor) -> Rescaled:
    """A copy of the experiment whose latents are divided by sqrt(V), V their second moment over images [n, *shape].

    The encoder's last layer and the decoder's first one take the factors; the given experiment stays as it is.

    Raises InvalidValue without images or for more than one group of latents, InvalidType where
    these two layers are not linear: the latents would then not be free to scale.
    Source: Asperti 2019 (doi 10.1007/978-3-030-37599-7_7) for the argument; derived here, the rate
    falls by (V - 1 - ln V)/2 per latent.
    """
    if (groups := experiment.model.groups) > 1:
        raise InvalidValue(f"rescale knows one group of latents, and this model has {groups}.")
    if not len(images := as_images(images, experiment.shape, experiment.domain)):
        raise InvalidValue("there are no images to measure the latents' variance on; pass at least one.")
    repaired = copy.deepcopy(experiment)
    head, first = _ends(repaired)
    q = experiment.encode_in_chunks(images)
    variance = (q.mean.double() ** 2 + q.logvar.double().exp()).mean(0)
    scale = variance.rsqrt().to(head.weight)
    d = len(scale)
    head.weight[:d] *= scale[:, None]
    head.bias[:d] *= scale
    head.bias[d:] += 2 * scale.log()
    first.weight /= scale
    return Rescaled(repaired, variance, 0.5 * (variance - 1 - variance.log()))


def _ends(experiment: Experiment) -> tuple[nn.Linear, nn.Linear]:
    """The layers before and behind the latents."""
    latent = experiment.model.latent
    head, first = _leaves(experiment.model.encoder)[-1], _leaves(experiment.model.decoder)[0]
    for name, layer, width in (("encoder's last", head, "out_features"), ("decoder's first", first, "in_features")):
        expected = 2 * latent if layer is head else latent
        if not isinstance(layer, nn.Linear) or layer.bias is None or getattr(layer, width) != expected:
            raise InvalidType(
                f"rescale needs linear layers with a bias around the latents, but the {name} layer is {layer}; "
                f"put an nn.Linear there."
            )
    return head, first  # type: ignore[return-value]


def _leaves(network: nn.Module) -> list[nn.Module]:
    return [module for module in network.modules() if not list(module.children())]
