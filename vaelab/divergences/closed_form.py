"""Divergences between Gaussians in closed form: per sample, in nats, summed over the latents.

q is the encoder's posterior, p the prior. The geometric Jensen-Shannon family is built on the
normalized geometric mean G_a ∝ q^(1-a) p^a, with Z_a = ∫ q^(1-a) p^a dz:

    plain        (1-α) KL(q‖G_α)   + α KL(p‖G_α)    = α(1-α) [KL(q‖p) + KL(p‖q)] + ln Z_α
    primed       (1-α) KL(q‖G_1-α) + α KL(p‖G_1-α)  = (1-α)² KL(q‖p) + α² KL(p‖q) + ln Z_1-α
    plain dual   (1-α) KL(G_α‖q)   + α KL(G_α‖p)    = -ln Z_α
    primed dual  (1-α) KL(G_1-α‖q) + α KL(G_1-α‖p)

Deasy et al. (2020) use the primed one, from KL(q‖p) at α=0 to KL(p‖q) at α=1; its dual runs from
KL(p‖q) to KL(q‖p).
"""

from typing import TypeVar

import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab._utils.precision import without_autocast
from vaelab._utils.typed import typed
from vaelab.divergences import diagonal, full_covariance
from vaelab.divergences.full_covariance import FullGaussian
from vaelab.divergences.gaussian import Gaussian, diagonal_kl
from vaelab.divergences.validation import check_pair

Skew = float | Tensor
Kind = TypeVar("Kind", Gaussian, FullGaussian)


@without_autocast
def kl(q: Kind, p: Kind) -> Tensor:
    """Compute KL(q‖p) = E_q[ln q - ln p].

    Per latent ½ [σq²/σp² - 1 - ln(σq²/σp²) + (μq-μp)²/σp²].

    Args:
        q: Encoder distribution [b, ...], `Gaussian` or `FullGaussian`.
        p: Prior of the same kind and shape, or `Gaussian.standard()`.

    Returns:
        [b], nats, summed over the latents.

    Raises:
        InvalidType: If q and p are not Gaussians of one kind.
        InvalidValue: If they are not finite or their shapes differ.

    Example:
        >>> kl(Gaussian(torch.ones(2, 3), torch.zeros(2, 3)), Gaussian.standard())
        tensor([1.5000, 1.5000])

    References:
        Kingma & Welling (2014), https://arxiv.org/abs/1312.6114, appendix B.
    """
    check_pair(q, p)
    if isinstance(q, FullGaussian):
        return full_covariance.kl(q, p)
    return diagonal_kl(q, p)


@without_autocast
def geometric_mean(q: Kind, p: Kind, alpha: Skew) -> Kind:
    """Compute the normalized geometric mean G_α ∝ q^(1-α) p^α, which is again a Gaussian.

    Precisions are averaged, not standard deviations: 1/σ² = (1-α)/σq² + α/σp².

    Args:
        q: Gaussian [b, ...], the result at α=0.
        p: Gaussian of the same kind and shape, the result at α=1.
        alpha: Skew in [0, 1], a number or a tensor with no axes or [b]; for q and p without axes,
            a tensor [n] gives n results.

    Returns:
        A Gaussian of that kind and shape.

    Raises:
        InvalidType, InvalidValue: If alpha is not a number in [0, 1], or as in `kl`.

    Example:
        >>> q, p = Gaussian(torch.tensor([[-2.0]]), torch.zeros(1, 1)), Gaussian.standard()
        >>> geometric_mean(q, p, 0.5).mean
        tensor([[-1.]])

    References:
        Nielsen (2019), https://arxiv.org/abs/1904.04017.
    """
    check_pair(q, p)
    a = _skew(alpha, q, p)
    if isinstance(q, FullGaussian):
        return full_covariance.geometric_mean(q, p, a)
    return diagonal.geometric_mean(q, p, a)


@without_autocast
@typed
def geometric_js(q: Kind, p: Kind, alpha: Skew, *, dual: bool = False, primed: bool = True) -> Tensor:
    """Compute the skew geometric Jensen-Shannon divergence in one of four variants.

    The default, primed, is (1-α)² KL(q‖p) + α² KL(p‖q) + ln Z_1-α: KL(q‖p) at α=0 and KL(p‖q) at
    α=1; with `dual`, the reverse. The formulas of all four are at the top of this module.

    Args:
        q: Encoder distribution [b, ...].
        p: Prior of the same kind and shape, or `Gaussian.standard()`.
        alpha: Skew in [0, 1], a number or a tensor with no axes or [b].
        dual: Use the KL divergences from the geometric mean instead of those to it.
        primed: Skew the mean by 1-α, as Deasy et al. do; False is Nielsen's definition.

    Returns:
        [b], nats, summed over the latents.

    Raises:
        InvalidType, InvalidValue: If alpha is not a number in [0, 1], or as in `kl`.

    Example:
        >>> q = Gaussian(torch.tensor([[1.0]]), torch.tensor([[-1.0]]))
        >>> [round(geometric_js(q, Gaussian.standard(), a).item(), 4) for a in (0, 0.5, 1)]
        [0.6839, 0.3577, 1.7183]

    References:
        Deasy et al. (2020), https://arxiv.org/abs/2006.10599.
        Nielsen (2019), https://arxiv.org/abs/1904.04017.
    """
    check_pair(q, p)
    a = _skew(alpha, q, p)
    if isinstance(q, FullGaussian):
        return full_covariance.geometric_js(q, p, a, dual=dual, primed=primed)
    return diagonal.geometric_js(q, p, a, dual=dual, primed=primed)


@without_autocast
@typed
def extended_geometric_js(q: Kind, p: Kind, alpha: Skew, *, dual: bool = False, primed: bool = True) -> Tensor:
    """Compute `geometric_js` with the unnormalized geometric mean g_a = q^(1-a) p^a.

    It uses the extended KL₊(f‖g) = ∫ f ln(f/g) + g - f. With Z = ∫ g_a, the plain one is
    α(1-α) [KL(q‖p) + KL(p‖q)] + Z_α - 1. Plain and primed exceed their normalized counterpart J by
    Z - 1 - ln Z ≥ 0; a dual is 1 - Z + Z (ln Z + J).

    Args:
        q, p, alpha, dual, primed: As in `geometric_js`, which also raises the same errors.

    Returns:
        [b], nats, summed over the latents.

    Example:
        >>> q = Gaussian(torch.tensor([[1.0]]), torch.tensor([[-1.0]]))
        >>> round(extended_geometric_js(q, Gaussian.standard(), 0.5).item(), 4)
        0.385

    References:
        Nielsen (2025), https://arxiv.org/abs/2508.05066. The dual follows from the same definition.
    """
    normalized = geometric_js(q, p, alpha, dual=dual, primed=primed)
    log_z = -geometric_js(q, p, 1 - alpha if primed else alpha, dual=True, primed=False)
    if dual:
        return torch.exp(log_z) * (normalized + log_z) - torch.expm1(log_z)
    return normalized + torch.expm1(log_z) - log_z


def _skew(alpha: Skew, q: Kind, p: Kind) -> Tensor:
    """Check alpha and shape it to broadcast against [b, ...]."""
    whole = max(q.mean, p.mean, key=Tensor.dim)  # a standard prior has no axes
    a = torch.as_tensor(checks.skew(alpha), dtype=whole.dtype, device=whole.device)
    batches = whole.dim() - isinstance(q, FullGaussian) > 0
    if a.dim() > 1 or (a.numel() != 1 and whole.dim() > 0 and not (batches and len(a) == len(whole))):
        raise InvalidValue(
            f"alpha must be one number or one per sample of the batch {tuple(whole.shape)}, got shape {tuple(a.shape)}."
        )
    return a.reshape(a.shape + (1,) * (whole.dim() - 1)) if a.dim() else a
