"""Maximum mean discrepancy: a distance between two samples, not between densities, without a unit.

It is a statistic of a whole batch. A loss needs one term per sample: row i of the first sample
contributes a term whose mean over the rows is MMD².
"""

import torch
from torch import Tensor, nn

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab._utils.precision import without_autocast
from vaelab._utils.typed import typed
from vaelab.divergences.gaussian import Gaussian, require_gaussians


@without_autocast
@typed
def mmd(x: Tensor, y: Tensor, bandwidth: float | None = None, *, unbiased: bool = True) -> Tensor:
    """Compute the squared maximum mean discrepancy of two samples.

    MMD² = E k(x, x') + E k(y, y') - 2 E k(x, y), with the kernel k(x, y) = exp(-‖x-y‖² / (2 h²)).

    Args:
        x, y: The samples [n, d] and [m, d].
        bandwidth: h; None is sqrt(d), the scale of N(0, I).
        unbiased: Leave out the pairs x = x'; the value can then be slightly negative.

    Returns:
        [], without a unit.

    Raises:
        InvalidType, InvalidValue: If the samples are not finite tensors of at least two rows and
            equal numbers of columns.

    Example:
        >>> x = torch.linspace(-1, 1, 5)[:, None]
        >>> round(mmd(x, x + 1, unbiased=False).item(), 4)
        0.2825

    References:
        Gretton et al. (2012), https://jmlr.org/papers/v13/gretton12a.html, eq. 3 and 5.
    """
    for name, sample in (("x", x), ("y", y)):
        checks.float_tensor(name, sample)
        if sample.dim() != 2 or len(sample) < 2:
            raise InvalidValue(f"{name} must be [n, d] with at least two rows, got {tuple(sample.shape)}.")
    if x.shape[1] != y.shape[1]:
        raise InvalidValue(f"y must have {x.shape[1]} columns like x, got {y.shape[1]} columns.")
    x, y = (sample.to(torch.promote_types(x.dtype, y.dtype)) for sample in (x, y))
    h = x.shape[1] ** 0.5 if bandwidth is None else checks.positive("bandwidth", bandwidth)
    return _per_sample(x, y, h, unbiased).mean()


def _per_sample(x: Tensor, y: Tensor, h: float, unbiased: bool) -> Tensor:
    """Compute one term per row of x, [n]; their mean is MMD²."""
    x, y = (sample.float() if sample.dtype.itemsize < 4 else sample for sample in (x, y))

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        # From differences: |a|² + |b|² - 2 a b loses all digits far from the origin.
        distance = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
        return torch.exp(-distance.square() / (2 * h * h))

    def within(a: Tensor) -> Tensor:
        n, rows = len(a), kernel(a, a).sum(1)
        return (rows - 1) / max(n - 1, 1) if unbiased else rows / n

    return within(x) + within(y).mean() - 2 * kernel(x, y).mean(1)


class MMD(nn.Module):
    """Unbiased MMD² between one draw of q(z|x) per image and equally many draws of the prior.

    It is 0 when the aggregate posterior is the prior, whatever the width of each q(z|x).

    Args:
        bandwidth: h of the kernel, see `mmd`; None is sqrt(number of latents).

    Returns:
        From `MMD()(q, p)`: [b], terms whose mean is MMD², without a unit.

    Example:
        >>> q = Gaussian(torch.zeros(8, 2), torch.zeros(8, 2))
        >>> MMD()(q, Gaussian.standard()).shape
        torch.Size([8])

    References:
        Zhao, Song & Ermon (2019), https://arxiv.org/abs/1706.02262.
    """

    def __init__(self, bandwidth: float | None = None) -> None:
        super().__init__()
        self.bandwidth = bandwidth if bandwidth is None else checks.positive("bandwidth", bandwidth)

    @without_autocast
    def forward(self, q: Gaussian, p: Gaussian) -> Tensor:
        require_gaussians(q, p)
        z = q.sample()
        prior = Gaussian(p.mean.expand_as(z), p.logvar.expand_as(z)).sample()
        z, prior = z.flatten(1), prior.flatten(1)
        return _per_sample(z, prior, self.bandwidth or z.shape[1] ** 0.5, unbiased=True)
