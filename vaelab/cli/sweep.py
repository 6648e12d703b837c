"""`vaelab sweep`.  Nothing heavy is imported before the command is known."""

import csv
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vaelab.cli.train import Name, Network, OneLayer, gamma_of, given

if TYPE_CHECKING:
    from vaelab.runs.run import Run
    from vaelab.runs.store import Result

MEASURES = ("reconstruction", "reconstruction_sampled", "rate", "divergence")


def sweep(
    data: Name = "mnist-mini",
    recipes: tuple[OneLayer, ...] = ("gjs_vae",),
    alphas: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.9),
    seeds: int = 3,
    dual: bool = False,
    gamma: str | None = None,
    latent: int = 10,
    network: Network = "mlp",
    hidden: tuple[int, ...] | None = None,
    epochs: int = 10,
    batch_size: int = 128,
    lr: float = 1e-3,
    device: str = "auto",
    executor: Literal["local", "dask"] = "local",
    scheduler: str | None = None,
    out: Path = Path("sweep.csv"),
) -> None:
    """Train many VAEs, alphas x seeds, and write one table; the same command again goes on where a killed one was.

    Args:
        data: As in `vaelab data list`, or folder:PATH; on a cluster, every worker must find it.
        recipes: One or more; those other than gjs_vae, which have no alpha, are trained once per seed.
        alphas: The skews of gjs_vae.
        seeds: How many: 0, 1, ...
        dual: The dual of gjs_vae.
        gamma: The decoder's standard deviation: a number, learned, computed, optimal, or per-image.
        latent: The number of latents.
        network: Of encoder and decoder.
        hidden: Its widths, such as 400 200; the network's own if left out.
        epochs: How often to go through the data.
        batch_size: Images per step.
        lr: Learning rate of Adam.
        device: auto, cpu, cuda, ...
        executor: local: a process per core; dask: the workers of a cluster.
        scheduler: The address of its scheduler, such as tcp://127.0.0.1:8786.
        out: The csv file to write.
    """
    from vaelab._utils.errors import InvalidValue
    from vaelab._utils.files import cache_folder, require_writable
    from vaelab.runs.execute import train_all
    from vaelab.runs.executors import on_dask
    from vaelab.runs.run import Run

    if seeds < 1 or not recipes or ("gjs_vae" in recipes and not alphas):
        raise InvalidValue("a sweep needs at least one recipe, one alpha for gjs_vae, and one seed.")
    if (executor == "dask") != (scheduler is not None):
        raise InvalidValue("--executor dask and --scheduler ADDRESS, such as tcp://127.0.0.1:8786, go together.")
    require_writable(out.parent)
    require_writable(cache_folder())
    options = given(gamma=gamma_of(gamma))
    variants: list[tuple[OneLayer, dict[str, Any]]] = [(name, options) for name in recipes if name != "gjs_vae"]
    if "gjs_vae" in recipes:
        variants += [("gjs_vae", {**options, "alpha": alpha, "dual": dual}) for alpha in alphas]
    runs = [
        Run(name, chosen, data, latent, network, hidden, epochs, batch_size, lr, seed)
        for name, chosen in variants
        for seed in range(seeds)
    ]
    with on_dask(scheduler) if scheduler is not None else nullcontext() as where:
        results = train_all(runs, device, where)
    _table(out, runs, results)
    print(f"{len(runs)} trainings on {data}: the table is in {out}, each training in {cache_folder() / 'runs'}")


def _table(out: Path, runs: "list[Run]", results: "list[Result]") -> None:
    from vaelab._utils.files import atomic_write

    names = [f"{split}_{measure}" for split in ("train", "test") for measure in MEASURES]
    with atomic_write(out) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["recipe", "alpha", "dual", "seed", *names, "seconds"])
        for run, result in zip(runs, results, strict=True):
            measured = [f"{float(result.numbers[name]):.6g}" for name in names]
            chosen = [run.options.get("alpha", ""), str(run.options.get("dual", "")).lower()]
            writer.writerow([run.recipe, *chosen, run.seed, *measured, result.provenance.seconds])
