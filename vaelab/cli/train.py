"""`vaelab train`. Heavy imports wait until the command runs."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

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
    """Train one VAE. The same command resumes, also with more epochs.

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
    from vaelab._utils.device import on_device
    from vaelab._utils.files import lock
    from vaelab.runs.run import Run, write_settings
    from vaelab.training import checkpoints
    from vaelab.training.config import TrainConfig
    from vaelab.training.history import History
    from vaelab.training.loop import fit

    network, hidden = options.pop("network", "mlp"), options.pop("hidden", None)
    run = Run(recipe, options, data, latent, network, hidden, epochs, batch_size, lr, seed)
    images = run.images("train")
    config = TrainConfig(epochs, batch_size, lr, seed, device, binarize=run.binarize, checkpoints=out / "checkpoints")
    on_device(device)  # before a progress bar appears
    config.steps_per_epoch(len(images))
    experiment = run.experiment(images.shape[1:])
    with lock(out / ".lock", wait=False):
        _compare_settings(run, out)
        path, saved = out / "settings.json", checkpoints.list_checkpoints(out / "checkpoints")
        before = path.read_bytes() if saved and path.is_file() else None
        write_settings(run, out)
        try:
            fit(experiment, images, config, resume=True)
        except BaseException:
            if checkpoints.list_checkpoints(out / "checkpoints") == saved:  # the corrected command can use the folder
                path.unlink() if before is None else path.write_bytes(before)
            raise
    if history := checkpoints.load_latest(out / "checkpoints", lambda latest: History(latest["rows"])):
        history.save(out / "history.csv")
    files = "checkpoints/, history.csv and settings.json"
    show(printable(f"Trained {recipe} on {data} (epochs: {epochs}); {files} are in {out}"))


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
