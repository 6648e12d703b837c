"""Who sets the decoder's standard deviation gamma: one interface, and a file for every kind.

A policy gives `logvar` (ln gamma², 0-d), and `at(error)`, what a training step uses for a batch with this error; it may
look at the data once before training (`begin`) and moves once per optimiser step (`update`).  Its state lies in the
`state_dict`.  gamma is a standard deviation; code that holds a variance says so.

All of them, and those of `vaelab.heating`, choose one number, the weight of the divergence against half the squared
error: weight * gamma².  Source: Asperti & Trentin 2020; balancing sheet, section 4.6.
"""

from numbers import Real

from vaelab.errors import InvalidType, near
from vaelab.gamma.base import Fixed, Learned, Policy
from vaelab.gamma.batch import Optimal, PerImage
from vaelab.gamma.computed import Computed
from vaelab.gamma.geco import Geco

__all__ = ["Computed", "Fixed", "Geco", "Learned", "Optimal", "PerImage", "Policy", "policy"]

NAMED = {"learned": Learned, "computed": Computed, "optimal": Optimal, "per-image": PerImage}


def policy(gamma: float | str | Policy) -> Policy:
    """A number means `Fixed`; "learned", "computed", "optimal" and "per-image" name others; a policy stays as it is."""
    if isinstance(gamma, Policy):
        return gamma
    if isinstance(gamma, Real):
        return Fixed(gamma)
    if gamma in NAMED:
        return NAMED[gamma]()
    known = near(str(gamma), NAMED)
    raise InvalidType(f"gamma must be a number, a name or a policy of vaelab.gamma, got {gamma!r}; {known}")
