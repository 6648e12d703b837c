"""Every metric tries a model on two of its inputs first, and names what is wrong with it."""

import pytest
import torch

from vaelab import Gaussian, load, metrics, recipes
from vaelab._utils.errors import InvalidType, InvalidValue

X = torch.zeros(4, 1, 1, 1)
METRICS = {
    "encode": lambda model, x: metrics.encode(model, x),
    "nll": lambda model, x: metrics.nll(model, x, 5),
    "bound": lambda model, x: metrics.bound(model, x),
}
every_metric = pytest.mark.parametrize("measure", METRICS.values(), ids=METRICS)


def standard(x):
    return Gaussian(torch.zeros(len(x), 2), torch.zeros(len(x), 2))


@every_metric
@pytest.mark.parametrize(
    ("encode", "decode", "error", "words"),
    [
        (standard, lambda z: torch.full((len(z), 1, 1, 1), 23.0), InvalidValue, r"got 23 to 23; for logits, use"),
        (standard, lambda z: torch.zeros(len(z), 2, 1, 1), InvalidValue, r"mean images \[2, 1, 1, 1\], got \[2, 2, 1"),
        (standard, lambda z: z.numpy(), InvalidType, "the result of decode must be a torch tensor, got ndarray"),
        (lambda x: (0, 1), lambda z: torch.zeros(len(z), 1, 1, 1), InvalidType, "encode must return a Gaussian"),
    ],
)
def test_an_adapter_that_computes_something_else_is_refused(measure, encode, decode, error, words):
    with pytest.raises(error, match=words):
        measure(metrics.bernoulli(encode, decode), X)


def broken(part):
    experiment = recipes.vae((1, 8, 8), 2, hidden=(8,))
    next(getattr(experiment.model, part).parameters()).data[0, 0] = torch.nan
    return experiment


@every_metric
@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_weights_that_are_nan_are_named(measure, part):
    with pytest.raises(InvalidValue, match=f"weights model.{part}.* must be finite, got nan"):
        measure(broken(part), load("digits").images[:3])


@pytest.mark.parametrize(
    "use", [lambda e, x: e.sample(3), lambda e, x: e.reconstruct(x), lambda e, x: metrics.evaluate(e, x)]
)
def test_an_experiment_with_weights_that_are_nan_shows_nothing(use):
    with pytest.raises(InvalidValue, match=r"weights model\.decoder.* must be finite, got nan"):
        use(broken("decoder"), load("digits").images[:3])
