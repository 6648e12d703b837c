"""What a figure of this paper was trained on, in words: NLLs of coarse digits are not those of MNIST."""

from typing import Any

from vaelab.runs import Run


def in_words(seeds: int, *, data: str, limit: int | None = None, side: int | None = None, **training: Any) -> str:
    """The training images of a setting, as many and as large as they are, and the seeds."""
    images = Run("vae", data=data, limit=limit, side=side).images("train")
    height, width = images.shape[-2:]
    return f"{data}, {len(images):,} training images of {height} × {width} pixels, {seeds} seed{'s' * (seeds > 1)}"
