"""gam-variance-loss: with z sampled, the variance that reconstructions lose is their squared error."""

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.balancing import figure, methods
from figures.balancing.trainings import compute_variance_loss
from vaelab import plots
from vaelab.runs.store import Numbers

LATENTS = ("z drawn", "z at its mean")


def alt(n: Numbers) -> str:
    shares = n["lost"] / n["error"]
    ranges = [
        f"with {z}, lost over error lies between {shares[..., j].min():.2f} and {shares[..., j].max():.2f}"
        for j, z in enumerate(LATENTS)
    ]
    return (
        "The variance that reconstructions of test images lose against their squared error, for VAEs of fixed gammas "
        f"squared from {n['variance'].min():g} to {n['variance'].max():g}, with the diagonal: {'; '.join(ranges)}."
    )


@figure(
    "gam-variance-loss",
    compute_variance_loss,
    {"lost error covariance bias": "variance seed z", "z": LATENTS},
    alt,
    title="The variance that reconstructions lose is their squared error where z is drawn, and more at the mean of z",
    quick={"seeds": 2, "variances": methods.VARIANCES, **methods.MNIST},
    full=methods.FULL_SWEEP,
)
def draw(n: Numbers) -> Drawing:
    drawing = plots.new_figure(4.6, 3.2)
    axes = drawing.subplots()
    error, lost = n["error"].mean(1), n["lost"].mean(1)
    for j, (marker, color) in enumerate((("o", plots.Q), ("D", plots.JS))):
        axes.plot(error[:, j], lost[:, j], marker, color=color, label=LATENTS[j])
    for variance, x, y in zip(n["variance"], error[:, 1], lost[:, 1], strict=True):
        if variance > 0.03:
            text = {"textcoords": "offset points", "ha": "right", "fontsize": 6.5}
            axes.annotate(f"γ² = {variance:g}", (x, y), (-6, -2), **text)
    span = np.array([0.7 * n["error"].min(), 1.08 * n["error"].max()])
    axes.plot(span, span, ":", color="black", linewidth=0.8, label="lost = error")
    axes.set(
        xlabel="squared error per pixel",
        ylabel="variance lost, Var(x) − Var(x̂)",
        title="Blur is lost variance",
        xlim=span,
        ylim=(span[0], 1.08 * max(float(n["lost"].max()), float(n["error"].max()))),
    )
    axes.legend(loc="lower right")
    return drawing
