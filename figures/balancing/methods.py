"""Who sets the balance, by name: the methods that the figures train."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from vaelab import recipes
from vaelab.gamma import Computed, Geco, Learned, Optimal, PerImage
from vaelab.heating import Controlled, Cyclical, Linear
from vaelab.objective import Experiment

UNDER = 0.1  # gamma² below a heating, which moves the weight in its place

MAKERS: dict[str, Callable[..., Any]] = {
    "fixed": lambda variance: {"gamma": variance**0.5},
    "learned": lambda pace: {"gamma": Learned(pace=pace)},
    "rule A": lambda start: {"gamma": Computed(start, rule="A")},
    "rule B": lambda start: {"gamma": Computed(start)},
    "batch optimum": lambda _: {"gamma": Optimal()},
    "per image": lambda _: {"gamma": PerImage()},
    "GECO": lambda variance: {"gamma": Geco(variance**0.5)},
    "ControlVAE": lambda target: {"gamma": UNDER**0.5, "heating": Controlled(target)},
    "linear annealing": lambda steps: {"gamma": UNDER**0.5, "heating": Linear(int(steps))},
    "cyclical annealing": lambda period: {"gamma": UNDER**0.5, "heating": Cyclical(int(period))},
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
