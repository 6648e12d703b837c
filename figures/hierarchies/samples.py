"""nvae-samples and nvae-fix-levels: samples of a hierarchy by temperature, and below each level."""

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.alt import itemize
from figures.hierarchies import figure
from figures.hierarchies.trainings import SAMPLES, compute_samples
from vaelab import plots
from vaelab.runs.store import Numbers


def _rates(n: Numbers) -> str:
    """Return the rates of the groups, first seed."""
    return ", ".join(f"{rate:.1f}" for rate in n["rates"][0])


def _title(n: Numbers) -> str:
    """Return what was trained, and how the nats are shared."""
    return f"10,000 digits of MNIST, {SAMPLES['epochs']} epochs; rates of the groups: {_rates(n)} nats"


def describe_temperatures(n: Numbers) -> str:
    listed = itemize(
        "{:g}: variance {:.1f}, distance {:.2f}", n["temperature"], n["spread"].mean(0), n["nearest"].mean(0)
    )
    return (
        f"Samples of a hierarchy trained on 10,000 digits of MNIST, whose groups carry {_rates(n)} nats, a row for "
        "each temperature. Variance summed over pixels, and mean distance from the nearest training image, by "
        f"temperature: {listed}."
    )


@figure(
    "nvae-samples",
    compute_samples,
    {"spread nearest": "seed temperature"},
    describe_temperatures,
    quick=SAMPLES,
    seeds="{} seeds: the first is drawn",
)
def draw_temperatures(n: Numbers) -> Drawing:
    """Samples of a hierarchy by temperature."""
    drawing = plots.new_figure(7.0, 2.4)
    right = [f"variance {v:.0f}\ndistance {d:.1f}" for v, d in zip(n["spread"][0], n["nearest"][0], strict=True)]
    labels = [f"temperature {t:g}" for t in n["temperature"]]
    plots.image_grid(drawing.subplots(), n["by_temperature"][0], labels, right=right, gap=2)
    drawing.suptitle(_title(n))
    return drawing


def describe_levels(n: Numbers) -> str:
    left = n["left"].mean(0)
    listed = itemize("{}: {:.1f}", range(len(left)), left).replace(";", ",")
    return (
        f"An image and samples of a hierarchy trained on 10,000 digits of MNIST, whose groups carry {_rates(n)} nats; "
        "from row to row one more group has the latents of the image, and the groups below are sampled. Variance among "
        f"such samples, summed over pixels, by the number of fixed groups: {listed}."
    )


@figure(
    "nvae-fix-levels",
    compute_samples,
    {"left": "seed fixed"},
    describe_levels,
    quick=SAMPLES,
    seeds="{} seeds: the first is drawn",
)
def draw_levels(n: Numbers) -> Drawing:
    """Samples of a hierarchy whose first groups are fixed by an image."""
    drawing = plots.new_figure(7.0, 2.4)
    below = n["below"][0]
    image = np.broadcast_to(n["image"][0], (len(below), 1, *below.shape[2:]))
    labels = ["no group fixed", *(f"group{'s 1 to' * (k > 1)} {k} fixed" for k in range(1, len(below)))]
    right = [f"variance {value:.1f}" for value in n["left"][0]]
    pictures = np.concatenate([image, below], 1)
    plots.image_grid(drawing.subplots(), pictures, labels, ["image"], right=right, gap=2)
    drawing.suptitle(_title(n))
    return drawing
