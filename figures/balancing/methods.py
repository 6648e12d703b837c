"""Who sets the balance, by name: the methods that the figures compare, and what they are trained on."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from vaelab import recipes
from vaelab.objectives.annealing import Cyclical, Linear, PIController
from vaelab.objectives.gamma import Computed, Geco, Learned, Optimal, PerImage
from vaelab.objectives.objective import Experiment

UNDER = 0.1  # gamma² below annealing, which moves the weight in its place
MAKERS: dict[str, Callable[..., Any]] = {
    "fixed": lambda variance: {"gamma": variance**0.5},
    "learned": lambda lr_scale: {"gamma": Learned(lr_scale=lr_scale)},
    "rule A": lambda start: {"gamma": Computed(start, rule="running_min")},
    "rule B": lambda start: {"gamma": Computed(start)},
    "batch optimum": lambda _: {"gamma": Optimal()},
    "per image": lambda _: {"gamma": PerImage()},
    "GECO": lambda variance: {"gamma": Geco(variance**0.5)},
    "ControlVAE": lambda target: {"gamma": UNDER**0.5, "annealing": PIController(target)},
    "linear annealing": lambda steps: {"gamma": UNDER**0.5, "annealing": Linear(int(steps))},
    "cyclical annealing": lambda period: {"gamma": UNDER**0.5, "annealing": Cyclical(int(period))},
    "free bits": lambda nats: {"gamma": UNDER**0.5, "nats": nats},
}


class Method(NamedTuple):
    """A method by name, and the one number that it takes: gamma², a multiple of the learning rate, the first gamma
    (None: that of the data), kappa², nats, steps; and the factor k of the divergence."""

    name: str
    value: float | None = None
    k: float = 1.0

    def experiment(self, shape: Sequence[int], latent: int, **design: Any) -> Experiment:
        """The VAE that is trained."""
        chosen = {**design, **MAKERS[self.name](self.value)}
        if self.name == "free bits":
            return recipes.free_bits_vae(shape, latent, **chosen)
        return recipes.balanced_vae(shape, latent, k=self.k, **chosen)


LEARNED, FASTER = Method("learned", 1.0), Method("learned", 10.0)
A, B, B_FROM_1 = (Method(*m) for m in (("rule A", 1.0), ("rule B",), ("rule B", 1.0)))
OPTIMAL, PER_IMAGE = Method("batch optimum"), Method("per image")
WORDS = {
    LEARNED[:2]: "learned, the network's rate",
    FASTER[:2]: "learned, 10 × its rate",
    A[:2]: "computed, rule A, from 1",
    B_FROM_1[:2]: "computed, rule B, from 1",
    B[:2]: "computed, rule B, from the data",
    OPTIMAL[:2]: "optimum of the batch",
    PER_IMAGE[:2]: "optimum of each image",
}
# What stands around the number that a method takes.
AROUND = {
    **{"GECO": (", κ² = ", ""), "ControlVAE": (", ", " nats"), "free bits": (", ", " nat")},
    **dict.fromkeys(("linear annealing", "cyclical annealing"), (", ", " steps")),
}
SETTERS = (LEARNED, FASTER, A, B_FROM_1, B, OPTIMAL)


def fixed(variance: float) -> Method:
    """gamma² put by hand."""
    return Method("fixed", variance)


def label(method: Method) -> str:
    """As it is written in a picture."""
    if method.k != 1:
        return f"computed, {method.name}, k = {method.k:g}"
    if method[:2] in WORDS or method.value is None:
        return WORDS.get(method[:2], method.name)
    before, behind = AROUND.get(method.name, (" ", ""))
    return f"{method.name}{before}{method.value:g}{behind}"


# Of the quick preset: every figure names the same settings and variances, and so shares the trainings.
VARIANCES = [1.0, 0.3, 0.1, 0.05, 0.02, 0.01, 0.003, 0.001]
MNIST: dict[str, Any] = {
    **{"data": "mnist-mini", "network": "mlp", "hidden": (128,), "latent": 16},
    **{"steps": 2000, "batch_size": 100, "lr": 1e-3},
}
DIGITS: dict[str, Any] = {
    **{"data": "digits", "network": "mlp", "hidden": (64,), "latent": 8},
    **{"steps": 5000, "batch_size": 64, "lr": 2e-3},
}
FASHION: dict[str, Any] = {**MNIST, "data": "fashion-mini"}
CIFAR: dict[str, Any] = {
    **{"data": "cifar10", "limit": 10_000, "network": "conv", "hidden": (32, 64, 128), "latent": 64},
    **{"steps": 3000, "batch_size": 100, "lr": 1e-3},
}
FULL_MNIST: dict[str, Any] = {**MNIST, "data": "mnist", "hidden": (400,), "latent": 32, "steps": 30_000, "lr": 5e-4}
FULL_CIFAR: dict[str, Any] = {**CIFAR, "limit": None, "hidden": (64, 128, 256), "steps": 50_000, "lr": 1e-4}
# Of the figures that sweep over gamma.
SWEEP: dict[str, dict[str, Any]] = {
    name: {"seeds": 3, "variances": VARIANCES, **own} for name, own in (("quick", MNIST), ("paper", FULL_MNIST))
}
