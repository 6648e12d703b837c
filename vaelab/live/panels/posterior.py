"""The posterior panel: the mixture Q(z) of all posteriors, one latent at a time, against the prior N(0, 1)."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure, SubFigure
from torch import Tensor

from vaelab import plots
from vaelab._utils.errors import InvalidType
from vaelab.live.controls import Control, Slider, Switch
from vaelab.live.figure import Scene, Values
from vaelab.live.figure_panel import Story, drawn, limits, nice, plot
from vaelab.live.panel import Panel
from vaelab.live.readout import Row
from vaelab.objectives.objective import Experiment
from vaelab.posterior.marginal import MarginalPosterior
from vaelab.posterior.moments import Moments
from vaelab.posterior.variance_law import VarianceLaw

SIZES = {"notebook": (9.6, 3.4), "paper": (7.0, 2.5), "talk": (12.8, 5.0)}
POINTS, DRAWS = 401, 4000
NAMED = 12  # latents whose numbers have room below their bars
CAPTION = (
    "Left: the mixture of all posteriors in one latent (filled) against the prior N(0, 1) (dashed). Right: per latent "
    "the mean of the variances plus the variance of the means; the variance law wants 1 (line). Run the cell to choose "
    "the latent and to rescale it to variance 1."
)


class Latents(NamedTuple):
    """All that the panel shows, latents by their signal: the number of each in its model [d]; z [401]; densities
    [d, 401] and KL(Q‖p) [d] in nats, each as it is and rescaled to variance 1; moments and law [d]."""

    order: list[int]
    z: Tensor
    density: dict[bool, np.ndarray]
    distance: dict[bool, Tensor]
    moments: Moments
    law: VarianceLaw


def posterior_panel(
    source: MarginalPosterior | Experiment,
    images: Tensor | None = None,
    *,
    latent: int = 0,
    style: plots.Style = "notebook",
) -> Panel:
    """A slider for the latent (those with the largest signal first) and a switch that rescales it to variance 1.

    latent: the rank to begin with, 0 the largest signal; the words name the latent by its own number.

    source: a `MarginalPosterior`, or an experiment with images [n, *shape] to encode.

    Raises InvalidType for an experiment without images, InvalidValue for a latent that is not there.
    """
    if isinstance(source, Experiment):
        if images is None:
            raise InvalidType("an experiment alone has no posterior; pass images [n, *shape] to encode, too.")
        source = MarginalPosterior.from_model(source, images)
    shown = _latents(source)
    d = len(shown.law.total)
    controls: list[Control] = [
        Slider("latent", "rank of latent", 0, d - 1, latent, 1, whole=True),
        Switch("rescaled", "as it is", "rescaled to V = 1"),
    ]
    chosen = sorted({0, min(1, d - 1), d // 2, d - 1})
    frames = [{"latent": k, "rescaled": False} for k in chosen]
    story = Story(
        partial(draw, shown=shown, stacked=True),
        frames,
        [f"latent {shown.order[k]}" for k in chosen],
        lambda: _alt(shown, chosen),
        CAPTION,
    )
    presets: dict[str, dict[str, Any]] = {
        "largest signal": {"latent": 0, "rescaled": False},
        "smallest signal": {"latent": d - 1, "rescaled": False},
        "largest, rescaled": {"latent": 0, "rescaled": True},
    }
    return drawn(partial(draw, shown=shown), SIZES, controls, partial(words, shown), story, presets, style)


def _latents(posterior: MarginalPosterior) -> Latents:
    """Sorted by the variance of the means, largest first; rescaled: z/sqrt(V) has density sqrt(V) Q(sqrt(V) z)."""
    order = posterior.mean.var(0, correction=0).argsort(descending=True)
    mean, logvar = (part.cpu().double()[:, order.cpu()] for part in (posterior.mean, posterior.logvar))
    sorted_posterior = MarginalPosterior(mean, logvar)
    law, moments = sorted_posterior.variance_law(), sorted_posterior.moments()
    scales = {False: torch.ones_like(law.total), True: law.total.sqrt()}
    wide = float((moments.mean.abs() + 3.5 * moments.variance.sqrt()).max())
    z = torch.linspace(-1, 1, POINTS, dtype=torch.float64) * nice(max(5.0, wide))
    density = {
        rescaled: np.stack(
            [(float(s) * sorted_posterior.density_1d(z * float(s), k)).numpy() for k, s in enumerate(scale)]
        )
        for rescaled, scale in scales.items()
    }
    as_it_is = sorted_posterior.dimension_wise_kl(DRAWS).value
    square = moments.variance + moments.mean**2  # rescaling moves entropy by ½ ln V and E z² by 1/V
    rescaled_kl = as_it_is + 0.5 * law.total.log() + 0.5 * square * (1 / law.total - 1)
    return Latents(order.tolist(), z, density, {False: as_it_is, True: rescaled_kl}, moments, law)


def draw(figure: Figure | SubFigure, shown: Latents, *, stacked: bool = False) -> Scene:
    """Left the density of one latent, right the variance law of all of them."""
    left, right = figure.subplots(2, 1) if stacked else figure.subplots(1, 2)
    z, prior = shown.z.numpy(), torch.exp(-0.5 * shown.z**2).numpy() / (2 * np.pi) ** 0.5
    left.plot(z, prior, color=plots.P, linestyle="--", label="prior N(0, 1)")
    left.set(title="density of Q(z)", xlabel="z", xlim=(z[0], z[-1]))
    fill, edge = left.fill_between(z, 0 * z, color=plots.Q, alpha=0.2, lw=0), plot(left, z, color=plots.Q, label="Q(z)")
    left.legend(loc="upper right")
    d = len(shown.law.total)
    noise, means = right.bar(range(d), [0.0] * d, color=plots.MEAN), right.bar(range(d), [0.0] * d, color=plots.Q)
    noise.set_label("mean of variances")
    means.set_label("variance of means")
    right.axhline(1, color="black", lw=0.8)
    right.set(title="variance of Q(z)", xlabel="latent, by signal", ylim=(0, 1.5))
    named = list(range(d)) if d <= NAMED else [0, d - 1]
    right.set_xticks(named, [str(shown.order[k]) for k in named])
    if not stacked:
        right.legend(loc="upper center", ncols=2)
    marker = plot(right, [0], marker="v", color="black", linestyle="none", clip_on=False)

    def update(values: Values) -> bool:
        k, rescaled = values["latent"], values["rescaled"]
        y = shown.density[rescaled][k]
        edge.set_ydata(y)
        fill.set_data(z, 0 * z, y)
        scale = shown.law.total if rescaled else torch.ones_like(shown.law.total)
        for bar, top, height, share in zip(
            noise, means, shown.law.of_noise / scale, shown.law.of_means / scale, strict=True
        ):
            bar.set_height(float(height))
            top.set_y(float(height))
            top.set_height(float(share))
        top_of_all = nice(1.35 * float((shown.law.total / scale).max()))
        marker.set_data([k], [float(shown.law.total[k] / scale[k]) + 0.05 * top_of_all])
        changed = [limits(left, 0, nice(1.35 * max(float(y.max()), 0.4))), limits(right, 0, top_of_all)]
        return any(changed)

    return Scene([fill, edge, *noise, *means, marker], update)


def words(shown: Latents, values: Values) -> tuple[Sequence[Row], str]:
    """The readout, and the picture in one sentence."""
    k, rescaled = values["latent"], values["rescaled"]
    law, moments = shown.law, shown.moments
    total = 1.0 if rescaled else float(law.total[k])
    distance = float(shown.distance[rescaled][k])
    rows = [
        ("latent", f"{shown.order[k]}"),
        ("variance V", f"{total:.3f}"),
        ("signal share", f"{float(law.of_means[k] / law.total[k]):.2f}"),
        ("skewness", f"{float(moments.skewness[k]):.2f}"),
        ("kurtosis", f"{float(moments.kurtosis[k]):.2f} (Gaussian: 3)"),
        ("KL(Q‖p)", f"{distance:.2f} nats"),
    ]
    active = "active" if law.active[k] else "collapsed"
    mixture = f"its mixture has variance {total:.3f}, {distance:.2f} nats from the prior"
    return rows, f"Latent {shown.order[k]} is {active}: {mixture}."


def _alt(shown: Latents, chosen: Sequence[int]) -> str:
    listed = "; ".join(
        f"latent {shown.order[k]}: variance {float(shown.law.total[k]):.2f}, "
        f"kurtosis {float(shown.moments.kurtosis[k]):.2f}"
        for k in chosen
    )
    return f"Film-strip of the mixture Q(z) in single latents against the prior. {listed}."
