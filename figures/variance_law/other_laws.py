"""var-other-laws: the variance of Q(z) that each regulariser leads to, predicted from its own law, and measured.

Where training rests, no common scale of a latent lowers its average divergence: E[mean ∂D/∂mean + 2 s ∂D/ds] = 0, by
autograd for any D.  KL and beta KL ask for V = 1, KL(p‖q) for E[1/s] = 1, the geometric JS family for what its alpha
says; MMD, which sees only the mixture, for a common scale of all latents.
"""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure as Drawing
from torch import nn

from figures.figure import Figure, Row
from figures.gjs import variants
from figures.gjs.variants import Variant
from figures.variance_law import PAPER
from figures.variance_law.discrepancy_law import best_common_scale
from figures.variance_law.followed import posterior
from vaelab import plots
from vaelab.divergences import KL, GeometricJS, ReverseKL
from vaelab.posterior import MarginalPosterior
from vaelab.run_store import Numbers, Result, merge_results
from vaelab.variance_law import best_scale, predicted_variance

ACTIVE = 0.2  # of V: the share that the means carry in a latent that is drawn
PER_LATENT = ("measured", "predicted", "from_ratio")


class Law(NamedTuple):
    """What was minimised per latent, and its name; None for MMD, which sees all latents at once."""

    variant: Variant
    name: str
    divergence: nn.Module | None


def laws() -> list[Law]:
    """The regularisers of the figure."""
    return [
        Law(variants.vae(), "KL(q‖p)", KL()),
        Law(variants.vae(4.0), "KL(q‖p), β = 4", KL()),
        Law(variants.reverse(), "KL(p‖q)", ReverseKL()),
        *(
            Law(
                variants.gjs("primed dual" if dual else "primed", alpha),
                f"{'dual JS' if dual else 'JS'}, α = {alpha:g}",
                GeometricJS(alpha, dual=dual).double(),
            )
            for dual in (False, True)
            for alpha in (0.1, 0.5)
        ),
        Law(variants.mmd(), "MMD", None),
    ]


def compute(device: str, *, seeds: int, **training: Any) -> Result:
    """Numbers, one row per latent: law [k], an index into `laws()`, seed, measured V on the test images, V predicted
    from the latent's own posteriors and from its signal-to-noise ratio alone (nan for MMD), active [k]."""
    every = laws()
    results = variants.trained([law.variant for law in every], device, seeds, **training)
    found: dict[str, list[np.ndarray]] = {name: [] for name in ("law", "seed", *PER_LATENT, "active")}
    for i, (law, row) in enumerate(zip(every, results, strict=True)):
        for seed, result in enumerate(row):
            columns = latents(law.divergence, posterior(result.numbers))
            d = len(columns["measured"])
            for name, values in {"law": np.full(d, i), "seed": np.full(d, seed), **columns}.items():
                found[name].append(values)
    numbers = {name: np.concatenate(parts) for name, parts in found.items()}
    return merge_results(numbers, [result for row in results for result in row])


def latents(divergence: nn.Module | None, q: MarginalPosterior) -> Numbers:
    """Per latent [d]: V measured; V at the scale that the divergence likes best, means centred as every optimum has
    them; V from the signal-to-noise ratio alone; whether it is active."""
    law = q.variance_law()
    centred = q.mean - q.mean.mean(0)
    scale = best_common_scale(centred, q.logvar) if divergence is None else best_scale(divergence, centred, q.logvar)
    ratio = (law.of_means / law.of_noise).clamp_min(1e-9).tolist()
    simple = [np.nan if divergence is None else predicted_variance(divergence, r) for r in ratio]
    return {
        "measured": law.total.numpy(),
        "predicted": (law.total * scale**2).numpy(),
        "from_ratio": np.array(simple),
        "active": (law.of_means > ACTIVE * law.total).numpy(),
    }


def chosen(n: Numbers, law: int) -> np.ndarray:
    """The rows of a law's active latents, [k] of bool."""
    mask: np.ndarray = (n["law"] == law) & n["active"].astype(bool)
    return mask


def rows(n: Numbers) -> list[Row]:
    names = [law.name for law in laws()]
    return [
        {
            **{"law": names[int(law)], "seed": int(seed), "active": "yes" if active else "no"},
            **{k: "" if np.isnan(v) else float(v) for k, v in zip(PER_LATENT, values, strict=True)},
        }
        for law, seed, *values, active in zip(*(n[k] for k in ("law", "seed", *PER_LATENT, "active")), strict=True)
    ]


def draw(n: Numbers) -> Drawing:
    every = laws()
    figure = plots.new_figure(7.0, 3.2)
    axes = figure.subplots()
    for i in range(len(every)):
        where = chosen(n, i)
        if not where.any():
            axes.text(i, 1, "no active\nlatent", ha="center", va="center", fontsize="x-small")
            continue
        for column, shift, colour, marker in (("predicted", -0.14, plots.MEAN, "D"), ("measured", 0.14, plots.Q, "o")):
            values = n[column][where]
            x = i + shift + np.linspace(-0.07, 0.07, len(values))
            axes.plot(x, values, marker, color=colour, alpha=0.35, markersize=2, markeredgewidth=0)
            mean = np.exp(np.log(values).mean())
            axes.plot(i + shift + np.array([-0.12, 0.12]), [mean, mean], color=colour, linewidth=2)
    for column, colour, marker in (("predicted by its law", plots.MEAN, "D"), ("measured", plots.Q, "o")):
        axes.plot([], [], f"-{marker}", color=colour, label=column)
    axes.axhline(1, color="black", linewidth=0.6, linestyle="--", zorder=0)
    axes.set(
        ylabel="variance of Q(z), active latents", yscale="log", title="Bars: geometric means; dots: single latents"
    )
    axes.set_xticks(range(len(every)), [law.name.replace(", ", ",\n") for law in every])
    axes.set_yticks([0.5, 1, 2, 5, 10], labels=["0.5", "1", "2", "5", "10"])
    axes.minorticks_off()
    axes.legend(loc="upper right")
    return figure


def alt(n: Numbers) -> str:
    told = []
    for i, law in enumerate(laws()):
        where = chosen(n, i)
        if where.any():
            means = [np.exp(np.log(n[c][where]).mean()) for c in ("predicted", "measured")]
            told.append(f"{law.name}: {means[0]:.2f} and {means[1]:.2f}")
        else:
            told.append(f"{law.name}: no active latent")
    return f"Variance of Q(z) in active latents, predicted and measured, geometric means. {'; '.join(told)}."


QUICK = {"seeds": 2, **variants.MNIST, "epochs": 10, "batch_size": 64, "lr": 3e-3}

FIGURE = Figure(
    id="var-other-laws",
    paper=PAPER,
    shows="Which variance of Q(z) each regulariser leads to: predicted by its own law, and measured, which after a "
    "short training lies up to a fifth above for some",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={"quick": QUICK, "paper": {"seeds": 3, **variants.MNIST, "data": "mnist", "epochs": 50}},
)
