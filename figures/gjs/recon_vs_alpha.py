"""gjs-recon-vs-alpha: reconstruction and the two terms of the divergence against alpha, primed and dual, between the KL
lines (paper 1, figure 3 and appendix B), for each of the four data sets."""

from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from figures.figure import Figure, Row
from figures.gjs import PAPER, published, variants
from figures.gjs.variants import KL, MEASURES, REVERSE, SPLITS, Variant
from vaelab import plots
from vaelab.divergences import geometric_mean, kl
from vaelab.gaussian import Gaussian
from vaelab.run_store import Numbers, Result

VARIANTS = (KL, REVERSE, "primed", "primed dual")
TERMS = ("kl_posterior", "kl_prior", "weighted_total")


def compute(device: str, *, alphas: list[float], seeds: int, **training: Any) -> Result:
    """One training per variant, alpha and seed: the numbers of `variants.measured`, and terms [k, 3, seeds]."""
    families = [variants.gjs(family, a) for family in VARIANTS[2:] for a in alphas]
    every = [variants.vae(), variants.reverse(), *families]
    results = variants.trained(every, device, seeds, **training)
    of_each = [[terms(v, r.numbers) for r in row] for v, row in zip(every, results, strict=True)]
    return variants.measured(every, results, terms=np.array(of_each).transpose(0, 2, 1))


def terms(variant: Variant, numbers: Numbers) -> tuple[float, float, float]:
    """What the divergence is made of, means over test images in nats: the term of the posterior q, KL(q‖G) (dual:
    KL(G‖q)), the term of the prior p, and their mean with the weights (1-alpha, alpha); nan for a KL line."""
    if np.isnan(variant.alpha):
        return np.nan, np.nan, np.nan
    q = Gaussian(*(torch.from_numpy(numbers[name]).double() for name in ("mean", "logvar")))
    p = Gaussian.standard(q.mean)
    mean = geometric_mean(q, p, 1 - variant.alpha)
    ends = [(kl(mean, end) if variant.options["dual"] else kl(end, mean)).mean().item() for end in (q, p)]
    return ends[0], ends[1], (1 - variant.alpha) * ends[0] + variant.alpha * ends[1]


def rows(n: Numbers) -> list[Row]:
    return [
        {
            "variant": str(variant),
            "alpha": "" if np.isnan(alpha) else float(alpha),
            "split": split,
            "seed": seed,
            **{m: float(values[i, j, seed]) for j, m in enumerate(MEASURES)},
            **{
                name: float(term[seed]) if split == "test" and not np.isnan(alpha) else ""
                for name, term in zip(TERMS, parts, strict=True)
            },
        }
        for variant, alpha, values, parts in zip(n["variant"], n["alpha"], n["values"], n["terms"], strict=True)
        for i, split in enumerate(SPLITS)
        for seed in range(values.shape[-1])
    ]


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 4.6)
    (top, bottom) = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=(3, 2))
    for axes, variant in zip(top, VARIANTS[2:], strict=True):
        _line(axes, n, KL, "KL(q‖p), the VAE")
        _line(axes, n, REVERSE, "KL(p‖q)")
        where, colour = variants.chosen(n, variant), variants.COLOURS[variant]
        for split, (line, marker) in enumerate((("--", "none"), ("-", colour))):
            seeds, name = n["values"][where, split, 0], f"{variant}, {SPLITS[split]}"
            look = {"linestyle": line, "marker": "o", "markerfacecolor": marker, "label": name}
            plots.spread(axes, n["alpha"][where], seeds, colour, **look)
        axes.set(title=f"{variant} geometric JS", xlim=(0, 1))
        axes.legend(loc="upper center", ncols=2)
    for axes, variant in zip(bottom, VARIANTS[2:], strict=True):
        _terms(axes, n, variant)
    low, high = top[0].get_ylim()
    top[0].set_ylim(low, high + 0.3 * (high - low))  # room for the legends
    top[0].set_ylabel("reconstruction\n(squared error per image)")
    bottom[0].set_ylabel("divergence, test\n(nats)")
    return figure


def _line(axes: Axes, n: Numbers, variant: str, label: str) -> None:
    """A horizontal line at the test mean of a variant without alpha, with its spread over seeds."""
    seeds = variants.test(n, "reconstruction", variants.chosen(n, variant)).repeat(2, axis=0)
    plots.spread(axes, np.array([0.0, 1.0]), seeds, variants.COLOURS[variant], label=label)


def _terms(axes: Axes, n: Numbers, variant: str) -> None:
    where = variants.chosen(n, variant)
    names = ("KL(G‖q)", "KL(G‖p)") if "dual" in variant else ("KL(q‖G)", "KL(p‖G)")
    for term, (name, colour) in enumerate(
        zip((*names, "weighted total"), (plots.MEAN, plots.P, variants.COLOURS[variant]), strict=True)
    ):
        plots.spread(axes, n["alpha"][where], n["terms"][where, term], colour, marker="o", markersize=2.5, label=name)
    axes.set(xlabel="α", ylim=(0, 1.3 * n["terms"][~np.isnan(n["terms"])].max()))  # room for the legend
    axes.legend(loc="upper right", ncols=3, columnspacing=1, handlelength=1.5)


def alt(n: Numbers) -> str:
    test = n["values"][:, 1, 0].mean(-1)
    vae, reverse = (test[n["variant"] == v][0] for v in VARIANTS[:2])
    sentences = [f"Test reconstruction error against alpha; the VAE lies at {vae:.1f}, KL(p‖q) at {reverse:.1f}."]
    for variant in VARIANTS[2:]:
        where = variants.chosen(n, variant)
        a, values, total = n["alpha"][where], test[where], n["terms"][where, 2].mean(-1)
        sentences.append(
            f"{variant.capitalize()}: {values[0]:.1f} at alpha {a[0]:g}, best {values.min():.1f} at "
            f"{a[values.argmin()]:g}, {values[-1]:.1f} at {a[-1]:g}; its divergence goes from {total[0]:.1f} to "
            f"{total[-1]:.1f} nats."
        )
    return " ".join(sentences)


def _figure(id: str, what: str, presets: dict[str, dict[str, Any]], missing: str = "") -> Figure:
    shows = (
        f"Reconstruction of {what} against alpha, primed and dual, between the two KL lines, and the divergence's terms"
    )
    return Figure(id, PAPER, shows, compute, rows, draw, alt, presets, missing)


def _presets(data: str, quick: dict[str, Any] | None, seeds: int) -> dict[str, dict[str, Any]]:
    side = {"side": 32} if "mnist" in data else {}
    paper = {"alphas": list(published.ALPHAS), "seeds": 3, "data": data, **side, **published.SETTING}
    short = {} if quick is None else {"quick": {"alphas": variants.ALPHAS, "seeds": seeds, **quick}}
    return {**short, "paper": paper}


FIGURE = _figure("gjs-recon-vs-alpha", "handwritten digits", _presets("mnist", variants.MNIST, 3))
FASHION = _figure("gjs-recon-vs-alpha-fashion", "clothes", _presets("fashion-mnist", variants.FASHION, 2))
DSPRITES = _figure("gjs-recon-vs-alpha-dsprites", "dSprites", _presets("dsprites", variants.DSPRITES, 1))
CHAIRS = _figure(
    "gjs-recon-vs-alpha-chairs",
    "rendered chairs",
    _presets("chairs", None, 3),
    missing="no chairs ship with vaelab; fetch them first with `vaelab data get chairs`",
)
