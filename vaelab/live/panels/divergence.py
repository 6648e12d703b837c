"""The divergence panel: move two Gaussians and alpha, and see what each divergence makes of it.

First the numbers (two 1-D Gaussians, their mean, integrands, divergences), then the picture, then
the panel.
"""

import math
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from vaelab import plots
from vaelab.divergences import quadrature
from vaelab.divergences.closed_form import geometric_js, geometric_mean, kl
from vaelab.divergences.gaussian import Gaussian
from vaelab.live.controls import Slider, Switch
from vaelab.live.figure import Scene, Values
from vaelab.live.figure_panel import Story, drawn, limits, nice, plot
from vaelab.live.panel import Panel
from vaelab.live.readout import Row

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


LINE, FLOOR = X.numpy(), np.zeros(len(X))  # matplotlib takes a tensor apart number by number
Part = tuple[list[Artist], Any]  # what moves, and move(numbers, setting) -> limits changed


def draw(figure: Figure | SubFigure, *, stacked: bool = False) -> Scene:
    """Build the picture; stacked=True puts its three parts below one another, for a film-strip."""
    axes = figure.subplots(3, 1) if stacked else figure.subplots(1, 3)
    parts = [densities(axes[0]), integrands(axes[1]), against_alpha(axes[2])]

    def update(values: Values) -> bool:
        setting = Setting(**values)
        numbers = compute(setting)
        changed = [move(numbers, setting) for _, move in parts]  # all of them, whatever the first says
        return any(changed)

    return Scene([artist for moving, _ in parts for artist in moving], update)


def densities(ax: Axes) -> Part:
    """q, p and their geometric mean G, each with its own color and dash."""
    looks: Sequence[tuple[str, str, str]] = (
        ("q", plots.Q, "-"),
        ("p", plots.P, "--"),
        ("G", plots.MEAN, "-."),
    )
    lines = [plot(ax, X, color=c, linestyle=s, label=label) for label, c, s in looks]
    fills = [
        ax.fill_between(X, 0 * X, color=plots.Q, alpha=0.15, lw=0),
        ax.fill_between(X, 0 * X, color=plots.P, alpha=0.15, lw=0),
    ]
    ax.set(title="densities", xlabel="z", xlim=(-10, 10))
    ax.legend(loc="upper left", handlelength=1.6, borderaxespad=0.1)

    def move(n: Numbers, s: Setting) -> bool:
        for line, y in zip(lines, (n.q, n.p, n.mean), strict=True):
            line.set_ydata(y)
        for fill, y in zip(fills, (n.q, n.p), strict=True):
            fill.set_data(LINE, FLOOR, y)
        return limits(ax, 0, nice(1.1 * max(n.q.max(), n.p.max(), n.mean.max())))

    return [*fills, *lines], move


def integrands(ax: Axes) -> Part:
    """What is integrated for KL(q‖p) and for the chosen divergence; both may dip below zero."""
    reference = plot(ax, X, color=plots.REFERENCE, linestyle=":", label="KL(q‖p)")
    chosen = plot(ax, X, color=plots.JS, label="chosen JS")
    ax.axhline(0, color="black", lw=0.6)
    ax.set(title="integrands", xlabel="z", xlim=(-10, 10))

    def move(n: Numbers, s: Setting) -> bool:
        reference.set_ydata(n.kl_integrand)
        chosen.set_ydata(n.js_integrand)
        chosen.set_color(_color(s))
        low = min(n.kl_integrand.min(), n.js_integrand.min())
        high = max(n.kl_integrand.max(), n.js_integrand.max())
        return limits(ax, -nice(-1.1 * low, least=1e-3), nice(1.1 * high))

    return [reference, chosen], move


def against_alpha(ax: Axes) -> Part:
    """The chosen divergence over alpha with its ends, a marker where the slider stands, and the two KLs."""
    looks = (("KL(q‖p)", plots.Q), ("KL(p‖q)", plots.P))
    kls = [plot(ax, [0, 1], color=color, linestyle=":") for _, color in looks]
    names = [
        ax.text(x, 0, label, color=color, ha="center", va="bottom")
        for (label, color), x in zip(looks, (0.3, 0.7), strict=True)
    ]
    curve = plot(ax, ALPHAS)
    ends = plot(ax, [0, 1], marker="o", markerfacecolor="white", linestyle="none", clip_on=False)
    marker = plot(ax, [0], marker="o", linestyle="none", clip_on=False)
    ax.set(title="divergence (nats)", xlabel="α", xlim=(0, 1), xticks=[0, 0.5, 1], xticklabels=["0", "½", "1"])

    def move(n: Numbers, s: Setting) -> bool:
        for line, label, value in zip(kls, names, (n.kl_qp, n.kl_pq), strict=True):
            line.set_ydata([value, value])
            label.set_y(value)
            line.set_visible(s.primed)
            label.set_visible(s.primed)
        curve.set_ydata(n.curve)
        ends.set_ydata(n.ends)
        marker.set_data([s.alpha], [n.value])
        for line in (curve, ends, marker):
            line.set_color(_color(s))
        return limits(ax, 0, nice(1.15 * max(n.curve.max(), *((n.kl_qp, n.kl_pq) if s.primed else (0,)))))

    return [*kls, *names, curve, ends, marker], move


def _color(s: Setting) -> str:
    return plots.DUAL if s.dual else plots.JS


FRAMES = (0.0, 0.25, 0.5, 0.75, 1.0)
SIZES = {"notebook": (9.6, 3.3), "paper": (7.0, 2.4), "talk": (12.8, 5.0)}
PRESETS = {
    "paper's pair": Setting(0.3, -2, 1, 2, 2, True, False),
    "far apart": Setting(0.5, -5, 1, 5, 2, True, False),
    "narrow q": Setting(0.3, 0.5, 0.3, 0, 1, True, False),
    "dual, small α": Setting(0.05, 0.5, 0.3, 0, 1, True, True),
    "plain": Setting(0.5, -2, 1, 2, 2, False, False),
    "q = p": Setting(0.5, 0, 1, 0, 1, True, False),
}


def divergence_panel(
    alpha: float = 0.3,
    q: tuple[float, float] = (-2.0, 1.0),
    p: tuple[float, float] = (2.0, 2.0),
    *,
    primed: bool = True,
    dual: bool = False,
    style: plots.Style = "notebook",
) -> Panel:
    """Sliders for alpha and for mean and standard deviation of q and p; switches primed and dual.

    q, p: (mean, standard deviation), means within ±5, deviations in [0.25, 3].
    style="talk" for the projector.

    Raises InvalidValue for a start outside the sliders.
    """
    start = Setting(alpha, *q, *p, primed, dual)
    frames: list[Values] = [s._asdict() for s in _frames(start)]
    titles = [f"α = {a:g}" for a in FRAMES]
    story = Story(partial(draw, stacked=True), frames, titles, partial(_alt, start), CAPTION)
    presets = {k: v._asdict() for k, v in PRESETS.items()}
    return drawn(draw, SIZES, _controls(start), words, story, presets, style)


CAPTION = (
    "The skew α moves the geometric mean G between p and q, and with it the divergence (right; dotted: the "
    "two KLs). The integrands (middle; dotted: KL(q‖p)) may be negative, their integrals never are. "
    "Run the cell for the sliders."
)


def words(values: Values) -> tuple[Sequence[Row], str]:
    """The readout, and the picture in one sentence."""
    s = Setting(**values)
    n = compute(s)
    rows = [("KL(q‖p)", n.kl_qp), ("KL(p‖q)", n.kl_pq), ("JS (ordinary)", n.js), (name(s), n.value)]
    sentence = (
        f"At α = {s.alpha:.2f} the geometric mean of q = {_n(s.mean_q, s.sigma_q)} "
        f"and p = {_n(s.mean_p, s.sigma_p)} is {_n(*n.g)}; "
        f"the {name(s)} runs from {n.ends[0]:.3f} nats at α = 0 to {n.ends[1]:.3f} at α = 1."
    )
    return [(label, f"{value:.4f} nats") for label, value in rows], sentence


def name(s: Setting) -> str:
    """The chosen divergence in words."""
    return f"{'primed' if s.primed else 'plain'} {'dual ' if s.dual else ''}geometric JS"


def _n(mean: float, sigma: float) -> str:
    return f"N({mean:.2f}, {sigma:.2f}²)"


def _frames(start: Setting) -> list[Setting]:
    return [start._replace(alpha=a) for a in FRAMES]


def _alt(start: Setting) -> str:
    numbers = [compute(s) for s in _frames(start)]
    listed = ", ".join(f"{n.value:.2f}" for n in numbers)
    return (
        f"Film-strip, α = {', '.join(f'{a:g}' for a in FRAMES)}, "
        f"for q = {_n(start.mean_q, start.sigma_q)} and p = {_n(start.mean_p, start.sigma_p)}: "
        f"the {name(start)} is {listed} nats, while the geometric mean goes "
        f"from {_n(*numbers[0].g)} to {_n(*numbers[-1].g)}."
    )


def _controls(s: Setting) -> list[Any]:
    return [
        Slider("alpha", "skew α", 0, 1, s.alpha),
        Slider("mean_q", "mean of q", -5, 5, s.mean_q, 0.05),
        Slider("sigma_q", "sigma of q", 0.25, 3, s.sigma_q, 0.05),
        Slider("mean_p", "mean of p", -5, 5, s.mean_p, 0.05),
        Slider("sigma_p", "sigma of p", 0.25, 3, s.sigma_p, 0.05),
        Switch("primed", "plain", "primed", s.primed),
        Switch("dual", "not dual", "dual", s.dual),
    ]
