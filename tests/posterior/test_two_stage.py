"""The samplers: what each generates is like z; a second stage that collapses is found out and not renormalized."""

import copy
import math

import pytest
import torch

from vaelab._utils.errors import InvalidType, InvalidValue, TrainingError
from vaelab.divergences import Gaussian
from vaelab.objectives.gamma import Computed
from vaelab.posterior.renormalization import Deviations
from vaelab.posterior.samplers import FlowSampler, GMMSampler, PriorSampler, posterior_params, sample_codes
from vaelab.posterior.two_stage import SecondStage

QUICK = {"steps": 800, "width": 64}


def ring(n=4000, d=4):
    """A ring in two latents, noise in the others; every latent has mean 0 and variance 1, none is correlated."""
    generator = torch.Generator().manual_seed(0)
    angle = 2 * math.pi * torch.rand(n, generator=generator)
    circle = 1.4 * torch.stack([angle.cos(), angle.sin()], 1) + 0.1 * torch.randn(n, 2, generator=generator)
    z = torch.cat([circle, torch.randn(n, d - 2, generator=generator)], 1)
    return (z - z.mean(0)) / z.std(0)


@pytest.fixture(scope="module")
def stage():
    return SecondStage(**QUICK).fit(ring())


@pytest.fixture(scope="module")
def collapsed():
    return SecondStage(**QUICK, gamma=Computed(start=1.0), warmup=0.0).fit(ring())


def off_the_ring(z):
    """The mean distance of the first two latents from the ring's radius; about 0.6 for N(0, I)."""
    return float((z[:, :2].norm(dim=1) - 1.4).abs().mean())


@pytest.mark.parametrize("scale", [1e-4, 1e4])
@pytest.mark.parametrize(
    "sampler",
    [GMMSampler(4), FlowSampler(steps=30, transforms=1, hidden=(16,)), SecondStage(steps=60, width=16, noise=True)],
    ids=lambda s: type(s).__name__,
)
def test_samplers_of_scaled_codes_generate_scaled_latents(sampler, scale):
    if isinstance(sampler, FlowSampler):
        pytest.importorskip("zuko")
    z = ring(500)
    plain, scaled = (copy.deepcopy(sampler).fit(codes) for codes in (z, z * scale))
    ours, theirs = (s.sample(200, torch.Generator().manual_seed(1)) for s in (plain, scaled))
    torch.testing.assert_close(theirs / scale, ours, atol=0.01, rtol=0.01)
    q = Gaussian(z * scale, torch.full_like(z, 2 * math.log(0.1 * scale)))
    assert float(copy.deepcopy(sampler).fit(q).sample(200).std()) / scale == pytest.approx(float(ours.std()), rel=0.3)
    if isinstance(sampler, SecondStage):
        torch.testing.assert_close(scaled.gammas_ / scale, plain.gammas_, atol=0.01, rtol=0.01)
        assert scaled.std_ratio == pytest.approx(plain.std_ratio, rel=0.01)


def test_a_mixture_fits_each_latent_at_its_own_scale():
    z = ring() * torch.tensor([1e-4, 1.0, 1e4, 1e-4])
    ratios = GMMSampler(8).fit(z).sample(4000, torch.Generator().manual_seed(1)).std(0) / z.std(0)
    torch.testing.assert_close(ratios, torch.ones(4), atol=0.05, rtol=0)


def test_from_gamma_one_without_warmup_the_stage_collapses_and_is_not_renormalized(collapsed):
    """All eigenvalues of z are 1, so no latent is worth its KL, and gamma has no cause to fall."""
    assert collapsed.collapsed
    assert collapsed.std_ratio < 0.3
    assert float(collapsed.gammas_[-1]) > 0.95
    for by in ("published", "law", "unit"):
        with pytest.raises(InvalidValue, match=r"collapsed: .* have 0\.\d\d of the standard deviation"):
            collapsed.renormalized(by)
    with pytest.raises(InvalidValue, match="warmup"):
        SecondStage(width=8, steps=20, warmup=0.0, renormalize="law").fit(ring())


def test_warmup_cures_the_collapse(stage, collapsed):
    assert not stage.collapsed
    assert stage.std_ratio > 0.75
    assert float(stage.gammas_[-1]) < 0.6
    assert float(stage.experiment_.objective.annealing.factor) == 1
    samples = [sampler.sample(4000, torch.Generator().manual_seed(1)) for sampler in (stage, collapsed)]
    assert off_the_ring(samples[0]) < 0.6 * off_the_ring(samples[1])


@pytest.mark.parametrize("gamma", [Computed(start=1.0), 1.0, "learned"], ids=["computed", "fixed", "learned"])
def test_noise_does_not_hide_a_collapse(gamma):
    """Dai & Wipf add gamma N(0, I): with gamma at 1, latents at the origin and their noise have the spread of z."""
    stage = SecondStage(width=32, steps=200, warmup=0.0, gamma=gamma, noise=True).fit(ring())
    assert float(stage.sample(4000).std(0).mean()) > 0.7, "it looks right"
    assert stage.std_ratio < 0.3
    assert stage.collapsed
    with pytest.raises(InvalidValue, match="collapsed"):
        stage.renormalized("law")


@pytest.mark.parametrize("settings", [{"lr": 50.0}, {"gamma": "learned", "lr": 5.0}, {"gamma": "per-image", "lr": 3.0}])
def test_a_stage_that_diverges_says_so(settings):
    z = torch.randn(500, 4, generator=torch.Generator().manual_seed(0))
    with pytest.raises(TrainingError, match=f"diverged.*lower lr, now {settings['lr']:g}"):
        SecondStage(width=16, steps=300, **settings).fit(z)


def test_a_spread_that_is_no_number_is_a_collapse():
    nan = Deviations(torch.ones(2), torch.full((2,), torch.nan), torch.ones(()))
    assert nan.collapsed


def test_renormalized_latents_have_the_spread_that_was_asked_for(stage):
    scales = torch.tensor([1.0, 1.0, 0.9, 1.2])
    other = SecondStage(**QUICK).fit(ring() * scales)
    for each, scale in ((stage, torch.ones(4)), (other, scales)):
        by_law, unit = (each.renormalized(by).sample(20_000).std(0) for by in ("law", "unit"))
        torch.testing.assert_close(by_law, scale, atol=0.03, rtol=0.03)
        assert float(unit.mean()) == pytest.approx(1, abs=0.02)
    assert stage.renormalize is None
    with pytest.raises(InvalidValue, match="mine"):
        stage.renormalized("mine")
    generator = torch.Generator()
    raw, scaled = (s.sample(50, generator.manual_seed(1)) for s in (stage, stage.renormalized("law")))
    torch.testing.assert_close(scaled, raw * (stage.deviations_.codes / stage.deviations_.generated).float())


def test_the_published_factor_brings_the_mean_deviation_to_adjust2(stage):
    """adjust2² = mean of Var(mean) + sigma, not sigma²; codes of variance 1.2² + .25 here.

    Published: `computed_gamma.py` in asperti/BalancingVAE.
    """
    mean = 1.2 * ring()
    q = Gaussian(mean, torch.full_like(mean, 2 * math.log(0.5)))
    wide = SecondStage(**QUICK).fit(q)
    adjust2 = math.sqrt(1.2**2 + 0.5)
    assert float(wide.deviations_.adjust2) == pytest.approx(adjust2, rel=1e-3)
    published = wide.renormalized("published")
    assert float(published.sample(20_000).std(0).mean()) == pytest.approx(adjust2, rel=0.02)
    assert len(set(published.factor().tolist())) == 1
    assert float(stage.deviations_.adjust2) == pytest.approx(1, abs=1e-3), "of draws: their deviation"


def test_a_closed_latent_is_not_blown_up_by_the_law():
    """Small noise beside a ring: no decoder can foresee it, so it is generated as a constant."""
    z = ring(d=4) * torch.tensor([1.0, 1.0, 0.2, 0.2])
    stage = SecondStage(width=64, steps=1000).fit(z)
    assert not stage.collapsed
    assert stage.deviations_.inactive.tolist() == [False, False, True, True]
    factor = stage.renormalized("law").factor()
    assert factor[2:].tolist() == [1, 1]
    assert float(factor[:2].min()) > 1
    codes, made = torch.tensor([1.0, 1.0, 0.0]), torch.tensor([0.8, 0.4, 0.1])
    assert Deviations(codes, made, codes.mean()).factor("law").tolist() == pytest.approx([1.25, 1, 1])


def test_posteriors_are_drawn_anew_and_their_noise_counts():
    mean, std = 0.8 * ring()[:, :2], 0.6
    q = Gaussian(mean, torch.full_like(mean, 2 * math.log(std)))
    stage = SecondStage(width=32, steps=100).fit(q)
    torch.testing.assert_close(stage.deviations_.codes, torch.ones(2, dtype=torch.float64), atol=0.02, rtol=0)
    assert float(stage.gammas_[0]) == pytest.approx(1, abs=0.05)  # begins at the deviation of z, noise and all
    means, deviations = posterior_params(q)
    assert torch.equal(means, mean)
    assert float((sample_codes(q) - mean).std()) == pytest.approx(std, abs=0.02)
    assert not torch.equal(sample_codes(q), sample_codes(q))
    alone = Gaussian(torch.zeros(500, 2), torch.zeros(500, 2))  # nothing but noise, which no decoder can foresee
    assert float(SecondStage(width=8, steps=200, warmup=0.0).fit(alone).gammas_[-1]) > 0.9
    torch.testing.assert_close(deviations, torch.full_like(mean, std))


def test_noise_adds_the_variance_of_gamma(stage):
    with_noise = SecondStage(**QUICK, noise=True)
    with_noise.__dict__ |= {name: value for name, value in vars(stage).items() if name.endswith("_")}
    quiet, loud = (s.sample(40_000, torch.Generator().manual_seed(0)).var(0) for s in (stage, with_noise))
    torch.testing.assert_close(loud - quiet, torch.full((4,), float(stage.gammas_[-1]) ** 2), atol=0.02, rtol=0)
    scaled = with_noise.renormalized("law").sample(40_000).std(0)
    torch.testing.assert_close(scaled, with_noise.deviations_.codes.float(), atol=0.03, rtol=0)


@pytest.mark.parametrize(
    "sampler", [PriorSampler(), GMMSampler(8), FlowSampler(steps=150, transforms=2, hidden=(32,)), "stage"]
)
def test_every_sampler_gives_latents_like_z_and_the_same_for_the_same_generator(sampler, stage):
    z = ring()
    fitted = stage if sampler == "stage" else sampler.fit(z)
    state = torch.get_rng_state()
    first, again = (fitted.sample(2000, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(first, fitted.sample(2000, torch.Generator().manual_seed(4)))
    assert first.shape == (2000, 4)
    assert not first.requires_grad
    torch.testing.assert_close(first.mean(0), torch.zeros(4), atol=0.25, rtol=0)
    torch.testing.assert_close(first.std(0), torch.ones(4), atol=0.25, rtol=0)
    halves = first[:, :2].abs().mean(1)  # not sorted: the first thousand are like the rest
    assert float(halves[:1000].mean()) == pytest.approx(float(halves[1000:].mean()), abs=0.05)
    if isinstance(sampler, GMMSampler | FlowSampler):
        assert off_the_ring(first) < 0.25


def test_fitting_leaves_the_global_generator_alone_and_repeats(stage):
    state = torch.get_rng_state()
    one, two = (SecondStage(width=16, steps=30).fit(ring()) for _ in range(2))
    assert torch.equal(one.gammas_, two.gammas_)
    assert torch.equal(torch.get_rng_state(), state)
    policy = Computed(start=1.0)
    SecondStage(width=16, steps=30, gamma=policy).fit(ring())
    assert float(policy.gamma) == 1  # the given policy is copied, not worn out


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: PriorSampler().fit(torch.zeros(5)), InvalidValue, r"\(5,\)"),
        (lambda: PriorSampler().fit(torch.zeros(1, 5)), InvalidValue, "at least two"),
        (lambda: PriorSampler().fit(torch.zeros(9, 0)), InvalidValue, r"\(9, 0\)"),
        (lambda: SecondStage().fit(torch.full((9, 2), 3.0)), InvalidValue, "z must vary"),
        (lambda: SecondStage(seed="a").fit(ring()), InvalidType, "seed.*'a'"),
        (lambda: SecondStage(noise="x").fit(ring()), InvalidType, "noise.*'x'"),
        (lambda: GMMSampler(seed=-1).fit(ring()), InvalidValue, "seed.*-1"),
        (lambda: FlowSampler(transforms=0).fit(ring()), InvalidValue, "transforms.*0"),
        (lambda: FlowSampler(batch_size=0).fit(ring()), InvalidValue, "batch_size.*0"),
        (lambda: FlowSampler(steps=-1).fit(ring()), InvalidValue, "steps.*-1"),
        (lambda: FlowSampler(hidden=(0,)).fit(ring()), InvalidValue, "hidden.*0"),
        (lambda: FlowSampler(lr=-1.0).fit(ring()), InvalidValue, "lr.*-1"),
        (lambda: FlowSampler(seed=0.5).fit(ring()), InvalidType, r"seed.*0\.5"),
        (lambda: PriorSampler().fit([[0.0]]), InvalidType, r"z must be a tensor or Gaussian, got \[\[0\.0"),
        (lambda: PriorSampler().fit(ring()).sample(-1), InvalidValue, "n must.*-1"),
        (lambda: GMMSampler(0).fit(ring()), InvalidValue, "components.*0"),
        (lambda: GMMSampler(2.5).fit(ring()), InvalidType, r"components.*2\.5"),
        (lambda: GMMSampler(20_000).fit(ring()), InvalidValue, r"components.*at most.*20000"),
        (lambda: GMMSampler(1).fit(ring()).sample(-1), InvalidValue, "n must.*-1"),
        (lambda: SecondStage(depth=0).fit(ring()), InvalidValue, "depth.*0"),
        (lambda: SecondStage(width=0).fit(ring()), InvalidValue, "width.*0"),
        (lambda: SecondStage(warmup="a").fit(ring()), InvalidType, "warmup.*'a'"),
        (lambda: SecondStage(warmup=-1).fit(ring()), InvalidValue, "warmup.*-1"),
        (lambda: SecondStage(width=4, steps=1).fit(ring()).sample(-1), InvalidValue, "n must.*-1"),
        (lambda: SecondStage(warmup=2).fit(ring()), InvalidValue, "warmup.*2"),
        (lambda: SecondStage(steps=0).fit(ring()), InvalidValue, "steps"),
        (lambda: SecondStage(renormalize="mine").fit(ring()), InvalidValue, "mine"),
    ],
)
def test_bad_settings_get_one_sentence(call, error, words):
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize(
    "sampler", [PriorSampler(), GMMSampler(), FlowSampler(), SecondStage()], ids=lambda s: type(s).__name__
)
def test_a_sampler_that_has_learnt_nothing_says_so(sampler):
    with pytest.raises(InvalidValue, match=f"{type(sampler).__name__} has not been fitted; call its fit"):
        sampler.sample(3)
