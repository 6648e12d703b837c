"""What a reader may choose in every recipe, and how an experiment is put together from it."""

from collections.abc import Sequence
from typing import Any, Literal, TypedDict

from torch import nn

from vaelab import networks
from vaelab.errors import InvalidType, InvalidValue, near
from vaelab.gamma import Policy
from vaelab.heating import Heating
from vaelab.likelihoods import Bernoulli, Laplace, Likelihood, Normal
from vaelab.models import VAE
from vaelab.objective import Experiment, Objective

# With this gamma the loss is the sum of squared errors plus the divergence, up to a constant (Deasy et al. 2020).
SQUARED_ERROR = 0.5**0.5
NETWORKS = {
    **{"mlp": networks.mlp, "conv": networks.conv, "burgess": networks.burgess, "burda": networks.burda},
    **{"resnet": networks.resnet, "infogan": networks.infogan},
}


class Design(TypedDict, total=False):
    """What a reader may choose in every recipe, by keyword.

    network: "mlp" (default), "conv", "burgess", "burda", "resnet" or "infogan".  hidden: its widths, such as (400,);
    default: the network's own.
    likelihood: "normal" (default), "bernoulli" or "laplace".  gamma: the decoder's standard deviation, a number
    (default 1/sqrt(2)), "learned", "computed", "optimal", "per-image", or a policy of `vaelab.gamma`; a Bernoulli has
    none.  heating: what changes the weight of the divergence while training runs, of `vaelab.heating`; default: none.
    """

    network: Literal["mlp", "conv", "burgess", "burda", "resnet", "infogan"]
    hidden: Sequence[int] | None
    likelihood: Literal["normal", "bernoulli", "laplace"]
    gamma: float | str | Policy
    heating: Heating | None


def build(
    shape: Sequence[int],
    latent: int,
    divergence: nn.Module,
    weight: float = 1.0,
    *,
    network: str = "mlp",
    hidden: Sequence[int] | None = None,
    likelihood: str = "normal",
    gamma: float | str | Policy = SQUARED_ERROR,
    heating: Heating | None = None,
    **unknown: Any,
) -> Experiment:
    """A VAE of this design, with its objective.  Raises InvalidType or InvalidValue for a design that there is not."""
    for name in unknown:
        raise InvalidType(f"this recipe has no option {name}; beside its own, {near(name, Design.__annotations__)}")
    shape = checked(shape, latent)
    if network not in NETWORKS:
        raise InvalidValue(f"network must be one of {', '.join(NETWORKS)}, got {network!r}.")
    if hidden is not None and (isinstance(hidden, int | str) or not all(isinstance(w, int) and w > 0 for w in hidden)):
        raise InvalidType(f"hidden must be a sequence of positive whole numbers such as (400,), got {hidden!r}.")
    family = NETWORKS[network]
    encoder, decoder = family(shape, latent) if hidden is None else family(shape, latent, tuple(hidden))
    objective = Objective(likelihood_of(likelihood, gamma), divergence, weight, heating)
    return Experiment(VAE(encoder, decoder, latent), objective, shape)


def checked(shape: Sequence[int], latent: int) -> tuple[int, ...]:
    """The shape as a tuple, if it and the number of latents make sense."""
    shape = tuple(shape)
    if not shape or not all(isinstance(size, int) and size > 0 for size in shape):
        raise InvalidValue(f"shape must be that of one image, whole numbers such as (1, 28, 28), got {shape}.")
    if not isinstance(latent, int) or latent < 1:
        raise InvalidValue(f"latent must be a whole number of at least 1, got {latent!r}; 10 is the paper's choice.")
    return shape


def likelihood_of(name: str, gamma: float | str | Policy) -> Likelihood:
    """The likelihood of that name."""
    if name == "normal":
        return Normal(gamma)
    if name == "laplace":
        return Laplace(gamma)
    if name == "bernoulli":
        if gamma != SQUARED_ERROR:
            raise InvalidValue(f"a Bernoulli has no gamma, got {gamma!r}; leave it out, or take likelihood='normal'.")
        return Bernoulli()
    raise InvalidValue(f"likelihood must be one of normal, bernoulli, laplace, got {name!r}.")
