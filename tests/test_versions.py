"""Older and newer releases of torch, imitated: the same numbers without what a release lacks or changes."""

import functools

import pytest
import torch

from vaelab import Gaussian, TrainConfig, fit, fit_many, geometric_js, load, metrics, recipes
from vaelab._utils import rng
from vaelab.data import augment
from vaelab.posterior.two_stage import SecondStage

VARIANTS = [(dual, primed) for dual in (False, True) for primed in (False, True)]


def without_generator(function):
    """The function as it was before torch 2.10: without the argument `generator`."""

    @functools.wraps(function)
    def older(*arguments, **options):
        if "generator" in options:
            raise TypeError(f"{function.__name__}() got an unexpected keyword argument 'generator'")
        return function(*arguments, **options)

    return older


class Clamp(torch.autograd.Function):
    """clamp_min(0), with the gradient that torch gives at 0 itself: 1 up to 2.13, 0 from 2.14."""

    @staticmethod
    def forward(ctx, x, older):
        ctx.save_for_backward(x)
        ctx.older = older
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * (x >= 0 if ctx.older else x > 0), None


def a_run(seed=0):
    """Train, encode, measure, augment, train a second stage: every number."""
    images, labels = load("digits").images[:200], load("digits").labels[:200]
    config = TrainConfig(epochs=1, progress=False, device="cpu", seed=seed)
    torch.manual_seed(seed)
    views = augment.simple(fill=0.0)
    experiment = recipes.cr_vae((1, 8, 8), 2, hidden=(16,), views=views)
    history = fit(experiment, images, config)
    with rng.use_generator(torch.Generator().manual_seed(seed)):
        apart = fit(recipes.iwae((1, 8, 8), 2, hidden=(16,), samples=2), images, config)
    together = fit_many(
        lambda alpha, seed: recipes.gjs_vae((1, 8, 8), 2, hidden=(16,), alpha=alpha),
        [{"alpha": alpha, "seed": seed} for alpha in (0.1, 0.5, 0.9)],
        images,
        config,
    )
    codes = experiment.encode(images)
    stage = SecondStage(steps=20, width=16)
    pair = [(images[:100], labels[:100]), (images[100:], labels[100:])]
    report = metrics.report(experiment, pair, samplers={"stage": stage}, samples=50, nll_images=20, seed=seed)
    stage.fit(codes)
    numbers = [history["loss"][-1], apart["loss"][-1], *(h["loss"][-1] for h in together), float(codes.mean.sum())]
    return [*numbers, float(stage.sample(10).sum()), float(views(images[:9] / 255).sum()), str(report)]


def test_torch_without_generators_gives_the_same_numbers(monkeypatch):
    expected = a_run()
    for name in ("randn_like", "rand_like", "randint_like"):
        monkeypatch.setattr(torch, name, without_generator(getattr(torch, name)))
    with pytest.raises(TypeError, match="generator"):
        torch.randn_like(torch.zeros(1), generator=torch.Generator())
    assert a_run() == expected


@pytest.mark.parametrize("layout", ["rows", "part of rows", "columns", "channels last", "double", "few"])
def test_noise_is_that_of_randn_like(layout):
    x = torch.zeros(40, 10)
    x = {
        "rows": x,
        "part of rows": x[:, :5],
        "columns": x.T,
        "channels last": torch.zeros(2, 8, 4, 4).contiguous(memory_format=torch.channels_last),
        "double": x.double(),
        "few": x[:1, :3],
    }[layout]
    torch.manual_seed(1)
    expected = torch.randn_like(x)
    torch.manual_seed(1)
    noise = rng.normal_like(x)
    assert torch.equal(noise, expected)
    assert (noise.dtype, noise.stride()) == (expected.dtype, expected.stride())
    with rng.use_generator(torch.Generator().manual_seed(1)):
        assert torch.equal(rng.normal_like(x), expected)


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize(("dual", "primed"), VARIANTS)
def test_a_gradient_does_not_depend_on_how_torch_clamps_at_a_bound(monkeypatch, dual, primed, older):
    monkeypatch.setattr(torch.Tensor, "clamp_min", lambda x, low: Clamp.apply(x - low, older) + low)
    ratio = torch.zeros(1, 1, dtype=torch.float64, requires_grad=True)  # equal variances, where two branches meet
    q, p = Gaussian(torch.ones_like(ratio), ratio), Gaussian.standard()
    assert torch.autograd.gradcheck(
        lambda r: geometric_js(Gaussian(q.mean, r), p, 0.3, dual=dual, primed=primed), (ratio,)
    )
