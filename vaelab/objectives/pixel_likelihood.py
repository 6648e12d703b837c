"""What the likelihoods of images have in common."""

from torch import Tensor, nn

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab._utils.images import sum_pixels


def check_pair(out: object, x: object) -> None:
    """Check types and shapes of a decoder's output and of data; a training step does not read their values."""
    checks.tensors(out=out, x=x)
    assert isinstance(out, Tensor)
    assert isinstance(x, Tensor)
    if out.shape != x.shape or x.dim() < 2 or not len(x):
        raise InvalidValue(f"out must be [b, ...] of the shape {tuple(x.shape)} of x, got {tuple(out.shape)}.")


class PixelLikelihood(nn.Module):
    """A density or probability of images, whose errors are summed over pixels."""

    not_a_density = ""  # else the reason, with which a log likelihood is refused

    def squares(self, decoded: Tensor, x: Tensor) -> Tensor:
        """Return the squared error of mean images [b, ...], summed over pixels: [b]."""
        check_pair(decoded, x)
        return sum_pixels((x - decoded).square())
