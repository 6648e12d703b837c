"""The scale panel: what a factor on generated latents does to the pictures, and to their distance from the data."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from vaelab import plots
from vaelab._utils.errors import InvalidValue
from vaelab.data.dataset import Dataset
from vaelab.live.controls import Choice, Control, Slider
from vaelab.live.figure import Scene, Values
from vaelab.live.figure_panel import Story, drawn
from vaelab.live.panel import Panel
from vaelab.live.readout import Row
from vaelab.metrics.classifier import classifier
from vaelab.metrics.frechet import frechet_distance
from vaelab.objectives.objective import Experiment
from vaelab.posterior.samplers import Sampler

SIZES = {"notebook": (9.6, 3.4), "paper": (7.0, 2.5), "talk": (12.8, 4.6)}
FACTORS = np.round(np.arange(0.4, 3.01, 0.2), 2)
ROWS, COLUMNS = 4, 7
COLORS = (plots.Q, plots.P, plots.MEAN, plots.DUAL, plots.REFERENCE)
CAPTION = (
    "Latents are drawn, multiplied by a factor and decoded. Too small a factor: every picture is near the mean. "
    "Renormalization puts the factor where the latents have the spread of the codes; whether the score agrees is "
    "another matter. Run the cell for the slider."
)


class Scaled(NamedTuple):
    """Per source and factor: distance [k, f] from the data, and pictures [k, f, ROWS * COLUMNS, h, w]."""

    names: tuple[str, ...]
    distance: np.ndarray
    pictures: np.ndarray


def scale_panel(
    experiment: Experiment,
    samplers: Mapping[str, Sampler],
    dataset: Dataset,
    *,
    n: int = 500,
    style: plots.Style = "notebook",
) -> Panel:
    """A slider for a factor on the latents of fitted samplers, named as they shall be shown, of a one-channel VAE.

    The distance is Fréchet's on features of a classifier trained on the data set, for n pictures.

    Raises InvalidValue for no sampler or more than five, or for images of several channels.
    """
    if not 1 <= len(samplers) <= len(COLORS) or dataset.shape[0] != 1:
        raise InvalidValue(
            f"the panel shows one to five samplers of gray images, got {len(samplers)} and {dataset.shape[0]} channels."
        )
    shown = _measured(experiment, samplers, dataset, n)
    first = shown.names[0]
    controls: list[Control] = [
        Slider("factor", "factor", float(FACTORS[0]), float(FACTORS[-1]), 1.0, 0.2),
        Choice("source", "latents from", shown.names, first),
    ]
    best = float(FACTORS[shown.distance[0].argmin()])
    chosen = sorted({float(FACTORS[0]), 1.0, best, float(FACTORS[-1])})
    frames = [{"factor": factor, "source": first} for factor in chosen]
    titles = [f"{first}, factor {factor:g}" for factor in chosen]
    story = Story(partial(draw, shown=shown, stacked=True), frames, titles, lambda: _alt(shown), CAPTION)
    presets = {"shrunk": {"factor": 0.6}, "as drawn": {"factor": 1.0}, "best by the score": {"factor": best}}
    return drawn(partial(draw, shown=shown), SIZES, controls, partial(words, shown), story, presets, style)


def _measured(experiment: Experiment, samplers: Mapping[str, Sampler], dataset: Dataset, n: int) -> Scaled:
    judge = classifier(dataset)
    real = judge.features(dataset.images)
    device = experiment.objective.weight.device
    distance, pictures = [], []
    for sampler in samplers.values():
        z = sampler.sample(n, torch.Generator().manual_seed(0))
        made = [experiment.decode((float(factor) * z).to(device)).cpu() for factor in FACTORS]
        distance.append([frechet_distance(real, judge.features(images)) for images in made])
        pictures.append(torch.stack([images[: ROWS * COLUMNS, 0] for images in made]).numpy())
    return Scaled(tuple(samplers), np.array(distance), np.stack(pictures))


def _at(factor: float) -> int:
    return int(np.abs(FACTORS - factor).argmin())


def draw(figure: Figure | SubFigure, shown: Scaled, *, stacked: bool = False) -> Scene:
    """Distance over the factor, a line per source, and a sheet of pictures."""
    left, right = figure.subplots(2, 1, height_ratios=(5, 4)) if stacked else figure.subplots(1, 2)
    for name, values, color in zip(shown.names, shown.distance, COLORS, strict=False):
        left.plot(FACTORS, values, color=color, label=name)
    left.set(yscale="log", xlabel="factor", title="Fréchet distance, classifier features")
    left.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    left.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    left.yaxis.set_minor_locator(NullLocator())
    left.legend(loc="upper right", fontsize="x-small" if stacked else "small")
    if not stacked:
        right.set_title("what is decoded")
    (mark,) = left.plot(FACTORS[:1], shown.distance[0, :1], "o", color=plots.JS, markersize=7)
    right.set(xticks=[], yticks=[])
    right.spines[:].set_visible(False)
    sheet = right.imshow(_sheet(shown, 0, 0), vmin=0, vmax=1)

    def update(values: Values) -> bool:
        k, f = shown.names.index(values["source"]), _at(values["factor"])
        mark.set_data([FACTORS[f]], [shown.distance[k, f]])
        sheet.set_data(_sheet(shown, k, f))
        return False

    return Scene([sheet, mark], update)


def _sheet(shown: Scaled, k: int, f: int) -> np.ndarray:
    pictures = shown.pictures[k, f]
    h, w = pictures.shape[1:]
    grid = pictures.reshape(ROWS, COLUMNS, h, w).transpose(0, 2, 1, 3)
    return grid.reshape(ROWS * h, COLUMNS * w)


def words(shown: Scaled, values: Values) -> tuple[Sequence[Row], str]:
    """The readout, and the picture in one sentence."""
    k, f = shown.names.index(values["source"]), _at(values["factor"])
    best = FACTORS[shown.distance[k].argmin()]
    rows = [
        ("latents from", shown.names[k]),
        ("factor", f"{FACTORS[f]:g}"),
        ("distance", f"{shown.distance[k, f]:.1f}"),
    ]
    where = "here" if FACTORS[f] == best else f"at {best:g}, {shown.distance[k].min():.1f}"
    return rows, f"{shown.names[k]} times {FACTORS[f]:g}: distance {shown.distance[k, f]:.1f}; its smallest is {where}."


def _alt(shown: Scaled) -> str:
    best = [f"{name} at {FACTORS[row.argmin()]:g}" for name, row in zip(shown.names, shown.distance, strict=True)]
    return (
        f"Film-strip over a factor on latents of {shown.names[0]}: distance {shown.distance[0, 0]:.0f} at "
        f"{FACTORS[0]:g}, {shown.distance[0].min():.0f} at best, {shown.distance[0, -1]:.0f} at {FACTORS[-1]:g}. "
        f"Best factors: {', '.join(best)}."
    )
