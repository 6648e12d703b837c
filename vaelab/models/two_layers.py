"""A VAE with two stochastic layers, the deep model of Burda et al. (2016)."""

from collections.abc import Sequence

from torch import Tensor, nn

from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import typed
from vaelab.divergences.gaussian import Gaussian
from vaelab.models.networks._mlp import burda, check_sizes, dense_layers
from vaelab.models.priors import Prior, Standard, VampPrior
from vaelab.models.vae import VAE, Choose, ForwardPass, repeat


class TwoLayers(VAE):
    """q(h1|x) q(h2|h1) and p(h2) p(h1|h2) p(x|h1).

    Inference goes upward, from h1 to h2, and generation downward, while in a `Hierarchy` both go downward;
    so this pass is its own, and the rest is that of `VAE`.

    The groups of a pass are (h1, h2). Given h1 they are not independent, so the sum of KL(q‖p)
    over the groups is not a rate: train it with `IWAEObjective`.

    Args:
        shape: Shape of one datum.
        latent: Size of h1, which the decoder receives.
        top: Size of h2.
        hidden: Hidden widths between x and h1.
        upper: Hidden widths between h1 and h2.
        prior: p(h2), of which a copy is made; None is N(0, I).

    Returns:
        From `model(x, samples)`: the pass, as in `VAE`.

    Raises:
        InvalidType, InvalidValue: If `top` is not a positive whole number, or for a `VampPrior`, since
            q(h2|x) is no Gaussian.

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
        prior: Prior | None = None,
    ) -> None:
        super().__init__(*burda(shape, latent, hidden), latent)
        check_sizes(top=top, upper=upper)
        if isinstance(prior, VampPrior):
            raise InvalidValue(f"prior must not need a Gaussian q(h2|x) for two layers, got {prior.name}.")
        self.prior = (prior or Standard()).sized(top)
        self.top = top
        self.up = dense_layers([latent, *upper, 2 * top], nn.Tanh)
        self.down = dense_layers([top, *reversed(upper), 2 * latent], nn.Tanh)

    @property
    def sizes(self) -> list[int]:
        """Number of latents of h1 and h2."""
        return [self.latent, self.top]

    def pass_through(self, x: Tensor, samples: int, choose: Choose) -> ForwardPass:
        """Return the pass from h1 up to h2 and back, with both as chosen."""
        q1 = repeat(self.posterior(x), samples)
        h1, dtype = choose(0, q1), q1.mean.dtype  # the networks may run in bfloat16
        q2 = Gaussian(*self.up(h1).to(dtype).chunk(2, dim=1))
        h2 = choose(1, q2)
        p1 = Gaussian(*self.down(h2).to(dtype).chunk(2, dim=1))
        return ForwardPass((q1, q2), (p1, self.prior.for_pass(h2)), (h1, h2), self.decoder(h1).to(dtype))

    def prior_sample(self, n: int) -> Tensor:
        """Draw n points from p(h1): [n, latent]."""
        return Gaussian(*self.down(super().prior_sample(n)).chunk(2, dim=1)).sample()
