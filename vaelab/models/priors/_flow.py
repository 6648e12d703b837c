"""A prior that is a normalizing flow of affine couplings."""

import torch
from torch import Tensor, nn

from vaelab._utils import checks, rng
from vaelab._utils.domain import Domain
from vaelab._utils.errors import InvalidValue
from vaelab._utils.precision import without_autocast
from vaelab._utils.typed import typed
from vaelab.divergences.gaussian import Gaussian
from vaelab.models.networks._mlp import check_sizes, dense_layers
from vaelab.models.priors._base import Prior, checked_size, known_size

LIMIT = 2.0  # of |ln scale| of one coupling, so that no product of several overflows


class Flow(Prior):
    """A RealNVP: affine couplings that take noise N(0, I) to z, with an exact density.

    It starts as N(0, I).

    Args:
        layers: Number of couplings; each changes one half of the latents, in turn.
        width: Width of the two hidden layers of each coupling.
        latent: Number of latents, at least 2; None is that of the model.

    Raises:
        InvalidType, InvalidValue: If a number is no positive integer, or `latent` is 1.

    Example:
        >>> from vaelab.models.priors import Standard
        >>> flow = Flow(layers=2, latent=2)
        >>> torch.allclose(flow.log_prob(torch.zeros(1, 2)), Standard(2).log_prob(torch.zeros(1, 2)))
        True

    References:
        Dinh et al. (2017), https://arxiv.org/abs/1605.08803.
    """

    @typed
    def __init__(self, layers: int = 4, width: int = 64, latent: int | None = None) -> None:
        super().__init__()
        self.layers, self.width = checks.positive_int("layers", layers), width
        check_sizes(width=width)
        if latent is not None and checks.positive_int("latent", latent) < 2:
            raise InvalidValue("latent must be at least 2 for a flow, since a coupling needs two halves, got 1.")
        self.latent = checked_size(latent)
        self.couplings = nn.ModuleList()
        if latent is not None:
            self.couplings.extend(Coupling(latent, width, flip=bool(i % 2)) for i in range(layers))

    @property
    def name(self) -> str:
        """Its name in reports."""
        return f"Flow({self.layers})"

    @without_autocast
    def log_prob(self, z: Tensor) -> Tensor:
        self._check_points(z)
        z = z.to(next(self.parameters()).dtype)
        total = torch.zeros_like(z[:, 0])
        for coupling in reversed(self.couplings):
            z, log_scale = coupling.inverse(z)  # type: ignore[operator]
            total = total - log_scale.sum(1)
        return Gaussian.standard(z).log_prob(z) + total

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """Draw n points: [n, latent]."""
        like = next(self.parameters(), torch.empty(()))
        z = rng.normal_like(like.new_empty(checks.positive_int("n", n), known_size(self)))
        for coupling in self.couplings:
            z = coupling(z)
        return z

    def _sized(self, latent: int, shape: tuple[int, ...] | None, domain: Domain) -> Prior:
        return super()._sized(latent, shape, domain) if self.latent else Flow(self.layers, self.width, latent)


class Coupling(nn.Module):
    """One half of the latents is scaled and shifted by functions of the other half.

    Args:
        latent: Number of latents.
        width: Width of the two hidden layers.
        flip: Whether the second half changes the first.

    Returns:
        From the call on noise [b, latent]: z [b, latent].
    """

    def __init__(self, latent: int, width: int, flip: bool) -> None:
        super().__init__()
        first = latent // 2
        self.sizes, self.flip = (first, latent - first), flip
        given, changed = reversed(self.sizes) if flip else self.sizes
        self.network = dense_layers([given, width, width, 2 * changed])
        nn.init.zeros_(self.network[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.network[-1].bias)  # type: ignore[arg-type]

    def forward(self, noise: Tensor) -> Tensor:
        given, changed, shift, log_scale = self._parts(noise)
        return self._join(given, changed * torch.exp(log_scale) + shift)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return the noise [b, latent] of z, and ln of the scales that lead from it to z [b, changed]."""
        given, changed, shift, log_scale = self._parts(z)
        return self._join(given, (changed - shift) * torch.exp(-log_scale)), log_scale

    def _parts(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        given, changed = reversed(x.split(self.sizes, 1)) if self.flip else x.split(self.sizes, 1)
        shift, raw = self.network(given).chunk(2, 1)
        return given, changed, shift, LIMIT * torch.tanh(raw / LIMIT)

    def _join(self, given: Tensor, changed: Tensor) -> Tensor:
        return torch.cat([changed, given] if self.flip else [given, changed], 1)
