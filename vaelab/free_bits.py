"""Free bits: a latent may say this much for nothing, so that it is not closed early."""

import torch
from torch import Tensor, nn

from vaelab import checks
from vaelab.diagonal import latent_kl
from vaelab.gaussian import Gaussian, sum_latents


class FreeBits(nn.Module):
    """Σ_j max(nats, mean over the batch of KL(q_j‖p_j)): below `nats` a latent is charged that, without a gradient.

    As a term per sample: where the batch's mean is above, KL(q_j‖p_j) of the sample, else `nats`.  A batch in pieces
    (`Train.pieces`) has a mean for every piece.  No bound on the
    evidence is lost: the sum is never below KL(q‖p) in the mean.

    Raises InvalidType or InvalidValue for nats that are no number above 0.
    Source: Kingma et al. 2016 (inverse autoregressive flow), eq. 15, a group being one latent.
    """

    nats: Tensor
    whole_batch = True

    def __init__(self, nats: float = 0.25) -> None:
        super().__init__()
        self.register_buffer("nats", torch.tensor(checks.positive("nats", nats)))

    def forward(self, q: Gaussian, p: Gaussian) -> Tensor:
        """q, p: [b, ...] -> [b], nats."""
        each = latent_kl(q, p)
        return sum_latents(torch.where(each.mean(0) > self.nats, each, self.nats))

    def extra_repr(self) -> str:
        return f"nats={self.nats.item():g}"
