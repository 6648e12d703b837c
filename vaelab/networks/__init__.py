"""Encoders [b, c, h, w] -> [b, 2 latent] and decoders [b, latent] -> [b, c, h, w], one file per family."""

from vaelab.networks.burda import burda
from vaelab.networks.burgess import burgess
from vaelab.networks.conv import conv
from vaelab.networks.infogan import infogan
from vaelab.networks.latents import latents
from vaelab.networks.mlp import mlp
from vaelab.networks.resnet import resnet

__all__ = ["burda", "burgess", "conv", "infogan", "latents", "mlp", "resnet"]
