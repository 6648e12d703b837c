"""cr-rotation-limit: when does a transformation keep the meaning of a digit?  Rotations by up to 15, ... 180 degrees.

A six turned by 180 degrees is a nine: consistency with such views asks the encoder to forget what the class is.
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.consistency import PAPER, arms, protocol
from figures.figure import Figure, Row
from vaelab import plots
from vaelab.run_store import Numbers, Result, merge_results

NAMES = ("nll", "rate", "gap", "rho", "probe", "probe_moved", "six_nine", "six_nine_moved")


def compute(device: str, *, angles: list[float], consistency: float, seeds: int, **setting: Any) -> Result:
    """NAMES [2, angles, seeds]: augmentation alone, then consistency, with rotations up to each angle.

    data []: what they were trained on, in words.
    """
    chosen = [arms.cr(0.0), arms.cr(consistency)]
    by_angle = [arms.trained(chosen, device, seeds, views=angle, **setting) for angle in angles]
    results = [[row[a] for row in by_angle] for a in range(2)]
    numbers = {name: np.array([[[r.numbers[name] for r in row] for row in arm] for arm in results]) for name in NAMES}
    numbers |= {"angle": np.array(angles), "arm": np.array([arm.name for arm in chosen])}
    numbers |= {"data": np.array(protocol.in_words(seeds, **setting))}
    return merge_results(numbers, [r for arm in results for row in arm for r in row])


def rows(n: Numbers) -> list[Row]:
    return [
        {
            "arm": str(arm),
            "largest_rotation_degrees": float(angle),
            "seed": seed,
            **{name: float(n[name][k, i, seed]) for name in NAMES},
        }
        for k, arm in enumerate(n["arm"])
        for i, angle in enumerate(n["angle"])
        for seed in range(n["nll"].shape[2])
    ]


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.0)
    panels = figure.subplots(1, 3)
    styles = {"linestyle": "--", "marker": "o", "markersize": 3}, {"marker": "o", "markersize": 3}
    for k, (arm, look) in enumerate(zip(n["arm"], styles, strict=True)):
        colour = (plots.MEAN, plots.JS)[k]
        for ax, name in zip(panels, ("probe", "six_nine", "nll"), strict=True):
            plots.spread(ax, n["angle"], n[name][k], colour, label=str(arm), **look)
    panels[0].set(title="probe, ten digits", ylabel="share right, upright test images")
    panels[1].set(title="probe, 6 against 9")
    panels[2].set(title="NLL (nats), upright")
    for ax in panels:
        ax.set(xlabel="rotations of views up to (°)", xticks=n["angle"])
    panels[2].legend()
    figure.suptitle(str(n["data"]))
    return figure


def alt(n: Numbers) -> str:
    told = "; ".join(
        f"up to {angle:g} degrees: probe {n['probe'][1, i].mean():.3f} (without {n['probe'][0, i].mean():.3f}), "
        f"6 against 9 {n['six_nine'][1, i].mean():.3f} ({n['six_nine'][0, i].mean():.3f})"
        for i, angle in enumerate(n["angle"])
    )
    return (
        f"Linear probes and NLL against the largest rotation of the views, with consistency and without "
        f"({n['arm'][1]}; {n['data']}). {told}."
    )


ANGLES = [15.0, 45.0, 90.0, 135.0, 180.0]
FIGURE = Figure(
    id="cr-rotation-limit",
    paper=PAPER,
    shows="Linear probes, over ten digits and of 6 against 9, as the views turn further "
    f"(quick: {arms.SMALL['limit']:,} images of {arms.SMALL['side']} × {arms.SMALL['side']} pixels)",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={
        "quick": {"angles": [15.0, 90.0, 180.0], "consistency": 5.0, "seeds": 2, **arms.SMALL},
        "paper": {"angles": ANGLES, "consistency": 5.0, "seeds": 3, **arms.MINI},
    },
)
