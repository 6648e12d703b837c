"""Active units, linear probe, consistency, distances: each against a case whose answer is known."""

import math

import hypothesis
import pytest
import torch
from hypothesis import strategies as st

from vaelab import Gaussian, kl, load, metrics
from vaelab.batches import black_and_white
from vaelab.encoding import encode
from vaelab.errors import InvalidType, InvalidValue
from vaelab.metrics.activity import HIGHEST, LOWEST
from vaelab.metrics.data import some, train_and_test


def test_active_units_are_those_above_the_threshold_and_the_histogram_loses_none():
    variances = torch.tensor([0.0, 1e-9, 0.009, 0.011, 0.09, 0.11, 1.0, 1e5])
    assert metrics.active_units(variances) == metrics.active_units(variances, 0.01) == 5
    assert metrics.active_units(variances, 0.1) == 3
    edges, counts = metrics.activity_histogram(variances)
    assert (float(edges[0]), float(edges[-1])) == (LOWEST, HIGHEST)
    assert int(counts.sum()) == 8
    assert int(counts[0]) == 2
    assert int(counts[-1]) == 1
    above = edges[:-1] >= math.log10(0.01) - 1e-9
    assert int(counts[above].sum()) == 5, "0.01 is an edge: the bins beyond it hold the active ones"


@hypothesis.given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30))
def test_every_latent_is_in_one_bin(values):
    assert int(metrics.activity_histogram(torch.tensor(values)).counts.sum()) == len(values)


def classes(n, seed=0, d=3):
    """Three classes, ten standard deviations apart in the first two latents."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 3
    centres = torch.tensor([[0.0, 0], [10, 0], [0, 10]])
    means = torch.randn(n, d, generator=generator)
    means[:, :2] += centres[labels]
    return means, labels


def test_a_probe_reads_off_what_is_there_and_nothing_else():
    train, (means, labels) = classes(300), classes(150, seed=1)
    found = metrics.probe(train, (means, labels), means.flip(0), few=9)
    assert found.plain.all_labels.value == pytest.approx(1.0)
    assert found.plain.few_labels.value > 0.95
    assert (found.labels, found.few) == (300, 9)
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
    found = metrics.probe((means, labels), (seen, truth), few=30)
    scaled = metrics.probe((means * scale, labels), (seen * scale, truth), few=30)
    assert 0.4 < found.plain.few_labels.value < 0.9
    for a, b in zip(found.plain, scaled.plain, strict=True):
        assert a == pytest.approx(b)


def test_a_probe_takes_constant_latents_one_latent_and_any_labels():
    (means, labels), (seen, truth) = classes(300), classes(150, seed=1)
    means[:, 2], seen[:, 2] = 5.0, 5.0
    strange = torch.tensor([-7, 3, 1000])
    found = metrics.probe((means, strange[labels]), (seen, strange[truth]), few=100_000)
    assert found.plain.all_labels.value == pytest.approx(1.0)
    assert found.few == found.labels == 300
    one = metrics.probe((means[:, :1], labels), (seen[:, :1], truth))
    assert 0.6 < one.plain.all_labels.value < 0.75, "two of the classes have the same first latent"


@pytest.mark.parametrize(("labels", "few"), [(torch.zeros(30, dtype=torch.int64), 10), (torch.arange(30) % 3, 1)])
def test_a_probe_needs_two_classes(labels, few):
    means = torch.randn(30, 2)
    with pytest.raises(InvalidValue, match="two classes"):
        metrics.probe((means, labels), (means, labels), few=few)


def posterior(n=500, d=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Gaussian(torch.randn(n, d, generator=generator), 0.3 * torch.randn(n, d, generator=generator) - 2)


def test_consistency_is_zero_for_what_does_not_move_and_one_for_what_may_be_anything():
    q = posterior()
    assert metrics.consistency(q, q).r == pytest.approx((0.0, 0.0), abs=1e-12)
    assert metrics.consistency(q, q).rho == 0
    order = torch.randperm(500, generator=torch.Generator().manual_seed(1))
    elsewhere = metrics.consistency(q, Gaussian(q.mean[order], q.logvar[order]))
    assert elsewhere.rho == pytest.approx(1, abs=0.1)
    moved = Gaussian(q.mean + 0.3, q.logvar + 0.2)
    found = metrics.consistency(q, moved)
    each = kl(moved, q)
    assert found.r.value == pytest.approx(float(each.mean()), rel=1e-5)
    assert found.r.value != pytest.approx(float(kl(q, moved).mean()), rel=1e-2), "the direction counts"
    assert found.r.standard_error == pytest.approx(float(each.std()) / math.sqrt(500), rel=1e-5)
    assert found.rho == pytest.approx(4 * 0.09 / (2 * float(q.mean.var(0, correction=0).sum())), rel=1e-5)


def test_wider_posteriors_lower_r_but_not_rho():
    q, step = posterior(), 0.3
    found, wide = (
        metrics.consistency(Gaussian(q.mean, q.logvar + c), Gaussian(q.mean + step, q.logvar + c)) for c in (0.0, 2.0)
    )
    assert wide.r.value < 0.2 * found.r.value
    assert wide.rho == found.rho


def test_means_that_never_vary_have_no_rho():
    q = Gaussian(torch.ones(5, 2), torch.zeros(5, 2))
    assert math.isnan(metrics.consistency(q, q).rho)


def pixels():
    """An adapter whose latents are the pixels themselves."""
    return metrics.normal(
        lambda x: Gaussian(x.flatten(1), torch.zeros_like(x.flatten(1))), lambda z: z.reshape(-1, 1, 2, 2), 1.0
    )


def test_views_are_of_grey_images_and_black_and_white_comes_after():
    """Sheet 4, T10: the noise of a pixel is not transformed with it, and is independent of the image's own."""
    images, given = torch.full((400, 1, 2, 2), 0.25), []

    def darker(x):
        given.append(x)
        return x * torch.rand(len(x), 1, 1, 1).round()  # black, or as it is

    q = metrics.transformed(pixels(), images, darker, binary=True)
    assert bool((torch.cat(given) == 0.25).all())
    assert set(q.mean.unique().tolist()) == {0.0, 1.0}
    assert float(q.mean.mean()) == pytest.approx(0.125, abs=0.03)
    plain = black_and_white(images, 0).flatten(1).float() / 255
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


def test_black_and_white_stays_as_it_is_and_grey_is_drawn_once():
    sharp = torch.randint(0, 2, (10, 1, 3, 3), dtype=torch.uint8) * 255
    assert torch.equal(black_and_white(sharp, 3), sharp)
    grey = torch.randint(0, 256, (4000, 4), dtype=torch.uint8)
    drawn = black_and_white(grey, 0, chunk=700)
    assert drawn.dtype == torch.uint8
    assert set(drawn.unique().tolist()) == {0, 255}
    slope = torch.corrcoef(torch.stack([drawn.flatten().float(), grey.flatten().float()]))[0, 1]
    assert float(slope) == pytest.approx(1 / math.sqrt(3), abs=0.03)  # of a coin whose chance is uniform
    assert torch.equal(black_and_white(grey, 0, chunk=700), drawn)


@pytest.mark.parametrize("chunk", [1, 3, 7, 1000])
def test_posteriors_do_not_depend_on_the_chunk(chunk):
    images = torch.rand(20, 1, 2, 2)
    torch.testing.assert_close(encode(pixels(), images, chunk).mean, images.flatten(1), rtol=0, atol=0)
    q = encode(pixels(), (images * 255).to(torch.uint8), chunk)
    torch.testing.assert_close(q.mean, (images * 255).to(torch.uint8).flatten(1) / 255)


def test_some_images_are_some_in_order_and_not_the_first():
    chosen = some(1000, 100)
    assert torch.equal(chosen, chosen.unique())
    assert len(chosen) == 100
    assert int(chosen.max()) > 900
    assert torch.equal(some(5, None), torch.arange(5))
    assert torch.equal(some(5, 9), torch.arange(5))


def test_data_comes_by_name_as_data_sets_and_as_plain_pairs():
    train, test = train_and_test("digits")
    assert train.split == "train"
    assert torch.equal(train_and_test((train, test))[1].images, test.images)
    images, labels = train.images.numpy(), train.labels.tolist()
    own, without = train_and_test(((images, labels), test.images))
    assert own.labels.tolist() == labels
    assert without.labels.unique().tolist() == [0]


@pytest.mark.parametrize(("k", "error"), [(0, InvalidValue), (-4, InvalidValue), (2.5, InvalidType)])
def test_no_images_or_a_part_of_one_are_not_some(k, error):
    with pytest.raises(error, match=f"number of images.*{k}"):
        some(10, k)


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        ("digtis", InvalidValue, "did you mean digits"),
        (load, InvalidType, "pair"),
        ((torch.rand(4, 3), torch.rand(4, 2)), InvalidValue, r"\[3\].*\[2\]"),
        ((torch.rand(1, 3), torch.rand(4, 3)), InvalidValue, "train.*at least two"),
        (((torch.rand(4, 3), [1, 2]), torch.rand(4, 3)), InvalidValue, r"\[2\]"),
    ],
)
def test_other_data_gets_one_sentence(data, error, words):
    with pytest.raises(error, match=words):
        train_and_test(data)
