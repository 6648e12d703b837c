"""The scale panel: the factor moves pictures and numbers; its curves are the distances that the package gives."""

import pytest
import torch

from vaelab import live, load, recipes
from vaelab._utils.errors import InvalidValue
from vaelab.live.panels import scale
from vaelab.metrics import encode
from vaelab.metrics.classifier import classifier
from vaelab.metrics.frechet import frechet_distance
from vaelab.posterior.samplers import GMMSampler, PriorSampler


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        torch.manual_seed(0)
        digits = load("digits")
        experiment = recipes.vae((1, 8, 8), 4, hidden=(16,))
        codes = encode(experiment, digits.images)
        samplers = {"prior": PriorSampler().fit(codes), "mixture": GMMSampler(2).fit(codes)}
        yield experiment, samplers, digits


def test_every_control_moves_the_picture_and_the_words(parts):
    panel = live.scale_panel(*parts, n=100)
    before, words = bytes(panel.picture.value), panel._view.words(panel.values)
    for values in ({"factor": 2.0}, {"source": "mixture"}, {"factor": 0.4}):
        panel.set(**values)
        assert panel.settle()
        assert bytes(panel.picture.value) != before
        assert panel._view.words(panel.values) != words
        before, words = bytes(panel.picture.value), panel._view.words(panel.values)
    assert panel.presets
    assert len(panel.alt) > 60
    assert panel.strip.startswith(b"\x89PNG")


def test_the_curves_are_the_distances(parts):
    experiment, samplers, digits = parts
    shown = scale._measured(experiment, samplers, digits, 100)
    judge = classifier(digits)
    z = samplers["mixture"].sample(100, torch.Generator().manual_seed(0))
    expected = frechet_distance(judge.features(digits.images), judge.features(experiment.decode(1.4 * z)))
    k = scale._at(1.4)
    assert shown.distance[1, k] == pytest.approx(expected, rel=1e-4)
    assert scale._sheet(shown, 1, k)[:8, :8] == pytest.approx(experiment.decode(1.4 * z)[0, 0].numpy(), abs=1e-5)


def test_color_and_no_sampler_are_refused(parts):
    experiment, _, digits = parts
    with pytest.raises(InvalidValue, match="got 0"):
        live.scale_panel(experiment, {}, digits)
