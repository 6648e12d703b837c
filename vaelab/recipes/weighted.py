"""VAEs on the importance weighted bound."""

from collections.abc import Sequence
from typing import Literal, Unpack

from vaelab.errors import InvalidValue
from vaelab.gamma import Policy
from vaelab.heating import Heating
from vaelab.importance import Gradient, ImportanceWeighted
from vaelab.objective import Experiment
from vaelab.recipes.design import SQUARED_ERROR, Design, checked, likelihood_of
from vaelab.recipes.regularised import vae
from vaelab.two_layers import TwoLayers


def iwae(
    shape: Sequence[int],
    latent: int = 10,
    *,
    samples: int = 5,
    gradient: Gradient = "plain",
    **design: Unpack[Design],
) -> Experiment:
    """The importance weighted bound with so many draws per image (Burda et al. 2016); see `ImportanceWeighted`.

    network="burda", latent=50 is the paper's model with one stochastic layer.
    """
    plain = vae(shape, latent, **design)
    likelihood, heating = plain.objective.likelihood, plain.objective.heating
    return Experiment(plain.model, ImportanceWeighted(likelihood, samples, gradient, heating=heating), plain.shape)


def two_layer_iwae(
    shape: Sequence[int],
    latent: int = 100,
    *,
    top: int = 50,
    samples: int = 5,
    network: Literal["burda"] = "burda",
    hidden: Sequence[int] | None = None,
    likelihood: str = "bernoulli",
    gamma: float | str | Policy = SQUARED_ERROR,
    heating: Heating | None = None,
) -> Experiment:
    """The model with two stochastic layers of Burda et al. 2016, of `latent` and `top` units, on their bound.

    hidden: the widths below the first layer, default (200, 200).  Raises InvalidValue for another network.
    """
    if network != "burda":
        raise InvalidValue(f"two stochastic layers are built with network='burda' only, got {network!r}; choose it.")
    model = TwoLayers(checked(shape, latent), latent, top, (200, 200) if hidden is None else hidden)
    objective = ImportanceWeighted(likelihood_of(likelihood, gamma), samples, heating=heating)
    return Experiment(model, objective, tuple(shape))
