"""Factors that give the latents of a second stage the spread of the codes.

    law        per latent, to the deviation of z, V = Var(mean) + E[sigma²], about 1 by the law
    published  one factor, adjust2 / mean_j std(z_j), adjust2² = mean_j (Var(mean_j) + E[sigma_j])
    unit       one factor, 1 / mean_j std(z_j), right only where V is 1

"published" is that of the repository of Asperti & Trentin (2020), https://arxiv.org/abs/2002.07514,
asperti/BalancingVAE; "unit" that of its first commit. Where the law has sigma², "published" has
sigma, and sigma > sigma² below 1, so it scales a little too far. A collapsed stage is refused.
"""

from typing import Literal, NamedTuple, Self, get_args

import torch
from torch import Tensor

from vaelab._utils.errors import InvalidValue

COLLAPSED = 0.5  # std_ratio below which the generated latents are concentrated at the origin

Renormalization = Literal["law", "published", "unit"]


class Deviations(NamedTuple):
    """Standard deviations of the codes and of generated latents.

    Args:
        codes: Those of z, [d].
        generated: Those of generated latents without noise, [d].
        adjust2: The published overall deviation, [].
    """

    codes: Tensor
    generated: Tensor
    adjust2: Tensor

    @classmethod
    def of_codes(cls, mean: Tensor, std: Tensor) -> Self:
        """Return those of posteriors [n, d]; raises InvalidValue if all codes are equal."""
        of_means = mean.var(0, correction=0)
        codes = (of_means + std.square().mean(0)).sqrt()
        if not bool((codes > 0).any()):
            raise InvalidValue("z must vary, got codes that are all equal.")
        return cls(codes, torch.zeros_like(codes), (of_means + std.mean(0)).mean().sqrt())

    @property
    def std_ratio(self) -> float:
        """The mean deviation of generated latents over that of z."""
        return float(self.generated.mean() / self.codes.mean())

    @property
    def collapsed(self) -> bool:
        """Whether `std_ratio` is below 0.5, or nan."""
        return not self.std_ratio >= COLLAPSED

    @property
    def inactive(self) -> Tensor:
        """Which latents are generated with less than half of their deviation: bool [d]."""
        return (self.generated < COLLAPSED * self.codes) | (self.codes == 0)

    def factor(self, by: Renormalization, noise: float = 0.0) -> Tensor:
        """Compute the factors on generated latents.

        Args:
            by: One of the three ways; "law" leaves inactive latents as they are, since a factor
                would only enlarge their noise.
            noise: Standard deviation of the noise added to generated latents.

        Returns:
            [d].

        Raises:
            InvalidValue: If the stage has collapsed.
        """
        if self.collapsed:
            raise InvalidValue(
                f"the second stage has collapsed: its latents have {self.std_ratio:.2f} of the standard deviation of "
                f"z; fit it with warmup=0.5 or more steps."
            )
        generated = (self.generated.square() + noise**2).sqrt()
        if by == "law":
            return torch.where(self.inactive, 1.0, self.codes / generated)
        overall = self.adjust2 if by == "published" else torch.ones_like(self.adjust2)
        return (overall / generated.mean()).expand_as(generated)


def check_known(by: str) -> None:
    """Raise InvalidValue for an unknown way to renormalize."""
    if by not in get_args(Renormalization):
        raise InvalidValue(f"renormalize must be 'law', 'published', 'unit' or None, got {by!r}.")
