"""The likelihood of 256 levels: probabilities that sum to 1, the mixture of PixelCNN++, bits per dimension."""

import math

import numpy as np
import pytest
import torch

from vaelab import TrainConfig, fit, metrics, recipes
from vaelab._utils.errors import InvalidValue
from vaelab.objectives.likelihoods import Laplace, LogisticMixture, Normal

LEVELS = torch.arange(256, dtype=torch.float64) / 255


def gray(out):
    """Probabilities of all levels of one pixel for out [3k]."""
    components = len(out) // 3
    return LogisticMixture(components).nll(out.view(1, -1, 1, 1).expand(256, -1, -1, -1), LEVELS.view(256, 1, 1, 1))


@pytest.mark.parametrize("spread", [1.0, 5.0, 50.0, 1000.0])
def test_the_probabilities_of_the_256_levels_sum_to_one(spread):
    torch.manual_seed(0)
    for out in spread * torch.randn(20, 15, dtype=torch.float64):
        assert float(gray(out).neg().exp().sum()) == pytest.approx(1, abs=1e-6)


def test_a_bin_has_the_mass_that_the_logistic_distribution_has_there():
    """In float64 by the cumulative distribution, which cancels only where the mass is below 1e-13."""
    torch.manual_seed(1)
    logits, means, log_scales = torch.randn(3, 4, dtype=torch.float64)
    edges = torch.cat([torch.tensor([-math.inf]), 2 * LEVELS[:-1] - 1 + 1 / 255, torch.tensor([math.inf])])
    cumulative = torch.sigmoid((edges[:, None] - means) / log_scales.exp())
    mass = (cumulative.diff(dim=0) * logits.softmax(0)).sum(1)
    torch.testing.assert_close(gray(torch.cat([logits, means, log_scales])).neg().exp(), mass, rtol=1e-9, atol=1e-12)


def test_green_and_blue_depend_on_the_channels_before_and_sum_to_one_given_them():
    torch.manual_seed(2)
    k, out = 2, torch.randn(20, dtype=torch.float64)
    likelihood = LogisticMixture(k)
    alone = gray(torch.cat([out[:k], out[k : 2 * k], out[4 * k : 5 * k]])).neg().exp()  # the mixture of red
    green, blue = (part.flatten() for part in torch.meshgrid(LEVELS, LEVELS, indexing="ij"))
    given = []
    for red in (0, 100, 255):
        x = torch.stack([LEVELS[red].expand_as(green), green, blue], 1)[:, :, None, None]
        joint = likelihood.nll(out.view(1, -1, 1, 1).expand(len(x), -1, -1, -1), x).neg().exp()
        assert float(joint.sum()) == pytest.approx(float(alone[red]), abs=1e-6)
        given.append(joint.view(256, 256).sum(1) / joint.sum())
    assert float((given[0] - given[2]).abs().sum()) > 0.1, "green must depend on red"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_loss_and_gradient_are_finite_far_from_the_mean_and_in_the_outer_bins(dtype):
    ends = torch.tensor([-1e4, -1.0, 0.0, 1.0, 1e4], dtype=dtype)
    logits, means, scales = (part.flatten() for part in torch.meshgrid(ends, ends, ends, indexing="ij"))
    for level in (0.0, 1 / 255, 0.5, 254 / 255, 1.0):
        out = torch.stack([logits, 0 * logits, means, -means, scales, scales], 1)[:, :, None, None].requires_grad_()
        nll = LogisticMixture(2).nll(out, torch.full((len(out), 1, 1, 1), level, dtype=dtype))
        nll.sum().backward()
        assert nll.isfinite().all()
        assert out.grad.isfinite().all()


def test_the_gradient_is_that_of_finite_differences():
    torch.manual_seed(3)
    out = torch.randn(2, 20, 2, 2, dtype=torch.float64, requires_grad=True)
    x = torch.tensor([0.0, 1.0, 128 / 255, 3 / 255], dtype=torch.float64).view(1, 1, 2, 2).expand(2, 3, 2, 2)
    assert torch.autograd.gradcheck(lambda out: LogisticMixture(2).nll(out, x), (out,))


def test_samples_have_the_frequencies_of_the_probabilities_and_color_its_correlations():
    torch.manual_seed(4)
    out = torch.tensor([0.5, -0.5, -0.9, 0.4, -2.0, -3.0])
    drawn = LogisticMixture(2).sample(out.view(1, -1, 1, 1).expand(200_000, -1, -1, -1))
    levels = (drawn * 255).round().long().flatten()
    torch.testing.assert_close(drawn.flatten(), (levels / 255).to(drawn.dtype))
    counts, chances = torch.bincount(levels, minlength=256), gray(out.double()).neg().exp()
    expected = 200_000 * chances[chances > 1e-4]
    chi = ((counts[chances > 1e-4] - expected).square() / expected).sum()
    assert float(chi) == pytest.approx(len(expected), abs=5 * math.sqrt(2 * len(expected)))

    color = torch.tensor([0.0, 0.1, -0.2, 0.3, -3.0, -3.0, -3.0, 0.8, -0.5, 0.6])  # one component
    likelihood = LogisticMixture(1)
    out = color.view(1, -1, 1, 1).expand(100_000, -1, -1, -1)
    values = 2 * likelihood.sample(out)[:, :, 0, 0] - 1
    slopes = torch.linalg.lstsq(torch.cat([values[:, :2], torch.ones(len(values), 1)], 1), values[:, 2:]).solution
    torch.testing.assert_close(slopes.flatten()[:2], color[8:].tanh(), atol=0.02, rtol=0)
    torch.testing.assert_close(values.mean(0) / 2 + 0.5, likelihood.mean(out[:1])[0, :, 0, 0], atol=2e-3, rtol=0)


def test_a_network_that_learns_the_mixture_reaches_the_entropy_of_the_pixels():
    torch.manual_seed(5)
    levels = torch.tensor([0, 0, 0, 255], dtype=torch.uint8).repeat(64).view(-1, 1, 1, 1)
    experiment = recipes.vae((1, 1, 1), 1, hidden=(16,), likelihood="logistic-mixture", components=2)
    history = fit(experiment, levels, TrainConfig(epochs=60, batch_size=64, lr=0.03, progress=False, device="cpu"))
    entropy = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert history["loss"][-1] == pytest.approx(entropy, abs=0.05)


def test_a_density_with_uniform_noise_bounds_the_probability_of_the_levels():
    torch.manual_seed(6)
    x = torch.randint(0, 256, (4, 1, 2, 2)) / 255
    out = torch.randn(4, 1, 2, 2, dtype=torch.float64)
    for kind, scale in ((Normal, 0.2), (Laplace, 0.3)):
        bounds = torch.stack([kind(scale, dequantize="uniform").nll(out, x.double()) for _ in range(4000)])
        density = {Normal: torch.distributions.Normal, Laplace: torch.distributions.Laplace}[kind]
        distribution = density(torch.sigmoid(out), scale if kind is Normal else scale / 2**0.5)
        low = (255 * x.double()).round() / 256
        fine = (torch.arange(1000, dtype=torch.float64) + 0.5) / 256_000  # within a bin
        mean = -distribution.log_prob(low + fine.view(-1, 1, 1, 1, 1)).mean(0)
        exact = (mean + math.log(256)).flatten(1).sum(1)
        error = bounds.std(0) / math.sqrt(len(bounds))
        assert ((bounds.mean(0) - exact).abs() < 5 * error + 1e-6 * exact.abs()).all()
        mass = distribution.cdf(low + 1 / 256) - distribution.cdf(low)
        assert (bounds.mean(0) + 5 * error > -mass.log().flatten(1).sum(1)).all()


def test_a_uniform_density_has_eight_bits_per_dimension():
    x = torch.rand(3, 1, 4, 4)
    nll = Normal(1e4, squash=False, dequantize="uniform").nll(torch.zeros(3, 1, 4, 4), (x * 255).round() / 255)
    wide = math.log(1e4) + 0.5 * math.log(2 * math.pi)  # -ln p of a value near the mean
    assert [metrics.bits_per_dim(float(n) - 16 * wide, 16) for n in nll] == pytest.approx([8.0] * 3, abs=1e-4)


def test_the_report_gives_bits_per_dimension_where_the_likelihood_is_of_levels():
    torch.manual_seed(7)
    images = torch.randint(0, 256, (20, 3, 8, 8), dtype=torch.uint8)
    for options in ({"likelihood": "logistic-mixture", "components": 2}, {"dequantize": "uniform"}):
        model = recipes.vae((3, 8, 8), 2, hidden=(8,), **options)
        report = metrics.report(model, (images, images), samples=3, samplers={})
        numbers = {row.name: row for row in metrics.rows(report)}
        assert numbers["bits_per_dim"].value == pytest.approx(numbers["nll"].value / (192 * math.log(2)))
        assert numbers["bits_per_dim_elbo"].value == pytest.approx(-numbers["elbo_test"].value / (192 * math.log(2)))
    report = metrics.report(recipes.vae((3, 8, 8), 2, hidden=(8,)), (images, images), samples=3, samplers={})
    assert "bits_per_dim" not in {row.name for row in metrics.rows(report)}


def test_every_network_and_the_hierarchy_take_the_mixture_and_the_others_say_why_not():
    x = torch.randint(0, 256, (4, 3, 16, 16), dtype=torch.uint8)
    for network in ("mlp", "conv"):
        experiment = recipes.cr_vae((3, 16, 16), 2, network=network, likelihood="logistic-mixture", components=2)
        assert experiment(x).loss.isfinite()  # the views lie between levels
        assert experiment.sample(2).shape == experiment.reconstruct(x[:2] / 255.0).shape == (2, 3, 16, 16)
    model = recipes.hierarchical_vae((3, 16, 16), 2, width=8, likelihood="logistic-mixture", components=3)
    assert model(x).loss.isfinite()
    assert recipes.iwae((1, 8, 8), 2, samples=3, likelihood="logistic-mixture")(x[:, :1, :8, :8]).loss.isfinite()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: recipes.vae((5,), 2, likelihood="logistic-mixture"), "shape must be (1 or 3 channels"),
        (lambda: recipes.vae((2, 8, 8), 2, likelihood="logistic-mixture"), "shape must be (1 or 3 channels"),
        (lambda: recipes.vae((1, 8, 8), 2, likelihood="logistic-mixture", gamma=0.1), "gamma must not be given"),
        (lambda: recipes.vae((1, 8, 8), 2, likelihood="logistic-mixture", squash=False), "squash must be True"),
        (lambda: recipes.vae((1, 8, 8), 2, likelihood="bernoulli", dequantize="uniform"), "dequantize must not be"),
        (lambda: recipes.vae((1, 8, 8), 2, components=3), "components must be given with"),
        (lambda: recipes.two_layer_iwae((1, 8, 8), likelihood="logistic-mixture"), "likelihood must give one number"),
        (lambda: LogisticMixture(0), "components must be"),
        (lambda: LogisticMixture(2).nll(torch.zeros(3, 20, 4, 4), torch.zeros(3, 1, 4, 4)), "for gray images and 2"),
        (lambda: LogisticMixture(2).nll(torch.zeros(3, 6, 4, 4), torch.zeros(3, 3, 4, 4)), "for color images and 2"),
        (lambda: LogisticMixture(2).mean(torch.zeros(3, 5, 4, 4)), "out must be [b, 6 or 20, h, w]"),
    ],
)
def test_other_data_and_options_are_refused(make, sentence):
    with pytest.raises(InvalidValue) as refused:
        make()
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("options", [{"likelihood": "logistic-mixture"}, {"dequantize": "uniform"}])
def test_floats_between_the_levels_are_refused_in_training_and_in_likelihoods(options):
    experiment = recipes.vae((1, 8, 8), 2, hidden=(8,), **options)
    config = TrainConfig(steps=1, batch_size=4, progress=False, device="cpu")
    levels = torch.randint(0, 256, (8, 1, 8, 8))
    for images, sentence in (
        (levels / 255 + 0.002, "images as floats must be"),
        (levels / 256, "multiples of 1/255"),
        (2 * levels / 255 - 1.0, "must be in [0, 1]"),
    ):
        for use in (lambda x: fit(experiment, x, config), lambda x: metrics.nll(experiment, x, 2)):
            with pytest.raises(InvalidValue) as refused:
                use(images)
            assert sentence in str(refused.value)
    for images in (levels / 255, (levels / 255).half(), (levels / 255).numpy().astype(np.float64), levels.byte()):
        fit(experiment, images, config)
