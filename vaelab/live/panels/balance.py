"""The balance panel: what the decoder's gamma does to reconstructions, samples, and the two parts of the loss."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure, SubFigure
from torch import Tensor

from vaelab import plots
from vaelab._utils.errors import InvalidValue
from vaelab._utils.images import to_float
from vaelab.data.images import as_images
from vaelab.data.loading import load
from vaelab.live.controls import Slider
from vaelab.live.figure import Scene, Values
from vaelab.live.figure_panel import Story, drawn, nice, plot
from vaelab.live.panel import Panel
from vaelab.live.readout import Row
from vaelab.metrics.reconstruction import rate_distortion
from vaelab.objectives import recipes
from vaelab.objectives.objective import Experiment
from vaelab.training.config import Train
from vaelab.training.ensemble import fit_many

SIZES = {"notebook": (9.6, 3.6), "paper": (7.0, 2.7), "talk": (12.8, 4.9)}
GAMMAS = (0.02, 0.05, 0.08, 0.12, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0)
SHOWN = 6
CAPTION = (
    "One VAE per gamma, the decoder's standard deviation. Small gamma: sharp reconstructions, many nats in the code, "
    "samples from the prior that miss the data. Large gamma: the code says nothing and every sample is the mean image. "
    "Run the cell for the slider."
)


class Balance(NamedTuple):
    """Per gamma [k]: squared error per pixel, KL(q‖p) in nats; images [k, 3, SHOWN, h, w]: shown, rebuilt, sampled."""

    gammas: np.ndarray
    mse: np.ndarray
    rate: np.ndarray
    images: np.ndarray


def balance_panel(
    experiments: Sequence[Experiment] | None = None,
    images: Tensor | None = None,
    *,
    epochs: int = 20,
    style: plots.Style = "notebook",
) -> Panel:
    """A slider over trained VAEs that differ in gamma alone: reconstructions, samples, and the two parts of the loss.

    experiments: with a fixed gamma each, one channel, all trained on `images` [n, 1, h, w]; without any, twelve small
    ones are trained on the digits data set, together, which takes some seconds.

    Raises InvalidValue for fewer than two experiments, or without images.
    """
    if experiments is None:
        images = load("digits").images
        experiments = _trained(images, epochs)
    if images is None or len(experiments) < 2 or len(images) < SHOWN:
        raise InvalidValue(
            f"the balance needs at least two experiments and six images, got {len(experiments)} and "
            f"{'none' if images is None else len(images)}; pass both, or neither."
        )
    shown = _measure(experiments, images)
    last = len(shown.gammas) - 1
    low, high = float(shown.gammas[0]), float(shown.gammas[-1])
    controls = [Slider("gamma", "gamma", low, high, _start(shown), 0.02, log=True)]
    chosen = sorted({0, last // 3, 2 * last // 3, last})
    frames = [{"gamma": float(shown.gammas[k])} for k in chosen]
    titles = [f"gamma = {shown.gammas[k]:.3g}" for k in chosen]
    story = Story(partial(draw, shown=shown, stacked=True), frames, titles, lambda: _alt(shown), CAPTION)
    presets = {
        "sharp": {"gamma": low},
        "balanced": {"gamma": _start(shown)},
        "collapse": {"gamma": high},
    }
    return drawn(partial(draw, shown=shown), SIZES, controls, partial(words, shown), story, presets, style)


def _trained(images: Tensor, epochs: int) -> list[Experiment]:
    def make(gamma: float) -> Experiment:
        return recipes.vae((1, 8, 8), 8, hidden=(64,), gamma=gamma)

    config = Train(epochs=epochs, batch_size=64, lr=3e-3, device="cpu", progress=False)
    return fit_many(make, [{"gamma": gamma} for gamma in GAMMAS], images, config).experiments


def _measure(experiments: Sequence[Experiment], images: Tensor) -> Balance:
    """On the CPU and with a generator of its own, so that nobody else's randomness moves."""
    by_gamma = sorted(experiments, key=_gamma)
    x = as_images(images, by_gamma[0].shape).cpu()
    noise = torch.randn(SHOWN, by_gamma[0].model.latent, generator=torch.Generator().manual_seed(0))
    terms, pictures = [], []
    for experiment in by_gamma:
        device = next(experiment.parameters()).device
        terms.append(rate_distortion(experiment, x))
        rebuilt = experiment.reconstruct(x[:SHOWN].to(device)).cpu()
        sampled = experiment.decode(noise.to(device)).cpu()
        pictures.append(torch.stack([to_float(x[:SHOWN]), rebuilt, sampled])[:, :, 0].numpy())
    mse, rate = np.array(terms).T[:2]
    return Balance(np.array([_gamma(e) for e in by_gamma]), mse / x[0].numel(), rate, np.stack(pictures))


def _gamma(experiment: Experiment) -> float:
    policy = experiment.objective.likelihood.gamma
    if policy is None:
        raise InvalidValue("a Bernoulli decoder has no gamma; train with likelihood='normal' or 'laplace'.")
    return round(float(policy.gamma), 6)


def _nearest(shown: Balance, gamma: float) -> int:
    return int(np.abs(np.log(shown.gammas / gamma)).argmin())


def _start(shown: Balance) -> float:
    """The gamma nearest to its own optimum, the root of the squared error."""
    return float(shown.gammas[np.abs(np.log(shown.gammas / np.sqrt(shown.mse))).argmin()])


def draw(figure: Figure | SubFigure, shown: Balance, *, stacked: bool = False) -> Scene:
    """The two parts of the loss over gamma, and three rows of images."""
    left, right = figure.subplots(2, 1) if stacked else figure.subplots(1, 2, width_ratios=(3, 4))
    left.plot(shown.gammas, np.sqrt(shown.mse), color=plots.P, linestyle="--", label="root of the squared error")
    left.plot(shown.gammas, shown.gammas, color=plots.REFERENCE, linestyle=":", label="gamma itself")
    left.set(xscale="log", yscale="log", xlabel="gamma", title="error per pixel")
    rates = left.twinx()
    rates.plot(shown.gammas, shown.rate, color=plots.Q, label="KL(q‖p), nats (right axis)")
    rates.spines["right"].set_visible(True)
    rates.set_ylim(0, nice(1.15 * float(shown.rate.max())))
    lines = [*left.get_lines(), *rates.get_lines()]
    if not stacked:
        left.legend(lines, [str(entry.get_label()) for entry in lines], loc="upper center")
        left.set_ylim(top=4)
    marks = [
        plot(left, [0], marker="o", color=plots.P, linestyle="none"),
        plot(rates, [0], marker="o", color=plots.Q, linestyle="none"),
    ]
    right.set(xticks=[], yticks=[], title="data, reconstructions, samples" if not stacked else "")
    right.spines[:].set_visible(False)
    sheet = right.imshow(_sheet(shown, 0), vmin=0, vmax=1)

    def update(values: Values) -> bool:
        k = _nearest(shown, values["gamma"])
        marks[0].set_data([shown.gammas[k]], [np.sqrt(shown.mse[k])])
        marks[1].set_data([shown.gammas[k]], [shown.rate[k]])
        sheet.set_data(_sheet(shown, k))
        return False

    return Scene([sheet, *marks], update)


def _sheet(shown: Balance, k: int) -> np.ndarray:
    """[3, SHOWN, h, w] -> one picture, rows apart by a white line."""
    rows, columns, h, w = shown.images[k].shape
    padded = np.pad(shown.images[k], ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=1.0)
    return padded.transpose(0, 2, 1, 3).reshape(rows * (h + 1), columns * (w + 1))


def words(shown: Balance, values: Values) -> tuple[Sequence[Row], str]:
    """The readout, and the picture in one sentence."""
    k = _nearest(shown, values["gamma"])
    gamma, error, rate = shown.gammas[k], float(np.sqrt(shown.mse[k])), shown.rate[k]
    rows = [("gamma", f"{gamma:.3g}"), ("root of the squared error", f"{error:.3f}"), ("KL(q‖p)", f"{rate:.2f} nats")]
    if gamma > 1.15 * error:
        verdict = "more noise than there is error, and the code is too poor"
    elif gamma < error / 1.15:
        verdict = "less noise than there is error, and the code is too rich"
    else:
        verdict = "as much noise as there is error: in balance"
    slider = "" if abs(values["gamma"] / gamma - 1) < 1e-6 else f" (the trained value nearest to {values['gamma']:.3g})"
    return rows, f"At gamma = {gamma:.3g}{slider} the decoder assumes {verdict}."


def _alt(shown: Balance) -> str:
    first, last = 0, len(shown.gammas) - 1
    return (
        f"Film-strip over gamma from {shown.gammas[first]:.3g} to {shown.gammas[last]:.3g}: the root of the squared "
        f"error rises from {np.sqrt(shown.mse[first]):.3f} to {np.sqrt(shown.mse[last]):.3f}, the code falls from "
        f"{shown.rate[first]:.1f} to {shown.rate[last]:.2f} nats."
    )
