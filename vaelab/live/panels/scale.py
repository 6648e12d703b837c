"""The scale panel: sampled latents times a factor, their images and Fréchet distance."""

import copy
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from torch import Tensor

from vaelab import plots
from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import typed
from vaelab.data.dataset import Dataset
from vaelab.live.controls import Choice, Slider
from vaelab.live.figure import AnyFigure, Scene, Values
from vaelab.live.panel import Panel
from vaelab.live.spec import PanelSpec, Readout
from vaelab.metrics.classifier import FEATURES, classifier
from vaelab.metrics.frechet import frechet_distance
from vaelab.objectives.objective import Experiment
from vaelab.posterior.samplers import Sampler

FACTORS = np.round(np.arange(0.4, 3.01, 0.2), 2)
ROWS, COLUMNS = 4, 7
MAX_SAMPLERS = 5
CAPTION = (
    "Latents are sampled, multiplied by a factor and decoded. The curve is the Fréchet distance of these images from "
    "the data. With a small factor every image is close to the mean. "
    "Renormalization sets the factor at which sampled latents vary as much as the codes; compare it with the factor of "
    "the smallest distance."
)


class _ScaledSamples(NamedTuple):
    """Fréchet distances [k, factors] and images [k, factors, ROWS, COLUMNS, h, w] of k samplers."""

    names: tuple[str, ...]
    distance: np.ndarray
    images: np.ndarray

    def at(self, values: Values) -> tuple[int, int]:
        """Return the indices of the sampler and of the factor."""
        return self.names.index(values["source"]), FACTORS.tolist().index(values["factor"])


class _Measurement:
    """Samples that are measured once, when they are first needed, by whichever thread."""

    def __init__(self, experiment: Experiment, latents: Mapping[str, Tensor], dataset: Dataset) -> None:
        self._parts = copy.deepcopy(experiment), latents, dataset  # the experiment may be trained on
        self._lock, self._samples = threading.Lock(), list[_ScaledSamples]()

    def __call__(self, check: Callable[[], None] = lambda: None) -> _ScaledSamples:
        """Return the samples; `check` is called between the steps of the measurement and may end it by an error."""
        with self._lock:
            check()
            if not self._samples:
                self._samples.append(_measure(*self._parts, check))
        return self._samples[0]

    def best(self) -> float:
        """Return the factor at which the first sampler has the smallest distance."""
        return float(FACTORS[self().distance[0].argmin()])

    def frames(self) -> dict[str, Values]:
        """Return the values of the filmstrip's frames."""
        first, factors = self().names[0], sorted({FACTORS[0], 1.0, self.best(), FACTORS[-1]})
        return {f"{first}, factor {factor:g}": {"factor": factor, "source": first} for factor in factors}


@typed
def scale_panel(
    experiment: Experiment,
    samplers: Mapping[str, Sampler],
    dataset: Dataset,
    *,
    n: int = 500,
    style: plots.Style = "notebook",
) -> Panel:
    """Build a panel on the scale of sampled latents.

    Args:
        experiment: Decodes the latents, to one channel.
        samplers: One to five fitted samplers, by the names to show.
        dataset: Gray images; a classifier trained on them provides the features of the distance.
        n: Number of samples at each factor, at least 65.
        style: "notebook", "paper" or "talk".

    Returns:
        The panel; its controls are the factor, at 0.4, 0.6, ..., 3, and the sampler.

    Raises:
        InvalidType: If an argument is of another type.
        InvalidValue: If there are too few samples, no sampler or more than five, or images have several channels.
    """
    checks.positive_int("n", n, at_least=FEATURES + 1)
    if len(dataset) <= FEATURES:
        raise InvalidValue(f"dataset must have more than {FEATURES} images, got {len(dataset)}.")
    if not 1 <= len(samplers) <= MAX_SAMPLERS or dataset.shape[0] != 1:
        raise InvalidValue(
            f"samplers must be one to {MAX_SAMPLERS} and images gray, "
            f"got {len(samplers)} and {dataset.shape[0]} channels."
        )
    latents = {name: sampler.sample(n, torch.Generator().manual_seed(0)) for name, sampler in samplers.items()}
    measured, names, factors = _Measurement(experiment, latents, dataset), tuple(samplers), FACTORS.tolist()
    best = {"smallest distance": lambda: {"factor": measured.best()}}
    spec = PanelSpec(
        draw=partial(_draw, measured),
        sizes={"notebook": (9.6, 3.4), "paper": (7.0, 2.5), "talk": (12.8, 4.6)},
        controls=[
            Slider("factor", "factor", factors[0], factors[-1], 1.0, stops=tuple(factors)),
            Choice("source", "latents from", names, names[0]),
        ],
        presets={"shrunk": {"factor": 0.6}, "as sampled": {"factor": 1.0}, **best},
        prepare=measured,
        readout=lambda values: _readout(measured(), values),
        alt=lambda values: _alt(measured(), values),
        frames=measured.frames,
        filmstrip_alt=lambda: _filmstrip_alt(measured()),
        caption=CAPTION,
        still="Run the cell for the slider.",
    )
    return Panel(spec, style)


def _measure(
    experiment: Experiment, latents: Mapping[str, Tensor], dataset: Dataset, check: Callable[[], None] = lambda: None
) -> _ScaledSamples:
    """Decode latents [n, d] at every factor; the classifier is trained first, unless it is stored."""
    network = classifier(dataset, on_step=check)
    real = network.features(dataset.images)
    device = experiment.objective.weight.device
    distance, grids = [], []
    for z in latents.values():
        decoded, distances = list[Tensor](), list[float]()
        for factor in FACTORS:
            check()
            decoded.append(experiment.decode((float(factor) * z).to(device)).cpu())
            distances.append(frechet_distance(real, network.features(decoded[-1])))
        distance.append(distances)
        first = torch.stack([images[: ROWS * COLUMNS, 0] for images in decoded])
        grids.append(first.unflatten(1, (ROWS, COLUMNS)).numpy())
    return _ScaledSamples(tuple(latents), np.array(distance), np.stack(grids))


def _draw(measured: _Measurement, figure: AnyFigure, *, stacked: bool = False) -> Scene:
    """Draw the distance over the factor, and decoded images."""
    samples, colors = measured(), plots.palette()
    lines = colors.Q, colors.P, colors.MEAN, colors.DUAL, colors.REFERENCE
    left, right = figure.subplots(2, 1, height_ratios=(5, 4)) if stacked else figure.subplots(1, 2)
    for name, distance, color in zip(samples.names, samples.distance, lines, strict=False):
        left.plot(FACTORS, distance, color=color, label=name)
    left.set(yscale="log", xlabel="factor", title="Fréchet distance, classifier features")
    left.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    left.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    left.yaxis.set_minor_locator(NullLocator())
    left.legend(loc="upper right", fontsize="x-small" if stacked else "small")
    if not stacked:
        right.set_title("decoded samples")
    (mark,) = left.plot(FACTORS[:1], samples.distance[0, :1], "o", color=colors.JS, markersize=7)
    grid = plots.image_grid(right, samples.images[0, 0])

    def update(values: Values) -> bool:
        k, f = samples.at(values)
        mark.set_data([FACTORS[f]], [samples.distance[k, f]])
        grid.set_data(plots.tile_images(samples.images[k, f]))
        return False

    return Scene([grid, mark], update)


def _readout(samples: _ScaledSamples, values: Values) -> Readout:
    """Return the distance at this factor, and the factor with the smallest distance."""
    k, f = samples.at(values)
    name, distance, best = samples.names[k], samples.distance[k, f], samples.distance[k].argmin()
    rows = [("latents from", name), ("factor", f"{FACTORS[f]:g}"), ("distance", f"{distance:.1f}")]
    where = "here" if f == best else f"at {FACTORS[best]:g}, {samples.distance[k, best]:.1f}"
    return Readout(rows, f"{name} times {FACTORS[f]:g}: distance {distance:.1f}; the smallest is {where}.")


def _alt(samples: _ScaledSamples, values: Values) -> str:
    """Describe the mark on the curve, and the images."""
    k, f = samples.at(values)
    row = samples.distance[k]
    return (
        f"Left: the distance of images from {samples.names[k]} latents is {row[0]:.1f} at factor {FACTORS[0]:g}, "
        f"smallest at {FACTORS[row.argmin()]:g} with {row.min():.1f}, and {row[-1]:.1f} at {FACTORS[-1]:g}; the mark "
        f"is at {FACTORS[f]:g} with {row[f]:.1f}. Right: {ROWS * COLUMNS} decoded samples with a mean brightness of "
        f"{samples.images[k, f].mean():.2f}."
    )


def _filmstrip_alt(samples: _ScaledSamples) -> str:
    best = [f"{name} at {FACTORS[row.argmin()]:g}" for name, row in zip(samples.names, samples.distance, strict=True)]
    first = samples.distance[0]
    return (
        f"Filmstrip over a factor on latents of {samples.names[0]}: distance {first[0]:.0f} at {FACTORS[0]:g}, "
        f"{first.min():.0f} at best, {first[-1]:.0f} at {FACTORS[-1]:g}. Best factors: {', '.join(best)}."
    )
