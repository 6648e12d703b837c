"""Small VAEs with every gamma policy and every schedule of the divergence's weight."""

import torch
from torch import nn

from vaelab import Train, recipes
from vaelab.divergences import KL
from vaelab.objectives.annealing import Cyclical, Linear, PIController
from vaelab.objectives.gamma import Computed, Fixed, Geco, Learned, Optimal, PerImage
from vaelab.objectives.likelihoods import Normal
from vaelab.objectives.objective import Experiment, Objective

SHAPE = (1, 8, 8)
CONFIG = Train(steps=24, batch_size=100, lr=3e-3, progress=False, device="cpu")
POLICIES = {
    "fixed": lambda: Fixed(0.3),
    "learned": lambda: Learned(0.5, lr_scale=3.0),
    "A": lambda: Computed(1.0, rule="running_min"),
    "B": Computed,
    "C": lambda: Computed(rule="ema", rate=0.2),
    "optimal": Optimal,
    "per image": PerImage,
    "GECO": lambda: Geco(0.2, step_size=0.05),
}
ANNEALINGS = {
    "linear": lambda: Linear(15),
    "cyclical": lambda: Cyclical(10, rise=0.6),
    "controlled": lambda: PIController(3.0, integral=0.01),
}
BALANCES = {name: {"gamma": make} for name, make in POLICIES.items()} | {
    name: {"annealing": make} for name, make in ANNEALINGS.items()
}


def balanced(balance, divergence=KL, likelihood=Normal, seed=0):
    """A small VAE with one of `BALANCES`."""
    torch.manual_seed(seed)
    plain = recipes.vae(SHAPE, 3, hidden=(16,))
    chosen = {name: make() for name, make in BALANCES[balance].items()}
    objective = Objective(likelihood(chosen.get("gamma", 0.3)), divergence(), 1.0, chosen.get("annealing"))
    return Experiment(plain.model, objective, SHAPE)


def linear(network):
    return [module for module in network.modules() if isinstance(module, nn.Linear)]
