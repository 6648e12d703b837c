"""`vaelab train`. Heavy imports wait until the command runs."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaelab._utils.reading import printable
from vaelab.cli.options import DatasetName, RecipeName, RecipeOptions
from vaelab.cli.output import show

if TYPE_CHECKING:
    from vaelab.runs.run import Run


def train(
    data: DatasetName = "mnist-mini",
    recipe: RecipeName = "vae",
    latent: int = 10,
    epochs: int = 10,
    batch_size: int = 128,
    lr: float = 1e-3,
    seed: int = 0,
    device: str = "auto",
    out: Path = Path("trained"),
    *,
    options: RecipeOptions,
) -> None:
    """Train one VAE. The same command resumes, also with more epochs; several processes share it under torchrun.

    Args:
        data: A name listed by `vaelab data list`, or folder:PATH.
        recipe: The method, a function in vaelab.recipes.
        latent: Number of latents.
        epochs: Passes over the data.
        batch_size: Images per step.
        lr: Learning rate of Adam.
        seed: Seed of weights, order and noise.
        device: auto, cpu, cuda, ...
        out: Folder for checkpoints, history.csv and settings.json.
        options: Keyword options of the recipe.
    """
    from vaelab.runs.run import Run

    network, hidden = options.pop("network", "mlp"), options.pop("hidden", None)
    train_run(Run(recipe, options, data, latent, network, hidden, epochs, batch_size, lr, seed), device, out)


def train_run(run: "Run", device: str, out: Path, **settings: Any) -> None:
    """Train a run into a folder, or resume it there; with all processes that `torchrun` has started.

    Args:
        run: What to train.
        device: auto, cpu, cuda, ...
        out: Folder for checkpoints, history.csv and settings.json; the first process writes.
        **settings: Further options of `TrainConfig`, and `augment`.
    """
    from vaelab.training import parallel

    if not parallel.is_launched():
        _train_run(run, device, out, settings)
        return
    with parallel.process_group(device) as own:
        _train_run(run, own, out, {**settings, "data_parallel": True})


def _train_run(run: "Run", device: str, out: Path, settings: dict[str, Any]) -> None:
    from vaelab._utils.device import on_device
    from vaelab._utils.files import lock
    from vaelab.runs.run import write_settings
    from vaelab.training import checkpoints, parallel
    from vaelab.training.config import TrainConfig
    from vaelab.training.history import History
    from vaelab.training.loop import fit

    images, how = run.images("train"), {"augment": settings.pop("augment")} if "augment" in settings else {}
    common = {"binarize": run.binarize, "checkpoints": out / "checkpoints"}
    config = TrainConfig(run.epochs, run.batch_size, run.lr, run.seed, device, **{**common, **settings})
    on_device(device)  # before a progress bar appears
    config.steps_per_epoch(len(images))
    parallel.check(config)
    experiment = run.experiment(images.shape[1:])
    if not parallel.is_first(config):  # the others compute; the first writes
        fit(experiment, images, config, **how, resume=True)
        return
    with lock(out / ".lock", wait=False):
        _compare_settings(run, out)
        path, saved = out / "settings.json", checkpoints.list_checkpoints(out / "checkpoints")
        before = path.read_bytes() if saved and path.is_file() else None
        write_settings(run, out)
        try:
            fit(experiment, images, config, **how, resume=True)
        except BaseException:
            if checkpoints.list_checkpoints(out / "checkpoints") == saved:  # the corrected command can use the folder
                path.unlink() if before is None else path.write_bytes(before)
            raise
    if history := checkpoints.load_latest(out / "checkpoints", lambda latest: History(latest["rows"])):
        history.save(out / "history.csv")
    files = "checkpoints/, history.csv and settings.json"
    show(printable(f"Trained {run.recipe} on {run.data} (epochs: {run.epochs}); {files} are in {out}"))


def _compare_settings(run: "Run", out: Path) -> None:
    """Raise `InvalidValue` if the folder contains checkpoints of another training."""
    from dataclasses import asdict

    from vaelab._utils.errors import InvalidValue
    from vaelab.runs.run import read_settings
    from vaelab.training.checkpoints import list_checkpoints

    if not list_checkpoints(out / "checkpoints") or not (out / "settings.json").is_file():
        return
    ours, theirs = (json.loads(json.dumps(asdict(one))) for one in (run, read_settings(out)))
    ours, theirs = ({**one.pop("options"), **one} for one in (ours, theirs))  # options by their names
    pairs = {name: (theirs.get(name, "its default"), ours.get(name, "its default")) for name in {**theirs, **ours}}
    other = [f"{name}={old} instead of {new}" for name, (old, new) in pairs.items() if old != new and name != "epochs"]
    if other:
        raise InvalidValue(f"{out} contains a training with {', '.join(other)}; use another folder with --out.")
