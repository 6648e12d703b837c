"""The truth panel: a linear-Gaussian VAE, its exact posterior beside q, and ln p(x) beside the ELBO."""

import math
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from vaelab import plots
from vaelab._utils.typed import typed
from vaelab.divergences.gaussian import LOG_2PI, Gaussian
from vaelab.live.controls import Slider
from vaelab.live.figure import AnyFigure, Scene, Values, empty_line, set_limits
from vaelab.live.panel import Panel
from vaelab.live.spec import PanelSpec, Readout
from vaelab.posterior.linear_gaussian import LinearGaussian, active_latents, best_gamma

SDS = (3.0, 0.75, 0.5, 0.5, 0.5)  # of the data, along their five axes
LATENT, SHOWN = 2, 34  # number of latents; the datum whose posterior is drawn
BOTTOMS = (-8.0, -12.0, -18.0, -30.0)  # lower limits of the axis of ln p(x), nats
CIRCLE = np.stack([np.cos(angle := np.linspace(0, 2 * math.pi, 100)), np.sin(angle)])
CAPTION = (
    "Everything in this VAE is known: the distribution of the data, the exact posterior of one datum beside q, "
    "and ln p(x) with the two gaps that separate the ELBO from it. The standard deviations of the "
    "data are 3 and 0.75 along two axes; a latent is active if that of its axis exceeds γ."
)


class State(NamedTuple):
    """The model at some values, its q of all data, and means over the data in nats."""

    model: LinearGaussian
    q: Gaussian
    log_prob: float
    approximation: float
    amortization: float
    elbo: float
    rate: float
    error: float


@cache
def _data() -> Tensor:
    """Return 300 data [300, 5] whose covariance is exactly diagonal, with the squares of `SDS`."""
    x = torch.randn(300, len(SDS), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x = x - x.mean(0)
    factor = torch.linalg.cholesky(torch.cov(x.T, correction=0))
    return torch.linalg.solve_triangular(factor, x.T, upper=False).T * torch.tensor(SDS, dtype=torch.float64)


def _variances() -> Tensor:
    return torch.tensor(SDS, dtype=torch.float64) ** 2


def _state(values: Values) -> State:
    """Compute the best W at gamma, turned, and q with its mean and standard deviation moved away from the best."""
    gamma, angle = values["gamma"], math.radians(values["angle"])
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], dtype=torch.float64)
    columns = torch.diag((_variances() - gamma**2).clamp_min(0).sqrt())[:, :LATENT]
    model = LinearGaussian(columns @ turn, torch.zeros(len(SDS)), gamma)
    best = model.best_diagonal(_data())
    moved = best.mean + values["shift"] * (0.5 * best.logvar).exp() * torch.tensor([1.0, 0.0])
    q = Gaussian(moved, best.logvar + 2 * math.log(values["ratio"]))
    bound = model.bound(_data(), q)
    log_prob, elbo, distortion, rate, approximation, amortization = (float(part.mean()) for part in bound)
    error = (2 * distortion / len(SDS) - LOG_2PI - 2 * math.log(gamma)) * gamma**2  # mean square per dimension
    return State(model, q, log_prob, approximation, amortization, elbo, rate, error)


@typed
def truth_panel(
    gamma: float = 0.5, angle: float = 0.0, ratio: float = 1.0, shift: float = 0.0, *, style: plots.Style = "notebook"
) -> Panel:
    """Build a panel on the linear-Gaussian VAE, where ln p(x) and the posterior are known.

    Five-dimensional data, two latents; W is the best one for gamma. A diagonal q is exact as long
    as the latents are not turned.

    Args:
        gamma: Start of the first slider, the standard deviation of the decoder in [0.2, 4].
        angle: By which the latents are turned, in [0, 90] degrees; ln p(x) does not depend on it.
        ratio: Standard deviation of q over that of the best diagonal q, in [0.2, 3].
        shift: Distance of the mean of q from the exact one, in standard deviations, in [0, 2].
        style: "notebook", "paper" or "talk".

    Returns:
        The panel.

    Raises:
        InvalidType, InvalidValue: If a start is out of range.

    Example:
        >>> panel = truth_panel(shift=1.0)  # costs ½ 1²
        >>> "amortization gap <b>0.500 nats" in panel.readout.value
        True

    References:
        Lucas et al. (2019), https://arxiv.org/abs/1911.02469; the two gaps: Cremer et al. (2018),
        https://arxiv.org/abs/1801.03558.
    """
    start = {"gamma": 0.5, "angle": 0.0, "ratio": 1.0, "shift": 0.0}
    presets = {
        "exact": start,
        "turned latents": {**start, "angle": 45.0},
        "q too narrow": {**start, "ratio": 0.4},
        "q off center": {**start, "shift": 1.5},
        "one active latent": {**start, "gamma": 1.0},
        "collapse": {**start, "gamma": 3.0},
    }
    shown = ("exact", "turned latents", "q too narrow", "one active latent")
    spec = PanelSpec(
        draw=_draw,
        sizes={"notebook": (10.4, 3.7), "paper": (7.0, 2.7), "talk": (13.6, 5.2)},
        controls=[
            Slider("gamma", "γ of the decoder", 0.2, 4.0, gamma, log=True),
            Slider("angle", "turn of latents", 0.0, 90.0, angle, 1.0),
            Slider("ratio", "σ of q / best σ", 0.2, 3.0, ratio, log=True),
            Slider("shift", "μ off by (σ)", 0.0, 2.0, shift, 0.05),
        ],
        presets=presets,
        readout=_readout,
        frames={name: presets[name] for name in shown},
        alt=_alt,
        filmstrip_alt=partial(_filmstrip_alt, {name: presets[name] for name in shown}),
        caption=CAPTION,
        unused=_unused,
    )
    return Panel(spec, style)


def _draw(figure: AnyFigure, *, stacked: bool = False) -> Scene:
    """Draw the data with W, the plane of the latents, and the steps from ln p(x) down to the ELBO."""
    roles = plots.palette()
    left, middle, right = figure.subplots(3, 1) if stacked else figure.subplots(1, 3)
    x = _data()
    left.plot(x[:, 0], x[:, 1], ".", color=roles.REFERENCE, markersize=2, alpha=0.6)
    left.plot(x[SHOWN, 0], x[SHOWN, 1], "o", color=roles.JS, markersize=5, label="the datum")
    left.set(title="data (2 of 5 axes) and model", xlim=(-9.5, 9.5), ylim=(-6.5, 8.5), aspect="equal")
    middle.plot(*(2 * CIRCLE), "--", color=roles.P, label="prior")
    middle.set(title="latents of the datum", xlim=(-3.4, 3.4), ylim=(-2.4, 3.2), aspect="equal")
    right.set(title="nats per datum", xlim=(-0.6, 3.6), ylim=(BOTTOMS[0], -5))
    right.set_xticks(range(4), labels=["ln p", "approx.", "amort.", "ELBO"])
    model = empty_line(left, CIRCLE[0], color=roles.MEAN, label="model, 2σ")
    columns = [empty_line(left, [0, 0], color=roles.MEAN, lw=3) for _ in range(LATENT)]
    exact = empty_line(middle, CIRCLE[0], color=roles.MEAN, lw=2.5, label="p(z|x)")
    q = empty_line(middle, CIRCLE[0], color=roles.Q, label="q(z|x)")
    colors = (roles.MEAN, roles.REFERENCE, roles.JS, roles.Q)
    bars = [right.bar(k, 1, 0.7, color=color, clip_on=True)[0] for k, color in enumerate(colors)]
    for ax in (left, middle):
        ax.legend(loc="upper center", ncols=3, handlelength=1, columnspacing=0.8, borderpad=0)

    def update(values: Values) -> bool:
        state = _state(values)
        _ellipse(model, torch.zeros(2), state.model.covariance[:2, :2])
        for column, w in zip(columns, state.model.weight.T, strict=True):
            column.set_data([0, float(w[0])], [0, float(w[1])])
        posterior = state.model.posterior(x[SHOWN : SHOWN + 1])
        _ellipse(exact, posterior.mean[0], posterior.cov[0])
        _ellipse(q, state.q.mean[SHOWN], torch.diag(state.q.logvar[SHOWN].exp()))
        bottom = next(limit for limit in BOTTOMS if limit < state.elbo or limit == BOTTOMS[-1])
        best = state.elbo + state.amortization
        tops, ends = (state.log_prob, state.log_prob, best, state.elbo), (bottom, best, state.elbo, bottom)
        for bar, top, end in zip(bars, tops, ends, strict=True):
            bar.set_bounds(bar.get_x(), end, bar.get_width(), top - end)
        return set_limits(right, (bottom, -5.0))

    return Scene([model, *columns, exact, q, *bars], update)


def _ellipse(line: Any, mean: Tensor, covariance: Tensor) -> None:
    """Set a line to the ellipse of two standard deviations."""
    x, y = 2 * torch.linalg.cholesky(covariance).numpy() @ CIRCLE + mean.numpy()[:, None]
    line.set_data(x, y)


def _readout(values: Values) -> Readout:
    """Return ln p(x), the ELBO, the two gaps and what gamma does."""
    state, active = _state(values), active_latents(_variances(), LATENT, values["gamma"])
    rows = [
        ("ln p(x)", f"{state.log_prob:.3f} nats"),
        ("approximation gap", f"{state.approximation + 0.0:.3f} nats"),
        ("amortization gap", f"{max(state.amortization, 0.0):.3f} nats"),
        ("ELBO", f"{state.elbo:.3f} nats"),
        ("rate", f"{state.rate:.3f} nats"),
        ("active latents", f"{active} of {LATENT}"),
        ("root of the error", f"{math.sqrt(state.error):.3f}"),
    ]
    reasons = []
    if state.approximation > 5e-4:
        reasons.append("the exact posterior is slanted and q cannot be")
    if state.amortization > 5e-4:
        reasons.append("q is not the best diagonal Gaussian")
    gap = f"The ELBO is {state.log_prob - state.elbo:.3f} nats below ln p(x), because {', and because '.join(reasons)}."
    likeliest = f" ln p(x) is largest at γ = {best_gamma(_variances(), LATENT):.2f}."
    return Readout(rows, (gap if reasons else "q is the exact posterior, so the ELBO equals ln p(x).") + likeliest)


def _alt(values: Values) -> str:
    state = _state(values)
    return (
        f"Data with the ellipse of a model at γ = {values['gamma']:.2f}; the exact posterior of one datum, turned by "
        f"{values['angle']:g} degrees, beside q with {values['ratio']:.2f} times the best σ and its mean off by "
        f"{values['shift']:.2f} σ; bars of ln p(x), {state.log_prob:.2f} nats, the approximation gap "
        f"{abs(state.approximation):.2f}, the amortization gap {abs(state.amortization):.2f} and the ELBO "
        f"{state.elbo:.2f}."
    )


def _unused(values: Values) -> dict[str, str]:
    return {} if active_latents(_variances(), LATENT, values["gamma"]) else {"angle": "no latent is active at this γ"}


def _filmstrip_alt(frames: dict[str, dict[str, float]]) -> str:
    states = {name: _state(values) for name, values in frames.items()}
    listed = "; ".join(
        f"{name}: ln p(x) {s.log_prob:.2f}, approximation gap {abs(s.approximation):.2f}, "
        f"amortization gap {abs(s.amortization):.2f}, ELBO {s.elbo:.2f} nats"
        for name, s in states.items()
    )
    return (
        f"Filmstrip of a linear VAE: data with model, exact posterior with q, and ln p(x) down to the ELBO. {listed}."
    )
