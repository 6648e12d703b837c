"""var-kurtosis: the fourth moment of Q(z), about which the variance law says nothing; 3 for a Gaussian.

If the law held image by image, Q(z) would have the kurtosis 3 - 2 E[mean⁴]; if every image had the same sigma,
3 + (E[mean⁴] - 3 E[mean²]²)/V².  Both are held against what is measured.
"""

from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure as Drawing

from figures.figure import Figure, Row
from figures.variance_law import PAPER
from figures.variance_law.followed import WIDE, WIDE_PAPER, followed, posteriors
from vaelab import plots
from vaelab.posterior import MarginalPosterior
from vaelab.run_store import Numbers, Result, merge_results

COLUMNS = ("variance", "of_means", "measured", "point_by_point", "constant_sigma")
LABELS = {
    "point_by_point": "if σ² + μ² = 1 for every image:\n3 − 2 E[μ⁴]",
    "constant_sigma": "if σ were the same for every image",
}


def compute(device: str, *, seeds: int, **training: Any) -> Result:
    """Numbers [seeds, latent]: the columns, and active."""
    results = followed(device, seeds, **training)
    found = [latents(posterior) for posterior in posteriors(results)]
    return merge_results({name: np.stack([each[name] for each in found]) for name in found[0]}, results)


def latents(posterior: MarginalPosterior) -> Numbers:
    """Per latent [d]: V, the variance of the means, the kurtosis of Q(z) and what two simpler cases would make of it,
    means taken about their own mean; and whether the latent is active."""
    law, moments = posterior.variance_law(), posterior.moments()
    fourth = ((posterior.mean - moments.mean) ** 4).mean(0)
    columns = (
        *(law.total, law.of_means, moments.kurtosis),
        *(3 - 2 * fourth, 3 + (fourth - 3 * law.of_means**2) / law.total**2),
    )
    return {**{k: c.numpy() for k, c in zip(COLUMNS, columns, strict=True)}, "active": law.active.numpy()}


def textbook() -> dict[str, float]:
    """The sheet's cases of variance 1: kurtosis in closed form by `MarginalPosterior.moments`."""
    mean = torch.linspace(-1, 1, 20_001, dtype=torch.float64)[:, None]
    wide = mean * 3**0.5  # variance 1
    cases = {
        "μ uniform, σ² + μ² = 1": (0.95 * mean, torch.log(1 - (0.95 * mean) ** 2)),
        "μ uniform, σ² = 0.02": (0.98**0.5 * wide, torch.full_like(mean, np.log(0.02))),
        "μ uniform, σ² = 0.3": (0.7**0.5 * wide, torch.full_like(mean, np.log(0.3))),
        "μ = ±0.9, σ² + μ² = 1": (0.9 * mean.sign(), torch.full_like(mean, np.log(0.19))),
    }
    return {name: float(MarginalPosterior(*case).moments().kurtosis) for name, case in cases.items()}


def rows(n: Numbers) -> list[Row]:
    measured: list[Row] = [
        {
            "seed": seed,
            "latent": k,
            "active": "yes" if active else "no",
            **dict(zip(COLUMNS, map(float, v), strict=True)),
        }
        for seed in range(len(n["active"]))
        for k, (active, *v) in enumerate(zip(*(n[c][seed] for c in ("active", *COLUMNS)), strict=True))
    ]
    return measured


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 2.9)
    every = figure.subplots(1, 3, width_ratios=(1, 1, 0.8))
    active = n["active"].astype(bool)
    for axes, (column, title) in zip(every[:2], LABELS.items(), strict=True):
        both = np.concatenate([n[column].flatten(), n["measured"].flatten(), [3.0]])
        ends = [float(both.min()) - 0.15, float(both.max()) + 0.15]
        axes.plot(ends, ends, color="black", linewidth=0.6, linestyle="--", zorder=0)
        axes.axhline(3, color="0.7", linewidth=0.6, zorder=0)
        for where, colour, name in ((active, plots.Q, "active"), (~active, plots.REFERENCE, "inactive")):
            if where.any():
                axes.plot(n[column][where], n["measured"][where], "o", color=colour, alpha=0.7, label=name)
        axes.set(title=title, xlabel="kurtosis predicted", xlim=ends, ylim=ends, aspect="equal")
    every[0].set_ylabel("kurtosis of Q(z), measured")
    if not active.all():
        every[0].legend()
    _cases(every[2])
    return figure


def _cases(axes: Any) -> None:
    cases = textbook()
    axes.barh(range(len(cases)), list(cases.values()), color=plots.MEAN, alpha=0.4)
    axes.axvline(3, color="black", linewidth=0.6, linestyle="--")
    for y, (name, value) in enumerate(cases.items()):
        axes.text(0.08, y, f"{name}: {value:.2f}", va="center", fontsize="small")
    axes.set(title="four mixtures, all with V = 1", xlabel="kurtosis (dashed: Gaussian)", yticks=[], xlim=(0, 3.2))


def alt(n: Numbers) -> str:
    where = n["active"].astype(bool)
    measured = n["measured"][where]
    off = {c: np.sqrt(((n[c][where] - measured) ** 2).mean()) for c in LABELS}
    return (
        f"Kurtosis of Q(z) in {where.sum()} active latents: {measured.mean():.2f} on average, from "
        f"{measured.min():.2f} to {measured.max():.2f}, where a Gaussian has 3. The formula for a law that holds "
        f"image by image misses it by {off['point_by_point']:.2f} (root mean square), that for equal sigmas by "
        f"{off['constant_sigma']:.2f}. Four "
        f"textbook mixtures of variance 1 have {', '.join(f'{v:.2f}' for v in textbook().values())}."
    )


FIGURE = Figure(
    id="var-kurtosis",
    paper=PAPER,
    shows="The kurtosis of Q(z) against two predictions: the same variance leaves the fourth moment free",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={"quick": {"seeds": 2, **WIDE}, "paper": {"seeds": 3, **WIDE_PAPER}},
)
