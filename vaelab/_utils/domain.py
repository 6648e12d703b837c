"""The domain of data and likelihoods: [0, 1] as pixels are, its 256 levels, or all finite numbers, as of points."""

from typing import Literal

from vaelab._utils.errors import InvalidValue

Domain = Literal["unit", "real", "levels"]


def encoder_domain(domain: Domain) -> Domain:
    """Return where the inputs of an encoder must lie: in [0, 1] also for a likelihood of levels, as views do."""
    return "unit" if domain == "levels" else domain


def require_unit(name: str, domain: Domain) -> None:
    """Raise `InvalidValue` if the domain is "real": the option `name` needs data in [0, 1]."""
    if domain == "real":
        raise InvalidValue(
            f"{name} needs data in [0, 1], but the domain of this likelihood is {domain!r}; omit it, or "
            "use a likelihood with squash=True."
        )


def require_density(name: str, likelihood: object) -> None:
    """Raise `InvalidValue`, with the reason, for a likelihood that is no density; `name` needs one."""
    if reason := getattr(likelihood, "not_a_density", ""):
        raise InvalidValue(f"{name} needs a likelihood, but {reason}.")
