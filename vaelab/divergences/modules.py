"""Divergences as modules beside KL: of diagonal Gaussians q and p, [b, ...], to [b], in nats."""

import torch
from torch import Tensor, nn

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab.divergences.diagonal import diagonal_geometric_js
from vaelab.divergences.gaussian import Gaussian, latent_kl, sum_latents


class GeometricJS(nn.Module):
    """`geometric_js` with its skew as a 0-d tensor: [b], nats.

    A buffer, which may be moved while training runs; or, trainable, a parameter that descends the same loss as the
    network: its logit, so that alpha stays in [0, 1].  `alpha` is the skew as it stands, either way.

    Raises InvalidType or InvalidValue for alpha outside [0, 1], or at an end of it when trainable.
    Source: Deasy et al. 2020; Deasy et al. 2021 (alpha-VAEs) for the trained skew.
    """

    skew: Tensor
    logit: nn.Parameter | None

    def __init__(self, alpha: float, *, dual: bool = False, primed: bool = True, trainable: bool = False) -> None:
        super().__init__()
        self.dual, self.primed, self.trainable = dual, primed, trainable
        start = torch.as_tensor(checks.skew(alpha), dtype=torch.get_default_dtype())
        if trainable and not 0 < alpha < 1:
            raise InvalidValue(
                f"a trainable alpha must start inside (0, 1), got {alpha:g}, where its gradient is 0; start at 0.01."
            )
        self.register_buffer("skew", None if trainable else start)
        self.register_parameter("logit", nn.Parameter(torch.logit(start)) if trainable else None)

    @property
    def alpha(self) -> Tensor:
        """The skew, 0-d."""
        return torch.sigmoid(self.logit) if self.logit is not None else self.skew

    def forward(self, q: Gaussian, p: Gaussian) -> Tensor:
        return diagonal_geometric_js(q, p, self.alpha, dual=self.dual, primed=self.primed)

    def extra_repr(self) -> str:
        kind = ", trainable" if self.trainable else ""
        return f"alpha={self.alpha.item():g}, dual={self.dual}, primed={self.primed}{kind}"


class FreeBits(nn.Module):
    """Σ_j max(nats, mean over the batch of KL(q_j‖p_j)): below `nats` a latent is charged that, without a gradient.

    As a term per sample: where the batch's mean is above, KL(q_j‖p_j) of the sample, else `nats`.  A batch in pieces
    (`TrainConfig.micro_batches`) has a mean for every piece.  No bound on the
    evidence is lost: the sum is never below KL(q‖p) in the mean.

    Raises InvalidType or InvalidValue for nats that are no number above 0.
    Source: Kingma et al. 2016 (inverse autoregressive flow), eq. 15, a group being one latent.
    """

    nats: Tensor

    def __init__(self, nats: float = 0.25) -> None:
        super().__init__()
        self.register_buffer("nats", torch.tensor(checks.positive("nats", nats)))

    def forward(self, q: Gaussian, p: Gaussian) -> Tensor:
        """q, p: [b, ...] -> [b], nats."""
        each = latent_kl(q, p)
        return sum_latents(torch.where(each.mean(0) > self.nats, each, self.nats))

    def extra_repr(self) -> str:
        return f"nats={self.nats.item():g}"
