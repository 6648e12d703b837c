"""Free bits."""

import pytest
import torch

from vaelab.divergences import FreeBits, Gaussian, kl


def test_free_bits_charge_a_latent_at_least_so_much():
    torch.manual_seed(0)
    q = Gaussian(torch.randn(50, 4) * torch.tensor([2.0, 1.0, 0.1, 0.0]), torch.zeros(50, 4).requires_grad_())
    p = Gaussian.standard(q.mean)
    each = torch.stack([kl(Gaussian(q.mean[:, [j]], q.logvar[:, [j]]), p).mean() for j in range(4)])
    charged = FreeBits(0.25)(q, p)
    assert charged.shape == (50,)
    assert float(charged.mean().detach()) == pytest.approx(float(each.clamp_min(0.25).sum().detach()), rel=1e-5)
    assert float(each[2].detach()) < 0.25 < float(each[1].detach())
    moved = Gaussian(q.mean, torch.ones(50, 4).requires_grad_())
    (slope,) = torch.autograd.grad(FreeBits(1.2)(moved, p).mean(), moved.logvar)
    assert float(slope[:, 0].abs().sum()) > 0
    assert float(slope[:, 2:].abs().sum()) == 0
