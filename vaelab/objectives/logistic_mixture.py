"""The likelihood of images with 256 levels: a mixture of logistic distributions, cut into bins.

Level l of a pixel is the value 2 l/255 - 1, and its bin reaches 1/255 to both sides; those of 0 and
of 255 reach to infinity, so the 256 probabilities sum to 1. The mass of a bin between the ends a < b,
in units of the scale, is the difference of two sigmoids, and

    ln (s(b) - s(a)) = ln s(b) + ln s(-a) + ln (1 - exp(a - b))

has no cancellation and a finite gradient however far the bin is from the mean. In a color image green
depends on red, and blue on both, through their means: a component is drawn once for the three.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from vaelab._utils import checks, rng
from vaelab._utils.domain import Domain
from vaelab._utils.errors import InvalidValue
from vaelab._utils.images import sum_pixels
from vaelab._utils.precision import without_autocast
from vaelab._utils.typed import typed
from vaelab.objectives.pixel_likelihood import PixelLikelihood

LAST = 255  # of 256 levels
MIN_LOG_SCALE, MAX_LOG_SCALE = -7.0, 20.0  # below, one bin has almost all mass; above, the two outer bins
PARTS = {1: 3, 3: 10}  # numbers per component and pixel, by the channels of the image


class LogisticMixture(PixelLikelihood):
    """Mixture of discretized logistic distributions: probabilities of the 256 levels of each pixel.

    The decoder gives each pixel the logits, means and log scales of the components and, for color
    images, three coefficients of the dependence of the channels: 3 or 10 numbers per component.
    Images that an augmentation has interpolated count as their nearest levels.

    Args:
        components: Number of components.
        out, x: Of the methods: raw output of the decoder [b, outputs, h, w], and images [b, 1 or 3, h, w].

    Example:
        >>> likelihood = LogisticMixture(components=2)
        >>> levels = torch.arange(256).view(256, 1, 1, 1) / 255
        >>> out = torch.randn(1, likelihood.outputs((1, 1, 1)), 1, 1).expand(256, -1, -1, -1)
        >>> round(likelihood.nll(out, levels).neg().exp().sum().item(), 4)
        1.0

    References:
        Salimans et al. (2017), PixelCNN++, https://arxiv.org/abs/1701.05517, sections 2.1 and 2.2.
    """

    gamma = None
    domain: Domain = "levels"

    @typed
    def __init__(self, components: int = 10) -> None:
        super().__init__()
        self.components = checks.positive_int("components", components)

    @typed
    def outputs(self, shape: Sequence[int]) -> int:
        """Return the channels that the decoder must have for images of a shape.

        Args:
            shape: (channels, height, width), with 1 or 3 channels.

        Raises:
            InvalidValue: For another shape.
        """
        if len(shape) != 3 or shape[0] not in PARTS:
            raise InvalidValue(
                f"shape must be (1 or 3 channels, height, width) for a logistic mixture, got {tuple(shape)}."
            )
        return PARTS[shape[0]] * self.components

    @without_autocast
    def nll(self, out: Tensor, x: Tensor) -> Tensor:
        """Return -ln P(x|z) [b] in nats, the probability of the levels."""
        channels = self._check(out, x)
        level = (x * LAST).round().clamp(0, LAST)
        value = (2 / LAST * level - 1)[:, :, None]  # [b, c, 1, h, w], against the components
        logits, means, log_scales, coefficients = self._split(out, channels)
        log_mass = _log_mass(level[:, :, None], value - _shifted(means, coefficients, value), log_scales)
        return -sum_pixels((log_mass.sum(1) + logits.log_softmax(1)).logsumexp(1))

    @without_autocast
    def nll_and_mse(self, out: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the nll [b] and the squared error per pixel of the mean [b], which carries no gradient."""
        nll = self.nll(out, x)
        with torch.no_grad():
            error = sum_pixels((x - self.mean(out)).square()) / x[0].numel()
        return nll, error

    @without_autocast
    def mean(self, out: Tensor) -> Tensor:
        """Return the mean image in [0, 1]: of the components' means before the cut into bins, clipped."""
        channels = self._channels(checks.float_tensor("out", out))
        logits, means, _, coefficients = self._split(out, channels)
        centers = means.clamp(-1, 1)
        for _ in range(channels - 1):  # green given the mean red, then blue given both
            centers = _shifted(means, coefficients, centers).clamp(-1, 1)
        return ((logits.softmax(1)[:, None] * centers).sum(2) + 1) / 2

    @without_autocast
    def sample(self, out: Tensor) -> Tensor:
        """Return images in [0, 1] of the 256 levels, channel after channel."""
        channels = self._channels(checks.float_tensor("out", out))
        logits, means, log_scales, coefficients = self._split(out, channels)
        # The largest of logits + Gumbel noise is a draw of the component.
        chosen = (logits - (-_uniform(logits).log()).log()).argmax(1)[:, None, None].expand_as(means[:, :, :1])
        means, scales = means.gather(2, chosen), log_scales.gather(2, chosen).exp()
        coefficients = coefficients.gather(2, chosen) if channels == 3 else coefficients
        drawn = torch.zeros_like(means)
        for channel in range(channels):
            mean = _shifted(means, coefficients, drawn)[:, channel]
            value = mean + scales[:, channel] * torch.logit(_uniform(mean))
            drawn[:, channel] = ((value + 1) / 2 * LAST).round().clamp(0, LAST) * 2 / LAST - 1
        return (drawn[:, :, 0] + 1) / 2

    def _check(self, out: Tensor, x: Tensor) -> int:
        checks.tensors(out=out, x=x)
        if x.dim() != 4 or not len(x) or x.shape[1] not in PARTS:
            raise InvalidValue(f"x must be [b, 1 or 3, h, w] for a logistic mixture, got {tuple(x.shape)}.")
        size = (len(x), PARTS[x.shape[1]] * self.components, *x.shape[2:])
        if out.shape != size:
            color = {1: "gray", 3: "color"}[x.shape[1]]
            raise InvalidValue(
                f"out must be {size} for {color} images and {self.components} components, got {tuple(out.shape)}."
            )
        return x.shape[1]

    def _channels(self, out: Tensor) -> int:
        for channels, parts in PARTS.items():
            if out.dim() == 4 and len(out) and out.shape[1] == parts * self.components:
                return channels
        known = " or ".join(str(parts * self.components) for parts in PARTS.values())
        raise InvalidValue(f"out must be [b, {known}, h, w] for this mixture, got {tuple(out.shape)}.")

    def _split(self, out: Tensor, channels: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return logits [b, k, h, w]; means, log scales and coefficients [b, c, k, h, w]."""
        parts = out.unflatten(1, (PARTS[channels], self.components))
        logits, means, log_scales = parts[:, 0], parts[:, 1 : 1 + channels], parts[:, 1 + channels : 1 + 2 * channels]
        coefficients = parts[:, 1 + 2 * channels :].tanh()
        return logits, means, log_scales.clamp(MIN_LOG_SCALE, MAX_LOG_SCALE), coefficients


def _shifted(means: Tensor, coefficients: Tensor, value: Tensor) -> Tensor:
    """Return the means [b, c, k, h, w] given the values of the channels before, [b, c, 1 or k, h, w]."""
    if means.shape[1] == 1:
        return means
    red, green, blue = means.unbind(1)
    a, b, c = coefficients.unbind(1)
    return torch.stack([red, green + a * value[:, 0], blue + b * value[:, 0] + c * value[:, 1]], 1)


def _log_mass(level: Tensor, difference: Tensor, log_scale: Tensor) -> Tensor:
    """Return ln P of the bins of levels around means that are `difference` below their values."""
    inverse = torch.exp(-log_scale)
    below, above = level > 0, level < LAST
    zero = torch.zeros((), dtype=difference.dtype, device=difference.device)
    upper = torch.where(above, F.logsigmoid((difference + 1 / LAST) * inverse), zero)
    lower = torch.where(below, F.logsigmoid((1 / LAST - difference) * inverse), zero)
    width = torch.where(below & above, torch.log(-torch.expm1(-2 / LAST * inverse)), zero)
    return upper + lower + width


def _uniform(like: Tensor) -> Tensor:
    """Draw from (0, 1), both ends excluded, in the shape of a tensor."""
    ends = torch.finfo(like.dtype).eps / 2
    return rng.uniform(like.numel(), like).view(like.shape).clamp(ends, 1 - ends)


def dequantized(x: Tensor) -> tuple[Tensor, float]:
    """Add uniform noise to images of 256 levels, as Theis et al. (2016), https://arxiv.org/abs/1511.01844.

    Args:
        x: Images [b, ...] in [0, 1]; those between levels count as the nearest.

    Returns:
        Values in [0, 1), uniform in the bin of width 1/256 of each level; and what -ln p of them lacks
        to -ln of a probability of levels, in nats: ln 256 for each pixel.
    """
    level = (x * LAST).round().clamp(0, LAST)
    return (level + rng.uniform(x.numel(), x).view(x.shape)) / (LAST + 1), x[0].numel() * math.log(LAST + 1)
