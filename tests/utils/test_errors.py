"""Every exception of the package survives pickle, copies and another process, with all that it holds."""

import copy
import importlib
import io
import pickle
import pkgutil
import re
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import torch
from PIL import Image

import figures
import vaelab
from vaelab import Gaussian, TrainConfig, fit, fit_many, geometric_js, load, quadrature, recipes
from vaelab._utils.errors import UserError
from vaelab.live.controls import Slider, accept
from vaelab.posterior.marginal import MarginalPosterior
from vaelab.runs.executors import SweepError
from vaelab.training.ensemble import EnsembleError, Histories
from vaelab.training.history import History


def exception_classes():
    for package in (vaelab, figures):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    found, waiting = set(), [BaseException]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            waiting.append(kind)
            if kind.__module__.split(".")[0] in ("vaelab", "figures"):
                found.add(kind)
    return sorted(found, key=lambda kind: kind.__qualname__)


def build(kind):
    if issubclass(kind, EnsembleError):
        rows = Histories([History([{"epoch": 1, "loss": 2.0}])], [recipes.vae((1, 2, 2), 1, hidden=(2,))], "stacked")
        return kind("member 1 has diverged.", {1: "loss became inf"}, rows)
    if issubclass(kind, SweepError):
        return kind("1 of 2 tasks failed.", {1: ValueError("no")}, [2.0, None])
    error = kind("alpha must be in [0, 1], got 2.")
    error.add_note("a note")
    return error


def content(error):
    attributes = {name: value for name, value in vars(error).items() if name not in ("histories", "failures")}
    attributes["failures"] = repr(getattr(error, "failures", None))  # two errors are never equal
    return type(error), str(error), error.args[0], attributes


def raise_it(error):
    raise error


def test_all_classes_are_found():
    names = {kind.__name__ for kind in exception_classes()}
    assert names >= {"InvalidValue", "InvalidType", "DataError", "StorageError", "TrainingError", "EnsembleError"}
    assert names >= {"Unwell", "UnavailableError", "_MirrorError", "_UnreachableError"}


def test_pickle_and_copies_keep_every_exception():
    for kind in exception_classes():
        error = build(kind)
        copies = [pickle.loads(pickle.dumps(error, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
        for other in (*copies, copy.copy(error), copy.deepcopy(error)):
            assert content(other) == content(error)
            assert "\n" not in str(other)


def test_a_message_is_one_line_without_addresses():
    for kind in exception_classes():
        if issubclass(kind, UserError) and not issubclass(kind, (EnsembleError, SweepError)):
            error = kind(f"x must be a number, got {object()!r} and {np.eye(2)!r} and {folder_of!r:.60}.")
            assert "0x" not in str(error)
            assert "\n" not in str(error)
            assert "got <object object> and array([[1., 0.], [0., 1.]]) and <function" in str(error)
            assert str(pickle.loads(pickle.dumps(error))) == str(error)


def float_image(value):
    buffer = io.BytesIO()
    Image.fromarray(np.array([[0, value]], np.float32)).save(buffer, "TIFF")
    return buffer.getvalue()


def folder_of(value, folder):
    (folder / f"{value!r}").mkdir()
    for i in range(2):
        (folder / f"{value!r}" / f"{i}.tif").write_bytes(float_image(value))
    return load(f"folder:{folder / repr(value)}", "all", progress=False)


GAUSSIAN = Gaussian(torch.zeros(1, 2), torch.zeros(1, 2))
SINGLE, DOUBLE = (float(np.nextafter(kind(1), kind(2))) for kind in (np.float32, np.float64))  # just above 1
# By name: a bound, a number just beyond it, and what refuses it.
CHECKS = {
    "alpha": (1, DOUBLE, lambda x, _: geometric_js(GAUSSIAN, GAUSSIAN, x)),
    "several alphas": (1, SINGLE, lambda x, _: geometric_js(GAUSSIAN, GAUSSIAN, torch.tensor([x]))),
    "training": (1, SINGLE, lambda x, _: fit(recipes.vae((1, 2, 2), 1, hidden=(2,)), torch.full((200, 1, 2, 2), x))),
    "an array": (1, DOUBLE, lambda x, _: recipes.vae((1, 2, 2), 1, hidden=(2,)).encode(np.full((4, 1, 2, 2), x))),
    "a TIFF": (1, SINGLE, folder_of),
    "logvar": (300, 300 * SINGLE, lambda x, _: MarginalPosterior(torch.zeros(3, 2), torch.full((3, 2), x))),
    "a slider": (1 / 3, 1 / 3 + 1e-14, lambda x, _: accept(Slider("a", "a", 0.0, 1 / 3, 0.1), x)),
    "a grid": (10_000_000, 10_000_001, lambda x, _: quadrature.covering(GAUSSIAN, widths=0.5, per_sigma=x)),
}


@pytest.mark.parametrize("name", CHECKS)
def test_the_value_in_a_message_differs_from_the_bound_that_it_violates(name, tmp_path):
    bound, value, check = CHECKS[name]
    with pytest.raises(UserError) as caught:
        check(value, tmp_path)
    must, got = (text.split(";")[0] for text in str(caught.value).split(" got "))
    bounds = [float(number) for number in re.findall(r"\d[\d.e+]*\d|\d", must)]
    assert min(abs(number / bound - 1) for number in bounds) < 1e-12, "the bound is printed as it is"
    assert max(float(number) for number in re.findall(r"\d[\d.e+]*\d|\d", got)) > bound


def test_an_operating_system_error_of_ours_keeps_its_sentence():
    for kind in (kind for kind in exception_classes() if issubclass(kind, OSError)):
        error = kind("cannot write /x: the disk is full; free some space.")
        assert str(pickle.loads(pickle.dumps(error))) == "cannot write /x: the disk is full; free some space."


def test_another_process_raises_them_here():
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        for kind in exception_classes():
            error = build(kind)
            with pytest.raises(kind) as caught:
                pool.submit(raise_it, error).result(timeout=60)
            attributes = {**content(caught.value)[3]}
            notes = attributes.pop("__notes__", [])
            assert notes[:1] == vars(error).get("__notes__", [])[:1]
            assert str(caught.value) == str(error)


def test_what_an_ensemble_could_train_survives_its_error():
    config = TrainConfig(epochs=2, batch_size=25, progress=False, device="cpu")

    def make(factor=1.0):
        experiment = recipes.vae((1, 4, 4), 1, hidden=(4,))
        with torch.no_grad():
            next(experiment.model.encoder.parameters()).mul_(factor)
        return experiment

    with pytest.raises(EnsembleError) as caught:
        fit_many(make, [{"factor": 1.0}, {"factor": float("nan")}], torch.rand(50, 1, 4, 4), config)
    other = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(other, UserError)
    assert other.failures == caught.value.failures
    assert list(other.failures) == [1]
    assert other.histories.method == caught.value.histories.method
    ours, theirs = (error.histories.experiments[0].parameters() for error in (other, caught.value))
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert [history.rows for history in other.histories] == [history.rows for history in caught.value.histories]
