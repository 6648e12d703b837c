"""What a report is about: which images, in which form, and their posteriors."""

import math

import pytest
import torch

from vaelab import Gaussian, load, metrics
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.data.images import binarize_images
from vaelab.metrics import encode
from vaelab.metrics.inputs import sample_indices, train_and_test


def pixels():
    """An adapter whose latents are the pixels themselves."""
    return metrics.normal(
        lambda x: Gaussian(x.flatten(1), torch.zeros_like(x.flatten(1))), lambda z: z.reshape(-1, 1, 2, 2), 1.0
    )


def test_binary_images_are_unchanged_and_gray_ones_are_sampled_once():
    sharp = torch.randint(0, 2, (10, 1, 3, 3), dtype=torch.uint8) * 255
    assert torch.equal(binarize_images(sharp, 3), sharp)
    gray = torch.randint(0, 256, (4000, 4), dtype=torch.uint8)
    drawn = binarize_images(gray, 0, chunk=700)
    assert drawn.dtype == torch.uint8
    assert set(drawn.unique().tolist()) == {0, 255}
    slope = torch.corrcoef(torch.stack([drawn.flatten().float(), gray.flatten().float()]))[0, 1]
    assert float(slope) == pytest.approx(1 / math.sqrt(3), abs=0.03)  # of a coin whose chance is uniform
    assert torch.equal(binarize_images(gray, 0, chunk=700), drawn)


@pytest.mark.parametrize("chunk", [1, 3, 7, 1000])
def test_posteriors_do_not_depend_on_the_chunk(chunk):
    images = torch.rand(20, 1, 2, 2)
    torch.testing.assert_close(encode(pixels(), images, chunk).mean, images.flatten(1), rtol=0, atol=0)
    q = encode(pixels(), (images * 255).to(torch.uint8), chunk)
    torch.testing.assert_close(q.mean, (images * 255).to(torch.uint8).flatten(1) / 255)


def test_some_images_are_some_in_order_and_not_the_first():
    chosen = sample_indices(1000, 100)
    assert torch.equal(chosen, chosen.unique())
    assert len(chosen) == 100
    assert int(chosen.max()) > 900
    assert torch.equal(sample_indices(5, None), torch.arange(5))
    assert torch.equal(sample_indices(5, 9), torch.arange(5))


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
        sample_indices(10, k)


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
