"""The VAE with one group of latents. Models know nothing of losses."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vaelab._utils import checks
from vaelab.divergences.gaussian import Gaussian, diagonal_kl
from vaelab.models.priors import Prior, Standard

Choose = Callable[[int, Gaussian], Tensor]  # of the number of a group and its posterior: the group's z


class ForwardPass(NamedTuple):
    """The result of one forward pass. Tuples have one entry per group of latents.

    Args:
        q: Posteriors, each [b, latent].
        p: Priors, each [b, latent] or 0-d; of a prior that is no Gaussian the module itself.
        z: Draws from q, each [b, latent].
        out: Raw output of the decoder [b, ...].
    """

    q: tuple[Gaussian, ...]
    p: tuple[Gaussian | Prior, ...]
    z: tuple[Tensor, ...]
    out: Tensor


def check_pass(result: object) -> None:
    """Raise InvalidType unless this is a pass, with tuples of latent groups."""
    for name, groups in zip("qpz", checks.instance("result", result, ForwardPass), strict=False):
        checks.instance(f"result.{name}", groups, tuple)


def total_rate(result: ForwardPass) -> Tensor:
    """Compute KL(q‖p), summed over the groups of latents, in closed form where p is a Gaussian.

    Elsewhere it is estimated by ln q(z|x) - ln p(z) at one new draw. Where the posterior of a group
    depends on draws of others, this is its KL given these draws.

    Args:
        result: A pass.

    Returns:
        [b], nats.
    """
    return reduce(torch.add, group_rates(result))


def group_rates(result: ForwardPass) -> list[Tensor]:
    """Compute KL(q‖p) for every group of latents of a pass, of a learned prior by one new draw: [b] each, nats."""
    groups = zip(result.q, result.p, strict=True)
    return [p.rate(q) if isinstance(p, Prior) else diagonal_kl(q, p) for q, p in groups]


def standardize(q: Gaussian, p: Gaussian | Prior) -> Gaussian:
    """Return q [b, latent] in the coordinates (z - mean_p) / sigma_p, in which p is N(0, I); as it is for another p."""
    if isinstance(p, Prior):
        return q
    return Gaussian((q.mean - p.mean) * torch.exp(-0.5 * p.logvar), q.logvar - p.logvar)


@contextmanager
def eval_mode(module: nn.Module) -> Iterator[None]:
    """Put a module into evaluation mode within a `with` block, then back into its previous mode.

    Args:
        module: Batch norms in it use their running statistics within the block.
    """
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)


def repeat(q: Gaussian, samples: int) -> Gaussian:
    """Return a Gaussian of [b, latent] as one of [samples b, latent], all of the batch again and again."""
    return q if samples == 1 else Gaussian(q.mean.repeat(samples, 1), q.logvar.repeat(samples, 1))


class VAE(nn.Module):
    """An encoder and a decoder around one group of latents.

    A subclass with more groups sets `groups` and overrides `sizes`, `pass_through` and `prior_sample`; its
    `posterior` is that of the latents that `decode` takes.

    Args:
        encoder: [b, *shape] -> [b, 2 latent], means, then log variances.
        decoder: [b, latent] -> [b, *shape].
        latent: Number of latents.
        prior: p(z), of which a copy is made; None is N(0, I).

    Returns:
        From `model(x, samples)`: the pass of `samples` draws of z per image; its entries are
        [samples b, ...], draw after draw. `model(x, samples, noise)` takes the N(0, 1) noise of the draws,
        [samples b, sum of `sizes`], the groups in their order.

    Example:
        >>> model = VAE(nn.Linear(6, 4), nn.Linear(2, 6), 2)
        >>> result = model(torch.zeros(5, 6))
        >>> result.out.shape, total_rate(result).shape
        (torch.Size([5, 6]), torch.Size([5]))
    """

    groups = 1

    def __init__(self, encoder: nn.Module, decoder: nn.Module, latent: int, prior: Prior | None = None) -> None:
        super().__init__()
        self.encoder, self.decoder, self.latent = encoder, decoder, latent
        self.prior = (prior or Standard()).sized(latent)
        self.prior.bind(self.posterior)

    def decode(self, z: Tensor) -> Tensor:
        """Return the raw output [b, ...] for latents z [b, latent]."""
        out: Tensor = self.decoder(z)
        return out

    def posterior(self, x: Tensor) -> Gaussian:
        """Return q(z|x) of x [b, *shape]: Gaussian of [b, latent]."""
        # The network may run in bfloat16, whose digits do not suffice for a divergence.
        mean, logvar = self.encoder(x).to(x.dtype).chunk(2, dim=1)
        return Gaussian(mean, logvar)

    @property
    def sizes(self) -> list[int]:
        """Number of latents of each group."""
        return [self.latent]

    def group_posterior(self, x: Tensor, group: int) -> Gaussian:
        """Return the posterior of one group for x [b, *shape], with the others at their posterior means.

        It is in the coordinates in which the group's prior is N(0, I), unless that is learned: [b, sizes[group]].
        """
        result = self.mean_pass(x)
        return standardize(result.q[group], result.p[group])

    def forward(self, x: Tensor, samples: int = 1, noise: Tensor | None = None) -> ForwardPass:
        if noise is None:
            return self.pass_through(x, samples, lambda _, q: self.draw(q))
        parts = noise.split(self.sizes, 1)
        return self.pass_through(x, samples, lambda k, q: q.sample(parts[k]))

    def mean_pass(self, x: Tensor) -> ForwardPass:
        """Return the pass of x [b, *shape] with every group at its posterior mean, which draws no noise."""
        return self.pass_through(x, 1, lambda _, q: q.mean)

    def pass_through(self, x: Tensor, samples: int, choose: Choose) -> ForwardPass:
        """Return the pass of x [b, *shape], `samples` times each, with z of every group as chosen."""
        q = repeat(self.posterior(x), samples)
        z = choose(0, q)
        return ForwardPass((q,), (self.prior.for_pass(z),), (z,), self.decoder(z).to(x.dtype))

    def draw(self, q: Gaussian) -> Tensor:
        """Return the decoder's input in training: a draw from q, [b, latent]."""
        return q.sample()

    def prior_sample(self, n: int) -> Tensor:
        """Draw n points from the prior: [n, latent]."""
        if isinstance(self.prior, Standard):
            return self.prior.sample(n, like=next(self.parameters()))
        return self.prior.sample(n)
