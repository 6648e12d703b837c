"""A VAE with groups of latents on several scales: a path upward, a path downward.

The encoder computes features on every scale, from fine to coarse. The decoder goes from coarse to
fine; each group has a prior that depends on the groups before it, and a posterior that differs from
this prior by what the features add. VD-VAE and NVAE are of this kind.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import typed
from vaelab.divergences.gaussian import Gaussian
from vaelab.models.networks._cells import Cells, build_cell
from vaelab.models.networks._mlp import check_sizes
from vaelab.models.priors import Prior, Standard
from vaelab.models.vae import VAE, Choose, ForwardPass, standardize

Scales = Literal["softplus", "clamped"]
LIMIT = 5.0  # of "clamped"


def log_scale(raw: Tensor, scales: Scales) -> Tensor:
    """Return ln sigma of a network's output, 0 where the output is 0.

    Args:
        raw: Output of a network.
        scales: "softplus", sigma = ln(1 + 2^raw) / ln 2, which grows linearly (Hazami et al. 2022), or
            "clamped", sigma = exp(5 tanh(raw / 5)), between e^-5 and e^5 (Vahdat & Kautz 2020).
    """
    if scales == "softplus":
        return F.softplus(raw, beta=math.log(2)).clamp_min(1e-6).log()
    return LIMIT * torch.tanh(raw / LIMIT)


class Group(nn.Module):
    """One group of latents [b, latent, side, side]: its prior, its posterior, its way into the state.

    Args:
        latent: Channels of the latents.
        width: Channels of state and features.
        side: Of the state.
        cells, depth: As in `build_cell`.
        scales: As in `log_scale`.
        first: Whether this is the first group, whose prior is N(0, I).
    """

    def __init__(
        self, latent: int, width: int, side: int, cells: Cells, depth: int, scales: Scales, first: bool
    ) -> None:
        super().__init__()
        self.shape, self.scales, self.first = (latent, side, side), scales, first
        self.to_prior = None if first else nn.Sequential(nn.GELU(), nn.Conv2d(width, 2 * latent, 1))
        mix = build_cell(cells, 2 * width, side, depth, generative=False)
        self.to_residual = nn.Sequential(mix, nn.GELU(), nn.Conv2d(2 * width, 2 * latent, 1))
        self.from_latent = nn.Conv2d(latent, width, 1)
        self.cell = build_cell(cells, width, side, depth, generative=True)

    def prior(self, state: Tensor) -> Gaussian:
        """Return p(z | earlier groups) as [b, latent * side * side]."""
        if self.to_prior is None:
            zeros = state.new_zeros(len(state), self.size)
            return Gaussian(zeros, zeros)
        mean, raw = self.to_prior(state).chunk(2, 1)
        if self.scales == "clamped":
            mean = LIMIT * torch.tanh(mean / LIMIT)
        return Gaussian(mean.flatten(1), 2 * log_scale(raw, self.scales).flatten(1))

    def posterior(self, state: Tensor, features: Tensor, p: Gaussian) -> Gaussian:
        """Return q(z | x, earlier groups): the prior, moved by sigma_p d and widened by a factor.

        The divergence from the prior is then that of N(d, factor²) from N(0, 1), whatever the prior.
        """
        mean, raw = self.to_residual(torch.cat([state, features], 1)).chunk(2, 1)
        if self.scales == "clamped":
            mean = LIMIT * torch.tanh(mean / LIMIT)
        scale = torch.exp(0.5 * p.logvar)
        return Gaussian(p.mean + scale * mean.flatten(1), p.logvar + 2 * log_scale(raw, self.scales).flatten(1))

    def merge(self, state: Tensor, z: Tensor) -> Tensor:
        """Add z [b, latent * side * side] to the state and let a cell process it."""
        merged: Tensor = self.cell(state + self.from_latent(z.unflatten(1, self.shape)))
        return merged

    @property
    def size(self) -> int:
        """Number of latents per datum."""
        latent, side, _ = self.shape
        return latent * side * side


class Hierarchy(VAE):
    """A VAE with groups of latents on several scales.

    `decode` and `prior_sample` use the noise of all groups, e = (z - mean_p) / sigma_p, which is
    N(0, I) under the prior: [b, latent], the groups one after the other, coarse to fine. A
    temperature is a factor on it. `posterior` is given in the same coordinates, with each group's at
    the posterior means of those before it.

    Args:
        shape: (channels, side, side); the image is padded to a power of two times the finest scale.
        groups: Pairs of side and number of groups, coarse to fine.
        latent: Channels of each group.
        width: Channels of the networks.
        cells: "plain" (VD-VAE, without normalization) or "nvae".
        scales: "softplus" or "clamped", see `log_scale`.
        outputs: Channels of the decoder's output; those of the image by default.
        prior: Prior of the first group, of which a copy is made; None is N(0, I).

    Returns:
        From `model(x, samples)`: the pass, as in `VAE`, with one entry per group.

    Raises:
        InvalidType, InvalidValue: If a size is no positive whole number, the image is not square or
            smaller than the finest scale, or a scale is no power of two times the one before.

    Example:
        >>> model = Hierarchy((1, 8, 8), groups=((2, 1), (4, 2)), latent=3, width=8)
        >>> result = model(torch.zeros(5, 1, 8, 8))
        >>> [tuple(z.shape) for z in result.z], tuple(result.out.shape), model.latent
        ([(5, 12), (5, 48), (5, 48)], (5, 1, 8, 8), 108)

    References:
        Vahdat & Kautz (2020), https://arxiv.org/abs/2007.03898; Child (2021), https://arxiv.org/abs/2011.10650.
    """

    @typed
    def __init__(
        self,
        shape: Sequence[int],
        groups: Sequence[Any] = ((4, 2), (8, 2)),
        latent: int = 8,
        width: int = 32,
        cells: Cells = "plain",
        scales: Scales = "softplus",
        outputs: int | None = None,
        prior: Prior | None = None,
    ) -> None:
        nn.Module.__init__(self)
        sides = _check(shape, groups)
        check_sizes(latent=latent, width=width, outputs=outputs or 1)
        self.shape, self.padding = tuple(shape), _padding(shape[-1], sides[-1])
        finest, full = sides[-1], shape[-1] + sum(self.padding)
        order = [side for side, count in groups for _ in range(count)]
        depth = 2 * len(order) + 2
        self.groups, self.sides = len(order), order

        halvings = (full // finest).bit_length() - 1
        stem: list[nn.Module] = [nn.Conv2d(shape[0], width, 3, padding=1)]
        for _ in range(halvings):
            stem += [nn.GELU(), nn.Conv2d(width, width, 3, stride=2, padding=1)]
        self.stem = nn.Sequential(*stem)
        self.bottom_up = nn.ModuleDict(
            {str(side): build_cell(cells, width, side, depth, generative=False) for side in sides}
        )
        self.start = nn.Parameter(torch.zeros(1, width, sides[0], sides[0]))
        self.levels = nn.ModuleList(
            Group(latent, width, side, cells, depth, scales, first=k == 0) for k, side in enumerate(order)
        )
        head: list[nn.Module] = []
        for _ in range(halvings):
            head += [nn.GELU(), nn.Upsample(scale_factor=2), nn.Conv2d(width, width, 3, padding=1)]
        self.head = nn.Sequential(*head, nn.GELU(), nn.Conv2d(width, outputs or shape[0], 3, padding=1))
        self.latent = sum(self.sizes)
        self.prior = (prior or Standard()).sized(self.sizes[0], shape)
        self.prior.bind(self._first_posterior)

    @property
    def sizes(self) -> list[int]:
        """Number of latents of each group."""
        return [group.size for group in self.levels]  # type: ignore[misc]

    def posterior(self, x: Tensor) -> Gaussian:
        """Return the posteriors of the noise of all groups, [b, latent], each at the means before it."""
        result = self.mean_pass(x)
        noises = [standardize(q, p) for q, p in zip(result.q, result.p, strict=True)]
        return Gaussian(*(torch.cat(parts, 1) for parts in zip(*noises, strict=True)))

    def decode(self, z: Tensor) -> Tensor:
        """Return the raw output [b, ...] for the noise [b, latent] of all groups."""
        parts = z.split(self.sizes, 1)
        return self._down(len(z), None, lambda k, p: p.sample(parts[k]))[-1]

    def prior_sample(self, n: int) -> Tensor:
        """Draw the latents of the first group and the noise of the others, of n images: [n, latent]."""
        if isinstance(self.prior, Standard):
            return torch.randn(n, self.latent, device=self.start.device, dtype=self.start.dtype)
        first = self.prior.sample(n)
        return torch.cat([first, torch.randn_like(first[:, :1].expand(n, self.latent - first.shape[1]))], 1)

    def pass_through(self, x: Tensor, samples: int, choose: Choose) -> ForwardPass:
        """Return the pass upward through the features and down through the groups, with z as chosen."""
        features = self._up(x)
        if samples > 1:
            features = {side: part.repeat(samples, 1, 1, 1) for side, part in features.items()}
        q, p, z, out = self._down(samples * len(x), features, choose)
        # The posterior of the first group differs from N(0, I) by what the features add, whatever its prior.
        first = p[:1] if isinstance(self.prior, Standard) else [self.prior]
        return ForwardPass(tuple(q), (*first, *p[1:]), tuple(z), out.to(x.dtype))

    def _first_posterior(self, x: Tensor) -> Gaussian:
        """Return the posterior of the first group, which depends on no draw."""
        group, state = self.levels[0], self.start.expand(len(x), -1, -1, -1)
        assert isinstance(group, Group)
        q = group.posterior(state, self._up(x)[self.sides[0]], group.prior(state))
        return _plain(q, self.start)

    def _up(self, x: Tensor) -> dict[int, Tensor]:
        """Return the features [b, width, side, side] of every scale."""
        state, features = self.stem(F.pad(x, self.padding * 2)), {}
        for side in sorted(set(self.sides), reverse=True):
            if state.shape[-1] > side:
                state = F.avg_pool2d(state, state.shape[-1] // side)
            state = self.bottom_up[str(side)](state)
            features[side] = state
        return features

    def _down(
        self, n: int, features: dict[int, Tensor] | None, choose: Choose
    ) -> tuple[list[Gaussian], list[Gaussian], list[Tensor], Tensor]:
        """Go from coarse to fine, with z of each group as chosen; without features, q is p."""
        posteriors, priors, latents = [], [], []
        state = self.start.expand(n, -1, -1, -1)
        for k, (group, side) in enumerate(zip(self.levels, self.sides, strict=True)):
            assert isinstance(group, Group)
            if side > state.shape[-1]:
                state = F.interpolate(state, scale_factor=side // state.shape[-1])
            p = _plain(group.prior(state), self.start)
            q = p if features is None else _plain(group.posterior(state, features[side], p), self.start)
            z = choose(k, q)
            state = group.merge(state, z)
            posteriors.append(q)
            priors.append(p)
            latents.append(z)
        out = self.head(state)
        left, right = self.padding
        end = out.shape[-1] - right
        return posteriors, priors, latents, out[..., left:end, left:end]


def _plain(g: Gaussian, like: Tensor) -> Gaussian:
    """Return a Gaussian in the weights' type: a network may run in bfloat16, too coarse for a divergence."""
    return Gaussian(g.mean.to(like.dtype), g.logvar.to(like.dtype))


def _check(shape: Sequence[int], groups: Sequence[Sequence[int]]) -> list[int]:
    """Return the sides of the scales, or raise."""
    check_sizes(shape=shape)
    if len(shape) != 3 or shape[1] != shape[2]:
        raise InvalidValue(f"shape must be (channels, side, side) for a hierarchy, got {tuple(shape)}.")
    if not isinstance(groups, list | tuple) or not groups:
        raise InvalidValue(
            f"groups must be pairs of side and number, such as ((4, 2), (8, 2)), got {checks.shown(groups)}."
        )
    for pair in groups:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise InvalidValue(f"groups must be pairs of side and number, got {checks.shown(pair)}.")
        for number in pair:
            check_sizes(groups=checks.integer("groups", number))
    sides = [side for side, _ in groups]
    for coarse, fine in pairwise(sides):
        if fine <= coarse or not _is_power_of_two(fine / coarse):
            raise InvalidValue(f"groups must double the side or quadruple it and so on, got {coarse} and then {fine}.")
    if sides[-1] > shape[1]:
        raise InvalidValue(f"groups must have sides up to that of the image, {shape[1]}, got {sides[-1]}.")
    return sides


def _is_power_of_two(ratio: float) -> bool:
    return ratio == int(ratio) and int(ratio) & (int(ratio) - 1) == 0


def _padding(side: int, finest: int) -> tuple[int, int]:
    """Return the pixels to add on both ends, so that halving leads to the finest scale."""
    full = finest
    while full < side:
        full *= 2
    return (full - side) // 2, (full - side + 1) // 2
