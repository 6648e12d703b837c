"""The alternative texts of figures."""

from typing import Any


def itemize(template: str, *columns: Any) -> str:
    """Fill a template with each row of the columns, separated by semicolons.

    Example:
        >>> itemize("{}: {:.1f}", ["VAE", "IWAE"], [105.2, 103.04])
        'VAE: 105.2; IWAE: 103.0'
    """
    return "; ".join(template.format(*row) for row in zip(*columns, strict=True))
