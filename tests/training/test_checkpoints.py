"""Checkpoints: a killed training resumes bit for bit, and a damaged checkpoint is reported."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from vaelab import Train, fit, load, recipes, train
from vaelab._utils.errors import DataError, InvalidValue, StorageError, TrainingError
from vaelab.objectives.annealing import Linear
from vaelab.training import checkpoints

SETTINGS = {"epochs": 3, "batch_size": 100, "progress": False, "device": "cpu", "lr_schedule": "cosine"}
SETTINGS |= {"ema_decay": 0.9, "binarize": "dynamic"}


def experiment(**options):
    torch.manual_seed(0)
    return recipes.gjs_vae((1, 8, 8), 4, hidden=(32,), alpha=0.3, gamma="computed", annealing=Linear(20), **options)


def equal(first, second):
    return all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


def without_seconds(history):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history.rows]


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def uninterrupted(digits):
    reference = experiment()
    return reference, fit(reference, digits, Train(**SETTINGS))


@pytest.mark.parametrize("stop_at", [1, 7, 16, 20, 31, 47])
def test_resume_is_bit_for_bit(digits, uninterrupted, tmp_path, stop_at):
    config = Train(**SETTINGS, checkpoints=tmp_path, checkpoint_minutes=1e-9)
    for progress in train(experiment(), digits, config):
        if progress.step == stop_at:
            break
    again = experiment()
    history = fit(again, digits, config, resume=True)
    assert equal(again, uninterrupted[0])
    assert without_seconds(history) == without_seconds(uninterrupted[1])


SCRIPT = """
import sys, torch
from vaelab import Train, fit, load, recipes
from vaelab.objectives.annealing import Linear
torch.set_num_threads(1)
torch.manual_seed(0)
e = recipes.gjs_vae((1, 8, 8), 4, hidden=(32,), alpha=0.3, gamma="computed", annealing=Linear(20))
print("ready", flush=True)
fit(e, load("digits"), Train(**{settings!r}, checkpoints={folder!r}, checkpoint_minutes=1e-9), resume=True)
torch.save(e.state_dict(), {out!r})
"""


def test_twenty_kills_change_nothing(digits, tmp_path):
    """SIGKILL at random moments, many of them while a checkpoint is written."""
    settings = {**SETTINGS, "epochs": 25}
    reference = experiment()
    torch.set_num_threads(1)
    fit(reference, digits, Train(**settings))
    folder, out = tmp_path / "checkpoints", tmp_path / "end.pt"
    script = SCRIPT.format(settings=settings, folder=str(folder), out=str(out))
    random_numbers, kills = random.Random(0), 0
    while not out.is_file():
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.readline()
        if kills < 20:
            time.sleep(random_numbers.uniform(0.02, 0.35))
            process.send_signal(signal.SIGKILL)
            kills += 1
        _, errors = process.communicate(timeout=120)
        assert b"damaged" not in errors, errors
        assert process.returncode in (0, -signal.SIGKILL), errors
        for path in checkpoints.list_checkpoints(folder):
            checkpoints.load(path)
    again = experiment()
    again.load_state_dict(torch.load(out, weights_only=True))
    assert equal(again, reference)


def fit_with_checkpoints(tmp_path, digits, **changes):
    config = Train(**{**SETTINGS, **changes}, checkpoints=tmp_path)
    fit(experiment(), digits, config)
    return config


def test_only_the_last_two_remain(tmp_path, digits):
    fit_with_checkpoints(tmp_path, digits, epochs=4)
    assert len(checkpoints.list_checkpoints(tmp_path)) == 2
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("damage", ["truncated", "altered", "empty", "another checksum"])
def test_an_older_checkpoint_is_used_and_the_damaged_one_is_reported(tmp_path, digits, uninterrupted, capsys, damage):
    config = fit_with_checkpoints(tmp_path, digits)
    newest = checkpoints.list_checkpoints(tmp_path)[0]
    content = bytearray(newest.read_bytes())
    if damage == "truncated":
        del content[-7:]
    elif damage == "altered":
        content[len(content) // 2] ^= 1
    elif damage == "empty":
        content.clear()
    else:
        content[0] ^= 1
    newest.write_bytes(content)
    again = experiment()
    fit(again, digits, config, resume=True)
    assert equal(again, uninterrupted[0])
    assert newest.name in capsys.readouterr().err


def test_an_error_if_all_are_damaged(tmp_path, digits):
    config = fit_with_checkpoints(tmp_path, digits)
    for path in checkpoints.list_checkpoints(tmp_path):
        path.write_text("step 3")
    with pytest.raises(DataError, match=r"no checkpoint in .* is intact"):
        fit(experiment(), digits, config, resume=True)


def test_a_full_disk_leaves_the_older_checkpoints(tmp_path, digits, monkeypatch):
    config = fit_with_checkpoints(tmp_path, digits, lr_schedule="constant")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StorageError, match="disk is full"):
        fit(
            experiment(),
            digits,
            Train(**{**SETTINGS, "epochs": 5, "lr_schedule": "constant"}, checkpoints=tmp_path),
            resume=True,
        )
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert config.epochs == 3


def test_a_longer_training_resumes_from_a_shorter_one(tmp_path, digits):
    fit_with_checkpoints(tmp_path, digits, lr_schedule="constant")
    again = experiment()
    config = Train(**{**SETTINGS, "epochs": 5, "lr_schedule": "constant"}, checkpoints=tmp_path)
    assert len(fit(again, digits, config, resume=True)) == 5
    reference = experiment()
    fit(reference, digits, Train(**{**SETTINGS, "epochs": 5, "lr_schedule": "constant"}))
    assert equal(again, reference)


def test_checkpoints_of_another_training_are_rejected(tmp_path, digits):
    config = fit_with_checkpoints(tmp_path / "a", digits)
    with pytest.raises(InvalidValue, match="without checkpoints unless resume=True"):
        fit(experiment(), digits, config)
    with pytest.raises(InvalidValue, match="other model"):
        fit(recipes.vae((1, 8, 8), 4, hidden=(16,)), digits, config, resume=True)
    with pytest.raises(InvalidValue, match=r"other settings \(lr=0.1 instead of 0.001\)"):
        fit(experiment(), digits, Train(**SETTINGS, lr=0.1, checkpoints=tmp_path / "a"), resume=True)
    with pytest.raises(InvalidValue, match="other data"):
        fit(experiment(), load("digits", "all"), config, resume=True)
    with pytest.raises(InvalidValue, match="must be a folder with resume=True"):
        fit(experiment(), digits, Train(**SETTINGS), resume=True)
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"file, not a folder|a file is where"):
        fit(experiment(), digits, Train(**SETTINGS, checkpoints=tmp_path / "file" / "below"))
    assert os.path.getsize(tmp_path / "file") == 0  # noqa: PTH202


def test_resuming_a_finished_training_returns_its_history(tmp_path, digits):
    config = fit_with_checkpoints(tmp_path, digits)
    again = fit(experiment(), digits, config, resume=True)
    assert again["epoch"] == [1, 2, 3]


def test_a_cosine_schedule_cannot_be_extended(tmp_path, digits):
    fit_with_checkpoints(tmp_path, digits)
    with pytest.raises(InvalidValue, match="epochs=5 instead of 3"):
        fit(experiment(), digits, Train(**{**SETTINGS, "epochs": 5}, checkpoints=tmp_path), resume=True)


def test_non_finite_weights_never_replace_a_good_checkpoint(tmp_path, digits):
    config = Train(**SETTINGS, checkpoints=tmp_path, checkpoint_minutes=1e-9)
    broken = experiment()
    steps = train(broken, digits, config)
    while next(steps).step < 19:
        pass
    with torch.no_grad():
        next(broken.parameters()).fill_(float("nan"))
    with pytest.raises(TrainingError, match="non-finite value at step 20"):
        next(steps)
    good = experiment()
    fit(good, digits, config, resume=True)
    reference = experiment()
    fit(reference, digits, Train(**SETTINGS))
    assert equal(good, reference)
