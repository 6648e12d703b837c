"""The models: an image in; posterior, a draw from it, and the decoder's output out.  They know nothing of losses."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vaelab.divergences.gaussian import Gaussian, diagonal_kl


class ForwardPass(NamedTuple):
    """One forward pass.  Tuples run over latent groups; a flat model has one.

    q, p: posteriors and priors, z: draws from q, each entry [b, latent]; out: the decoder's raw output [b, ...].
    """

    q: tuple[Gaussian, ...]
    p: tuple[Gaussian, ...]
    z: tuple[Tensor, ...]
    out: Tensor


def group_rates(result: ForwardPass) -> tuple[Tensor, ...]:
    """Compute KL(q‖p) of every latent group of a pass in closed form: [b] each, nats.

    Where a group hangs on draws of others, this is its KL along the path that was drawn.
    """
    return tuple(diagonal_kl(q, p) for q, p in zip(result.q, result.p, strict=True))


def total_rate(result: ForwardPass) -> Tensor:
    """Sum `group_rates` over the groups: [b], nats."""
    return reduce(torch.add, group_rates(result))


@contextmanager
def eval_mode(module: nn.Module) -> Iterator[None]:
    """Within it, batch norms use their running statistics and learn nothing from what passes; afterwards as before."""
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)


class VAE(nn.Module):
    """Encoder and decoder around one group of latents with the prior N(0, I).

    encoder: [b, *shape] -> [b, 2 latent] (means, then log variances); decoder: [b, latent] -> [b, *shape].
    groups: of latents, as many as a pass has entries.  A model with more overrides `forward`,
    `mean_pass` and `prior_sample`; its `posterior` is that of the group that `decoder` takes.
    """

    groups = 1

    def __init__(self, encoder: nn.Module, decoder: nn.Module, latent: int) -> None:
        super().__init__()
        self.encoder, self.decoder, self.latent = encoder, decoder, latent

    def posterior(self, x: Tensor) -> Gaussian:
        """q(z|x): images [b, *shape] in [0, 1] -> Gaussian of [b, latent]."""
        mean, logvar = self.encoder(x).to(x.dtype).chunk(2, dim=1)  # out of bf16, if the network ran in it
        return Gaussian(mean, logvar)

    def forward(self, x: Tensor, samples: int = 1) -> ForwardPass:
        """samples: draws of z per image, behind one another: every entry of the pass is [samples b, ...]."""
        q = self.posterior(x)
        if samples > 1:
            q = Gaussian(q.mean.repeat(samples, 1), q.logvar.repeat(samples, 1))
        z = self.draw(q)
        return ForwardPass((q,), (Gaussian.standard(z),), (z,), self.decoder(z).to(x.dtype))

    def mean_pass(self, x: Tensor) -> ForwardPass:
        """Pass x [b, *shape] with z at the posterior means, in every group; no noise is drawn."""
        q = self.posterior(x)
        return ForwardPass((q,), (Gaussian.standard(q.mean),), (q.mean,), self.decoder(q.mean).to(x.dtype))

    def draw(self, q: Gaussian) -> Tensor:
        """What the decoder is given in training: a draw from q, [b, latent]."""
        return q.sample()

    def prior_sample(self, n: int) -> Tensor:
        """n draws of N(0, I): [n, latent]."""
        parameter = next(self.parameters())
        return torch.randn(n, self.latent, device=parameter.device, dtype=parameter.dtype)
