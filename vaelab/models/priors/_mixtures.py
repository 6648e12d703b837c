"""Priors that are mixtures of diagonal Gaussians: a free one, and one of the encoder's posteriors."""

import copy
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vaelab._utils import checks, rng
from vaelab._utils.domain import Domain
from vaelab._utils.errors import InvalidValue
from vaelab._utils.images import to_float
from vaelab._utils.precision import without_autocast
from vaelab._utils.typed import typed
from vaelab.data.images import as_images
from vaelab.divergences.gaussian import LOG_2PI, Gaussian
from vaelab.models.networks._mlp import check_sizes
from vaelab.models.priors._base import Encode, Prior, checked_size, known_size

NUMBERS = 2**24  # in one table [points, components, latents]; more points are taken in parts
NOISE = 0.5  # of the first pseudo-inputs, in standard deviations of each pixel over the data


class _OfComponents(Prior):
    """Base of the mixtures of diagonal Gaussians."""

    def components(self) -> tuple[Tensor, Gaussian]:
        """Return the logarithms of the weights [k] and the components [k, latent]."""
        raise NotImplementedError

    @without_autocast
    def log_prob(self, z: Tensor) -> Tensor:
        self._check_points(z)
        log_weights, parts = self.components()
        precision, logvar = torch.exp(-parts.logvar), parts.logvar.sum(1)

        def of_points(z: Tensor) -> Tensor:
            # From differences: z² - 2 z mean + mean² loses the digits of narrow components.
            squares = ((z[:, None] - parts.mean).square() * precision).sum(2)
            logs: Tensor = log_weights - 0.5 * (squares + logvar + LOG_2PI * z.shape[1])
            return logs.logsumexp(1)

        rows = max(1, NUMBERS // parts.mean.numel())
        return of_points(z) if len(z) <= rows else torch.cat([of_points(part) for part in z.split(rows)])

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """Draw n points: [n, latent]."""
        checks.positive_int("n", n)
        known_size(self)
        log_weights, parts = self.components()
        ends = log_weights.exp().cumsum(0)
        index = torch.searchsorted(ends, rng.uniform(n, ends) * ends[-1]).clamp_max(len(ends) - 1)
        return Gaussian(parts.mean[index], parts.logvar[index]).sample()


class Mixture(_OfComponents):
    """A mixture of k diagonal Gaussians with learned weights, means and variances.

    It starts with equal weights and components of variance 1/2, whose means have variance 1/2.

    Args:
        k: Number of components.
        latent: Number of latents; None is that of the model.

    Raises:
        InvalidType, InvalidValue: If a number is no positive integer.

    Example:
        >>> prior = Mixture(3, latent=2)
        >>> prior.log_prob(prior.sample(5)).shape
        torch.Size([5])
    """

    mean: nn.Parameter
    logvar: nn.Parameter
    logits: nn.Parameter

    @typed
    def __init__(self, k: int, latent: int | None = None) -> None:
        super().__init__()
        self.k, self.latent = checks.positive_int("k", k), checked_size(latent)
        if latent is not None:
            self.mean = nn.Parameter(0.5**0.5 * torch.randn(k, latent))
            self.logvar = nn.Parameter(torch.full((k, latent), math.log(0.5)))
            self.logits = nn.Parameter(torch.zeros(k))

    @property
    def name(self) -> str:
        """Its name in reports."""
        return f"Mixture({self.k})"

    def components(self) -> tuple[Tensor, Gaussian]:
        """Return the logarithms of the weights [k] and the components [k, latent]."""
        return self.logits.log_softmax(0), Gaussian(self.mean, self.logvar)

    def _sized(self, latent: int, shape: tuple[int, ...] | None, domain: Domain) -> Prior:
        return super()._sized(latent, shape, domain) if self.latent else Mixture(self.k, latent)


class VampPrior(_OfComponents):
    """The mixture, with equal weights, of the encoder's posteriors of k learned pseudo-inputs.

    It is an aggregate posterior of k data, and so stays close to that of the training data while the
    encoder changes. Pseudo-inputs of images are clamped to [0, 1]. Batch normalization, where the
    encoder has it, sees them as a batch of their own.

    Args:
        k: Number of pseudo-inputs.
        images: Data [k, *shape] at which they start; None is the mean of the training data plus noise
            of half the standard deviation of each pixel.
        shape: Shape of one datum; None is that of the model.

    Raises:
        InvalidType, InvalidValue: If k is no positive integer, or for images of another number or shape.

    Example:
        >>> from vaelab import recipes
        >>> prior = recipes.vae((1, 8, 8), 2, prior=VampPrior(5)).model.prior
        >>> prior.log_prob(torch.zeros(3, 2)).shape
        torch.Size([3])

    References:
        Tomczak & Welling (2018), https://arxiv.org/abs/1705.07120.
    """

    pixels: nn.Parameter
    started: Tensor
    domain: Domain
    _encode: Encode

    @typed
    def __init__(self, k: int, images: Tensor | None = None, shape: Sequence[int] | None = None) -> None:
        super().__init__()
        self.k, self.domain = checks.positive_int("k", k), "unit"
        self._images, self.shape = images, None if shape is None else tuple(shape)
        if images is not None and images.shape[:1] != (k,):
            raise InvalidValue(f"images must be {k}, one for each pseudo-input, got the shape {tuple(images.shape)}.")
        if shape is not None:
            self._start(tuple(shape))

    @property
    def name(self) -> str:
        """Its name in reports."""
        return f"VampPrior({self.k})"

    @property
    def pseudo_inputs(self) -> Tensor:
        """The pseudo-inputs as the encoder receives them, [k, *shape]."""
        return self.pixels.clamp(0, 1) if self.domain == "unit" else self.pixels

    def components(self) -> tuple[Tensor, Gaussian]:
        """Return the logarithms of the weights [k] and the components [k, latent]."""
        posteriors = self._encode(self.pseudo_inputs)
        return posteriors.mean.new_full((self.k,), -math.log(self.k)), posteriors

    def _sized(self, latent: int, shape: tuple[int, ...] | None, domain: Domain) -> Prior:
        if self.shape is None and shape is None:
            raise InvalidValue("shape must be that of a datum, VampPrior(k, shape=(1, 28, 28)), got None.")
        if None not in (self.shape, shape) and self.shape != shape:
            raise InvalidValue(f"pseudo-inputs must have the shape {shape} of the data, got {self.shape}.")
        copied = copy.deepcopy(self)
        copied.latent = latent
        if self.shape is None and shape is not None:
            copied.domain = domain
            copied._start(shape)
        return copied

    @typed
    def bind(self, encode: Encode) -> None:
        """Take the function that returns the posteriors of data [k, *shape]."""
        self._encode = encode

    @torch.no_grad()
    def init_from_data(self, x: Tensor) -> None:
        """Move the first noise to the mean and the deviation of the training data [n, *shape], once."""
        checks.tensor("x", x)
        if x.shape[1:] != self.pixels.shape[1:] or not len(x):
            raise InvalidValue(f"x must be [n, *{tuple(self.pixels.shape[1:])}], not empty, got {tuple(x.shape)}.")
        if x.is_floating_point():
            checks.float_tensor("x", x)
        if not self.started:
            mean, variance = torch.zeros_like(self.pixels[0]), torch.zeros_like(self.pixels[0])
            for part in x.split(1000):
                mean += to_float(part).to(mean).sum(0) / len(x)
            for part in x.split(1000):
                variance += (to_float(part).to(mean) - mean).square().sum(0) / len(x)
            self.pixels.mul_(variance.sqrt()).add_(mean)
            self.started.fill_(True)

    def _start(self, shape: tuple[int, ...]) -> None:
        check_sizes(shape=shape)
        first = NOISE * torch.randn(self.k, *shape)
        if self._images is not None:
            first = to_float(as_images(self._images, shape, self.domain)).clone()
        self.shape, self.pixels = shape, nn.Parameter(first)
        self.register_buffer("started", torch.tensor(self._images is not None))
        self._images = None
