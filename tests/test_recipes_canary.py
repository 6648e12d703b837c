"""Canaries: a few steps of every computation behind a committed figure, compared with recorded numbers.

Results are stored by the name and version of their recipe, so a changed formula does not change a key.
Here it changes a number.  Every figure is computed with its own networks, likelihoods, divergences and
options, on few images and for few steps.  A failure names the recipe and the size of the change: mend the
code, or, if the numbers are meant to change, raise the version of the recipe, recompute its figures, add a
line to the CHANGELOG, and record the canary again:

    python -m tests.test_recipes_canary FIGURE...
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from figures import manifest
from figures.gjs import published
from figures.registry import FIGURES
from figures.variance_law import trainings
from vaelab.metrics import classifier
from vaelab.runs import store as run_store
from vaelab.runs.store import VERSIONS
from vaelab.training import ensemble, loop
from vaelab.training.history import read_row as loop_read_row

FOLDER = Path(__file__).resolve().parent / "canary"
# Relative to the root mean square of an array.  Another set of processor instructions moves most numbers by 1e-6,
# distances between fitted Gaussians by up to 5e-4, and images, which are rounded to bytes, by up to 1e-2.
TOLERANCE, OF_EPOCHS, OF_DISTANCES, OF_IMAGES = 1e-4, 5e-3, 5e-3, 3e-2
DISTANCES = ("score", "frechet", "distance")
SAMPLED = 24  # entries of an array that are compared, evenly spaced
EPOCHS = "epochs of the trainings"  # of which all are compared

# What makes a training short.  Everything else is the committed figure's own.
SHORT = {"seeds": 1, "steps": 8, "epochs": 1, "stages": 1, "weighed": 20, "samples": 10, "images": 50}
IMAGES = 200  # of each split
SMALLER_DATA = {"mnist": "mnist-mini", "fashion-mnist": "fashion-mini", "cifar10": "folder:colour"}
COMMITTED = {row["id"]: row for row in manifest.read(manifest.FOLDER)}


def shorten(settings):
    """The settings of a figure with few images, epochs and steps."""
    short = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            short[name] = shorten(value)
        elif name in SHORT and value is not None:
            short[name] = [1] * len(value) if isinstance(value, list) else min(value, SHORT[name])
        elif name == "data":
            names = [value] if isinstance(value, str) else value
            names = [SMALLER_DATA.get(n, n) for n in names]
            short[name] = names[0] if isinstance(value, str) else names
        else:
            short[name] = value
    return short


def compute(id, patch):
    """The result of a figure, computed in a moment, with the epochs of its trainings among the numbers.

    Adam hides the scale of a loss from the weights, so the loss and its parts are compared as well, and
    the state of what sets gamma and the weight of the divergence.
    """
    epochs = []

    def read_row(epoch, means, experiment, *timing):
        row = loop_read_row(epoch, means, experiment, *timing)
        epochs.extend(row[name] for name in ("loss", "nll", "divergence", "mse", "gamma"))
        weight, *others = [float(v) for v in experiment.objective.state_dict().values() if v.numel() == 1]
        epochs.extend([weight, 1.0, *others])  # 1: a factor of the weight that objectives had when this was recorded
        return row

    for module in (loop, ensemble):
        patch.setattr(module, "read_row", read_row)
    row = COMMITTED[id]
    settings = shorten(row["settings"])
    if "data" in settings and id != "gam-variance-loss":  # which trains on the whole set
        settings["limit"] = IMAGES
    if id == "gam-gamma":
        settings["steps"] = 40  # until the running minimum of rule A is below the error of a batch
    if id == "gam-families":
        settings["target"] = 0.05  # below the first divergences, or ControlVAE's controller stays at zero
    if id == "gjs-reproduction":
        settings = {"lines": settings["lines"], "seeds": 1, "epochs": 1, "limit": IMAGES}
    if "shown" in settings and "data" in settings:  # epochs that are drawn
        settings["shown"] = [1]
    torch.manual_seed(0)
    result = FIGURES[id].compute("cpu", **settings)
    return result._replace(numbers={**result.numbers, EPOCHS: np.array(epochs)})


def summary(numbers):
    """Shape, root mean square and some entries of every array, as JSON can hold them."""
    found = {}
    for name, array in sorted(numbers.items()):
        count = array.size if name == EPOCHS else min(SAMPLED, array.size)
        entries = array.reshape(-1)[np.linspace(0, array.size - 1, count).astype(int)].tolist()
        entries = [float(f"{e:.9g}") if isinstance(e, float) else e for e in entries]
        found[name] = {"shape": list(array.shape), "dtype": array.dtype.kind, "entries": entries}
        if array.dtype.kind in "fiu":
            values = array[np.isfinite(array)].astype(float)
            found[name]["rms"] = float(np.sqrt(np.square(values).mean())) if values.size else 0.0
    return found


def tolerance(name, record):
    """How far an array may be from the recorded one."""
    if record["dtype"] == "u":
        return OF_IMAGES
    if name == EPOCHS:
        return OF_EPOCHS
    return OF_DISTANCES if name.startswith(DISTANCES) else TOLERANCE


def change(name, now, then):
    """What changed in an array, or an empty text."""
    if now["shape"] != then["shape"]:
        return f"{name} has shape {now['shape']} instead of {then['shape']}"
    if "rms" not in then:
        return "" if now["entries"] == then["entries"] else f"{name} has other entries"
    ours, theirs = (np.array([*record["entries"], record["rms"]], dtype=float) for record in (now, then))
    if (np.isfinite(ours) != np.isfinite(theirs)).any():
        return f"{name} has other entries that are not finite"
    finite = np.isfinite(theirs)
    # Losses, gammas and weights differ in size, so each is compared with itself.
    scale = np.maximum(np.abs(theirs), 0.05) if name == EPOCHS else then["rms"] or 1.0
    largest = (np.abs(ours - theirs) / scale)[finite].max(initial=0.0)
    size = "value" if name == EPOCHS else "root mean square"
    return f"{name} changed by {largest:.1e} of its {size}" if largest > tolerance(name, then) else ""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the stand-in for CIFAR-10."""
    folder = tmp_path_factory.mktemp("data")
    write_color_images(folder / "colour")
    return folder


def write_color_images(folder):
    """Write a stand-in for CIFAR-10, which is downloaded: 32 x 32 images of ten classes, in both splits."""
    random = np.random.default_rng(0)
    x, y = np.meshgrid(np.linspace(0, 1, 32), np.linspace(0, 1, 32))
    for split in ("train", "test"):
        for label in range(10):
            (folder / split / str(label)).mkdir(parents=True)
            angle = np.pi * label / 10
            along = np.cos(angle) * x + np.sin(angle) * y
            for i in range(IMAGES // 10):
                waves = [np.sin(random.uniform(3, 9) * along + random.uniform(0, 6)) for _ in range(3)]
                pixels = (127.5 * (1 + np.stack(waves, -1))).astype(np.uint8)
                Image.fromarray(pixels).save(folder / split / str(label) / f"{i:03}.png")


def one_by_one(function, tasks, executor=None, *, processes=None):
    """Compute in this process, where the patches below hold."""
    return ((index, function(**task)) for index, task in enumerate(tasks))


@pytest.fixture(autouse=True)
def short(tmp_path, monkeypatch, folder):
    """A store of its own for every figure, and short trainings of the classifier."""
    shorten_everything(monkeypatch, folder, tmp_path)


def shorten_everything(patch, folder, store):
    patch.chdir(folder)
    patch.setenv("VAELAB_CACHE", str(store))
    patch.setattr(run_store, "attempt_each", one_by_one)
    patch.setattr(classifier, "STEPS", 3)
    patch.setattr(trainings, "COMPONENTS", (2, 4))  # mixtures of 10 and 100 components take a minute to fit
    patch.setitem(published.DATA, "MNIST", "mnist-mini")


@pytest.mark.parametrize("id", sorted(COMMITTED))
def test_numbers_have_not_changed(id, monkeypatch):
    record = json.loads((FOLDER / f"{id}.json").read_text(encoding="utf-8"))
    again = f"record it again: python -m tests.test_recipes_canary {id}"
    for name, version in record["recipes"].items():
        assert VERSIONS[name] == version, f"recipe {name} is at version {VERSIONS[name]}, its canary not: {again}"
    result = compute(id, monkeypatch)
    assert dict(result.recipes) == record["recipes"] == COMMITTED[id]["recipes"]
    now = summary(result.numbers)
    assert set(now) == set(record["numbers"]), f"the numbers of {id} have other names; {again}"
    changes = [text for name in now if (text := change(name, now[name], record["numbers"][name]))]
    recipes = ", ".join(f"{name} version {version}" for name, version in record["recipes"].items())
    assert not changes, f"recipe {recipes} (figure {id}): {'; '.join(changes)}.  Mend it, or raise the version."


def test_a_change_is_named_with_its_size():
    then = summary({"rate": np.array([1.0, 2.0, 2.0]), "label": np.array(["a", "b"])})
    now = summary({"rate": np.array([1.0, 2.0, 2.1]), "label": np.array(["a", "c"])})
    assert change("rate", now["rate"], then["rate"]) == "rate changed by 5.8e-02 of its root mean square"
    assert change("label", now["label"], then["label"]) == "label has other entries"
    assert not change("rate", then["rate"], then["rate"])


def record(ids):
    """Write the canaries of these figures."""
    with tempfile.TemporaryDirectory() as folder:
        write_color_images(Path(folder) / "colour")
        for id in ids:
            started = time.perf_counter()
            with pytest.MonkeyPatch.context() as patch:
                shorten_everything(patch, folder, Path(folder) / f"store-{id}")
                result = compute(id, patch)
            text = json.dumps({"recipes": dict(result.recipes), "numbers": summary(result.numbers)}, indent=1)
            (FOLDER / f"{id}.json").write_text(text + "\n", encoding="utf-8")
            print(f"{id} {time.perf_counter() - started:.1f} s", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    record(sys.argv[1:] or sorted(COMMITTED))
