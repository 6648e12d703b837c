"""A VAE with two stochastic layers, the deep model of Burda et al. (2016)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from vaelab._utils.typed import typed
from vaelab.divergences.gaussian import Gaussian
from vaelab.models.networks._mlp import burda, check_sizes, dense_layers
from vaelab.models.vae import VAE, ForwardPass


class TwoLayers(VAE):
    """q(h1|x) q(h2|h1) and p(h2) p(h1|h2) p(x|h1), with p(h2) = N(0, I).

    The groups of a pass are (h1, h2). Given h1 they are not independent, so the sum of KL(q‖p)
    over the groups is not a rate: train it with `IWAEObjective`.

    Args:
        shape: Shape of one datum.
        latent: Size of h1, which the decoder receives.
        top: Size of h2.
        hidden: Hidden widths between x and h1.
        upper: Hidden widths between h1 and h2.

    Returns:
        From `model(x, samples)`: the pass, as in `VAE`.

    Raises:
        InvalidType, InvalidValue: If `top` is not a positive whole number.

    References:
        Burda et al. (2016), https://arxiv.org/abs/1509.00519, section 5.
    """

    groups = 2

    @typed
    def __init__(
        self,
        shape: Sequence[int],
        latent: int = 100,
        top: int = 50,
        hidden: Sequence[int] = (200, 200),
        upper: Sequence[int] = (100, 100),
    ) -> None:
        super().__init__(*burda(shape, latent, hidden), latent)
        check_sizes(top=top, upper=upper)
        self.top = top
        self.up = dense_layers([latent, *upper, 2 * top], nn.Tanh)
        self.down = dense_layers([top, *reversed(upper), 2 * latent], nn.Tanh)

    def forward(self, x: Tensor, samples: int = 1) -> ForwardPass:
        q1 = self.posterior(x)
        q1 = Gaussian(q1.mean.repeat(samples, 1), q1.logvar.repeat(samples, 1))
        return self._through(q1, Gaussian.sample)

    def mean_pass(self, x: Tensor) -> ForwardPass:
        """Return the pass of x [b, *shape] with h1 and h2 at the posterior means."""
        return self._through(self.posterior(x), lambda q: q.mean)

    def _through(self, q1: Gaussian, draw: Callable[[Gaussian], Tensor]) -> ForwardPass:
        """Compute the pass from q(h1|x) on, with `draw` applied to each posterior."""
        dtype = q1.mean.dtype  # the networks may run in bfloat16
        h1 = draw(q1)
        q2 = Gaussian(*self.up(h1).to(dtype).chunk(2, dim=1))
        h2 = draw(q2)
        p1 = Gaussian(*self.down(h2).to(dtype).chunk(2, dim=1))
        return ForwardPass((q1, q2), (p1, Gaussian.standard(h2)), (h1, h2), self.decoder(h1).to(dtype))

    def prior_sample(self, n: int) -> Tensor:
        """Draw n points from p(h1): [n, latent]."""
        parameter = next(self.parameters())
        h2 = torch.randn(n, self.top, device=parameter.device, dtype=parameter.dtype)
        return Gaussian(*self.down(h2).chunk(2, dim=1)).sample()
