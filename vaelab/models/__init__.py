"""Models: `networks` (encoders and decoders), `vae`, `two_layers` (Burda et al.), `hierarchical` (groups on scales)."""

from vaelab.models.hierarchical import Hierarchy
from vaelab.models.two_layers import TwoLayers
from vaelab.models.vae import VAE

__all__ = ["VAE", "Hierarchy", "TwoLayers"]
