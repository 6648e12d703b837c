"""What the training panel trains: the choices as a recipe of the package, and as the code that reproduces the run."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from vaelab.data.dataset import Dataset
from vaelab.objectives import recipes
from vaelab.objectives.consistency import VIEWS, consistent
from vaelab.objectives.objective import Experiment
from vaelab.training.config import Train
from vaelab.training.interventions import Intervention

DATA = ("digits", "mnist-mini", "fashion-mini")
NETWORKS: dict[str, dict[str, Any]] = {
    "mlp 64": {"hidden": (64,)},
    "mlp 400": {"hidden": (400,)},
    "conv 8-16": {"network": "conv", "hidden": (8, 16)},
}
DIVERGENCES = ("KL(q‖p)", "KL(p‖q)", "JS", "dual JS")
AUGMENTED = ("no", *VIEWS)
POLICIES = ("fixed", "learned", "computed")


class TrainingChoices(NamedTuple):
    """The choices of one training; gamma is where a learned one starts, and a computed one starts from the data."""

    data: str = "digits"
    network: str = "mlp 64"
    latent: int = 2
    divergence: str = "JS"
    policy: str = "fixed"
    views: str = "no"
    alpha: float = 0.3
    gamma: float = 0.2
    beta: float = 1.0
    consistency: float = 1.0
    lr: float = 1e-3
    epochs: int = 40
    batch: int = 64
    seed: int = 0


class Call(NamedTuple):
    """A call of a recipe; with views, its experiment made consistent at this lambda."""

    recipe: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    views: tuple[float, str] | None = None

    def make(self) -> Experiment:
        experiment: Experiment = getattr(recipes, self.recipe)(*self.arguments, **self.options)
        return experiment if self.views is None else consistent(experiment, *self.views)

    def __str__(self) -> str:
        named = [f"{name}={value!r}" for name, value in self.options.items()]
        plain = f"vaelab.recipes.{self.recipe}({', '.join([*map(repr, self.arguments), *named])})"
        return plain if self.views is None else f"vaelab.consistency.consistent({plain}, {str(self.views)[1:-1]})"


def recipe(setup: TrainingChoices, data: Dataset) -> Call:
    """The recipe that the choices name."""
    views = None if setup.views == "no" else (setup.consistency, setup.views)
    return _plain(setup, data)._replace(views=views)


def _plain(setup: TrainingChoices, data: Dataset) -> Call:
    shape = tuple(data.images.shape[1:])
    options: dict[str, Any] = dict(NETWORKS[setup.network])
    options["gamma"] = setup.gamma if setup.policy == "fixed" else setup.policy
    if setup.divergence == "KL(q‖p)":
        return Call("beta_vae", (shape, setup.latent), {"beta": setup.beta, **options})
    if setup.divergence == "KL(p‖q)":
        return Call("reverse_kl_vae", (shape, setup.latent), {"weight": setup.beta, **options})
    skewed = {"alpha": setup.alpha, "dual": setup.divergence == "dual JS", "weight": setup.beta}
    return Call("gjs_vae", (shape, setup.latent), {**skewed, **options})


def config(setup: TrainingChoices) -> Train:
    """How the panel trains."""
    return Train(epochs=setup.epochs, batch_size=setup.batch, lr=setup.lr, seed=setup.seed, progress=False)


def code(setup: TrainingChoices, call: Call, steps: int, turns: Sequence[Intervention]) -> str:
    """A cell that trains the same experiment, with every turn of a knob at its step: the same weights on a CPU."""
    lines = ["import torch", "import vaelab", "", f"torch.manual_seed({setup.seed})", f"experiment = {call}"]
    lines += ["turns = [  # step, knob, old, new", *(f"    {tuple(turn)!r}," for turn in turns), "]"]
    settings = f"steps={steps}, batch_size={setup.batch}, lr={setup.lr!r}, seed={setup.seed}"
    lines += [
        f"data, config = vaelab.load({setup.data!r}), vaelab.Train({settings})",
        "history = vaelab.fit(experiment, data, config, interventions=vaelab.Interventions(turns))",
    ]
    return "\n".join(lines)
