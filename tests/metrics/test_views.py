"""How far views move the posteriors: cases whose answer is known, and the views themselves."""

import math

import pytest
import torch

from vaelab import Gaussian, kl, metrics
from vaelab.data.images import binarize_images


def posterior(n=500, d=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Gaussian(torch.randn(n, d, generator=generator), 0.3 * torch.randn(n, d, generator=generator) - 2)


def test_consistency_is_zero_for_what_does_not_move_and_one_for_what_may_be_anything():
    q = posterior()
    assert metrics.posterior_shift(q, q).r == pytest.approx((0.0, 0.0), abs=1e-12)
    assert metrics.posterior_shift(q, q).rho == 0
    order = torch.randperm(500, generator=torch.Generator().manual_seed(1))
    elsewhere = metrics.posterior_shift(q, Gaussian(q.mean[order], q.logvar[order]))
    assert elsewhere.rho == pytest.approx(1, abs=0.1)
    moved = Gaussian(q.mean + 0.3, q.logvar + 0.2)
    found = metrics.posterior_shift(q, moved)
    each = kl(moved, q)
    assert found.r.value == pytest.approx(float(each.mean()), rel=1e-5)
    assert found.r.value != pytest.approx(float(kl(q, moved).mean()), rel=1e-2), "the direction counts"
    assert found.r.standard_error == pytest.approx(float(each.std()) / math.sqrt(500), rel=1e-5)
    assert found.rho == pytest.approx(4 * 0.09 / (2 * float(q.mean.var(0, correction=0).sum())), rel=1e-5)


def test_wider_posteriors_lower_r_but_not_rho():
    q, step = posterior(), 0.3
    found, wide = (
        metrics.posterior_shift(Gaussian(q.mean, q.logvar + c), Gaussian(q.mean + step, q.logvar + c))
        for c in (0.0, 2.0)
    )
    assert wide.r.value < 0.2 * found.r.value
    assert wide.rho == found.rho


def test_means_that_never_vary_have_no_rho():
    q = Gaussian(torch.ones(5, 2), torch.zeros(5, 2))
    assert math.isnan(metrics.posterior_shift(q, q).rho)


def pixels():
    """An adapter whose latents are the pixels themselves."""
    return metrics.normal(
        lambda x: Gaussian(x.flatten(1), torch.zeros_like(x.flatten(1))), lambda z: z.reshape(-1, 1, 2, 2), 1.0
    )


def test_views_are_of_gray_images_and_binarization_comes_after():
    """The noise of a pixel is not transformed with it, and is independent of the image's own."""
    images, given = torch.full((400, 1, 2, 2), 0.25), []

    def darker(x):
        given.append(x)
        return x * torch.rand(len(x), 1, 1, 1).round()  # black, or as it is

    q = metrics.transformed(pixels(), images, darker, binary=True)
    assert bool((torch.cat(given) == 0.25).all())
    assert set(q.mean.unique().tolist()) == {0.0, 1.0}
    assert float(q.mean.mean()) == pytest.approx(0.125, abs=0.03)
    plain = binarize_images(images, 0).flatten(1).float() / 255
    assert float(plain.mean()) == pytest.approx(0.25, abs=0.03)
    whole = metrics.transformed(pixels(), images, lambda x: x, binary=True).mean
    both = float((whole * plain).mean())
    assert both == pytest.approx(0.25**2, abs=0.03), "independent draws"
    assert set(metrics.transformed(pixels(), images, lambda x: x, binary=False).mean.unique().tolist()) == {0.25}


def test_views_are_the_same_at_every_call_and_leave_the_generator_alone():
    images, state = torch.rand(30, 1, 2, 2), torch.get_rng_state()

    def noisy(x):
        return x * torch.rand_like(x)

    once, again = (metrics.transformed(pixels(), images, noisy, binary=False).mean for _ in range(2))
    torch.testing.assert_close(once, again, rtol=0, atol=0)
    other = metrics.transformed(pixels(), images, noisy, binary=False, seed=1).mean
    assert not torch.equal(once, other)
    assert torch.equal(state, torch.get_rng_state())
