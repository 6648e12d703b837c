"""The importance-weighted bound: k draws of z per datum, each with its weight.

    L_k(x) = E ln 1/k Σ w_i,   w_i = p(x, z_i) / q(z_i|x),   z_i ~ q(z|x)

L_1 is the ELBO, and L_k rises to ln p(x).
"""

import math
from functools import reduce
from typing import Literal

import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.domain import require_density
from vaelab._utils.errors import InvalidValue
from vaelab._utils.precision import without_autocast
from vaelab._utils.typed import typed
from vaelab.divergences.gaussian import KL, Gaussian
from vaelab.models.vae import ForwardPass
from vaelab.objectives.annealing import Annealing
from vaelab.objectives.likelihoods import Likelihood
from vaelab.objectives.objective import LossTerms, Objective

Gradient = Literal["plain", "stl", "dreg"]


class IWAEObjective(Objective):
    """loss = -L_k, the logarithm of the mean weight, not the mean of logarithms.

    In the terms nll and divergence are means over the draws of -ln p(x|z) and of ln q(z|x) - ln
    p(z), the rate by Monte Carlo; for k = 1 the loss is nll + weight * divergence, for larger k it
    is lower. With gamma="per-image" every draw has its own gamma, and L_k bounds no single model.

    Args:
        likelihood: What the decoder's output means.
        samples: k, draws of z per datum.
        gradient: "plain"; "stl", without the score of q, biased for k > 1; or "dreg", doubly
            reparameterized. The latter two are for one group of latents.
        weight: Weight of the divergence inside the importance weights.
        annealing: Schedule of a further factor of the weight.

    Returns:
        `LossTerms`, as for `Objective`.

    Raises:
        InvalidType: If `samples` is not a whole number.
        InvalidValue: If it is below 1, or for a gradient that is unknown or not for this model.

    References:
        Burda et al. (2016), https://arxiv.org/abs/1509.00519; Roeder et al. (2017), stl,
        https://arxiv.org/abs/1703.09194; Tucker et al. (2019), dreg,
        https://arxiv.org/abs/1810.04152.
    """

    @typed
    def __init__(
        self,
        likelihood: Likelihood,
        samples: int = 5,
        gradient: Gradient = "plain",
        weight: float = 1.0,
        annealing: Annealing | None = None,
    ) -> None:
        require_density("IWAEObjective", likelihood)
        super().__init__(likelihood, KL(), weight, annealing)
        self.samples, self.gradient = checks.positive_int("samples", samples), gradient

    @without_autocast
    def per_sample(self, x: Tensor, result: ForwardPass) -> LossTerms:
        nll, mse, rate = self.parts(x, result)
        log_weights = -nll - self.divergence_weight * rate
        loss = math.log(self.samples) - log_weights.logsumexp(0)
        if self.gradient == "dreg" and result.z[0].requires_grad:
            share = log_weights.detach().softmax(0).flatten()[:, None]
            result.z[0].register_hook(lambda gradient: share * gradient)
        return LossTerms(loss, nll.mean(0), rate.mean(0), mse.mean(0), torch.zeros_like(loss))

    @without_autocast
    def parts(self, x: Tensor, result: ForwardPass) -> tuple[Tensor, Tensor, Tensor]:
        """Return -ln p(x|z), the squared error per pixel and ln q(z|x) - ln p(z): [k, b] each."""
        if self.gradient != "plain":
            if len(result.q) > 1:
                raise InvalidValue(f"gradient must be plain for {len(result.q)} latent groups, got {self.gradient!r}.")
            result = result._replace(q=detach(result.q))
        nll, mse = self.likelihood.nll_and_mse(result.out, x.expand(self.samples, *x.shape).flatten(0, 1))
        nll, mse, rate = (part.unflatten(0, (self.samples, -1)) for part in (nll, mse, sampled_rate(result)))
        return nll, mse, rate


def detach(groups: tuple[Gaussian, ...]) -> tuple[Gaussian, ...]:
    """Return the Gaussians of all latent groups without their gradients."""
    return tuple(Gaussian(q.mean.detach(), q.logvar.detach()) for q in groups)


def sampled_rate(result: ForwardPass) -> Tensor:
    """Return ln q(z|x) - ln p(z) of the draws of a pass, summed over latent groups: [k b], nats."""
    groups = zip(result.q, result.p, result.z, strict=True)
    return reduce(torch.add, [q.log_prob(z) - p.log_prob(z) for q, p, z in groups])
