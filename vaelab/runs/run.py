"""One training of a recipe on a data set, and the folder that `vaelab train` writes."""

import functools
import inspect
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from vaelab._utils.errors import DataError, InvalidValue
from vaelab._utils.images import to_float
from vaelab.data.dataset import Dataset
from vaelab.data.loading import load
from vaelab.objectives import recipes
from vaelab.objectives.denoising import DenoisingExperiment, noisy
from vaelab.objectives.objective import Experiment
from vaelab.training import checkpoints

RECIPES = recipes.RECIPES


@dataclass(frozen=True)
class Run:
    """One training: a recipe with its options on a data set, and the settings of the loop.

    limit: at most so many images of each split.  side: images are padded with zeros to this side, as MNIST is to 32
    for the published networks, or averaged down to it where it divides theirs; None leaves them.  noise: standard
    deviation of the noise on the network's input, for denoising.
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
        """How the loop shows images: to a Bernoulli in black and white, of which alone it is a likelihood."""
        return "dynamic" if self.options.get("likelihood") == "bernoulli" else "no"

    def images(self, split: str) -> Tensor:
        """The images of a split, "train" or "test": uint8 [n, c, h, w]; a published set is read once per process."""
        read = _images.__wrapped__ if self.data.startswith("folder:") else _images
        return read(self.data, split, self.limit, self.side)

    def inputs(self, images: Tensor) -> Tensor:
        """What the network is shown of these images when it is measured: with noise, the same at every call."""
        return noisy(to_float(images), self.noise, torch.Generator().manual_seed(0)) if self.noise else images

    def experiment(self, shape: Sequence[int]) -> Experiment:
        """The experiment for images of this shape, with weights drawn from the seed.

        Raises InvalidValue for options that the recipe does not have.
        """
        recipe = RECIPES[self.recipe]
        known = {*inspect.signature(recipe).parameters, *recipes.Design.__annotations__}
        if alien := set(self.options) - known:
            raise InvalidValue(f"{self.recipe} has no {' and no '.join(sorted(alien))}; leave it out.")
        torch.manual_seed(self.seed)
        plain = recipe(shape, self.latent, network=self.network, hidden=self.hidden, **self.options)
        return DenoisingExperiment(plain.model, plain.objective, plain.shape, self.noise) if self.noise else plain


@functools.lru_cache(maxsize=4)
def _images(data: str, split: str, limit: int | None, side: int | None) -> Tensor:
    images = load(data, split, limit=limit, progress=False).images
    if side is None or side == images.shape[-1]:
        return images
    size = images.shape[-1]
    if size % side == 0:
        return F.avg_pool2d(images.float(), size // side).round().to(torch.uint8)
    if side < size:
        raise InvalidValue(
            f"side={side} is neither above the {size} pixels of {data} nor a divisor of them; change it."
        )
    spare = side - size
    return F.pad(images, (spare // 2, spare - spare // 2) * 2)


def checksum(data: str, limit: int | None) -> str:
    parts: list[Dataset] = [load(data, split, limit=limit) for split in ("train", "test")]
    return "+".join(part.sha256 for part in parts)


class Trained(NamedTuple):
    """The settings, the experiment as its newest checkpoint has it, and the step that it stands at."""

    run: Run
    experiment: Experiment
    step: int


def trained(folder: Path | str) -> Trained:
    """Read the folder of a training.

    Raises DataError where there is none, or none that is intact, and what loading its data raises.
    """
    folder = Path(folder)
    try:
        settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
        run = Run(**settings)
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"{folder} holds no training that this version can read ({error}); give the folder that `vaelab train "
            f"--out` wrote."
        ) from error
    kept = checkpoints.load_latest(folder / "checkpoints")
    if kept is None:
        raise DataError(f"{folder} holds no checkpoint yet; run its `vaelab train` command to the end of an epoch.")
    experiment = run.experiment(tuple(run.images("test").shape[1:]))
    try:
        experiment.load_state_dict(kept["experiment"])
    except RuntimeError as error:
        raise DataError(f"the checkpoint in {folder} is not of the model in its settings.json; train anew.") from error
    return Trained(run, experiment, int(kept["step"]))
