"""Devices by name, and the choice of one."""

import sys
from functools import cache

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd

from vaelab._utils.checks import shown
from vaelab._utils.errors import InvalidType, InvalidValue

FAST = ("cuda", "xpu")  # for networks of any kind; "mps" is for convolutions


def on_device(name: str | torch.device, network: nn.Module | None = None) -> torch.device:
    """Return a torch device by its name.

    Args:
        name: "cpu", "cuda", "cuda:1", "xpu", "mps", ..., or "auto": a CUDA or XPU device; an MPS
            device for a network with convolutions; else the CPU, which is about as fast for small
            dense networks.
        network: What shall run on it.

    Returns:
        The device.

    Raises:
        InvalidValue: If this machine has no such device.

    Example:
        >>> on_device("cpu")
        device(type='cpu')
    """
    if not isinstance(name, str | torch.device):
        raise InvalidType(f"device must be a text such as 'auto' or 'cpu', got {shown(name)}.")
    if name == "auto":
        return torch.device(_choose(network)[0])
    try:
        device = torch.device(name)
        torch.empty(1, device=device).item()  # which a meta tensor has not
    except (RuntimeError, AssertionError, TypeError, ImportError) as error:
        raise InvalidValue(f"device must be 'auto', 'cpu' or a device of this machine, got {name!r}.") from error
    return device


def device_name(name: str, network: nn.Module | None = None) -> str:
    """Return the name of that device, as the tasks of a sweep have it; raises as `on_device`."""
    return str(on_device(name, network))


def announce_device(name: str, network: nn.Module) -> None:
    """Say on stderr what "auto" has chosen and why, once, if there was a choice.

    Args:
        name: Name of a device, as the user gave it.
        network: What is to be trained.
    """
    if name == "auto" and (reason := _choose(network)[1]):
        _say(f"vaelab: {reason}.")


def _choose(network: nn.Module | None) -> tuple[str, str]:
    """Return the device of "auto" and, if there was a choice, a clause that gives the reason."""
    kind = accelerator()
    if kind in FAST:
        return kind, f"device='auto' is {kind}, the accelerator of this machine; device='cpu' trains on the CPU"
    if kind != "mps":
        return "cpu", ""
    if network is not None and any(isinstance(module, _ConvNd) for module in network.modules()):
        return kind, "device='auto' is mps, since the network has convolutions; device='cpu' trains on the CPU"
    return "cpu", "device='auto' is the CPU, since the network has no convolutions; device='mps' trains on the GPU"


def accelerator() -> str | None:
    """Return the type of the accelerator of this machine, such as "cuda", or None."""
    device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return None if device is None else device.type


@cache
def _say(line: str) -> None:
    if sys.stderr is not None:  # as in a program without a console
        print(line, file=sys.stderr)
