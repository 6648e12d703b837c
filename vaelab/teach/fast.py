"""The fast mode: shorter trainings, so that a test executes every notebook in minutes."""

import os

from vaelab._utils import checks
from vaelab._utils.typed import typed


def enabled() -> bool:
    """Return whether the environment variable VAELAB_FAST is set to something else than 0."""
    return os.environ.get("VAELAB_FAST", "") not in ("", "0")


@typed
def budget(full: int, *, fast: int) -> int:
    """Choose the length of a training: shorter if the environment variable VAELAB_FAST is set.

    Args:
        full: Number of epochs or steps that the text of the notebook describes.
        fast: Number in the fast mode, in which `check` ignores results of trainings.

    Returns:
        One of the two numbers.

    Raises:
        InvalidType: If an argument is no whole number.
        InvalidValue: If an argument is below 1.

    Example:
        >>> budget(30, fast=2)
        30
    """
    checks.positive_int("full", full)
    checks.positive_int("fast", fast)
    return fast if enabled() else full
