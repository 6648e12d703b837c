"""How far a random transformation that keeps the meaning of an image shifts its posterior."""

from typing import NamedTuple

import torch

from vaelab._utils import checks, rng
from vaelab._utils.errors import InvalidValue
from vaelab._utils.images import to_float
from vaelab._utils.typed import typed
from vaelab.data.images import Images, as_images
from vaelab.divergences.gaussian import Gaussian, diagonal_kl
from vaelab.divergences.quadrature import Estimate
from vaelab.divergences.validation import check_pair
from vaelab.metrics.adapter import Adapter, adapted, encode
from vaelab.metrics.log_likelihood import mean_of
from vaelab.objectives.consistency import Views, check_same_shape
from vaelab.objectives.objective import Experiment


class PosteriorShift(NamedTuple):
    """The shift of the posterior, in nats and relative to the spread of the means.

    Args:
        r: R = E KL(q(z|x~) || q(z|x)) with its standard error over images; widening every posterior
            lowers it.
        rho: E |mean(x~) - mean(x)|² / (2 Σ_j Var mean_j): 0 where means do not move, 1 where x~
            might be any other image; a squared share, so 0.04 is a fifth of the way. nan where no
            mean varies.
    """

    r: Estimate
    rho: float


@typed
def posterior_shift(plain: Gaussian, shifted: Gaussian) -> PosteriorShift:
    """Compute the shift between the posteriors of images and of their transformations.

    Args:
        plain: q(z|x), [n, latent].
        shifted: q(z|x~), [n, latent].

    Returns:
        R and rho.

    Example:
        >>> q = Gaussian(torch.tensor([[0.0], [2.0]]), torch.zeros(2, 1))
        >>> posterior_shift(q, q).rho
        0.0

    References:
        Sinha & Dieng (2021), https://arxiv.org/abs/2105.14859, for R.
    """
    check_pair(plain, shifted)
    if plain.mean.dim() != 2 or plain.mean.shape != shifted.mean.shape or not len(plain.mean):
        shapes = f"{list(plain.mean.shape)} and {list(shifted.mean.shape)}"
        raise InvalidValue(f"plain and shifted must be [n, latent] of one shape, got {shapes}.")
    shifted, plain = (Gaussian(*(t.cpu() for t in q)) for q in (shifted, plain))
    r = mean_of(diagonal_kl(Gaussian(*(t.double() for t in shifted)), Gaussian(*(t.double() for t in plain))))
    squares = (shifted.mean - plain.mean).double().square().sum(1).mean()
    return PosteriorShift(r, float(squares / (2 * plain.mean.double().var(0, correction=0).sum())))


@typed
def transformed(model: Experiment | Adapter, images: Images, views: Views, *, binary: bool, seed: int = 0) -> Gaussian:
    """Encode one random view of every image.

    Args:
        model: Any VAE.
        images: [n, *shape], uint8 or in [0, 1].
        views: Function of [b, *shape] in [0, 1] that returns the same shape.
        binary: Whether each pixel of the view, made of the gray image, is then drawn black or
            white.
        seed: Of all draws. Torch's global generator is left as it was.

    Returns:
        q(z|x~), Gaussian of [n, latent].

    Raises:
        InvalidValue: For images outside [0, 1].
    """
    model = adapted(model)
    images = model.as_images(as_images(images)).cpu()  # where the draws are made
    seed = checks.seed(seed)
    generator = torch.Generator().manual_seed(seed + 1)
    parts = []
    with rng.fork(), rng.use_generator(torch.Generator().manual_seed(seed)):
        torch.manual_seed(seed)  # views of the user's own may draw from it
        for part in images.split(1000):
            x = to_float(part)
            view = check_same_shape(views(x), x).clamp(0, 1)
            parts.append(encode(model, rng.bernoulli(view, generator) if binary else view))
    return Gaussian(*map(torch.cat, zip(*parts, strict=True)))
