"""The choices of the training panel as controls, as a recipe, and as code."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from vaelab._utils.checks import positive_int
from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import check_fields, typed
from vaelab.data.dataset import Dataset
from vaelab.live.controls import Choice, Control, Slider, accept
from vaelab.objectives import recipes
from vaelab.objectives.consistency import VIEWS, consistent
from vaelab.objectives.objective import Experiment
from vaelab.training.config import TrainConfig
from vaelab.training.interventions import Intervention

DATA = ("digits", "mnist-mini", "fashion-mini")
NETWORKS: dict[str, dict[str, Any]] = {
    "mlp 64": {"hidden": (64,)},
    "mlp 400": {"hidden": (400,)},
    "conv 8-16": {"network": "conv", "hidden": (8, 16)},
    "hierarchical": {"groups": ((2, 1), (4, 1), (8, 1)), "width": 16},
}
DIVERGENCES = ("KL(q‖p)", "KL(p‖q)", "JS", "dual JS")
AUGMENTED = ("no", *VIEWS)
POLICIES = ("fixed", "learned", "computed")


class TrainingChoices(NamedTuple):
    """The choices of one training.

    Args:
        data: Name of a data set.
        network: Key of `NETWORKS`.
        latent: Number of latents; in a hierarchy, of channels of every group.
        divergence: One of `DIVERGENCES`.
        policy: "fixed", "learned" or "computed" gamma.
        views: "no", or the strength of random views.
        alpha: Skew of the geometric JS.
        gamma: The fixed gamma.
        beta: Weight of the divergence.
        consistency: Weight lambda of the consistency between views.
        lr: Learning rate.
        epochs: Number of epochs.
        batch: Batch size.
        seed: Seed of initial weights, batches and samples.

    Example:
        >>> TrainingChoices(epochs=5).config.epochs
        5
    """

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

    @property
    def config(self) -> TrainConfig:
        """The training configuration; on the CPU, where `code` trains to the same weights again."""
        return TrainConfig(
            epochs=self.epochs, batch_size=self.batch, lr=self.lr, seed=self.seed, device="cpu", progress=False
        )

    @typed
    def recipe(self, data: Dataset) -> "Call":
        """Return the recipe for images of the shape of a data set."""
        check_choices(self)
        views = None if self.views == "no" else (self.consistency, self.views)
        options: dict[str, Any] = dict(NETWORKS[self.network])
        options["gamma"] = self.gamma if self.policy == "fixed" else self.policy
        if self.network == "hierarchical":
            kind = {"KL(q‖p)": "kl", "KL(p‖q)": "reverse_kl", "JS": "gjs", "dual JS": "dual_gjs"}[self.divergence]
            skew = {"alpha": self.alpha} if "gjs" in kind else {}
            own = {"divergence": kind, **skew, "weight": self.beta, "free_nats": None}
            name, options = "hierarchical_vae", {**own, **options}
        elif self.divergence == "KL(q‖p)":
            name, options = "beta_vae", {"beta": self.beta, **options}
        elif self.divergence == "KL(p‖q)":
            name, options = "reverse_kl_vae", {"weight": self.beta, **options}
        else:
            skew = {"alpha": self.alpha, "dual": self.divergence == "dual JS", "weight": self.beta}
            name, options = "gjs_vae", {**skew, **options}
        return Call(name, (tuple(data.images.shape[1:]), self.latent), options, views)


def training_controls(s: TrainingChoices) -> list[Control]:
    """Return the choices and parameters as controls; the experts' are folded away."""
    return [
        Choice("divergence", "divergence", DIVERGENCES, s.divergence),
        Slider("alpha", "skew α", 0, 1, s.alpha),
        Slider("gamma", "γ", 0.02, 2, s.gamma, log=True),
        Slider("beta", "β", 0.05, 20, s.beta, log=True),
        Slider("consistency", "views' λ", 0.01, 100, s.consistency, log=True),
        Choice("data", "data", DATA, s.data, expert=True),
        Choice("network", "network", tuple(NETWORKS), s.network, expert=True),
        Choice("policy", "γ is", POLICIES, s.policy, expert=True),
        Choice("views", "views", AUGMENTED, s.views, expert=True),
        Slider("latent", "latents", 1, 32, s.latent, 1, whole=True, expert=True),
        Slider("epochs", "epochs", 1, 400, s.epochs, 1, whole=True, expert=True),
        Slider("lr", "learning rate", 1e-5, 0.1, s.lr, log=True, expert=True),
    ]


def check_choices(setup: TrainingChoices) -> None:
    """Raise InvalidType or InvalidValue for choices that the panel does not offer."""
    check_fields(setup)
    for control in training_controls(setup):
        accept(control, control.start)
    setup.config  # noqa: B018 (it checks itself)


def planned_pauses(pause_at: Sequence[int] | int | None, epochs: int) -> tuple[int, ...]:
    """Return the epochs after which a training of some epochs pauses by itself.

    Raises:
        InvalidType, InvalidValue: If one of them is no whole number from 1 on, or does not come before the end.

    Example:
        >>> planned_pauses(5, epochs=40), planned_pauses((5, 12), epochs=40), planned_pauses(None, epochs=40)
        ((5,), (5, 12), ())
    """
    given = () if pause_at is None else pause_at if isinstance(pause_at, Iterable) else (pause_at,)
    pauses = tuple(positive_int("pause_at", epoch) for epoch in given)
    if (last := max(pauses, default=0)) >= epochs:
        raise InvalidValue(f"pause_at must be below the number of epochs, {epochs}, got {last}.")
    return pauses


def unused(values: Mapping[str, Any]) -> dict[str, str]:
    """Return why parameters have no effect on a training with these choices, by their names.

    Example:
        >>> unused(TrainingChoices(divergence="KL(q‖p)", views="large")._asdict())
        {'alpha': 'KL(q‖p) has no skew'}
    """
    reasons = {}
    if values["divergence"].startswith("KL"):
        reasons["alpha"] = f"{values['divergence']} has no skew"
    if values["policy"] != "fixed":
        reasons["gamma"] = f"gamma is {values['policy']}"
    if values["views"] == "no":
        reasons["consistency"] = "there are no views"
    return reasons


class Call(NamedTuple):
    """A call of a recipe, made consistent between views if there are any."""

    recipe: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    views: tuple[float, str] | None = None

    def make(self) -> Experiment:
        """Call the recipe."""
        experiment: Experiment = getattr(recipes, self.recipe)(*self.arguments, **self.options)
        return experiment if self.views is None else consistent(experiment, *self.views)

    def __str__(self) -> str:
        named = [f"{name}={value!r}" for name, value in self.options.items()]
        plain = f"vaelab.recipes.{self.recipe}({', '.join([*map(repr, self.arguments), *named])})"
        return plain if self.views is None else f"vaelab.consistency.consistent({plain}, {str(self.views)[1:-1]})"


def code(setup: TrainingChoices, call: Call, steps: int, changes: Sequence[Intervention]) -> str:
    """Return a cell that trains the same experiment again, to the same weights."""
    settings = f"steps={steps}, batch_size={setup.batch}, lr={setup.lr!r}, seed={setup.seed}, device='cpu'"
    lines = [
        "import torch",
        "import vaelab",
        "",
        f"torch.manual_seed({setup.seed})",
        f"experiment = {call}",
        "changes = [  # step, name, old, new",
        *(f"    {tuple(change)!r}," for change in changes),
        "]",
        f"data, config = vaelab.load({setup.data!r}), vaelab.TrainConfig({settings})",
        "history = vaelab.fit(experiment, data, config, interventions=vaelab.Interventions(changes))",
    ]
    return "\n".join(lines)
