"""How to make a panel of every kind, of small models that are not trained."""

from collections.abc import Callable

import torch

from vaelab import live, load, recipes
from vaelab.posterior.samplers import PriorSampler


def small_panels() -> dict[str, Callable[..., live.Panel]]:
    """Return every public panel by the name of its function, and the second declaration of `latent_panel`."""
    torch.manual_seed(0)
    digits = load("digits")
    images, labels = digits.images[:100], digits.labels[:100]
    flat, deep = (recipes.vae((1, 8, 8), latent, hidden=(8,)) for latent in (2, 4))
    hierarchy = recipes.hierarchical_vae((1, 8, 8), 2, groups=((2, 1), (4, 1)), width=4)
    series = [recipes.vae((1, 8, 8), 2, hidden=(8,), gamma=gamma) for gamma in (0.1, 0.5)]
    samplers = {"prior": PriorSampler().fit(torch.randn(50, 4))}
    return {
        "divergence_panel": live.divergence_panel,
        "mixture_panel": live.mixture_panel,
        "rho_panel": live.rho_panel,
        "truth_panel": live.truth_panel,
        "latent_panel": lambda: live.latent_panel(flat, images, labels),
        "traversal": lambda: live.latent_panel(deep, images),
        "hierarchy_panel": lambda: live.hierarchy_panel(hierarchy, images),
        "posterior_panel": lambda: live.posterior_panel(deep, images),
        "cloud_panel": lambda: live.cloud_panel(dict(enumerate(series)), images),
        "balance_panel": live.balance_panel,
        "scale_panel": lambda: live.scale_panel(deep, samplers, digits, n=70),
        "training_panel": lambda **choices: live.training_panel(**{"epochs": 1, **choices}),
    }
