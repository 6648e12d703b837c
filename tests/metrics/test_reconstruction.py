"""Errors are means over images."""

import pytest
import torch

from vaelab import recipes
from vaelab.metrics import encode, evaluate, rate_distortion


def test_evaluate_averages_over_images_not_over_chunks():
    torch.manual_seed(0)
    experiment = recipes.gjs_vae((1, 8, 8), 3, alpha=0.4)
    images = torch.randint(0, 256, (10, 1, 8, 8), dtype=torch.uint8)
    whole, chunked = evaluate(experiment, images), evaluate(experiment, images, chunk=3)
    for name in ("reconstruction", "rate", "divergence"):
        assert chunked[name] == pytest.approx(whole[name], rel=1e-5)
    x = images / 255
    at_mean = experiment.decode(experiment.encode(x).mean)
    assert whole["reconstruction"] == pytest.approx(float(((x - at_mean) ** 2).flatten(1).sum(1).mean()), rel=1e-5)
    torch.testing.assert_close(encode(experiment, images, chunk=3).logvar, experiment.encode(images).logvar)


@pytest.mark.parametrize("make", [recipes.gjs_vae, recipes.mmd_vae])
def test_rate_and_distortion_are_taken_at_the_posterior_means_without_a_draw_of_the_training(make):
    torch.manual_seed(0)
    experiment, images = make((1, 8, 8), 3), torch.rand(10, 1, 8, 8)
    before = torch.random.get_rng_state()
    found = rate_distortion(experiment, images, chunk=3)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert found[:2] == pytest.approx([evaluate(experiment, images)[name] for name in ("reconstruction", "rate")])
    assert rate_distortion(experiment, images, inputs=1 - images).distortion > found.distortion / 2
