"""Priors p(z) of a VAE: N(0, I), and three that are learned together with encoder and decoder.

KL(q‖p) of a Gaussian q has a closed form for N(0, I) only. For the others it is estimated by
ln q(z|x) - ln p(z) at draws z from q, the same draws that the decoder receives in training.

A prior is given by what it consists of; a recipe, or `VAE`, adds the sizes of the model with `sized`.
To add a prior, write a class with `log_prob` and `sample`, and a word for it in `NAMED`.
"""

from collections.abc import Callable

from torch import nn

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue, suggest
from vaelab._utils.typed import typed
from vaelab.models.priors._base import Prior, Standard
from vaelab.models.priors._flow import Flow
from vaelab.models.priors._mixtures import Mixture, VampPrior

__all__ = ["Flow", "Mixture", "Prior", "Standard", "VampPrior", "named"]

NAMED: dict[str, Callable[..., Prior]] = {"standard": Standard, "mixture": Mixture, "vamp": VampPrior, "flow": Flow}
WORDS = "standard, mixture:K, vamp:K, flow or flow:LAYERS"


@typed
def named(prior: str | Prior) -> Prior:
    """Return a prior as it is, and one that is given in words as an object.

    Args:
        prior: "standard", "mixture:K" and "vamp:K" with a number of components, "flow", or
            "flow:LAYERS" with a number of couplings; or a prior.

    Returns:
        The prior.

    Raises:
        InvalidValue: For other words.

    Example:
        >>> named("vamp:100").name
        'VampPrior(100)'
    """
    if isinstance(prior, Prior):
        return prior
    word, colon, number = prior.partition(":")
    if word not in NAMED:
        raise InvalidValue(f"prior must be {WORDS}, got {checks.shown(prior)}; {suggest(word, NAMED)}")
    if bool(colon) != (word != "standard") and word != "flow":
        raise InvalidValue(f"prior must be {WORDS}, got {checks.shown(prior)}.")
    if colon and not number.isdecimal():
        raise InvalidValue(f"prior must be {WORDS}, with a whole number, got {checks.shown(prior)}.")
    return NAMED[word](*([int(number)] if colon else []))


def learned_priors(model: nn.Module) -> list[Prior]:
    """Return the priors in a model that are not N(0, I)."""
    return [part for part in model.modules() if isinstance(part, Prior) and not isinstance(part, Standard)]
