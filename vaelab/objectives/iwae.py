"""The importance weighted bound (Burda et al. 2016): k draws of z per image, each worth its weight.

L_k(x) = E ln 1/k Σ w_i,   w_i = p(x, z_i) / q(z_i|x),   z_i ~ q(z|x);   L_1 is the ELBO, and L_k rises to ln p(x)
"""

import math
from functools import reduce
from typing import Literal

import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab.divergences.gaussian import KL, Gaussian
from vaelab.models.vae import ForwardPass
from vaelab.objectives.annealing import Annealing
from vaelab.objectives.likelihoods import Likelihood
from vaelab.objectives.objective import LossTerms, Objective

Gradient = Literal["plain", "stl", "dreg"]


class IWAEObjective(Objective):
    """loss = -L_k, the true bound: ln of the mean weight, so that each draw's gradient enters by its share of the sum.

    nll [b], divergence [b]: means over the draws of -ln p(x|z) and of ln q(z|x) - ln p(z), the rate by Monte Carlo; for
    k = 1 the loss is nll + weight * divergence, for more it lies below.  weight, annealing: of the second, inside the
    weights.
    gradient: "plain"; "stl", without the score of q (Roeder et al. 2017; biased for k > 1); "dreg", doubly
    reparameterized (Tucker et al. 2019).  The latter two are for one group of latents.
    With gamma="per-image" every draw has a gamma of its own, and L_k is then the bound of no one model.

    Raises InvalidType or InvalidValue unless samples is a whole number from 1, InvalidValue for an unknown gradient, or
    one that the model does not allow.
    """

    def __init__(
        self,
        likelihood: Likelihood,
        samples: int = 5,
        gradient: Gradient = "plain",
        weight: float = 1.0,
        annealing: Annealing | None = None,
    ) -> None:
        super().__init__(likelihood, KL(), weight, annealing)
        checks.positive_int("samples", samples)
        if gradient not in ("plain", "stl", "dreg"):
            raise InvalidValue(f"gradient must be plain, stl or dreg, got {gradient!r}; choose one.")
        self.samples, self.gradient = samples, gradient

    def per_sample(self, x: Tensor, result: ForwardPass) -> LossTerms:
        nll, mse, rate = self.parts(x, result)
        weights = -nll - self.divergence_weight * rate  # ln w
        loss = math.log(self.samples) - weights.logsumexp(0)
        if self.gradient == "dreg" and result.z[0].requires_grad:
            share = weights.detach().softmax(0).flatten()[:, None]
            result.z[0].register_hook(lambda gradient: share * gradient)
        return LossTerms(loss, nll.mean(0), rate.mean(0), mse.mean(0), torch.zeros_like(loss))

    def parts(self, x: Tensor, result: ForwardPass) -> tuple[Tensor, Tensor, Tensor]:
        """-ln p(x|z) and ln q(z|x) - ln p(z) in nats, with the squared error between them, for every draw: [k, b]."""
        q = result.q
        if self.gradient != "plain":
            if len(q) > 1:
                raise InvalidValue(f"gradient={self.gradient!r} is for one group of latents, got {len(q)}; use plain.")
            q = tuple(Gaussian(g.mean.detach(), g.logvar.detach()) for g in q)
        copies = x.expand(self.samples, *x.shape).flatten(0, 1)
        nll, mse = self.likelihood.nll_and_mse(result.out, copies)
        rate = sampled_rate(result._replace(q=q))
        nll, mse, rate = (part.unflatten(0, (self.samples, -1)) for part in (nll, mse, rate))
        return nll, mse, rate


def sampled_rate(result: ForwardPass) -> Tensor:
    """ln q(z|x) - ln p(z) of the draws of a pass, over all groups of latents: [k b], nats."""
    groups = zip(result.q, result.p, result.z, strict=True)
    return reduce(torch.add, [q.log_prob(z) - p.log_prob(z) for q, p, z in groups])
