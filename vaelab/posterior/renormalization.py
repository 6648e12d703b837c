"""How wide a second stage's latents are spread, and by what they are multiplied so that they are spread as z is.

    law         each latent to the deviation of z, V = Var(mean) + E[sigma²]; about 1 by the variance law
    published   all by adjust2 / mean_j std(z_j), adjust2² = mean_j (Var(mean_j) + E[sigma_j]): the authors' repository
    unit        all by 1 / mean_j std(z_j): its first commit, right only where V is 1

"published" has sigma where the law has sigma²; since sigma > sigma² below 1 it scales a little too far.  Whichever way,
a stage that has collapsed is refused; the repository's own guard does not see a collapse.
Source: Asperti & Trentin 2020 (arXiv 2002.07514) and their repository, asperti/BalancingVAE.
"""

from typing import Literal, NamedTuple, Self, get_args

import torch
from torch import Tensor

from vaelab._utils.errors import InvalidValue

COLLAPSED = 0.5  # of the spread of the codes: below it, what is generated is a heap at the origin

Renormalization = Literal["law", "published", "unit"]


class Deviations(NamedTuple):
    """Standard deviations: codes [d], of z; made [d], of what is generated without noise; adjust2 [], as published."""

    codes: Tensor
    made: Tensor
    adjust2: Tensor

    @classmethod
    def of_codes(cls, mean: Tensor, std: Tensor) -> Self:
        """Of posteriors with these means and deviations [n, d], before anything is generated.

        Raises InvalidValue for codes that are all the same.
        """
        of_means = mean.var(0, correction=0)
        codes = (of_means + std.square().mean(0)).sqrt()
        if not bool((codes > 0).any()):
            raise InvalidValue("z never varies: all codes are the same, so there is nothing to learn; encode images.")
        return cls(codes, torch.zeros_like(codes), (of_means + std.mean(0)).mean().sqrt())

    @property
    def spread(self) -> float:
        """The mean deviation of what is generated over that of z."""
        return float(self.made.mean() / self.codes.mean())

    @property
    def collapsed(self) -> bool:
        return not self.spread >= COLLAPSED

    @property
    def closed(self) -> Tensor:
        """Which latents are generated with less than half of their spread, as good as constant: bool [d]."""
        return (self.made < COLLAPSED * self.codes) | (self.codes == 0)

    def factor(self, by: Renormalization, noise: float = 0.0) -> Tensor:
        """What latents, generated with noise of this deviation, are multiplied by: [d].

        The law leaves closed latents as they are: it would blow up what says nothing.
        Raises InvalidValue for a collapsed stage.
        """
        if self.collapsed:
            raise InvalidValue(
                f"the second stage has collapsed: what it generates has {self.spread:.2f} of the spread of z, and "
                f"renormalizing it would blow up noise; fit it with warmup=0.5 or more steps."
            )
        made = (self.made.square() + noise**2).sqrt()
        if by == "law":
            return torch.where(self.closed, 1.0, self.codes / made)
        overall = self.adjust2 if by == "published" else torch.ones_like(self.adjust2)
        return (overall / made.mean()).expand_as(made)


def check_known(by: str) -> None:
    """Raises InvalidValue for an unknown way to renormalize."""
    if by not in get_args(Renormalization):
        raise InvalidValue(f"renormalize must be 'law', 'published', 'unit' or None, got {by!r}.")
