"""Encoders [b, *shape] -> [b, 2 latent] and decoders [b, latent] -> [b, *shape].

`NETWORKS` lists those that recipes offer by name: functions of (shape, latent, hidden). `folding` is
for point clouds, of `recipes.folding_vae`.
"""

from vaelab.models.networks._burgess import burgess
from vaelab.models.networks._conv import conv
from vaelab.models.networks._folding import folding
from vaelab.models.networks._infogan import infogan
from vaelab.models.networks._mlp import burda, mlp, skip_mlp
from vaelab.models.networks._resnet import resnet

NETWORKS = {
    "mlp": mlp,
    "conv": conv,
    "burgess": burgess,
    "burda": burda,
    "resnet": resnet,
    "infogan": infogan,
}

__all__ = [
    "NETWORKS",
    "burda",
    "burgess",
    "conv",
    "folding",
    "infogan",
    "mlp",
    "resnet",
    "skip_mlp",
]
