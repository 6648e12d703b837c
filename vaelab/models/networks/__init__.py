"""Encoders [b, c, h, w] -> [b, 2 latent] and decoders [b, latent] -> [b, c, h, w]."""

from vaelab.models.networks._burgess import burgess
from vaelab.models.networks._conv import conv
from vaelab.models.networks._infogan import infogan
from vaelab.models.networks._mlp import burda, latents, mlp
from vaelab.models.networks._resnet import resnet

__all__ = [
    "burda",
    "burgess",
    "conv",
    "infogan",
    "latents",
    "mlp",
    "resnet",
]
