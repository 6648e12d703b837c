"""Divergences between Gaussians in closed form: per sample, in nats, summed over the latents.

Notation: q is the encoder's posterior, p the prior; names always carry their arguments.
The geometric Jensen-Shannon family (Nielsen 2019; Deasy et al. 2020) is built on the normalized geometric mean
G_a ∝ q^(1-a) p^a, where Z_a = ∫ q^(1-a) p^a dz:

    plain        (1-α) KL(q‖G_α)   + α KL(p‖G_α)    = α(1-α) [KL(q‖p) + KL(p‖q)] + ln Z_α
    primed       (1-α) KL(q‖G_1-α) + α KL(p‖G_1-α)  = (1-α)² KL(q‖p) + α² KL(p‖q) + ln Z_1-α
    plain dual   (1-α) KL(G_α‖q)   + α KL(G_α‖p)    = -ln Z_α
    primed dual  (1-α) KL(G_1-α‖q) + α KL(G_1-α‖p)

The primed one, the variant of the paper, runs from KL(q‖p) at α=0 to KL(p‖q) at α=1; its dual runs the other way.
"""

from typing import TypeVar

import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab.divergences import full_covariance
from vaelab.divergences.diagonal import diagonal_geometric_js, diagonal_geometric_mean
from vaelab.divergences.full_covariance import FullGaussian
from vaelab.divergences.gaussian import Gaussian, diagonal_kl
from vaelab.divergences.validation import pair

Skew = float | Tensor
Kind = TypeVar("Kind", Gaussian, FullGaussian)


def kl(q: Kind, p: Kind) -> Tensor:
    """KL(q‖p) = E_q[ln q - ln p].

    Per latent ½ [σq²/σp² - 1 - ln(σq²/σp²) + (μq-μp)²/σp²].  q, p: [b, ...] -> [b], nats, summed over the latents.

    Raises InvalidType or InvalidValue for anything but two finite Gaussians of one kind and shape.
    Source: Deasy et al. 2020, the limit α -> 0 of the primed divergence.
    """
    pair(q, p)
    if isinstance(q, FullGaussian):
        return full_covariance.kl(q, p)
    return diagonal_kl(q, p)


def geometric_mean(q: Kind, p: Kind, alpha: Skew) -> Kind:
    """The normalized geometric mean G_α ∝ q^(1-α) p^α, again a Gaussian: q at α=0, p at α=1.

    Precisions are averaged, *not* standard deviations: 1/σ² = (1-α)/σq² + α/σp².
    alpha: a number or a tensor, 0-d or [b].  q, p: [b, ...] -> a Gaussian of that shape.

    Raises InvalidType or InvalidValue for alpha outside [0, 1] and as `kl` does.  Source: Nielsen 2019, eq. for
    exponential families.
    """
    pair(q, p)
    a = _skew(alpha, q.mean)
    if isinstance(q, FullGaussian):
        return full_covariance.geometric_mean(q, p, a)
    return diagonal_geometric_mean(q, p, a)


def geometric_js(q: Kind, p: Kind, alpha: Skew, *, dual: bool = False, primed: bool = True) -> Tensor:
    """The skew geometric Jensen-Shannon divergence of q and p, in one of the four variants at the top of this file.

    alpha: a number or a tensor, 0-d or [b], in [0, 1].  q, p: [b, ...] -> [b], nats, summed over the latents.
    primed=True is the paper's variant: α=0 gives KL(q‖p), α=1 gives KL(p‖q), and with dual=True the other way round.

    Raises InvalidType or InvalidValue for alpha outside [0, 1] and as `kl` does.
    Source: Deasy et al. 2020 (JS^G and its dual); Nielsen 2019 (primed=False).
    """
    pair(q, p)
    a = _skew(alpha, q.mean)
    if isinstance(q, FullGaussian):
        return full_covariance.geometric_js(q, p, a, dual=dual, primed=primed)
    return diagonal_geometric_js(q, p, a, dual=dual, primed=primed)


def extended_geometric_js(q: Kind, p: Kind, alpha: Skew, *, dual: bool = False, primed: bool = True) -> Tensor:
    """`geometric_js` with the geometric mean left *unnormalized*, g_a = q^(1-a) p^a, and the KL that allows for it.

    With KL₊(f‖g) = ∫ f ln(f/g) + g - f, and Z = ∫ g_a: the plain one is α(1-α) [KL(q‖p) + KL(p‖q)] + Z_α - 1, and each
    exceeds its normalized twin by Z - 1 - ln Z ≥ 0; a dual one is 1 - Z + Z (ln Z + the twin).
    Arguments, shapes and errors as for `geometric_js`: q, p: [b, ...] -> [b], nats.

    Source: Nielsen 2025 (arXiv 2508.05066), which states the gap; the dual follows from the same definition.
    """
    twin = geometric_js(q, p, alpha, dual=dual, primed=primed)
    log_z = -geometric_js(q, p, 1 - alpha if primed else alpha, dual=True, primed=False)
    if dual:
        return torch.exp(log_z) * (twin + log_z) - torch.expm1(log_z)
    return twin + torch.expm1(log_z) - log_z


def _skew(alpha: Skew, mean: Tensor) -> Tensor:
    """Check alpha and shape it to meet [b, ...]."""
    a = torch.as_tensor(checks.skew(alpha), dtype=mean.dtype, device=mean.device)
    if a.dim() > 1 or (a.dim() == 1 and mean.dim() > 0 and 1 not in (len(a), len(mean)) and len(a) != len(mean)):
        raise InvalidValue(
            f"alpha has shape {tuple(a.shape)} for a batch of {tuple(mean.shape)}; give one number, or one per sample."
        )
    return _per_sample(a, mean)


def _per_sample(alpha: Tensor, mean: Tensor) -> Tensor:
    return alpha.reshape(alpha.shape + (1,) * (mean.dim() - 1)) if alpha.dim() else alpha
