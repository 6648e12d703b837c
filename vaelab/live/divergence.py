"""The divergence panel: move two Gaussians and alpha, and see what each divergence makes of it."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from vaelab import plots
from vaelab.live.controls import Slider, Switch
from vaelab.live.divergence_numbers import Setting, compute
from vaelab.live.divergence_scene import draw
from vaelab.live.drawn import Story, drawn
from vaelab.live.figure import Values
from vaelab.live.panel import Panel
from vaelab.live.words import Row

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
