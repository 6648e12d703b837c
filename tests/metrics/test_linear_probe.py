"""The linear probe, where the answer is known."""

import pytest
import torch

from vaelab import metrics
from vaelab._utils.errors import InvalidValue
from vaelab.metrics import linear_svm


def classes(n, seed=0, d=3):
    """Three classes, ten standard deviations apart in the first two latents."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 3
    centers = torch.tensor([[0.0, 0], [10, 0], [0, 10]])
    means = torch.randn(n, d, generator=generator)
    means[:, :2] += centers[labels]
    return means, labels


def test_a_probe_reads_off_what_is_there_and_nothing_else():
    train, (means, labels) = classes(300), classes(150, seed=1)
    found = metrics.probe(train, (means, labels), means.flip(0), small_probe_labels=9)
    assert found.plain.all_labels.value == pytest.approx(1.0)
    assert found.plain.few_labels.value > 0.95
    assert (found.labels, found.small_probe_labels) == (300, 9)
    assert found.chance == pytest.approx(1 / 3)
    assert found.transformed.all_labels.value == pytest.approx(1 / 3, abs=0.01), "flipped, only 1 of 3 keeps its class"
    noise = metrics.probe((torch.randn(300, 3), train[1]), (torch.randn(150, 3), labels))
    assert noise.plain.all_labels.value == pytest.approx(1 / 3, abs=4 * noise.plain.all_labels.standard_error)
    assert noise.transformed is None


def test_a_probe_does_not_see_the_scale_of_a_latent():
    scale = torch.tensor([1e-4, 1e3, 1.0])
    (means, labels), (seen, truth) = classes(300), classes(150, seed=1)
    for latents in (means, seen):
        latents += 6 * torch.randn(latents.shape, generator=torch.Generator().manual_seed(2))
    found = metrics.probe((means, labels), (seen, truth), small_probe_labels=30)
    scaled = metrics.probe((means * scale, labels), (seen * scale, truth), small_probe_labels=30)
    assert 0.4 < found.plain.few_labels.value < 0.9
    for a, b in zip(found.plain, scaled.plain, strict=True):
        assert a == pytest.approx(b)


def test_a_probe_takes_constant_latents_one_latent_and_any_labels():
    (means, labels), (seen, truth) = classes(300), classes(150, seed=1)
    means[:, 2], seen[:, 2] = 5.0, 5.0
    strange = torch.tensor([-7, 3, 1000])
    found = metrics.probe((means, strange[labels]), (seen, strange[truth]), small_probe_labels=100_000)
    assert found.plain.all_labels.value == pytest.approx(1.0)
    assert found.small_probe_labels == found.labels == 300
    one = metrics.probe((means[:, :1], labels), (seen[:, :1], truth))
    assert 0.6 < one.plain.all_labels.value < 0.75, "two of the classes have the same first latent"


@pytest.mark.parametrize(("labels", "few"), [(torch.zeros(30, dtype=torch.int64), 10), (torch.arange(30) % 3, 1)])
def test_a_probe_needs_two_classes(labels, few):
    means = torch.randn(30, 2)
    with pytest.raises(InvalidValue, match="two classes"):
        metrics.probe((means, labels), (means, labels), small_probe_labels=few)


def separable(n, scale, seed):
    """Codes of two classes in one of five latents, two standard deviations apart, times a scale."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 2
    codes = torch.randn(n, 5, generator=generator)
    codes[:, 0] += 4.0 * labels
    return scale * codes, labels


def test_the_svm_is_trained_and_tested_on_different_codes():
    train, test = separable(400, 1.0, 0), separable(1000, 1.0, 1)
    found = linear_svm(train, test)
    expected = torch.distributions.Normal(0.0, 1.0).cdf(torch.tensor(2.0)).item()  # of the best classifier
    assert found.value == pytest.approx(expected, abs=0.015)
    assert found.standard_error == pytest.approx((found.value * (1 - found.value) / 1000) ** 0.5)
    wrong = test[0], 1 - test[1]
    assert linear_svm(train, wrong).value == pytest.approx(1 - found.value)


def test_only_a_standardized_svm_reads_a_signal_far_below_the_noise_of_q():
    train, test = separable(400, 1e-4, 0), separable(1000, 1e-4, 1)
    assert linear_svm(train, test, standardize=True).value > 0.95
    noisy = [
        (codes + torch.randn(codes.shape, generator=torch.Generator().manual_seed(2)), y) for codes, y in (train, test)
    ]
    assert linear_svm(*noisy, standardize=True).value < 0.6


def test_the_svm_refuses_codes_that_do_not_match():
    (codes, labels), one = separable(20, 1.0, 0), torch.zeros(20, dtype=torch.int64)
    with pytest.raises(InvalidValue, match="codes of 5 latents, got 3"):
        linear_svm((codes, labels), (codes[:, :3], labels))
    with pytest.raises(InvalidValue, match="of two classes"):
        linear_svm((codes, one), (codes, labels))
    with pytest.raises(InvalidValue, match="labels \\[n\\]"):
        linear_svm((codes, labels[:3]), (codes, labels))
