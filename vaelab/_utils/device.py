"""Devices by name."""

import torch

from vaelab._utils.errors import InvalidValue


def on_device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise InvalidValue(f"device {name!r} cannot be used here; choose 'auto' or 'cpu'.") from error
    return device


def device_name(name: str) -> str:
    """The same as a plain name, as the tasks of a sweep have it: "auto" is "cuda" where there is one, else "cpu"."""
    return str(on_device(name))
