"""Devices by name."""

import torch

from vaelab._utils.checks import shown
from vaelab._utils.errors import InvalidType, InvalidValue


def on_device(name: str | torch.device) -> torch.device:
    """Return a torch device, or for "auto" CUDA if there is one; raise `InvalidValue` if unusable.

    Example:
        >>> on_device("cpu")
        device(type='cpu')
    """
    if not isinstance(name, str | torch.device):
        raise InvalidType(f"device must be a text such as 'auto' or 'cpu', got {shown(name)}.")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise InvalidValue(f"device must be 'auto', 'cpu' or a device of this machine, got {name!r}.") from error
    return device


def device_name(name: str) -> str:
    """Return the name of that device, as the tasks of a sweep have it; raises as `on_device`."""
    return str(on_device(name))
