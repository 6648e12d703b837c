"""The numbers behind the divergence panel: two 1-D Gaussians, their mean, integrands, divergences."""

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from vaelab import quadrature
from vaelab.divergences import geometric_js, geometric_mean, kl
from vaelab.gaussian import Gaussian

Curve = NDArray[Any]
X = torch.linspace(-10, 10, 601, dtype=torch.float64)
ALPHAS = torch.linspace(0, 1, 101, dtype=torch.float64)


class Setting(NamedTuple):
    """Where the panel's controls stand.  sigma: standard deviations."""

    alpha: float
    mean_q: float
    sigma_q: float
    mean_p: float
    sigma_p: float
    primed: bool
    dual: bool


class Numbers(NamedTuple):
    """Curves over X or ALPHAS, and values in nats.  g: mean and standard deviation of the geometric mean."""

    q: Curve
    p: Curve
    mean: Curve
    kl_integrand: Curve
    js_integrand: Curve
    curve: Curve
    kl_qp: float
    kl_pq: float
    js: float
    value: float
    g: tuple[float, float]

    @property
    def ends(self) -> tuple[float, float]:
        """The chosen divergence at alpha = 0 and 1."""
        return float(self.curve[0]), float(self.curve[-1])


def gaussian(mean: float, sigma: float) -> Gaussian:
    """N(mean, sigma^2), 0-d and in float64."""
    return Gaussian(torch.tensor(mean, dtype=torch.float64), torch.tensor(2 * math.log(sigma), dtype=torch.float64))


def on_line(g: Gaussian, z: torch.Tensor) -> torch.Tensor:
    """Log density of one 1-D Gaussian at the points z [m]: [m]."""
    return Gaussian(g.mean.expand_as(z), g.logvar.expand_as(z)).log_prob(z)


@lru_cache(maxsize=64)
def compute(s: Setting) -> Numbers:
    """Everything that the picture and its words need; cached, since both ask."""
    q, p = gaussian(s.mean_q, s.sigma_q), gaussian(s.mean_p, s.sigma_p)
    g = geometric_mean(q, p, 1 - s.alpha if s.primed else s.alpha)
    lq, lp, lg = on_line(q, X), on_line(p, X), on_line(g, X)
    if s.dual:
        js_integrand = lg.exp() * ((1 - s.alpha) * (lg - lq) + s.alpha * (lg - lp))
    else:
        js_integrand = (1 - s.alpha) * lq.exp() * (lq - lg) + s.alpha * lp.exp() * (lp - lg)
    kinds = {"dual": s.dual, "primed": s.primed}
    curve, value = geometric_js(q, p, ALPHAS, **kinds).numpy(), float(geometric_js(q, p, s.alpha, **kinds))
    grid = quadrature.covering(q, p)
    js = float(quadrature.jensen_shannon(lambda z: on_line(q, z), lambda z: on_line(p, z), grid))
    kl_integrand = lq.exp() * (lq - lp)
    g_numbers = float(g.mean), float(torch.exp(0.5 * g.logvar))
    return Numbers(
        q=lq.exp().numpy(),
        p=lp.exp().numpy(),
        mean=lg.exp().numpy(),
        kl_integrand=kl_integrand.numpy(),
        js_integrand=js_integrand.numpy(),
        curve=curve,
        kl_qp=float(kl(q, p)),
        kl_pq=float(kl(p, q)),
        js=js,
        value=value,
        g=g_numbers,
    )


def nice(height: float, least: float = 0.1) -> float:
    """The smallest of 1, 1.5, 2, 3, 5, 7 x 10^k that is at least `height`: limits that change seldom."""
    if not height > least:
        return least
    power = 10.0 ** np.floor(np.log10(height))
    return float(next(m * power for m in (1, 1.5, 2, 3, 5, 7, 10) if m * power >= height * (1 - 1e-9)))
