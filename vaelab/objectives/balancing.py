"""Balancing the divergences of latent groups while their weight rises."""

from collections.abc import Sequence

import torch
from torch import Tensor

FLOOR = 0.01  # nats per group: without it, groups that are all at the prior would have the weights 0/0


def group_weights(divergences: Sequence[Tensor], sizes: Sequence[int]) -> Tensor:
    """Return the weights of groups, proportional to what a latent of the group costs, and 1 in the mean.

    The weight of group l is w_l ∝ n_l D_l / d_l, with the batch mean D_l of its divergence, its number
    of latents d_l, and the number n_l of groups of its scale. A group that carries little then costs
    little, so that it is not given up early. The weights have no gradient.

    Args:
        divergences: Of each group, [b], nats.
        sizes: Latents per datum of each group; groups of one size are those of one scale.

    Returns:
        Weights, [groups].

    Example:
        >>> group_weights([torch.tensor([1.99]), torch.tensor([3.99])], [4, 16])  # 2/4 against 4/16
        tensor([1.3333, 0.6667])

    References:
        Vahdat & Kautz (2020), https://arxiv.org/abs/2007.03898, appendix A, where a group's size should
        divide its coefficient, as the author says in https://github.com/NVlabs/NVAE/issues/26;
        Vahdat et al. (2018), https://arxiv.org/abs/1802.04920, appendix H.
    """
    means = torch.stack([part.detach().mean() for part in divergences]) + FLOOR
    scales = [sizes.count(size) / size for size in sizes]
    costs = torch.stack([mean * scale for mean, scale in zip(means, scales, strict=True)])
    return costs / costs.mean()
