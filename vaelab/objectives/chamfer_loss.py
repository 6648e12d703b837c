"""The Chamfer distance in the place of a likelihood, for clouds of points."""

import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.domain import Domain
from vaelab._utils.errors import InvalidValue
from vaelab._utils.precision import without_autocast
from vaelab._utils.scalars import ScalarModule
from vaelab._utils.typed import typed
from vaelab.divergences.chamfer_distance import Reduction, chamfer_of
from vaelab.objectives.gamma import GammaPolicy, policy
from vaelab.objectives.pixel_likelihood import check_pair


class Chamfer(ScalarModule):
    """The Chamfer distance C as a loss: D C / (2 gamma²) + D ln gamma, the place of -ln p(x|z).

    C is a mean over points, so D says for how many independent squared errors of that size it
    stands: the weight of C against the divergence is D / (2 gamma²). At the optimum gamma² = C, and
    the loss is D/2 (1 + ln C). With D = 3, the usual mean, few nats are at stake and the code is
    soon worth less than its rate; D = 3 points is the sum over all coordinates.

    It is not a density: it does not integrate to 1 over clouds, for any gamma, and its value has no
    unit that other models share. Rates are in nats and can be compared; there is no likelihood, and no
    distribution to draw from, hence no `sample`.

    Args:
        dimension: D.
        gamma: As for `Normal`, a length.
        reduce: How to join the mean squared distances from data to decoded points and back, as for
            `vaelab.metrics.chamfer`.

    Example:
        >>> x = torch.zeros(1, 2, 3)
        >>> round(Chamfer(6, gamma=1.0).nll(x + 1, x).item(), 4)
        9.0
    """

    not_a_density = (
        "the Chamfer distance is no density of point clouds, because it does not integrate to 1; compare rates, "
        "Chamfer distances or probes instead"
    )
    domain: Domain = "real"
    dimension: Tensor

    @typed
    def __init__(
        self, dimension: float, gamma: float | str | GammaPolicy = "computed", reduce: Reduction = "mean"
    ) -> None:
        super().__init__()
        self.register_scalar("dimension", checks.positive("dimension", dimension))
        self.gamma, self.reduce = policy(gamma), reduce

    def mean(self, out: Tensor) -> Tensor:
        """Return the decoded cloud as it is."""
        return checks.tensor("out", out)

    @without_autocast
    def nll(self, out: Tensor, x: Tensor) -> Tensor:
        """Return the loss [b] for out and x [b, points, 3], with the gamma of this moment; no nats of a density."""
        _check_clouds(out, x)
        return self._of(chamfer_of(x, out, True, self.reduce), self.gamma.logvar)

    @without_autocast
    def nll_and_mse(self, out: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss [b] and C [b], which carries no gradient; gamma is that of this batch."""
        _check_clouds(out, x)
        distance = chamfer_of(x, out, True, self.reduce)
        error = distance.detach()
        return self._of(distance, self.gamma.logvar_for(error)), error

    def squares(self, decoded: Tensor, x: Tensor) -> Tensor:
        """Return D C of decoded clouds, [b]."""
        _check_clouds(decoded, x)
        return self.dimension * chamfer_of(x, decoded, True, self.reduce)

    def _of(self, distance: Tensor, logvar: Tensor) -> Tensor:
        return 0.5 * self.dimension * (distance * torch.exp(-logvar) + logvar)

    def extra_repr(self) -> str:
        return f"dimension={self.dimension.item():g}, reduce={self.reduce!r}"


def _check_clouds(out: object, x: object) -> None:
    check_pair(out, x)
    assert isinstance(x, Tensor)
    if x.dim() != 3:
        raise InvalidValue(f"x must be clouds [b, points, d], got {tuple(x.shape)}.")
