"""Checks of images: right pixels or one sentence, whatever comes, at every function that takes images."""

import itertools
import math
import warnings

import numpy as np
import pytest
import torch

from vaelab import MarginalPosterior, TrainConfig, fit, load, metrics, recipes, rescale
from vaelab._utils.errors import InvalidType, InvalidValue, UserError
from vaelab.data.augment import simple
from vaelab.data.dataset import Dataset
from vaelab.data.images import as_images
from vaelab.live.panels.clouds import cloud_panel
from vaelab.live.panels.latent import latent_panel
from vaelab.live.panels.posterior import posterior_panel
from vaelab.metrics.fid import fid
from vaelab.metrics.log_likelihood import log_evidence
from vaelab.metrics.sample_quality import nearest, variance_loss
from vaelab.metrics.views import transformed

N, SHAPE = 12, (1, 8, 8)
BYTES = torch.randint(256, (N, *SHAPE), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
BYTES[0, 0, 0, :2] = torch.tensor([0, 255], dtype=torch.uint8)
PIXELS = BYTES / 255


def dataset(images):
    return Dataset(images, torch.arange(len(images)) % 2, "test", "all", "memory", "", "")


RANGES = {
    "unit": lambda x: x,
    "bytes": lambda x: x * 255,
    "signed": lambda x: 2 * x - 1,
    "rounding": lambda x: x * (1 + 2**-20),
    "nan": lambda x: torch.where(x == 1, math.nan, x),
    "inf": lambda x: torch.where(x == 1, math.inf, x),
}
DTYPES = [
    torch.bool,
    torch.uint8,
    torch.int8,
    torch.int16,
    torch.int32,
    torch.int64,
    torch.float16,
    torch.bfloat16,
    torch.float32,
    torch.float64,
    torch.complex64,
]
LAYOUTS = {
    "dense": lambda x: x,
    "permuted": lambda x: x.transpose(2, 3).contiguous().transpose(2, 3),
    "stride 2": lambda x: torch.stack([x, x], -1).flatten(-2)[..., ::2],
    "no channel": lambda x: x[:, 0],
    "sparse": lambda x: x.to_sparse(),
    "parameter": lambda x: torch.nn.Parameter(x, requires_grad=x.is_floating_point()),
}


def pixels(x):
    return x / 255 if x.dtype == torch.uint8 else x


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_tensors_give_the_right_pixels_or_one_sentence(dtype, layout):
    for name, device, grad in itertools.product(RANGES, ("cpu", "meta"), (False, True)):
        values = RANGES[name](PIXELS)
        if name in ("nan", "inf") and not (dtype.is_floating_point or dtype.is_complex):
            continue
        stored = (values * 255).round().to(dtype) if dtype == torch.uint8 and name == "unit" else values.to(dtype)
        x = LAYOUTS[layout](stored)
        if grad and x.is_floating_point():
            x = torch.exp(torch.log(x.detach().clone().requires_grad_())) if layout == "dense" else x
            stored = x.detach() if layout == "dense" else stored
        unit = stored.is_floating_point() and bool(((stored >= 0) & (stored <= 1)).all())
        right = device == "cpu" and layout != "sparse" and (dtype in (torch.bool, torch.uint8) or unit)
        if not right:
            with pytest.raises((InvalidType, InvalidValue)) as caught:
                as_images(x.to(device), SHAPE)
            assert str(caught.value).startswith("images ")
            assert "\n" not in str(caught.value)
            continue
        if grad and name != "unit":
            continue
        found = as_images(x, SHAPE)
        expected = stored.double() if dtype != torch.uint8 else stored / 255
        torch.testing.assert_close(pixels(found).double(), expected.double(), atol=1e-6, rtol=0)
        assert not found.requires_grad
        assert found.dtype in (torch.uint8, torch.float32, torch.float64)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["b1", "u1", "u2", "i8", "f2", "f4", "f8", "g", "c8", "O", "U4", "M8[s]"])
def test_arrays_give_the_right_pixels_or_one_sentence(kind, order):
    dtype = np.dtype(kind).newbyteorder(order)
    values = BYTES.numpy() if kind == "u1" else PIXELS.numpy().round() if kind == "b1" else PIXELS.numpy()
    x = (values * 1000).astype(int).astype(dtype) if kind in ("u2", "i8", "M8[s]") else values.astype(dtype)
    for array in (x, x[::-1][::-1], np.asfortranarray(x), _read_only(x)):
        if kind not in ("b1", "u1", "f2", "f4", "f8", "g"):
            with pytest.raises(InvalidType, match="images must be uint8, bool or floating point, got") as caught:
                as_images(array, SHAPE)
            assert "\n" not in str(caught.value)
            continue
        found = pixels(as_images(array, SHAPE)).double().numpy()
        np.testing.assert_allclose(found, values / 255 if kind == "u1" else values, atol=1e-3 if kind == "f2" else 1e-7)


def _read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


def _nested():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls them a prototype
        return torch.nested.nested_tensor([PIXELS[0], PIXELS[1]])


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (PIXELS * (1 + 2**-22), InvalidValue, r"from 0 to 1\.0000002"),
        (PIXELS - 1e-9, InvalidValue, "from -1e-09 to 1"),
        (np.ma.masked_less(PIXELS.numpy(), 0.5), InvalidValue, "masked"),
        (_nested(), InvalidType, "nested"),
        (np.array([PIXELS[0].numpy(), None], object), InvalidType, "object; stack"),
        (BYTES.long(), InvalidType, r"int64; convert values from 0 to 255 to uint8"),
        (PIXELS.tolist(), InvalidType, "list"),
        (torch.tensor(0.5), InvalidValue, r"\[n, \.\.\.\]"),
        (np.array(0.5), InvalidValue, r"\[n, \.\.\.\]"),
        ("mnist", InvalidType, "str"),
    ],
    ids=range(10),
)
def test_the_sentence_names_what_is_wrong(wrong, error, words):
    with pytest.raises(error, match=words) as caught:
        as_images(wrong)
    assert "\n" not in str(caught.value)


def test_results_of_networks_and_of_inference_mode_are_images():
    network = torch.nn.Conv2d(1, 1, 1)
    with torch.inference_mode():
        made = torch.sigmoid(network(PIXELS))
    experiment = model()
    for x in (torch.sigmoid(network(PIXELS)), made):
        fit(experiment, x, TrainConfig(steps=2, batch_size=4, progress=False))
    with torch.no_grad():
        fit(experiment, made, TrainConfig(steps=2, batch_size=4, progress=False))
    with torch.inference_mode(), pytest.raises(InvalidValue, match=r"outside of torch\.inference_mode"):
        fit(experiment, PIXELS, TrainConfig(steps=2, batch_size=4, progress=False))


def model(likelihood="normal"):
    torch.manual_seed(0)
    return recipes.vae(SHAPE, 2, hidden=(8,), likelihood=likelihood)


def adapter():
    ours = model()
    return metrics.normal(ours.encode, ours.decode, 0.5, shape=SHAPE)


FAST = TrainConfig(steps=2, batch_size=4, progress=False)
TAKERS = {
    "encode": lambda x: model().encode(x).mean,
    "encode in chunks": lambda x: model().encode_in_chunks(x, 5).mean,
    "rate": lambda x: model().rate(x),
    "reconstruct": lambda x: model().reconstruct(x),
    "metrics.encode": lambda x: metrics.encode(model(), x, chunk=5).mean,
    "adapter": lambda x: metrics.encode(adapter(), x).mean,
    "adapter as input": lambda x: adapter().as_input(x),
    "adapter check": lambda x: adapter().check(x),
    "nll": lambda x: metrics.nll(model(), x, 5).per_image,
    "nll of an adapter": lambda x: metrics.nll(adapter(), x, 5).per_image,
    "log_evidence": lambda x: log_evidence(model(), x, 5),
    "bound": lambda x: metrics.bound(model(), x).elbo,
    "from_model": lambda x: MarginalPosterior.from_model(model(), x).mean,
    "rescale": lambda x: rescale(model(), x).variance,
    "rate_distortion": lambda x: torch.tensor(metrics.rate_distortion(model(), x)),
    "evaluate": lambda x: torch.tensor(list(metrics.evaluate(model(), x).values())),
    "inputs": lambda x: torch.tensor(metrics.rate_distortion(model(), PIXELS, x)),
    "transformed": lambda x: transformed(model(), x, simple(), binary=False).mean,
    "nearest": lambda x: nearest(x, PIXELS).distance,
    "variance_loss": lambda x: torch.tensor(variance_loss(x, PIXELS)),
    "fit": lambda x: torch.tensor(fit(model(), x, FAST).rows[-1]["loss"]),
    "load": lambda x: load(x.images if isinstance(x, Dataset) else x).images,
    "report": lambda x: torch.tensor(_report(x)),
    "report of gray images": lambda x: torch.tensor(_report(_without_channel(x))),
    "report of a test set": lambda x: torch.tensor(_report(PIXELS, x)),
    "latent panel": lambda x: latent_panel(model(), x) and None,
    "posterior panel": lambda x: posterior_panel(model(), x) and None,
    "cloud panel": lambda x: cloud_panel({0.0: model(), 1.0: model()}, x) and None,
}


def _without_channel(x):
    return dataset(x.images[:, 0]) if isinstance(x, Dataset) else x[:, 0]


def _report(train, test=None):
    found = metrics.report(model(), (train, train if test is None else test), samplers={}, nll_images=4, samples=4)
    return float(found.test.elbo.mean())


@pytest.mark.parametrize("name", TAKERS)
def test_every_function_takes_tensors_arrays_and_data_sets_alike(name):
    expected = TAKERS[name](PIXELS)
    for x in (
        PIXELS.numpy(),
        PIXELS.numpy().astype(">f4"),
        dataset(PIXELS),
        PIXELS.clone().requires_grad_(),
        BYTES,
        dataset(BYTES),
    ):
        found = TAKERS[name](x)
        if expected is not None:
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4, check_dtype=False)


@pytest.mark.parametrize("name", TAKERS)
@pytest.mark.parametrize(
    "wrong",
    [
        PIXELS * 255,
        2 * PIXELS - 1,
        BYTES.long(),
        BYTES.numpy().astype(np.int64),
        torch.where(PIXELS == 1, math.nan, PIXELS),
        dataset(PIXELS * 255),
        PIXELS.to("meta"),
    ],
    ids=["0..255", "-1..1", "int64", "int64 array", "nan", "data set of 0..255", "meta"],
)
def test_every_function_refuses_other_images_in_one_sentence(name, wrong):
    with pytest.raises(UserError, match=r"images|data of the domain") as caught:
        TAKERS[name](wrong)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (PIXELS.numpy(), InvalidType, "tensor, got ndarray"),
        (BYTES.long(), InvalidType, "got torch.int64"),
        (PIXELS[..., :4], InvalidValue, r"shape \(1, 8, 8\), got \(1, 8, 4\)"),
    ],
    ids=["array", "int64", "shape"],
)
def test_a_training_step_checks_what_does_not_wait_for_the_device(wrong, error, words):
    for experiment in (model(), recipes.cr_vae(SHAPE, 2), recipes.gjs_vae(SHAPE, 2)):
        with pytest.raises(error, match=words):
            experiment(wrong)
    torch.testing.assert_close(model().as_input(BYTES > 127), (BYTES > 127).float())


def test_too_few_images_for_an_fid_are_refused_before_any_features(monkeypatch):
    monkeypatch.setattr("vaelab.metrics.fid.features", lambda *_, **__: pytest.fail("computed features"))
    few = torch.zeros(2048, 3, 1, 1, dtype=torch.uint8)
    with pytest.raises(InvalidValue, match=r"b must hold more than 2048 images.*got 2048"):
        fid(few.repeat(2, 1, 1, 1), few)
