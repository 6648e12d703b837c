"""gjs-1d: two Gaussians, the geometric means between them, and what each divergence integrates (paper 1, figure 1).

The published notebook averages standard deviations; here the mean is the correct one, which averages precisions.
"""

from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure as Drawing

from figures.figure import Figure, Row
from figures.gjs import PAPER
from vaelab import plots, quadrature
from vaelab.divergences import geometric_js, kl
from vaelab.gaussian import Gaussian
from vaelab.run_store import Numbers, Result, cached, recipe

CURVES = ("q", "p", "geometric mean", "KL(q||p)", "KL(p||q)", "JS", "geometric JS")


@recipe("divergences-in-one-dimension", version=1)
def numbers(*, means: list[float], sigmas: list[float], alphas: list[float], low: float, high: float) -> Numbers:
    """Curves over [low, high] in steps of 0.05: densities and integrands [7, m] at alpha = 1/2, the family of
    means [a, m]; and the integrals of the four divergences.
    """
    q, p = (
        Gaussian(torch.tensor([m], dtype=torch.float64), torch.tensor([2 * np.log(s)], dtype=torch.float64))
        for m, s in zip(means, sigmas, strict=True)
    )
    # integrals and normalisation run over a wide grid; the picture shows its middle
    grid = quadrature.line(low - 20, high + 20, 100 * int(high - low + 40) + 1)
    lq, lp = q.log_prob(grid.points), p.log_prob(grid.points)
    family = torch.stack([quadrature.geometric_mean(q.log_prob, p.log_prob, a, grid) for a in alphas])
    half, middle = (
        quadrature.geometric_mean(q.log_prob, p.log_prob, 0.5, grid),
        torch.logaddexp(lq, lp) - np.log(2),
    )

    def towards(target: torch.Tensor) -> torch.Tensor:
        return 0.5 * lq.exp() * (lq - target) + 0.5 * lp.exp() * (lp - target)

    curves = torch.stack(
        [
            lq.exp(),
            lp.exp(),
            half.exp(),
            lq.exp() * (lq - lp),
            lp.exp() * (lp - lq),
            towards(middle),
            towards(half),
        ]
    )
    shown = torch.arange(len(grid.points))[2000:-2000:5]
    integrals = [
        kl(q, p),
        kl(p, q),
        quadrature.jensen_shannon(q.log_prob, p.log_prob, grid),
        geometric_js(q, p, 0.5),
    ]
    return {
        "x": grid.points[shown].numpy(),
        "curves": curves[:, shown].numpy(),
        "alphas": np.array(alphas),
        "family": family[:, shown].exp().numpy(),
        "integrals": np.array([float(value) for value in integrals]),
    }


def compute(device: str, **settings: Any) -> Result:
    return cached(numbers, settings)


def rows(n: Numbers) -> list[Row]:
    named = [
        (name, 0.5 if "geometric" in name else "", values) for name, values in zip(CURVES, n["curves"], strict=True)
    ]
    named += [("geometric mean family", float(a), values) for a, values in zip(n["alphas"], n["family"], strict=True)]
    return [
        {"curve": name, "alpha": alpha, "z": float(x), "value": float(y)}
        for name, alpha, values in named
        for x, y in zip(n["x"], values, strict=True)
    ]


def draw(n: Numbers) -> Drawing:
    x, curve = n["x"], dict(zip(CURVES, n["curves"], strict=True))
    values = dict(zip(CURVES[3:], n["integrals"], strict=True))
    figure = plots.new_figure(7.0, 4.4)
    (densities, family), (kls, jss) = figure.subplots(2, 2, sharex=True)

    densities.plot(x, curve["q"], color=plots.Q, label="q")
    densities.plot(x, curve["p"], color=plots.P, label="p")
    densities.plot(x, curve["geometric mean"], color=plots.MEAN, linestyle=":", label="geometric mean, α = 0.5")
    densities.set(title="Densities", ylabel="density")

    shades = plots.between(plots.Q, plots.P, len(n["alphas"]))
    for a, values_a, shade in zip(n["alphas"], n["family"], shades, strict=True):
        family.plot(x, values_a, color=shade, label=f"α = {a:g}" if a in (0, 0.5, 1) else None)
    family.set(title="Geometric means, α from 0 to 1")

    kls.plot(x, curve["KL(q||p)"], color=plots.Q, label=f"KL(q‖p): {values['KL(q||p)']:.3f} nats")
    kls.plot(x, curve["KL(p||q)"], color=plots.P, label=f"KL(p‖q): {values['KL(p||q)']:.3f} nats")
    kls.set(title="What the two KL divergences integrate", xlabel="z", ylabel="integrand")

    jss.plot(x, curve["JS"], color="black", label=f"JS: {values['JS']:.3f} nats")
    label = f"geometric JS, α = 0.5: {values['geometric JS']:.3f} nats"
    jss.plot(x, curve["geometric JS"], color=plots.JS, linestyle="--", label=label)
    jss.fill_between(
        x, 0, curve["geometric JS"], where=curve["geometric JS"] < 0, color=plots.JS, alpha=0.2, linewidth=0
    )
    jss.set(title="JS is never negative, geometric JS is in places", xlabel="z")

    for axes in (densities, family, kls, jss):
        axes.axhline(0, color="0.7", linewidth=0.5, zorder=0)
        axes.legend(loc="upper left")
    densities.set_ylim(top=0.58)
    family.set_ylim(top=0.58)
    jss.set_ylim(top=0.62)
    return figure


def alt(n: Numbers) -> str:
    kl_qp, kl_pq, js, gjs = n["integrals"]
    curve = dict(zip(CURVES, n["curves"], strict=True))
    lowest = n["x"][curve["geometric JS"].argmin()]
    return (
        f"Two Gaussian densities q and p, a family of geometric means moving as one bump from q to p, and integrands: "
        f"KL(q‖p) = {kl_qp:.3f}, KL(p‖q) = {kl_pq:.3f}, JS = {js:.3f} and geometric JS = {gjs:.3f} nats. "
        "The integrand of the geometric JS is negative between the modes, "
        f"lowest ({curve['geometric JS'].min():.3f}) at z = {lowest:.2f}."
    )


SETTINGS = {
    "means": [-2.0, 2.0],
    "sigmas": [1.0, 2.0],
    "alphas": [a / 10 for a in range(11)],
    "low": -6.0,
    "high": 9.0,
}

FIGURE = Figure(
    id="gjs-1d",
    paper=PAPER,
    shows="Two Gaussians, the geometric means between them, and the integrands of KL, JS and geometric JS",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={"quick": SETTINGS, "paper": SETTINGS},
)
