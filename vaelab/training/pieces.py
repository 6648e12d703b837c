"""A batch that is computed in pieces, to save memory: its terms from those of the pieces."""

from collections.abc import Sequence

import torch

from vaelab.objectives.objective import LossTerms


def joined(parts: Sequence[tuple[float, LossTerms]]) -> LossTerms:
    """The terms of a batch from those of its pieces and their shares of it."""
    shares, pieces = zip(*parts, strict=True)
    fields = zip(*pieces, strict=True)  # means [] are averaged by share, terms [b] stand behind one another
    return LossTerms(
        *(torch.cat(f) if f[0].dim() else sum(s * v for s, v in zip(shares, f, strict=True)) for f in fields)
    )
