"""The divergence panel: two Gaussians, their geometric mean, and their divergences."""

import math
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes

from vaelab import plots
from vaelab._utils.typed import typed
from vaelab.divergences import quadrature
from vaelab.divergences.closed_form import geometric_js, geometric_mean, kl
from vaelab.divergences.gaussian import Gaussian
from vaelab.live.controls import Slider, Switch
from vaelab.live.figure import AnyFigure, Scene, Values, combine, empty_line, rounded_limit, set_limits
from vaelab.live.panel import Panel
from vaelab.live.spec import PanelSpec, Readout

X = torch.linspace(-10, 10, 601, dtype=torch.float64)
ALPHAS = torch.linspace(0, 1, 101, dtype=torch.float64)
LINE, ZEROS = X.numpy(), np.zeros(len(X))  # matplotlib converts a tensor number by number
FRAME_ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
SIZES = {"notebook": (9.6, 3.3), "paper": (7.0, 2.4), "talk": (12.8, 5.0)}
CAPTION = (
    "The skew α moves the geometric mean G between p and q, and with it the divergence (dotted: the two KLs). "
    "The integrands (dotted: that of KL(q‖p)) may be negative, their integrals never are."
)


class GaussianPair(NamedTuple):
    """Values of the controls; `primed`: the geometric mean takes 1 - alpha."""

    alpha: float
    mean_q: float
    sigma_q: float
    mean_p: float
    sigma_p: float
    primed: bool
    dual: bool

    @property
    def name(self) -> str:
        """Name of the selected divergence."""
        return f"{'primed' if self.primed else 'plain'} {'dual ' if self.dual else ''}geometric JS"


PRESETS = {
    "paper's pair": GaussianPair(0.3, -2, 1, 2, 2, True, False),
    "far apart": GaussianPair(0.5, -5, 1, 5, 2, True, False),
    "narrow q": GaussianPair(0.3, 0.5, 0.3, 0, 1, True, False),
    "dual, small α": GaussianPair(0.05, 0.5, 0.3, 0, 1, True, True),
    "plain": GaussianPair(0.5, -2, 1, 2, 2, False, False),
    "q = p": GaussianPair(0.5, 0, 1, 0, 1, True, False),
}


class PairDivergences(NamedTuple):
    """Densities and integrands over X, the selected divergence over ALPHAS, and values in nats."""

    densities: tuple[Any, Any, Any]  # q, p and their geometric mean
    integrands: tuple[Any, Any]  # of KL(q‖p) and of the selected divergence
    curve: Any
    kl_qp: float
    kl_pq: float
    js: float  # ordinary Jensen-Shannon
    value: float  # the selected divergence
    g: tuple[float, float]  # mean and standard deviation of the geometric mean

    @property
    def ends(self) -> tuple[float, float]:
        """The selected divergence at alpha = 0 and 1."""
        return float(self.curve[0]), float(self.curve[-1])


def gaussian(mean: float, sigma: float) -> Gaussian:
    """Return N(mean, sigma²), 0-d and in float64."""
    return Gaussian(torch.tensor(mean, dtype=torch.float64), torch.tensor(2 * math.log(sigma), dtype=torch.float64))


def _log_density(g: Gaussian, z: torch.Tensor) -> torch.Tensor:
    return Gaussian(g.mean.expand_as(z), g.logvar.expand_as(z)).log_prob(z)


@lru_cache(maxsize=64)
def compute(s: GaussianPair) -> PairDivergences:
    """Compute what the picture and its readout need; cached, since both call it."""
    q, p = gaussian(s.mean_q, s.sigma_q), gaussian(s.mean_p, s.sigma_p)
    rest = _without_alpha(s._replace(alpha=0.0))
    g = geometric_mean(q, p, 1 - s.alpha if s.primed else s.alpha)
    lq, lp, lg = (_log_density(density, X) for density in (q, p, g))
    if s.dual:
        js_integrand = lg.exp() * ((1 - s.alpha) * (lg - lq) + s.alpha * (lg - lp))
    else:
        js_integrand = (1 - s.alpha) * lq.exp() * (lq - lg) + s.alpha * lp.exp() * (lp - lg)
    return PairDivergences(
        densities=(lq.exp().numpy(), lp.exp().numpy(), lg.exp().numpy()),
        integrands=((lq.exp() * (lq - lp)).numpy(), js_integrand.numpy()),
        value=float(geometric_js(q, p, s.alpha, dual=s.dual, primed=s.primed)),
        g=(float(g.mean), float(torch.exp(0.5 * g.logvar))),
        **rest,
    )


@lru_cache(maxsize=8)
def _without_alpha(s: GaussianPair) -> dict[str, Any]:
    """Compute what stays while alpha is dragged: a half of the work."""
    q, p = gaussian(s.mean_q, s.sigma_q), gaussian(s.mean_p, s.sigma_p)
    js = quadrature.jensen_shannon(partial(_log_density, q), partial(_log_density, p), quadrature.covering(q, p))
    curve = geometric_js(q, p, ALPHAS, dual=s.dual, primed=s.primed).numpy()
    return {"curve": curve, "kl_qp": float(kl(q, p)), "kl_pq": float(kl(p, q)), "js": float(js)}


@typed
def divergence_panel(
    alpha: float = 0.3,
    q: tuple[float, float] = (-2.0, 1.0),
    p: tuple[float, float] = (2.0, 2.0),
    *,
    primed: bool = True,
    dual: bool = False,
    style: plots.Style = "notebook",
) -> Panel:
    """Build a panel on the divergences between two Gaussians.

    Args:
        alpha: Skew at the start, in [0, 1].
        q: Mean in [-5, 5] and standard deviation in [0.25, 3] at the start.
        p: The same of the other Gaussian.
        primed: Whether the geometric mean takes 1 - alpha at the start.
        dual: Whether the dual is selected at the start.
        style: "notebook", "paper" or "talk".

    Returns:
        The panel; its controls have the names of the fields of `GaussianPair`.

    Raises:
        InvalidType, InvalidValue: If a start is out of range.

    Example:
        >>> panel = divergence_panel(q=(0, 1), p=(1, 1))
        >>> "KL(q‖p) <b>0.5000 nats" in panel.readout.value
        True
    """
    start = GaussianPair(alpha, *q, *p, primed, dual)
    frames = {f"α = {a:g}": start._replace(alpha=a) for a in FRAME_ALPHAS}
    spec = PanelSpec(
        draw=draw,
        sizes=SIZES,
        controls=[
            Slider("alpha", "skew α", 0, 1, start.alpha),
            Slider("mean_q", "mean of q", -5, 5, start.mean_q, 0.05),
            Slider("sigma_q", "σ of q", 0.25, 3, start.sigma_q, 0.05),
            Slider("mean_p", "mean of p", -5, 5, start.mean_p, 0.05),
            Slider("sigma_p", "σ of p", 0.25, 3, start.sigma_p, 0.05),
            Switch("primed", "plain", "primed", primed),
            Switch("dual", "not dual", "dual", dual),
        ],
        presets={label: pair._asdict() for label, pair in PRESETS.items()},
        readout=_readout,
        frames={title: pair._asdict() for title, pair in frames.items()},
        alt=_alt,
        filmstrip_alt=partial(_filmstrip_alt, list(frames.values())),
        caption=CAPTION,
    )
    return Panel(spec, style)


def draw(figure: AnyFigure, *, stacked: bool = False) -> Scene:
    """Draw densities, integrands, and the divergence over alpha."""
    axes = figure.subplots(3, 1) if stacked else figure.subplots(1, 3)
    return combine([_densities(axes[0]), _integrands(axes[1]), _against_alpha(axes[2])])


def _densities(ax: Axes) -> Scene:
    colors = plots.palette()
    styles = (("q", colors.Q, "-"), ("p", colors.P, "--"), ("G", colors.MEAN, "-."))
    lines = [empty_line(ax, X, color=c, linestyle=dash, label=label) for label, c, dash in styles]
    fills = [ax.fill_between(LINE, ZEROS, color=c, alpha=0.15, lw=0) for c in (colors.Q, colors.P)]
    ax.set(title="densities", xlabel="z", xlim=(-10, 10))
    ax.legend(loc="upper left", handlelength=1.6, borderaxespad=0.1)

    def update(values: Values) -> bool:
        densities = compute(GaussianPair(**values)).densities
        for line, y in zip(lines, densities, strict=True):
            line.set_ydata(y)
        for fill, y in zip(fills, densities, strict=False):
            fill.set_data(LINE, ZEROS, y)
        return set_limits(ax, (0, rounded_limit(1.1 * np.max(densities))))

    return Scene([*fills, *lines], update)


def _integrands(ax: Axes) -> Scene:
    colors = plots.palette()
    lines = [empty_line(ax, X, color=colors.REFERENCE, linestyle=":"), empty_line(ax, X)]
    ax.axhline(0, color=colors.ink, lw=0.6)
    ax.set(title="integrands", xlabel="z", xlim=(-10, 10))

    def update(values: Values) -> bool:
        pair = GaussianPair(**values)
        integrands = compute(pair).integrands
        for line, y in zip(lines, integrands, strict=True):
            line.set_ydata(y)
        lines[1].set_color(colors.DUAL if pair.dual else colors.JS)
        low, high = np.min(integrands), np.max(integrands)
        return set_limits(ax, (-rounded_limit(-1.1 * low, least=1e-3), rounded_limit(1.1 * high)))

    return Scene(lines, update)


def _against_alpha(ax: Axes) -> Scene:
    """Draw the divergence over alpha, its ends, a marker at the slider's value, and both KLs."""
    colors = plots.palette()
    kls = [empty_line(ax, [0, 1], color=color, linestyle=":") for color in (colors.Q, colors.P)]
    labels = [
        ax.text(x, 0, label, color=color, ha="center", va="bottom")
        for x, label, color in ((0.3, "KL(q‖p)", colors.Q), (0.7, "KL(p‖q)", colors.P))
    ]
    curve = empty_line(ax, ALPHAS)
    ends = empty_line(ax, [0, 1], marker="o", markerfacecolor=colors.paper, linestyle="none", clip_on=False)
    marker = empty_line(ax, [0], marker="o", linestyle="none", clip_on=False)
    ax.set(title="divergence (nats)", xlabel="α", xlim=(0, 1), xticks=[0, 0.5, 1], xticklabels=["0", "½", "1"])

    def update(values: Values) -> bool:
        pair = GaussianPair(**values)
        n = compute(pair)
        for line, label, value in zip(kls, labels, (n.kl_qp, n.kl_pq), strict=True):
            line.set_ydata([value, value])
            label.set_y(value)
            line.set_visible(pair.primed)
            label.set_visible(pair.primed)
        curve.set_ydata(n.curve)
        ends.set_ydata(n.ends)
        marker.set_data([pair.alpha], [n.value])
        for line in (curve, ends, marker):
            line.set_color(colors.DUAL if pair.dual else colors.JS)
        height = max(n.curve.max(), *((n.kl_qp, n.kl_pq) if pair.primed else (0,)))
        return set_limits(ax, (0, rounded_limit(1.15 * height)))

    return Scene([*kls, *labels, curve, ends, marker], update)


def _readout(values: Values) -> Readout:
    """Return the divergences, and the geometric mean in one sentence."""
    s = GaussianPair(**values)
    n = compute(s)
    rows = [("KL(q‖p)", n.kl_qp), ("KL(p‖q)", n.kl_pq), ("JS (ordinary)", n.js), (s.name, n.value)]
    sentence = (
        f"At α = {s.alpha:.2f} the geometric mean of q = {_normal(s.mean_q, s.sigma_q)} "
        f"and p = {_normal(s.mean_p, s.sigma_p)} is {_normal(*n.g)}; "
        f"the {s.name} goes from {n.ends[0]:.3f} nats at α = 0 to {n.ends[1]:.3f} at α = 1."
    )
    return Readout([(label, f"{value:.4f} nats") for label, value in rows], sentence)


def _normal(mean: float, sigma: float) -> str:
    return f"N({mean:.2f}, {sigma:.2f}²)"


def _alt(values: Values) -> str:
    """Describe the two densities, their geometric mean and the divergence."""
    s = GaussianPair(**values)
    n = compute(s)
    return (
        f"Densities of q = {_normal(s.mean_q, s.sigma_q)}, p = {_normal(s.mean_p, s.sigma_p)} and their geometric mean "
        f"{_normal(*n.g)} at α = {s.alpha:.2f}. Over α the {s.name} goes from {n.ends[0]:.2f} to "
        f"{n.ends[1]:.2f} nats, at least {float(n.curve.min()):.2f}; the marker is at {n.value:.2f} nats."
    )


def _filmstrip_alt(pairs: list[GaussianPair]) -> str:
    numbers, start = [compute(pair) for pair in pairs], pairs[0]
    return (
        f"Filmstrip, α = {', '.join(f'{pair.alpha:g}' for pair in pairs)}, "
        f"for q = {_normal(start.mean_q, start.sigma_q)} and p = {_normal(start.mean_p, start.sigma_p)}: "
        f"the {start.name} is {', '.join(f'{n.value:.2f}' for n in numbers)} nats, while the geometric mean goes "
        f"from {_normal(*numbers[0].g)} to {_normal(*numbers[-1].g)}."
    )
