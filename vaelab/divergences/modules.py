"""Divergences with parameters as modules, of diagonal Gaussians q and p [b, ...]."""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab._utils.precision import without_autocast
from vaelab._utils.scalars import ScalarModule
from vaelab._utils.typed import typed
from vaelab.divergences import diagonal
from vaelab.divergences.gaussian import Gaussian, diagonal_kl, latent_kl, require_gaussians, sum_latents


class GeometricJS(ScalarModule):
    """`geometric_js` as a module, with its skew as a 0-d tensor.

    The skew is a buffer, so that it can change during training; or, if trainable, a parameter that
    minimizes the same loss as the network. Its logit is trained, so that alpha stays in (0, 1).

    Args:
        alpha: Skew in [0, 1]; strictly inside if trainable.
        dual, primed: As in `geometric_js`.
        trainable: Train alpha, starting from the given value.

    Returns:
        From `GeometricJS(alpha)(q, p)`: [b], nats, summed over the latents.

    Raises:
        InvalidType, InvalidValue: If alpha is not a number in [0, 1], or at an end if trainable.

    Example:
        >>> divergence = GeometricJS(0.0)
        >>> q = Gaussian(torch.ones(2, 3), torch.zeros(2, 3))
        >>> divergence(q, Gaussian.standard())  # at alpha = 0: KL(q‖p)
        tensor([1.5000, 1.5000])

    References:
        Deasy et al. (2020), https://arxiv.org/abs/2006.10599.
        Deasy et al. (2021), https://icml.cc/virtual/2021/12490, for the trainable skew.
    """

    skew: Tensor
    logit: nn.Parameter | None

    @typed
    def __init__(
        self, alpha: float | Tensor, *, dual: bool = False, primed: bool = True, trainable: bool = False
    ) -> None:
        super().__init__()
        self.dual, self.primed, self.trainable = dual, primed, trainable
        start = float(checks.one_skew(alpha))
        if trainable and not 0 < start < 1:
            raise InvalidValue(f"alpha must be inside (0, 1) if trainable, got {start:g}, where its gradient is 0.")
        self.register_buffer("skew", None)
        self.register_parameter("logit", None)
        if trainable:
            single = torch.logit(torch.tensor(start)).item()  # which the figures started from
            self.register_scalar("logit", math.log(start) - math.log1p(-start), single=single, trainable=True)
        else:
            self.register_scalar("skew", start)

    @property
    def alpha(self) -> Tensor:
        """The current skew, 0-d."""
        return torch.sigmoid(self.logit) if self.logit is not None else self.skew

    @without_autocast
    def forward(self, q: Gaussian, p: Gaussian) -> Tensor:
        require_gaussians(q, p)
        return diagonal.geometric_js(q, p, self.alpha, dual=self.dual, primed=self.primed)

    def extra_repr(self) -> str:
        kind = ", trainable" if self.trainable else ""
        return f"alpha={self.alpha.item():g}, dual={self.dual}, primed={self.primed}{kind}"


class FreeBits(ScalarModule):
    """Σ_j max(nats, batch mean of KL(q_j‖p_j)): no latent costs less than `nats`.

    A latent below the threshold contributes the constant `nats`, without a gradient; above it, the
    KL of each sample. With per="group", j runs over the groups of a hierarchy. The loss is still a
    bound on the evidence, since the sum is at least KL(q‖p) in the mean. With micro-batches, each has
    its own mean.

    Args:
        nats: Threshold.
        per: "latent", or "group" for one threshold on the sum over a group of latents.

    Returns:
        From `FreeBits(nats)(q, p)`: [b], nats.

    Raises:
        InvalidType, InvalidValue: If `nats` is not a positive, finite number, or `per` is neither.

    Example:
        >>> FreeBits(0.25)(Gaussian(torch.zeros(1, 4), torch.zeros(1, 4)), Gaussian.standard())
        tensor([1.])

    References:
        Kingma et al. (2016), https://arxiv.org/abs/1606.04934, eq. 15.
    """

    nats: Tensor

    @typed
    def __init__(self, nats: float = 0.25, per: Literal["latent", "group"] = "latent") -> None:
        super().__init__()
        self.register_scalar("nats", checks.positive("nats", nats))
        self.per = per

    @without_autocast
    def forward(self, q: Gaussian, p: Gaussian) -> Tensor:
        require_gaussians(q, p)
        rates = latent_kl(q, p) if self.per == "latent" else diagonal_kl(q, p)[:, None]
        return sum_latents(torch.where(rates.mean(0) > self.nats, rates, self.nats))

    def of_rate(self, rate: Tensor) -> Tensor:
        """Return the divergence [b] for a Monte Carlo estimate of KL(q‖p) of one group [b]."""
        checks.tensors(rate=rate)
        if self.per != "group":
            raise InvalidValue(f"per must be 'group' for a prior without a KL of each latent, got {self.per!r}.")
        return torch.where(rate.mean(0) > self.nats, rate, self.nats)

    def extra_repr(self) -> str:
        return f"nats={self.nats.item():g}"
