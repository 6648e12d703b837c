"""The domain of data and likelihoods: [0, 1] as pixels are, or all finite numbers, as of points in space; densities."""

from typing import Literal

from vaelab._utils.errors import InvalidValue

Domain = Literal["unit", "real"]


def require_unit(name: str, domain: Domain) -> None:
    """Raise `InvalidValue` unless the domain is "unit": the option `name` needs data in [0, 1]."""
    if domain != "unit":
        raise InvalidValue(
            f"{name} needs data in [0, 1], but the domain of this likelihood is {domain!r}; omit it, or "
            "use a likelihood with squash=True."
        )


def require_density(name: str, likelihood: object) -> None:
    """Raise `InvalidValue`, with the reason, for a likelihood that is no density; `name` needs one."""
    if reason := getattr(likelihood, "not_a_density", ""):
        raise InvalidValue(f"{name} needs a likelihood, but {reason}.")
