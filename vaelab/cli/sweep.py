"""`vaelab sweep`. Heavy imports wait until the command runs."""

import csv
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from vaelab._utils.reading import printable
from vaelab.cli.options import DatasetName, RecipeNames, recipe_options
from vaelab.cli.output import show

if TYPE_CHECKING:
    from vaelab.runs.run import Run
    from vaelab.runs.store import Result

SweepOptions = Annotated[dict[str, Any], tyro.conf.arg(name="", constructor_factory=lambda: recipe_options("alpha"))]
ALPHAS = (0.1, 0.3, 0.5, 0.7, 0.9)
MOST_TRAININGS = 100_000
MEASURES = ("reconstruction", "reconstruction_sampled", "rate", "divergence")


def sweep(
    data: DatasetName = "mnist-mini",
    recipes: RecipeNames = ("gjs_vae",),
    alphas: tuple[float, ...] = ALPHAS,
    seeds: int = 3,
    latent: int = 10,
    epochs: int = 10,
    batch_size: int = 128,
    lr: float = 1e-3,
    device: str = "auto",
    executor: Literal["local", "dask"] = "local",
    scheduler: Annotated[str | None, tyro.conf.arg(metavar="ADDRESS", help_behavior_hint="")] = None,
    out: Path = Path("sweep.csv"),
    *,
    options: SweepOptions,
) -> None:
    """Train VAEs of several recipes, alphas and seeds; write one table. The same command resumes.

    Args:
        data: A name listed by `vaelab data list`, or folder:PATH, for all workers of a cluster.
        recipes: Functions in vaelab.recipes; those without an alpha are trained once per seed.
        alphas: Values of alpha.
        seeds: Number of seeds: 0, 1, ...
        latent: Number of latents.
        epochs: Passes over the data.
        batch_size: Images per step.
        lr: Learning rate of Adam.
        device: auto, cpu, cuda, ...
        executor: local: one process per core; dask: the workers of a cluster.
        scheduler: Address of the Dask scheduler, such as tcp://127.0.0.1:8786.
        out: The csv file to write.
        options: Keyword options of the recipes; each recipe gets those that it has.
    """
    from vaelab._utils.device import device_name
    from vaelab._utils.errors import InvalidValue
    from vaelab._utils.files import cache_folder, require_writable
    from vaelab.runs.cluster import on_dask
    from vaelab.runs.execute import train_all
    from vaelab.runs.executors import SweepError
    from vaelab.runs.run import Run, options_of
    from vaelab.training.config import TrainConfig

    if (executor == "dask") != (scheduler is not None):
        raise InvalidValue("--executor dask and --scheduler ADDRESS must be given together.")
    if out.is_dir():
        raise InvalidValue(f"--out must be a csv file, got the folder {out}.")
    require_writable(out.parent)
    require_writable(cache_folder())
    network, hidden = options.pop("network", "mlp"), options.pop("hidden", None)
    known = {recipe: options_of(recipe) for recipe in recipes}
    if unknown := set(options).difference(*known.values()):
        raise InvalidValue(f"{', '.join(recipes)}: no option {' and no option '.join(sorted(unknown))}.")
    for name, values in (("--recipes", recipes), ("--alphas", alphas)):
        if twice := [value for i, value in enumerate(values) if value in values[:i]]:
            raise InvalidValue(f"{name} must differ, got {twice[0]} more than once.")
    if alphas != ALPHAS and not any("alpha" in known[recipe] for recipe in recipes):
        raise InvalidValue(f"{', '.join(recipes)}: no option alpha, got --alphas {' '.join(map(str, alphas))}.")
    variants: list[tuple[str, dict[str, Any]]] = []
    for recipe in recipes:
        selected = {name: value for name, value in options.items() if name in known[recipe]}
        has_choice = "divergence" in known[recipe]  # of a hierarchy: only some of them have an alpha
        if "alpha" in known[recipe] and (not has_choice or "gjs" in selected.get("divergence", "kl")):
            plain = {"dual": False} if "dual" in known[recipe] else {}
            variants += [(recipe, {**plain, **selected, "alpha": alpha}) for alpha in alphas]
        else:
            variants.append((recipe, selected))
    if not 1 <= seeds <= MOST_TRAININGS // max(1, len(variants)):
        raise InvalidValue(f"--seeds must be at least 1, for at most {MOST_TRAININGS} trainings, got {seeds}.")
    runs = [
        Run(recipe, variant, data, latent, network, hidden, epochs, batch_size, lr, seed)
        for recipe, variant in variants
        for seed in range(seeds)
    ]
    device = device_name(device)
    images = runs[0].images("train")
    TrainConfig(epochs, batch_size, lr, device=device).steps_per_epoch(len(images))
    for run in runs[::seeds]:  # a value that one recipe refuses is refused before the others are trained
        run.experiment(images.shape[1:])
    try:
        with on_dask(scheduler) if scheduler is not None else nullcontext() as where:
            results = train_all(runs, device, where)
    except SweepError as error:
        _write_table(out, runs, error.results)
        finished = sum(result is not None for result in error.results)
        text = f"{str(error).rstrip('.')}; the table in {out} has the other {finished}."
        raise SweepError(text, error.failures, error.results) from error
    _write_table(out, runs, results)
    where_all = cache_folder() / "runs"
    show(printable(f"{len(runs)} trainings on {data}: the table is in {out}, each training in {where_all}"))


def _write_table(out: Path, runs: "list[Run]", results: "Sequence[Result | None]") -> None:
    """Write a row for every run with a result."""
    from vaelab._utils.files import atomic_write

    names = [f"{split}_{measure}" for split in ("train", "test") for measure in MEASURES]
    with atomic_write(out) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["recipe", "alpha", "dual", "seed", *names, "seconds"])
        for run, result in zip(runs, results, strict=True):
            if result is None:
                continue
            values = [f"{float(result.numbers[name]):.6g}" for name in names]
            options = [run.options.get("alpha", ""), str(run.options.get("dual", "")).lower()]
            writer.writerow([run.recipe, *options, run.seed, *values, result.provenance.seconds])
