"""The domain of data: [0, 1], as bytes and pictures are, or all finite numbers."""

from typing import Literal

from vaelab._utils.errors import InvalidValue

Domain = Literal["unit", "real"]


def require_unit(what: str, domain: Domain) -> None:
    """Raise InvalidValue unless the domain is "unit": `what` is made for data in [0, 1]."""
    if domain != "unit":
        raise InvalidValue(
            f"{what} needs data in [0, 1], but the domain of this likelihood is {domain!r}; leave it out, or "
            f"take a likelihood with squash=True."
        )
