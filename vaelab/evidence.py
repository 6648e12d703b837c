"""Model evidence: ln p(x) of single images, in nats, by importance sampling with the encoder's posterior as proposal.

    ln p(x) ≈ ln 1/K Σ_k p(x|z_k) p(z_k) / q(z_k|x),   z_k ~ q(z|x)

In the mean a lower bound, which rises with K.  How low depends on the proposal: one that is narrower than the true
posterior misses most of its mass, and the estimate falls by nats (Deasy et al. 2020's code, see `as_published`).
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vaelab import checks
from vaelab.errors import InvalidValue
from vaelab.gaussian import Gaussian
from vaelab.models import at_rest
from vaelab.objective import Experiment
from vaelab.pixels import unit


class Evidence(NamedTuple):
    """ln p(x) per image [n], their mean, and the ends of its 95 % interval over images, by bootstrap; nats."""

    each: Tensor
    mean: float
    low: float
    high: float


def evidence(
    experiment: Experiment, images: Tensor, samples: int = 128, *, as_published: bool = False, seed: int = 0
) -> Evidence:
    """ln p(x), averaged over images [n, *shape], with a bootstrap interval; arguments and errors as `log_evidence`."""
    each = log_evidence(experiment, images, samples, as_published=as_published, seed=seed)
    return Evidence(each, float(each.mean()), *bootstrap(each, seed=seed))


@torch.no_grad()
def log_evidence(
    experiment: Experiment,
    images: Tensor,
    samples: int = 128,
    *,
    as_published: bool = False,
    chunk: int = 4096,
    seed: int = 0,
) -> Tensor:
    """ln p(x) of every image [n, *shape] (uint8 or floats in [0, 1]): [n], nats, float64, on the CPU.

    samples: K, drawn for every image, exactly so many; chunk: at most so many decoded at once.
    as_published: the proposal gets sigma² for a standard deviation, as the published evaluation does by mistake.
    A density for `Normal` and `Laplace`; for `Bernoulli` only of binary images.

    Raises InvalidValue for fewer than one sample.  Source: Burda et al. 2016, eq. 8; sheet T2 for the mistake.
    """
    if samples < 1 or chunk < 1:
        raise InvalidValue(f"samples and chunk must be at least 1, got {samples} and {chunk}; 128 samples are usual.")
    if not len(images) or tuple(images.shape[1:]) != experiment.shape:
        wanted, given = f"[n, {', '.join(map(str, experiment.shape))}]", tuple(images.shape)
        raise InvalidValue(f"images must be {wanted} with n at least 1, got {given}; add the axis of channels.")
    device = next((t.device for t in experiment.state_dict().values()), torch.device("cpu"))
    generator = torch.Generator(device).manual_seed(seed)
    found = []
    for part in images.split(max(1, chunk // samples)):
        x = unit(part.to(device)).to(experiment.objective.weight.dtype)
        q = experiment.encode(x)
        if as_published:
            q = Gaussian(q.mean, 2 * q.logvar)
        sizes = [min(chunk, samples - first) for first in range(0, samples, chunk)]
        ratios = torch.cat([_log_ratios(experiment, x, q, k, generator) for k in sizes])
        found.append(ratios.logsumexp(0) - math.log(samples))
    return torch.cat(found).cpu()


def bootstrap(values: Tensor, resamples: int = 1000, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """The ends of the percentile interval for the mean of values [n].

    Raises InvalidType or InvalidValue for values that are no finite floating-point tensor, InvalidValue for fewer than
    two of them or a level outside (0, 1).
    """
    checks.float_tensor("values", values)
    if values.dim() != 1 or len(values) < 2:
        raise InvalidValue(f"a bootstrap needs at least two values in a row, got {tuple(values.shape)}; add images.")
    if not 0 < level < 1:
        raise InvalidValue(f"level must lie between 0 and 1, got {level}; 0.95 is usual.")
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randint(len(values), (resamples, len(values)), generator=generator)
    means = values.cpu().double()[chosen].mean(1)
    low, high = means.quantile(torch.tensor([0.5 - level / 2, 0.5 + level / 2], dtype=torch.float64)).tolist()
    return low, high


def _log_ratios(experiment: Experiment, x: Tensor, q: Gaussian, k: int, generator: torch.Generator) -> Tensor:
    """ln p(x|z) p(z) / q(z|x) for k draws of z per image: [k, b], float64."""
    proposal = Gaussian(q.mean.repeat(k, 1), q.logvar.repeat(k, 1))
    noise = torch.randn(proposal.mean.shape, dtype=x.dtype, device=x.device, generator=generator)
    z = proposal.mean + torch.exp(0.5 * proposal.logvar) * noise
    with at_rest(experiment):
        out = experiment.model.decoder(z)
    nll = experiment.objective.likelihood.nll(out, x.repeat(k, *[1] * (x.dim() - 1)))
    ratios = Gaussian.standard(z).log_prob(z) - proposal.log_prob(z) - nll
    return ratios.double().unflatten(0, (k, -1))
