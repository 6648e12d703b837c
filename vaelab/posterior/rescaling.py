"""Rescaling of latents to the variance law, without any change of the reconstruction.

A factor c on a latent is undone by 1/c on the weights that read it. With V = E[mean²] + E[sigma²],
c = 1/sqrt(V) lowers KL(q‖p) by (V - 1 - ln V)/2, the most that any c can.
"""

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab._utils.typed import typed
from vaelab.data.images import Images, as_images
from vaelab.models.priors import learned_priors
from vaelab.objectives.objective import Experiment


class Rescaled(NamedTuple):
    """A rescaled experiment.

    Args:
        experiment: The copy.
        variance: V of every latent before, [d], float64; 1 now.
        saved: Decrease of the mean rate by every latent, [d], nats.
    """

    experiment: Experiment
    variance: Tensor
    saved: Tensor


@torch.no_grad()
@typed
def rescale(experiment: Experiment, images: Images) -> Rescaled:
    """Return a copy of an experiment whose latents are divided by sqrt(V), their second moment.

    The encoder's last layer and the decoder's first one absorb the factors.

    Args:
        experiment: Trained experiment with one group of latents; it is not changed.
        images: Images [n, *shape] over which V is measured.

    Returns:
        The copy, V, and the decrease of the rate.

    Raises:
        InvalidValue: If there are no images, more than one group of latents, or a learned prior.
        InvalidType: If the layers around the latents are not linear with a bias.

    References:
        Asperti (2019), doi:10.1007/978-3-030-37599-7_7, for the argument.
    """
    if (groups := experiment.model.groups) > 1:
        raise InvalidValue(f"rescale needs a model with one group of latents, and this model has {groups}.")
    if learned := learned_priors(experiment.model):
        raise InvalidValue(f"rescale needs the prior N(0, I), and the prior of this model is {learned[0].name}.")
    if not len(images := as_images(images, experiment.shape, experiment.domain)):
        raise InvalidValue("rescale needs at least one image, got 0.")
    rescaled = copy.deepcopy(experiment)
    head, first = _ends(rescaled)
    q = experiment.encode_in_chunks(images)
    variance = (q.mean.double() ** 2 + q.logvar.double().exp()).mean(0)
    scale = variance.rsqrt().to(head.weight)
    d = len(scale)
    head.weight[:d] *= scale[:, None]
    head.bias[:d] *= scale
    head.bias[d:] += 2 * scale.log()
    first.weight /= scale
    return Rescaled(rescaled, variance, 0.5 * (variance - 1 - variance.log()))


def _ends(experiment: Experiment) -> tuple[nn.Linear, nn.Linear]:
    """Return the layers before and after the latents."""
    latent = experiment.model.latent
    head, first = _leaves(experiment.model.encoder)[-1], _leaves(experiment.model.decoder)[0]
    for name, layer, width in (("encoder's last", head, "out_features"), ("decoder's first", first, "in_features")):
        expected = 2 * latent if layer is head else latent
        if not isinstance(layer, nn.Linear) or layer.bias is None or getattr(layer, width) != expected:
            raise InvalidType(
                f"rescale needs linear layers with a bias around the latents, but the {name} layer is {layer}."
            )
    return head, first  # type: ignore[return-value]


def _leaves(network: nn.Module) -> list[nn.Module]:
    return [module for module in network.modules() if not list(module.children())]
