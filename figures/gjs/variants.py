"""The variants that the figures train, once per setting and seed for all figures."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from vaelab.runs.execute import train_all
from vaelab.runs.run import Run
from vaelab.runs.store import Numbers, Result, merge_results

KL, REVERSE, BETA = "KL(q||p)", "KL(p||q)", "beta KL(q||p)"
MMD = "MMD"
LEARNED = {"primed": "primed, learned alpha", "primed dual": "primed dual, learned alpha"}
FAMILIES = ("primed", "primed dual", "plain", "plain dual")
MEASURES = ("reconstruction", "reconstruction_sampled", "rate", "divergence")
SPLITS = ("train", "test")
# Quick presets: figures on the same data share these settings, and so their trainings.
MNIST: dict[str, Any] = {"data": "mnist-mini", "hidden": (128,), "epochs": 8}
FASHION: dict[str, Any] = {"data": "fashion-mini", "hidden": (128,), "epochs": 10}
DSPRITES: dict[str, Any] = {  # at half the published size
    "data": "dsprites-rendered", "limit": 4000, "side": 32, "hidden": (128,), "epochs": 16, "batch_size": 50
}  # fmt: skip
# The table of `measures`.
TABLE: dict[str, Any] = {
    "alpha weight first_seed": "variant",
    "split": SPLITS,
    "values": ("variant", "split", MEASURES, "seed"),
}
ALPHAS = [0.1, 0.2, 0.3, 0.5, 0.7, 0.9]


class Variant(NamedTuple):
    """Name, alpha (nan: none) and weight of a divergence, recipe and options of its training."""

    name: str
    alpha: float
    weight: float
    recipe: str
    options: dict[str, Any]


def vae(beta: float = 1.0) -> Variant:
    """Return the VAE, or the beta-VAE."""
    if beta == 1:
        return Variant(KL, np.nan, 1.0, "vae", {})
    return Variant(BETA, np.nan, beta, "beta_vae", {"beta": beta})


def reverse() -> Variant:
    """Return the VAE with KL(p‖q)."""
    return Variant(REVERSE, np.nan, 1.0, "reverse_kl_vae", {})


def gjs(family: str, alpha: float, weight: float = 1.0) -> Variant:
    """Return one of `FAMILIES`."""
    options = {"alpha": alpha, "dual": "dual" in family, "primed": "primed" in family}
    return Variant(family, alpha, weight, "gjs_vae", options if weight == 1 else {**options, "weight": weight})


def primed_and_dual(primed: Sequence[float], dual: Sequence[float]) -> list[Variant]:
    """Return the primed divergence at some alphas, then its dual."""
    return [gjs("primed", alpha) for alpha in primed] + [gjs("primed dual", alpha) for alpha in dual]


def learned(family: str, start: float) -> Variant:
    """Return a family whose alpha is trained from `start`."""
    return Variant(LEARNED[family], np.nan, 1.0, "gjs_vae", {**gjs(family, start).options, "trainable": True})


def mmd(weight: float = 10.0) -> Variant:
    """Return MMD on sampled z; the published weight 500 is for another kernel."""
    return Variant(MMD, np.nan, weight, "mmd_vae", {"weight": weight})


def first_seed(variant: Variant, seeds: int) -> int:
    """Return the first seed: the plain families continue after the primed ones.

    At alpha = 1/2 both are one loss, and the same seed would give the same training twice.
    """
    return seeds if variant.name.startswith("plain") else 0


def train(variants: Sequence[Variant], device: str, seeds: int, **training: Any) -> list[list[Result]]:
    """Train every variant with every seed; return the results [k][seeds]."""
    runs = [Run(v.recipe, v.options, **training, seed=first_seed(v, seeds) + s) for v in variants for s in range(seeds)]
    results = train_all(runs, device, stacked=True)
    return [results[i : i + seeds] for i in range(0, len(results), seeds)]


def flatten(results: Sequence[Sequence[Result]]) -> list[Result]:
    """Return all results of `train` in one list."""
    return [result for row in results for result in row]


def columns(variants: Sequence[Variant], *names: str) -> Numbers:
    """Return fields of the variants as arrays [k]; "variant" is their name."""
    return {name: np.array([getattr(v, "name" if name == "variant" else name) for v in variants]) for name in names}


def measures(variants: Sequence[Variant], results: Sequence[Sequence[Result]], **more: np.ndarray) -> Result:
    """Return variant, alpha, weight, first_seed [k], values [k, split, measure, seeds], more."""
    values = [
        [[[r.numbers[f"{split}_{name}"] for r in row] for name in MEASURES] for split in SPLITS] for row in results
    ]
    first = [first_seed(variant, len(results[0])) for variant in variants]
    numbers = {"first_seed": np.array(first), "values": np.array(values), **more}
    return merge_results({**columns(variants, "variant", "alpha", "weight"), **numbers}, flatten(results))


def rows_of(n: Numbers, name: str, weight: float = 1.0) -> np.ndarray:
    """Return which rows belong to a variant, [k] of bool."""
    return (n["variant"] == name) & (n["weight"] == weight)


def on_test(n: Numbers, rows: Any, measure: str = "reconstruction") -> np.ndarray:
    """Return a measure on the test images, [rows, seeds]; rows: index or mask."""
    values: np.ndarray = n["values"][rows, SPLITS.index("test"), MEASURES.index(measure)]
    return values


def label(name: str, alpha: float = np.nan) -> str:
    """Return the label of a variant in a picture."""
    special = {KL: "KL(q‖p), the VAE", REVERSE: "KL(p‖q)", BETA: "beta-VAE"}
    text = special.get(name, name.replace("alpha", "α"))
    return text if np.isnan(alpha) else f"{text}, α = {alpha:g}"


def labels(n: Numbers) -> list[str]:
    """Return the labels of all rows."""
    return [label(str(name), alpha) for name, alpha in zip(n["variant"], n["alpha"], strict=True)]
