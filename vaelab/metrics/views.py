"""How far a transformation that keeps the meaning of an image moves its posterior.

    R = E KL(q(z|x~)‖q(z|x)),   rho = E ‖mean(x~) - mean(x)‖² / (2 Σ_j Var mean_j)

x~: a transformed x.  rho is 0 where the means do not move, 1 where x~ might be any other image; it is a share of the
squared way, so 0.04 is a fifth of the way.  R can be lowered by widening every posterior, rho cannot.  Source: Sinha &
Dieng 2021 for R; rho is ours.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from vaelab._utils import rng
from vaelab._utils.images import to_float
from vaelab.data.images import as_images
from vaelab.divergences.gaussian import Gaussian, diagonal_kl
from vaelab.divergences.quadrature import Estimate
from vaelab.metrics.adapter import Adapter, encode
from vaelab.metrics.log_likelihood import mean_of
from vaelab.objectives.consistency import Views, alike
from vaelab.objectives.objective import Experiment


class PosteriorShift(NamedTuple):
    """R in nats with its standard error over images, and rho; nan where no mean varies."""

    r: Estimate
    rho: float


def posterior_shift(plain: Gaussian, moved: Gaussian) -> PosteriorShift:
    """plain, moved: the posteriors of images and of their transformations, [n, latent] each."""
    r = mean_of(diagonal_kl(Gaussian(*(t.double() for t in moved)), Gaussian(*(t.double() for t in plain))))
    apart = (moved.mean - plain.mean).double().square().sum(1).mean()
    return PosteriorShift(r, float(apart / (2 * plain.mean.double().var(0, correction=0).sum())))


def transformed(model: Experiment | Adapter, images: Tensor, views: Views, *, binary: bool, seed: int = 0) -> Gaussian:
    """The posteriors of one random view of every image [n, *shape]; views maps [b, *shape] in [0, 1] to the same.

    binary: the view is of the gray image and is drawn to black and white afterwards, with noise of its own.  Torch's
    global generator is seeded for the while, so that the same views come at every call, and left as it was.
    Raises InvalidValue for images outside [0, 1].
    """
    images = as_images(images)
    generator = torch.Generator().manual_seed(seed + 1)
    parts = []
    with torch.random.fork_rng(), rng.use_generator(torch.Generator().manual_seed(seed)):
        torch.manual_seed(seed)
        for part in images.split(1000):
            x = to_float(part)
            seen = alike(views(x), x).clamp(0, 1)
            parts.append(encode(model, rng.bernoulli(seen, generator) if binary else seen))
    return Gaussian(torch.cat([q.mean for q in parts]), torch.cat([q.logvar for q in parts]))
