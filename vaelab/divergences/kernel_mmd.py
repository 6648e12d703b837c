"""Maximum mean discrepancy: a distance of two *samples*, not a divergence of densities, and without a unit.

Unlike the divergences it is a statistic of a whole batch.  For the loss it is cut into one share per sample, whose
mean it is.
"""

import torch
from torch import Tensor, nn

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab.divergences.gaussian import Gaussian


def mmd(x: Tensor, y: Tensor, bandwidth: float | None = None, *, unbiased: bool = True) -> Tensor:
    """Squared maximum mean discrepancy of two samples under the kernel k(x, y) = exp(-‖x-y‖² / (2 h²)).

    MMD² = E k(x, x') + E k(y, y') - 2 E k(x, y); unbiased leaves the pairs x = x' out,
    and may then be slightly negative.
    x: [n, d], y: [m, d] -> [], no unit.  bandwidth h: default sqrt(d), the scale of N(0, I).

    Raises InvalidType or InvalidValue for samples that are not finite [n, d] tensors of equal d with at least two rows.
    Source: Gretton et al. 2012, eq. 3 and 5.
    """
    for name, sample in (("x", x), ("y", y)):
        checks.float_tensor(name, sample)
        if sample.dim() != 2 or len(sample) < 2:
            raise InvalidValue(
                f"{name} must be [n, d] with at least two rows, got {tuple(sample.shape)}; flatten each sample "
                f"to one row."
            )
    if x.shape[1] != y.shape[1]:
        raise InvalidValue(f"x has {x.shape[1]} columns and y has {y.shape[1]}; both must live in one space.")
    h = x.shape[1] ** 0.5 if bandwidth is None else checks.positive("bandwidth", bandwidth)
    return shares(x, y, h, unbiased).mean()


def shares(x: Tensor, y: Tensor, h: float, unbiased: bool) -> Tensor:
    """[n], one per row of x; their mean is MMD²."""

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
        return torch.exp(-squares.clamp_min(0) / (2 * h**2))

    def within(a: Tensor) -> Tensor:
        n, rows = len(a), kernel(a, a).sum(1)
        return (rows - 1) / max(n - 1, 1) if unbiased else rows / n

    return within(x) + within(y).mean() - 2 * kernel(x, y).mean(1)


class MMD(nn.Module):
    """MMD² between one draw of q(z|x) per image and as many of the prior: shares [b], no unit, unbiased.

    It asks that the *aggregate* posterior be N(0, I), and leaves each q(z|x) free.
    bandwidth: default sqrt(latents).  Source: Zhao, Song & Ermon 2019 (InfoVAE).
    """

    def __init__(self, bandwidth: float | None = None) -> None:
        super().__init__()
        self.bandwidth = bandwidth if bandwidth is None else checks.positive("bandwidth", bandwidth)

    def forward(self, q: Gaussian, p: Gaussian) -> Tensor:
        z = q.sample()
        prior = Gaussian(p.mean.expand_as(z), p.logvar.expand_as(z)).sample()
        z, prior = z.flatten(1), prior.flatten(1)
        return shares(z, prior, self.bandwidth or z.shape[1] ** 0.5, unbiased=True)


class PublishedMMD(MMD):
    """The variant that was published as the MMD baseline of Deasy et al. 2020: on *parameters*, not on z.

    (mean, logvar) [b, 2d] of the encoder against 200 draws of N(0, I), kernel exp(-‖x-y‖² / (2d)²), biased: shares [b],
    no unit.  At its minimum logvar is scattered around 0, posteriors as wide as the prior; a well calibrated encoder
    pays dearly.  For comparison only.
    """

    def __init__(self, draws: int = 200) -> None:
        super().__init__()
        self.draws = checks.positive_int("draws", draws, at_least=2)

    def forward(self, q: Gaussian, p: Gaussian) -> Tensor:
        x = torch.cat((q.mean.flatten(1), q.logvar.flatten(1)), 1)
        d = x.shape[1]
        return shares(x, torch.randn(self.draws, d, dtype=x.dtype, device=x.device), d / 2**0.5, unbiased=False)
