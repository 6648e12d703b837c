"""The posterior panel: the aggregate posterior Q(z) in single latents against the prior N(0, 1)."""

import math
from functools import partial
from typing import Any

import numpy as np
import torch

from vaelab import plots
from vaelab._utils import checks
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab._utils.typed import typed
from vaelab.data.images import Images
from vaelab.live.controls import Slider, Switch
from vaelab.live.figure import AnyFigure, Scene, Values, empty_line, rounded_limit, set_limits
from vaelab.live.panel import Panel
from vaelab.live.spec import PanelSpec, Readout
from vaelab.objectives.objective import Experiment
from vaelab.posterior.marginal import MarginalPosterior

N_POINTS, N_SAMPLES = 401, 4000
MAX_LABELS = 12  # more numbers do not fit below the bars
CAPTION = (
    "The aggregate posterior Q(z) of one latent (filled) against the prior N(0, 1) (dashed), and for every latent "
    "the mean of the variances (green) plus the variance of the means (blue); the law predicts a sum of 1 (line)."
)


class _Latents:
    """The aggregate posterior of d latents, sorted by falling signal; each latent is evaluated once it is shown."""

    def __init__(self, posterior: MarginalPosterior) -> None:
        order = posterior.mean.var(0, correction=0).argsort(descending=True)
        mean, logvar = (part.cpu().double()[:, order.cpu()] for part in (posterior.mean, posterior.logvar))
        self.order: list[int] = order.tolist()  # index in the model
        self._ranked = MarginalPosterior(mean, logvar)
        self.law, self.moments = self._ranked.variance_law(), self._ranked.moments()
        width = float((self.moments.mean.abs() + 3.5 * self.moments.variance.sqrt()).max())
        self.z = torch.linspace(-1, 1, N_POINTS, dtype=torch.float64) * rounded_limit(max(5.0, width))
        self._densities: dict[tuple[int, bool], np.ndarray] = {}
        self._distances: dict[int, float] = {}

    def density(self, k: int, rescaled: bool) -> np.ndarray:
        """Return Q(z) at the points z, [N_POINTS]; rescaled, z/sqrt(V) has the density sqrt(V) Q(sqrt(V) z)."""
        if (k, rescaled) not in self._densities:
            scale = float(self.law.total[k].sqrt()) if rescaled else 1.0
            self._densities[k, rescaled] = (scale * self._ranked.density_1d(self.z * scale, k)).numpy()
        return self._densities[k, rescaled]

    def distance(self, k: int, rescaled: bool) -> float:
        """Return KL(Q‖p) in nats."""
        if k not in self._distances:
            alone = MarginalPosterior(self._ranked.mean[:, k : k + 1], self._ranked.logvar[:, k : k + 1])
            self._distances[k] = float(alone.dimension_wise_kl(N_SAMPLES).value[0])
        if not rescaled:
            return self._distances[k]
        total, moments = float(self.law.total[k]), self.moments
        square = float(moments.variance[k] + moments.mean[k] ** 2)  # rescaling divides E z² by V
        return self._distances[k] + 0.5 * math.log(total) + 0.5 * square * (1 / total - 1)


@typed
def posterior_panel(
    source: MarginalPosterior | Experiment,
    images: Images | None = None,
    *,
    latent: int = 0,
    style: plots.Style = "notebook",
) -> Panel:
    """Build a panel on the aggregate posterior: its density and variance in every latent.

    Args:
        source: A `MarginalPosterior`, or an experiment.
        images: [n, *shape], for an experiment to encode.
        latent: Rank of the latent at the start; 0 has the largest signal.
        style: "notebook", "paper" or "talk".

    Returns:
        The panel; the readout gives each latent its index in the model.

    Raises:
        InvalidType: If an argument is of another type, or an experiment comes without images.
        InvalidValue: If the rank is out of range, or a `MarginalPosterior` comes with images.

    Example:
        >>> panel = posterior_panel(MarginalPosterior(torch.zeros(9, 2), torch.zeros(9, 2)))
        >>> "variance V <b>1.000" in panel.readout.value
        True
    """
    if isinstance(source, Experiment):
        if images is None:
            raise InvalidType("images must be a tensor [n, *shape] with an experiment, got None.")
        source = MarginalPosterior.from_model(source, images)
    elif images is not None:
        raise InvalidValue(f"images must be None with a MarginalPosterior, got {checks.shown(images)}.")
    latents = _Latents(source)
    d = len(latents.order)
    ranks = sorted({0, min(1, d - 1), d // 2, d - 1})
    presets = {"largest signal": (0, False), "smallest signal": (d - 1, False), "largest, rescaled": (0, True)}
    spec = PanelSpec(
        draw=partial(_draw, latents=latents),
        sizes={"notebook": (9.6, 3.4), "paper": (7.0, 2.5), "talk": (12.8, 5.0)},
        controls=[
            Slider("latent", "rank of latent", 0, d - 1, latent, 1, whole=True),
            Switch("rescaled", "as it is", "rescaled to V = 1"),
        ],
        presets={label: {"latent": k, "rescaled": rescaled} for label, (k, rescaled) in presets.items()},
        readout=partial(_readout, latents),
        frames={f"latent {latents.order[k]}": {"latent": k, "rescaled": False} for k in ranks},
        alt=partial(_alt, latents),
        filmstrip_alt=partial(_filmstrip_alt, latents, ranks),
        caption=CAPTION,
        still="Run the cell to select the latent and to rescale it to variance 1.",
    )
    return Panel(spec, style)


def _draw(figure: AnyFigure, latents: _Latents, *, stacked: bool = False) -> Scene:
    """Draw the density of one latent, and the variance law of all latents."""
    colors = plots.palette()
    left, right = figure.subplots(2, 1) if stacked else figure.subplots(1, 2)
    z, prior = latents.z.numpy(), torch.exp(-0.5 * latents.z**2).numpy() / (2 * np.pi) ** 0.5
    left.plot(z, prior, color=colors.P, linestyle="--", label="prior N(0, 1)")
    left.set(title="density of Q(z)", xlabel="z", xlim=(z[0], z[-1]))
    fill = left.fill_between(z, 0 * z, color=colors.Q, alpha=0.2, lw=0)
    edge = empty_line(left, z, color=colors.Q, label="Q(z)")
    left.legend(loc="upper right")
    law, d = latents.law, len(latents.order)
    noise: Any = right.bar(range(d), [0.0] * d, color=colors.MEAN, label="mean of variances")
    means: Any = right.bar(range(d), [0.0] * d, color=colors.Q, label="variance of means")
    right.axhline(1, color=colors.ink, lw=0.8)
    right.set(title="variance of Q(z)", xlabel="latent, by signal", ylim=(0, 1.5))
    labels = list(range(d)) if d <= MAX_LABELS else [0, d - 1]
    right.set_xticks(labels, [str(latents.order[k]) for k in labels])
    if not stacked:
        right.legend(loc="upper center", ncols=2)
    marker = empty_line(right, [0], marker="v", color=colors.ink, linestyle="none", clip_on=False)

    def update(values: Values) -> bool:
        k, rescaled = values["latent"], values["rescaled"]
        y = latents.density(k, rescaled)
        edge.set_ydata(y)
        fill.set_data(z, 0 * z, y)
        scale = law.total if rescaled else torch.ones_like(law.total)
        for lower, upper, noise_variance, mean_variance in zip(
            noise, means, (law.of_noise / scale).tolist(), (law.of_means / scale).tolist(), strict=True
        ):
            lower.set_height(noise_variance)
            upper.set(y=noise_variance, height=mean_variance)
        totals = law.total / scale
        limit = rounded_limit(1.35 * float(totals.max()))
        marker.set_data([k], [float(totals[k]) + 0.05 * limit])
        changed = [
            set_limits(left, (0, rounded_limit(1.35 * max(float(y.max()), 0.4)))),
            set_limits(right, (0, limit)),
        ]
        return any(changed)

    return Scene([fill, edge, *noise, *means, marker], update)


def _readout(latents: _Latents, values: Values) -> Readout:
    """Return variance, shape and distance of one latent."""
    k, rescaled, law = values["latent"], values["rescaled"], latents.law
    index, total = latents.order[k], 1.0 if rescaled else float(law.total[k])
    distance = latents.distance(k, rescaled)
    rows = [
        ("latent", f"{index}"),
        ("variance V", f"{total:.3f}"),
        ("signal share", f"{float(law.of_means[k] / law.total[k]):.2f}"),
        ("skewness", f"{float(latents.moments.skewness[k]):.2f}"),
        ("kurtosis", f"{float(latents.moments.kurtosis[k]):.2f} (Gaussian: 3)"),
        ("KL(Q‖p)", f"{distance:.2f} nats"),
    ]
    active = "active" if law.active[k] else "inactive"
    sentence = f"Latent {index} is {active}: Q(z) has variance {total:.3f} and is {distance:.2f} nats from the prior."
    return Readout(rows, sentence)


def _alt(latents: _Latents, values: Values) -> str:
    """Describe the density of one latent and the bars of all."""
    k, rescaled, law = values["latent"], values["rescaled"], latents.law
    total = 1.0 if rescaled else float(law.total[k])
    return (
        f"Left: the density of latent {latents.order[k]}{', rescaled,' if rescaled else ''} over the prior: variance "
        f"{total:.2f}, skewness {float(latents.moments.skewness[k]):.2f}, kurtosis "
        f"{float(latents.moments.kurtosis[k]):.2f}. Right: bars of {len(latents.order)} latents, of which "
        f"{int(law.active.sum())} are active; this one is number {k + 1}."
    )


def _filmstrip_alt(latents: _Latents, ranks: list[int]) -> str:
    listed = "; ".join(
        f"latent {latents.order[k]}: variance {float(latents.law.total[k]):.2f}, "
        f"kurtosis {float(latents.moments.kurtosis[k]):.2f}"
        for k in ranks
    )
    return f"Filmstrip of the aggregate posterior Q(z) in single latents against the prior. {listed}."
