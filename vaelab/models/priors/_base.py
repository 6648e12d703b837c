"""The interface of all priors, and N(0, I)."""

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from vaelab._utils import checks, rng
from vaelab._utils.domain import Domain
from vaelab._utils.errors import InvalidValue
from vaelab._utils.precision import without_autocast
from vaelab._utils.typed import typed
from vaelab.divergences.gaussian import Gaussian, diagonal_kl, require_gaussians
from vaelab.models.networks._mlp import check_sizes

Encode = Callable[[Tensor], Gaussian]


class Prior(nn.Module):
    """Base of the priors.

    Attributes:
        latent: Number of latents, None if still unknown.
    """

    latent: int | None

    def __init__(self) -> None:
        super().__init__()
        self.latent = None

    @property
    def name(self) -> str:
        """Its name in reports."""
        return type(self).__name__

    def log_prob(self, z: Tensor) -> Tensor:
        """Compute ln p(z) of z [b, latent]: [b], nats."""
        raise NotImplementedError

    def sample(self, n: int) -> Tensor:
        """Draw n points: [n, latent]."""
        raise NotImplementedError

    def for_pass(self, like: Tensor) -> "Gaussian | Prior":
        """Return what a pass holds as p: a Gaussian where the prior is one, else the prior itself."""
        checks.tensors(like=like)
        return self

    @without_autocast
    def rate(self, q: Gaussian, z: Tensor | None = None) -> Tensor:
        """Compute KL(q‖p), or estimate it by ln q(z|x) - ln p(z) at one draw.

        Args:
            q: Posteriors [b, latent].
            z: Draws from them; None draws here.

        Returns:
            [b], nats.
        """
        require_gaussians(q, q)
        z = q.sample() if z is None else z
        return q.log_prob(z) - self.log_prob(z)

    @typed
    def sized(self, latent: int, shape: Sequence[int] | None = None, domain: Domain = "unit") -> "Prior":
        """Return a copy for a model, with weights of its own.

        Args:
            latent: Number of latents of the model.
            shape: Shape of one datum.
            domain: Domain of the data.

        Raises:
            InvalidValue: If this prior is for another size.
        """
        check_sizes(latent=latent, **({} if shape is None else {"shape": tuple(shape)}))
        if self.latent not in (None, latent):
            raise InvalidValue(f"prior must have the {latent} latents of the model, got {self.name} of {self.latent}.")
        return self._sized(latent, None if shape is None else tuple(shape), domain)

    def _sized(self, latent: int, shape: tuple[int, ...] | None, domain: Domain) -> "Prior":
        return copy.deepcopy(self)

    @typed
    def bind(self, encode: Encode) -> None:
        """Take the model's encoder, of which `VampPrior` consists."""

    @typed
    def init_from_data(self, x: Tensor) -> None:
        """Start from the training data [n, *shape], once, before the first step."""

    def _check_points(self, z: object) -> None:
        checks.tensors(z=z)
        assert isinstance(z, Tensor)
        if self.latent is None:
            raise InvalidValue(f"latent must be known for a density, got None; give {self.name} to a recipe.")
        if z.dim() != 2 or z.shape[1] != self.latent:
            raise InvalidValue(f"z must be [b, {self.latent}], got {tuple(z.shape)}.")


class Standard(Prior):
    """N(0, I), the ordinary prior.

    Args:
        latent: Number of latents; None is that of the model.

    Example:
        >>> Standard(2).log_prob(torch.zeros(1, 2))  # -ln 2π
        tensor([-1.8379])
    """

    @typed
    def __init__(self, latent: int | None = None) -> None:
        super().__init__()
        self.latent = checked_size(latent)

    @property
    def name(self) -> str:
        """Its name in reports."""
        return "N(0, I)"

    @without_autocast
    def log_prob(self, z: Tensor) -> Tensor:
        self._check_points(z)
        return Gaussian.standard(z).log_prob(z)

    def sample(self, n: int, like: Tensor | None = None) -> Tensor:
        """Draw n points [n, latent], in the type and on the device of `like`."""
        like = torch.empty(()) if like is None else like
        checks.tensors(like=like)
        return rng.normal_like(like.new_empty(checks.positive_int("n", n), known_size(self)))

    def for_pass(self, like: Tensor) -> Gaussian:
        """Return N(0, 1) in the type of a tensor, broadcast against any other Gaussian."""
        checks.tensors(like=like)
        return Gaussian.standard(like)

    @without_autocast
    def rate(self, q: Gaussian, z: Tensor | None = None) -> Tensor:
        """Compute KL(q‖p) in closed form: [b], nats; z is not used."""
        require_gaussians(q, q)
        checks.tensors(z=q.mean if z is None else z)
        return diagonal_kl(q, Gaussian.standard(q.mean))

    def _sized(self, latent: int, shape: tuple[int, ...] | None, domain: Domain) -> Prior:
        return Standard(latent)


def checked_size(latent: int | None) -> int | None:
    """Return a number of latents, or None, or raise."""
    if latent is not None:
        check_sizes(latent=latent)
    return latent


def known_size(prior: Prior) -> int:
    """Return the number of latents of a prior, or raise InvalidValue if it has none yet."""
    if prior.latent is None:
        raise InvalidValue(f"latent must be known for a sample, got None; give {prior.name} to a recipe.")
    return prior.latent
