"""The ways to set gamma or the weight of the divergence, and the training settings."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from vaelab import recipes
from vaelab.objectives.annealing import Cyclical, Linear, PIController
from vaelab.objectives.gamma import Computed, Geco, Learned, Optimal, PerImage
from vaelab.objectives.objective import Experiment

GAMMA = 0.1**0.5  # where the weight of the divergence moves instead of gamma
# The options of the recipe, and the label; both take the method's number.
DESIGNS: dict[str, tuple[Callable[..., dict[str, Any]], str]] = {
    "fixed": (lambda variance: {"gamma": variance**0.5}, "fixed {}"),
    "learned": (lambda factor: {"gamma": Learned(lr_scale=factor)}, "learned, {} × its rate"),
    "rule A": (lambda start: {"gamma": Computed(start, rule="running_min")}, "computed, rule A, from {}"),
    "rule B": (lambda start: {"gamma": Computed(start)}, "computed, rule B, from {}"),
    "batch optimum": (lambda _: {"gamma": Optimal()}, "optimum of the batch"),
    "per image": (lambda _: {"gamma": PerImage()}, "optimum of each image"),
    "GECO": (lambda variance: {"gamma": Geco(variance**0.5)}, "GECO, κ² = {}"),
    "ControlVAE": (lambda nats: {"gamma": GAMMA, "annealing": PIController(nats)}, "ControlVAE, {} nats"),
    "linear annealing": (lambda n: {"gamma": GAMMA, "annealing": Linear(int(n))}, "linear annealing, {} steps"),
    "cyclical annealing": (lambda n: {"gamma": GAMMA, "annealing": Cyclical(int(n))}, "cyclical annealing, {} steps"),
    "free bits": (lambda nats: {"gamma": GAMMA, "nats": nats}, "free bits, {} nat"),
}


class BalancingMethod(NamedTuple):
    """A method of `DESIGNS`.

    Args:
        name: Its key.
        value: gamma², a multiple of the learning rate, the first gamma (None: from the data),
            kappa², nats, or steps.
        k: Factor of the divergence.
    """

    name: str
    value: float | None = None
    k: float = 1.0

    def experiment(self, shape: Sequence[int], latent: int, **design: Any) -> Experiment:
        """Return the VAE that is trained."""
        options = {**design, **DESIGNS[self.name][0](self.value)}
        if self.name == "free bits":
            return recipes.free_bits_vae(shape, latent, **options)
        return recipes.balanced_vae(shape, latent, k=self.k, **options)


LEARNED, FASTER = BalancingMethod("learned", 1.0), BalancingMethod("learned", 10.0)
A, B, B_FROM_1 = BalancingMethod("rule A", 1.0), BalancingMethod("rule B"), BalancingMethod("rule B", 1.0)
OPTIMAL, PER_IMAGE = BalancingMethod("batch optimum"), BalancingMethod("per image")
SETTERS = (LEARNED, FASTER, A, B_FROM_1, B, OPTIMAL)


def fixed(variance: float) -> BalancingMethod:
    """Return the method that leaves gamma² at this variance."""
    return BalancingMethod("fixed", variance)


def label(method: BalancingMethod) -> str:
    """Return the name of a method in pictures and tables."""
    if method == LEARNED:
        return "learned, the network's rate"
    if method.k != 1:
        return f"computed, {method.name}, k = {method.k:g}"
    return DESIGNS[method.name][1].format("the data" if method.value is None else f"{method.value:g}")


# Of the quick preset: every figure names the same settings and variances, and so shares the
# trainings.
VARIANCES = [1.0, 0.3, 0.1, 0.05, 0.02, 0.01, 0.003, 0.001]
LOOP: dict[str, Any] = {"steps": 2000, "batch_size": 100, "lr": 1e-3}
MNIST: dict[str, Any] = {"data": "mnist-mini", "network": "mlp", "hidden": (128,), "latent": 16, **LOOP}
FULL_MNIST: dict[str, Any] = {**MNIST, "data": "mnist", "hidden": (400,), "latent": 32, "steps": 30_000, "lr": 5e-4}
SMALL: dict[str, Any] = {"hidden": (64,), "latent": 8, "steps": 5000, "batch_size": 64, "lr": 2e-3}
DIGITS: dict[str, Any] = {**MNIST, "data": "digits", **SMALL}
CONV: dict[str, Any] = {"network": "conv", "hidden": (32, 64, 128), "latent": 64}
CIFAR: dict[str, Any] = {**LOOP, "data": "cifar10", "limit": 10_000, **CONV, "steps": 3000}
FULL_CIFAR: dict[str, Any] = {**CIFAR, "limit": None, "hidden": (64, 128, 256), "steps": 50_000, "lr": 1e-4}
# Of the figures that sweep over gamma.
SWEEP: dict[str, Any] = {"seeds": 3, "variances": VARIANCES, **MNIST}
FULL_SWEEP: dict[str, Any] = {"seeds": 3, "variances": VARIANCES, **FULL_MNIST}
SWEEPS: dict[str, Any] = {"quick": SWEEP, "full": FULL_SWEEP}
