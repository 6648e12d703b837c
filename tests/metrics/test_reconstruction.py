"""Errors are means over images."""

import pytest
import torch

from vaelab import recipes
from vaelab.metrics import encode, evaluate


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
