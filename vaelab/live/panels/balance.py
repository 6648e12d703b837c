"""The balance panel: the decoder's gamma, its images, and the two parts of the loss.

The numbers of the digits ship beside this file; `python -m vaelab.live.panels.balance` trains them again.
"""

import io
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vaelab import plots
from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab._utils.files import atomic_write
from vaelab._utils.images import to_float, to_uint8
from vaelab._utils.typed import typed
from vaelab.data.images import Images, as_images
from vaelab.data.loading import load
from vaelab.divergences.gaussian import Gaussian, diagonal_kl
from vaelab.live.controls import Slider
from vaelab.live.figure import AnyFigure, Scene, Values, empty_line, rounded_limit
from vaelab.live.panel import Panel
from vaelab.live.spec import PanelSpec, Readout
from vaelab.objectives import recipes
from vaelab.objectives.objective import Experiment
from vaelab.training.config import TrainConfig
from vaelab.training.ensemble import fit_many

GAMMAS = (0.02, 0.05, 0.08, 0.12, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0)
N_IMAGES = 6
EPOCHS = 20
MAX_MEASURED = 1000  # images whose errors and KL are averaged
NUMBERS = Path(__file__).with_name("balance_digits.npz")
CAPTION = (
    "One VAE per gamma, the standard deviation of the decoder: error per pixel and KL; data, reconstructions "
    "and samples. Small gamma: sharp reconstructions, a large KL, and samples from the prior that "
    "do not look like the data. Large gamma: the code carries no information and every sample is the mean image."
)


class _GammaSeries(NamedTuple):
    """Measurements of k VAEs that differ in gamma alone."""

    gammas: np.ndarray  # [k], rising
    rmse: np.ndarray  # per pixel, [k]
    rate: np.ndarray  # KL in nats, [k]
    images: np.ndarray  # data, reconstructions, samples [k, 3, N_IMAGES, h, w]

    def nearest(self, target: float | np.ndarray) -> int:
        """Return the index of the gamma nearest to a number, or to its own target [k]."""
        return int(np.abs(np.log(self.gammas / target)).argmin())


@typed
def balance_panel(
    experiments: Sequence[Experiment] | None = None,
    images: Images | None = None,
    *,
    epochs: int = EPOCHS,
    style: plots.Style = "notebook",
) -> Panel:
    """Build a panel over VAEs that differ in gamma alone: images, reconstruction error and KL.

    Args:
        experiments: At least two with a fixed gamma each, one channel, trained on `images`. Without
            any, the panel shows twelve small ones, trained on the digits.
        images: [n, 1, h, w], at least six, for `experiments`; the first 1000 are measured.
        epochs: Epochs of the training on the digits. The numbers of 20 ship with the package; another number of
            epochs takes some seconds.
        style: "notebook", "paper" or "talk".

    Returns:
        The panel; its slider stops at the gammas of the experiments alone.

    Raises:
        InvalidType: If an argument is of another type.
        InvalidValue: If there are too few experiments or images, or an experiment has no gamma.
    """
    series = _series(experiments, images, epochs)
    low, *_, high = gammas = series.gammas.tolist()
    optimum = gammas[series.nearest(series.rmse)]
    last = len(gammas) - 1
    spec = PanelSpec(
        draw=partial(_draw, series=series),
        sizes={"notebook": (9.6, 3.6), "paper": (7.0, 2.7), "talk": (12.8, 4.9)},
        controls=[Slider("gamma", "γ", low, high, optimum, log=True, stops=tuple(gammas))],
        presets={"sharp": {"gamma": low}, "balanced": {"gamma": optimum}, "collapse": {"gamma": high}},
        readout=partial(_readout, series),
        alt=partial(_alt, series),
        frames={f"γ = {gammas[k]:.3g}": {"gamma": gammas[k]} for k in sorted({0, last // 3, 2 * last // 3, last})},
        filmstrip_size=(9.6, 4.0),
        filmstrip_alt=partial(_filmstrip_alt, series),
        caption=CAPTION,
        still="Run the cell for the slider.",
    )
    return Panel(spec, style)


def _series(experiments: Sequence[Experiment] | None, images: Images | None, epochs: int) -> _GammaSeries:
    """Measure experiments; without any, return the numbers of the digits."""
    checks.positive_int("epochs", epochs)
    if experiments is None:
        if images is not None:
            raise InvalidValue(f"images must be None without experiments, got {checks.shown(images)}.")
        if epochs == EPOCHS:
            return _load()
        images = load("digits").images
        experiments = _train(images, epochs)
    if len(experiments) < 2:
        raise InvalidValue(f"experiments must be at least two, got {len(experiments)}.")
    if len(shape := experiments[0].shape) != 3 or shape[0] != 1:
        raise InvalidValue(f"experiments must be of images with one channel, got the shape {shape}.")
    images = None if images is None else as_images(images, shape)
    if images is None or len(images) < N_IMAGES:
        raise InvalidValue(f"images must be at least {N_IMAGES}, got {'none' if images is None else len(images)}.")
    return _measure(experiments, images[:MAX_MEASURED])


def _load() -> _GammaSeries:
    with np.load(NUMBERS) as arrays:
        numbers = {name: arrays[name] for name in _GammaSeries._fields}
    return _GammaSeries(**{**numbers, "images": numbers["images"] / np.float32(255)})


def _write() -> None:
    """Train on the digits, and write the numbers."""
    images = load("digits").images
    numbers = _measure(_train(images, EPOCHS), images)._asdict()
    numbers["images"] = to_uint8(torch.from_numpy(numbers["images"])).numpy()
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **numbers)
    with atomic_write(NUMBERS) as part:
        part.write_bytes(buffer.getvalue())


def _train(images: Tensor, epochs: int) -> list[Experiment]:
    def make(gamma: float) -> Experiment:
        return recipes.vae((1, 8, 8), 8, hidden=(64,), gamma=gamma)

    config = TrainConfig(epochs=epochs, batch_size=64, lr=3e-3, device="cpu", progress=False)
    return fit_many(make, [{"gamma": gamma} for gamma in GAMMAS], images, config).experiments


def _measure(experiments: Sequence[Experiment], images: Tensor) -> _GammaSeries:
    """Measure on the CPU with a separate generator, so that no other random stream changes."""
    by_gamma = sorted(experiments, key=_gamma)
    x = images.cpu()
    noise = torch.randn(N_IMAGES, by_gamma[0].model.latent, generator=torch.Generator().manual_seed(0))
    mse, rate, rows = [], [], []
    for experiment in by_gamma:
        device = next(experiment.parameters()).device
        q = experiment.encode(x.to(device))
        decoded = experiment.decode(q.mean).cpu()
        mse.append(float((to_float(x) - decoded).square().mean()))
        rate.append(float(diagonal_kl(q, Gaussian.standard(q.mean)).mean()))
        samples = experiment.decode(noise.to(device)).cpu()
        rows.append(torch.stack([to_float(x[:N_IMAGES]), decoded[:N_IMAGES], samples])[:, :, 0].numpy())
    return _GammaSeries(np.array([_gamma(e) for e in by_gamma]), np.sqrt(mse), np.array(rate), np.stack(rows))


def _gamma(experiment: Experiment) -> float:
    policy = experiment.objective.likelihood.gamma
    if policy is None:
        raise InvalidValue("likelihood must be normal or laplace, got a Bernoulli decoder, which has no gamma.")
    return round(float(policy.gamma), 6)


def _draw(figure: AnyFigure, series: _GammaSeries, *, stacked: bool = False) -> Scene:
    """Draw the two parts of the loss over gamma, and three rows of images."""
    colors = plots.palette()
    left, right = figure.subplots(2, 1) if stacked else figure.subplots(1, 2, width_ratios=(3, 4))
    left.plot(series.gammas, series.rmse, color=colors.P, linestyle="--", label="root of the squared error")
    left.plot(series.gammas, series.gammas, color=colors.REFERENCE, linestyle=":", label="γ itself")
    left.set(xscale="log", yscale="log", xlabel="γ", title="error per pixel")
    rates = left.twinx()
    rates.plot(series.gammas, series.rate, color=colors.Q, label="KL(q‖p), nats (right axis)")
    rates.spines["right"].set_visible(True)
    rates.set_ylim(0, rounded_limit(1.15 * float(series.rate.max())))
    small = {"fontsize": "small", "borderaxespad": 0.0} if stacked else {}
    left.legend(handles=[*left.get_lines(), *rates.get_lines()], loc="upper center", **small)
    left.set_ylim(top=8 if stacked else 4)
    right.set_title("data, reconstructions, samples")
    marks = [
        empty_line(ax, [0], marker="o", color=color, linestyle="none")
        for ax, color in ((left, colors.P), (rates, colors.Q))
    ]
    grid = plots.image_grid(right, series.images[0], gap=1)

    def update(values: Values) -> bool:
        k = series.nearest(values["gamma"])
        for mark, curve in zip(marks, (series.rmse, series.rate), strict=True):
            mark.set_data([series.gammas[k]], [curve[k]])
        grid.set_data(plots.tile_images(series.images[k], gap=1))
        return False

    return Scene([grid, *marks], update)


def _readout(series: _GammaSeries, values: Values) -> Readout:
    """Return gamma, error and KL of the nearest VAE, and whether they balance."""
    k = series.nearest(values["gamma"])
    gamma, error, rate = series.gammas[k], series.rmse[k], series.rate[k]
    rows = [("γ", f"{gamma:.3g}"), ("root of the squared error", f"{error:.3f}"), ("KL(q‖p)", f"{rate:.2f} nats")]
    if gamma > 1.15 * error:
        noise = "more noise than there is error: the code carries too little information"
    elif gamma < error / 1.15:
        noise = "less noise than there is error: the code carries too much information"
    else:
        noise = "as much noise as there is error: γ is balanced"
    return Readout(rows, f"At γ = {gamma:.3g} the decoder assumes {noise}.")


def _alt(series: _GammaSeries, values: Values) -> str:
    """Describe the marks on the curves, and the images."""
    k = series.nearest(values["gamma"])
    spread = series.images[k, 2].std(0).mean()
    return (
        f"Left: from gamma {series.gammas[0]:.3g} to {series.gammas[-1]:.3g} the root of the squared error rises from "
        f"{series.rmse[0]:.3f} to {series.rmse[-1]:.3f} and the KL falls from {series.rate[0]:.1f} to "
        f"{series.rate[-1]:.2f} nats; at {series.gammas[k]:.3g} they are {series.rmse[k]:.3f} and "
        f"{series.rate[k]:.2f} nats. Right: data, reconstructions and samples, which differ by {spread:.3f} in a pixel."
    )


def _filmstrip_alt(series: _GammaSeries) -> str:
    return (
        f"Filmstrip over gamma from {series.gammas[0]:.3g} to {series.gammas[-1]:.3g}: the root of the squared error "
        f"rises from {series.rmse[0]:.3f} to {series.rmse[-1]:.3f}, the KL falls from {series.rate[0]:.1f} to "
        f"{series.rate[-1]:.2f} nats."
    )


if __name__ == "__main__":
    _write()
    sys.exit(0)
