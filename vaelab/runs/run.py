"""One training of a recipe on a data set, and the folder that `vaelab train` writes."""

import functools
import inspect
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from vaelab._utils import checks
from vaelab._utils.errors import DataError, InvalidValue, StorageError
from vaelab._utils.files import atomic_write, digest, user_path
from vaelab._utils.images import to_float
from vaelab._utils.memory import require_memory, within_memory
from vaelab._utils.reading import printable, reading
from vaelab.data.loading import load
from vaelab.objectives import recipes
from vaelab.objectives.denoising import DenoisingExperiment, noisy
from vaelab.objectives.objective import Experiment
from vaelab.training import checkpoints

RECIPES = recipes.RECIPES
SIZES = ("latent", "hidden", "batch_size", "top", "samples")  # what makes a training large


def options_of(recipe: str) -> set[str]:
    """Return the names of the keyword options of a recipe."""
    parameters = inspect.signature(RECIPES[recipe]).parameters.values()
    return {*recipes.Design.__annotations__, *(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)}


@dataclass(frozen=True)
class Run:
    """One training: a recipe with its options, a data set, and the settings of the loop.

    Args:
        recipe: Name of a function in `vaelab.recipes`.
        options: Its options besides latent, network and hidden.
        data: Name of a data set, or folder:PATH.
        latent: Number of latents.
        network: Name of the encoder and decoder.
        hidden: Widths of their layers; None takes the network's own.
        epochs: Passes over the data.
        batch_size: Images per step.
        lr: Learning rate of Adam.
        seed: Seed of weights, order and noise.
        limit: Maximum number of images per split.
        side: Side to which images are padded with zeros, or averaged if it divides theirs.
        noise: Standard deviation of the noise on the encoder's input, for denoising.

    Example:
        >>> run = Run("gjs_vae", {"alpha": 0.3}, data="digits", latent=2)
        >>> run.experiment((1, 8, 8)).model.latent
        2
    """

    recipe: str
    options: dict[str, Any] = field(default_factory=dict)
    data: str = "mnist-mini"
    latent: int = 10
    network: str = "mlp"
    hidden: tuple[int, ...] | None = (256,)
    epochs: int = 12
    batch_size: int = 100
    lr: float = 2e-3
    seed: int = 0
    limit: int | None = None
    side: int | None = None
    noise: float = 0.0

    @property
    def binarize(self) -> Literal["no", "dynamic"]:
        """`TrainConfig.binarize`: a Bernoulli is a likelihood of black and white pixels only."""
        return "dynamic" if self.options.get("likelihood") == "bernoulli" else "no"

    def images(self, split: str) -> Tensor:
        """Load the images of a split, "train" or "test": uint8 [n, c, h, w]."""
        # A folder of the user may change, and is read again.
        read = _images.__wrapped__ if self.data.startswith("folder:") else _images
        return read(self.data, split, self.limit, self.side)

    def inputs(self, images: Tensor) -> Tensor:
        """Return the encoder's inputs for measurements: the images with noise, equal at every call."""
        return noisy(to_float(images), self.noise, torch.Generator().manual_seed(0)) if self.noise else images

    def experiment(self, shape: Sequence[int]) -> Experiment:
        """Build the experiment for images of this shape, with weights drawn from the seed.

        Raises:
            InvalidValue: If the recipe does not have the options, or the network does not fit into
                the memory.
        """
        if unknown := sorted(set(self.options) - options_of(self.recipe)):
            raise InvalidValue(f"{self.recipe} has no option {' and no option '.join(unknown)}.")
        checks.seed(self.seed)
        torch.manual_seed(self.seed)
        sizes = {name: value for name, value in (asdict(self) | self.options).items() if name in SIZES and value}
        what = ", ".join(f"{name}={value}" for name, value in sizes.items())
        numbers = self.batch_size * sizes.get("samples", 1) * (self.latent + math.prod(shape))
        require_memory(4 * numbers, what)
        with within_memory(what):
            plain = RECIPES[self.recipe](shape, self.latent, network=self.network, hidden=self.hidden, **self.options)
        return DenoisingExperiment(plain.model, plain.objective, plain.shape, self.noise) if self.noise else plain

    @classmethod
    def load(cls, folder: Path | str) -> "SavedRun":
        """Read a training back from the folder that `vaelab train --out` wrote.

        Args:
            folder: The folder, with settings.json and checkpoints/.

        Returns:
            (run, experiment, step), with the weights of the latest checkpoint.

        Raises:
            DataError: If the folder contains no intact training.
        """
        folder = user_path(folder)
        run = read_settings(folder)
        latest = checkpoints.load_latest(folder / "checkpoints", lambda c: (dict(c["experiment"]), int(c["step"])))
        if latest is None:
            raise DataError(f"{folder} has no checkpoint; run its `vaelab train` command to the end of an epoch.")
        images = run.images("test")
        with reading(folder / "settings.json", "train into another folder"):
            experiment = run.experiment(images.shape[1:])
        try:
            experiment.load_state_dict(latest[0])
        except Exception as error:  # depends on what is there instead
            raise DataError(f"the checkpoint in {folder} does not fit the model in its settings.json.") from error
        return SavedRun(run, experiment, latest[1])


class SavedRun(NamedTuple):
    """A training that was read back from its folder.

    Args:
        run: The run.
        experiment: Its experiment, with the weights of the latest checkpoint.
        step: Number of optimizer steps up to there.
    """

    run: Run
    experiment: Experiment
    step: int


def write_settings(run: Run, folder: Path) -> None:
    """Write the settings of a training to settings.json of its folder, with their checksum.

    Raises:
        StorageError: If the file cannot be written.
    """
    settings = asdict(run)
    text = json.dumps({**settings, "checksum": _checksum_of(settings)}, indent=1) + "\n"
    with atomic_write(folder / "settings.json") as part:
        part.write_text(text, encoding="utf-8")


def read_settings(folder: Path) -> Run:
    """Read what `write_settings` wrote; files of older versions have no checksum.

    Raises:
        DataError: If the file is missing, damaged, or of another version.
    """
    path = folder / "settings.json"
    if not path.is_file():
        raise DataError(f"{printable(folder)} has no settings.json; train one first with `vaelab train --out`.")
    try:
        with reading(path):
            settings = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(settings, dict):
                raise ValueError(f"it holds a {type(settings).__name__} instead of settings")
            checksum = settings.pop("checksum", None)
            if checksum not in (None, _checksum_of(settings)):
                raise ValueError("wrong checksum")
            if unknown := sorted(settings.keys() - {setting.name for setting in fields(Run)}):
                raise ValueError(f"no setting is called {unknown[0]!r}")
            run = Run(**settings)
            _check_types(run)
    except (DataError, StorageError) as error:
        reason = str(error).rstrip(".")
        raise DataError(f"{printable(folder)} has no settings.json that this version can read: {reason}.") from error
    return run


def _checksum_of(settings: dict[str, Any]) -> str:
    return digest(json.dumps(settings, sort_keys=True))


def _check_types(run: Run) -> None:
    for name, value in asdict(run).items():
        kinds = {"options": dict, "hidden": list | tuple | None, "limit": int | None, "side": int | None}
        default = getattr(Run, name, "")
        kind = kinds.get(name, float | int if isinstance(default, float) else type(default))
        if not isinstance(value, kind) or isinstance(value, bool):
            raise TypeError(f"{name} is {value!r}")
    if run.recipe not in RECIPES:
        raise ValueError(f"recipe is {run.recipe!r}")


@functools.lru_cache(maxsize=4)
def _images(data: str, split: str, limit: int | None, side: int | None) -> Tensor:
    images = load(data, split, limit=limit, progress=False).images
    size = images.shape[-1]
    if side is None or side == size:
        return images
    if size % side == 0:
        return F.avg_pool2d(images.float(), size // side).round().to(torch.uint8)
    if side < size:
        raise InvalidValue(f"side must be at least {size}, that of {data}, or divide it, got {side}.")
    padding = side - size
    return F.pad(images, (padding // 2, padding - padding // 2) * 2)


def checksum(data: str, limit: int | None) -> str:
    """Return the checksums of both splits of a data set, as result keys contain them."""
    return "+".join(load(data, split, limit=limit).sha256 for split in ("train", "test"))
