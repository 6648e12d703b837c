"""Checkpoints: a killed training resumes bit for bit, and a damaged checkpoint is reported."""

import hashlib
import io
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from vaelab import Interventions, Train, fit, load, recipes, train
from vaelab._utils.errors import DataError, InvalidValue, StorageError, TrainingError
from vaelab.data import augment
from vaelab.objectives.annealing import Linear, PIController
from vaelab.objectives.consistency import PosteriorKL, consistent
from vaelab.objectives.denoising import DenoisingExperiment
from vaelab.objectives.gamma import Computed, Geco, Learned
from vaelab.training import checkpoints
from vaelab.training.identity import describe  # noqa: F401 (for a process)

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


def other_values(value):
    """What may stand in a checkpoint instead of a value, although its checksum is right."""
    yield from (None, "text", -1, [], {}, torch.zeros(0), [1, "a"])
    if isinstance(value, torch.Tensor):
        yield from (value[None], value.reshape(-1)[:1])
    if isinstance(value, dict):
        yield from (dict.fromkeys(value), {name: torch.zeros(3) for name in value})
    if isinstance(value, list):
        yield from ([None, *value], [*value, (1, 2)])


def test_a_checkpoint_of_another_structure_gives_way_to_the_older_one(tmp_path, capsys):
    """Every case ends in the right result with one line, or in one sentence."""
    images = torch.rand(12, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    config = Train(epochs=3, batch_size=4, progress=False, device="cpu", ema_decay=0.9)

    def small():
        torch.manual_seed(0)
        return recipes.vae((1, 4, 4), 2, hidden=(4,), gamma="learned")

    reference = small()
    expected = without_seconds(fit(reference, images, replace(config, epochs=4)))
    config = replace(config, checkpoints=tmp_path)
    fit(small(), images, config)
    config = replace(config, epochs=4)
    newest, older = checkpoints.list_checkpoints(tmp_path)
    content, checkpoint = older.read_bytes(), checkpoints.load(newest)
    cases = [{k: v for k, v in checkpoint.items() if k != name} for name in checkpoint]
    cases += [{**checkpoint, name: other} for name in checkpoint for other in other_values(checkpoint[name])]
    older_taken, sentences = 0, []
    for case in [*cases, [checkpoint], "text"]:
        for path in checkpoints.list_checkpoints(tmp_path):
            path.unlink()
        older.write_bytes(content)
        save_as(newest, case)
        again = small()
        try:
            history = fit(again, images, config, resume=True)
        except InvalidValue as error:
            sentences.append(str(error))
            continue
        assert equal(again, reference), case
        assert without_seconds(history) == expected
        lines = capsys.readouterr().err.splitlines()
        assert all("is damaged" in line and newest.name in line for line in lines)
        older_taken += len(lines)
    assert older_taken > 80
    assert all(sentence.isprintable() and tmp_path.name in sentence for sentence in sentences)
    for path in checkpoints.list_checkpoints(tmp_path):
        save_as(path, {**checkpoint, "rows": None})
    with pytest.raises(DataError, match=r"no checkpoint in .* is intact"):
        fit(small(), images, config, resume=True)


def save_as(path, content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    path.write_bytes(hashlib.sha256(buffer.getvalue()).hexdigest().encode() + b"\n" + buffer.getvalue())


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


def doubled(x):
    return (2 * x).clamp(0, 1)


class Brighter:
    """A transformation with a setting."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, x):
        return (self.factor * x).clamp(0, 1)


def gjs(**options):
    torch.manual_seed(0)
    return recipes.gjs_vae((1, 8, 8), 4, hidden=(8,), **{"alpha": 0.3, **options})


def vae(**options):
    torch.manual_seed(0)
    return recipes.vae((1, 8, 8), 4, hidden=(8,), **options)


def iwae(**options):
    torch.manual_seed(0)
    return recipes.iwae((1, 8, 8), 4, hidden=(8,), **options)


def cr(distance=None, joint_batch=True, consistency=1.0, views="simple"):
    return consistent(vae(), consistency, views, distance=distance, joint_batch=joint_batch)


def noisy(noise):
    return DenoisingExperiment(vae().model, vae().objective, (1, 8, 8), noise)


def free_bits(nats):
    torch.manual_seed(0)
    return recipes.free_bits_vae((1, 8, 8), 4, hidden=(8,), nats=nats)


OTHER_OBJECTIVES = {  # two experiments, and the words for the difference
    "alpha": (lambda: gjs(), lambda: gjs(alpha=0.5), "alpha=0.5 instead of 0.3"),
    "dual": (lambda: gjs(), lambda: gjs(dual=True), "dual=True instead of False"),
    "primed": (lambda: gjs(), lambda: gjs(primed=False), "primed=False instead of True"),
    "trained alpha": (
        lambda: gjs(trainable=True), lambda: gjs(trainable=True, alpha=0.5), "alpha=0.5 instead of 0.3"
    ),
    "weight": (lambda: gjs(), lambda: gjs(weight=2.0), "weight=2.0 instead of 1.0"),
    "gamma": (lambda: vae(gamma=0.3), lambda: vae(gamma=0.5), "gamma=0.5 instead of 0.3"),
    "policy": (lambda: vae(gamma=1.0), lambda: vae(gamma="optimal"), "gamma='Optimal' instead of 1.0"),
    "rule": (
        lambda: vae(gamma=Computed(rule="ema")),
        lambda: vae(gamma=Computed()),
        "gamma.rule='capped_ema' instead of 'ema'",
    ),
    "rate": (lambda: vae(gamma=Computed()), lambda: vae(gamma=Computed(rate=0.1)), "gamma.rate=0.1 instead of 0.01"),
    "start": (
        lambda: vae(gamma=Computed()), lambda: vae(gamma=Computed(start=2.0)), "gamma.start=2.0 instead of None"
    ),
    "learned": (lambda: vae(gamma=Learned(0.3)), lambda: vae(gamma=Learned(0.5)), "gamma.start=0.5 instead of 0.3"),
    "target of geco": (lambda: vae(gamma=Geco(0.1)), lambda: vae(gamma=Geco(0.2)), "kappa=0.2 instead of 0.1"),
    "likelihood": (lambda: vae(), lambda: vae(likelihood="laplace"), "likelihood='Laplace' instead of 'Normal'"),
    "squash": (lambda: vae(), lambda: vae(squash=False), "likelihood.squash=False instead of True"),
    "divergence": (
        lambda: vae(),
        lambda: recipes.reverse_kl_vae((1, 8, 8), 4, hidden=(8,)),
        "divergence='ReverseKL' instead of 'KL'",
    ),
    "samples": (lambda: iwae(samples=2), lambda: iwae(samples=3), "samples=3 instead of 2"),
    "gradient": (lambda: iwae(), lambda: iwae(gradient="dreg"), "gradient='dreg' instead of 'plain'"),
    "free bits": (lambda: free_bits(0.1), lambda: free_bits(0.2), "nats=0.2 instead of 0.1"),
    "annealing": (
        lambda: vae(annealing=Linear(20)), lambda: vae(annealing=Linear(30)), "annealing.steps=30 instead of 20"
    ),
    "no annealing": (lambda: vae(annealing=Linear(20)), lambda: vae(), "annealing=None instead of 'Linear'"),
    "target": (
        lambda: vae(annealing=PIController(5.0)), lambda: vae(annealing=PIController(6.0)), "target=6.0 instead of 5.0"
    ),
    "consistency": (lambda: cr(), lambda: cr(consistency=2.0), "consistency=2.0 instead of 1.0"),
    "no consistency": (lambda: cr(), lambda: vae(), "experiment='Experiment' instead of 'ConsistentExperiment'"),
    "distance": (
        lambda: cr(), lambda: cr(distance=PosteriorKL(reverse=True)), "distance.reverse=True instead of False"
    ),
    "joint batch": (lambda: cr(), lambda: cr(joint_batch=False), "joint_batch=False instead of True"),
    "views": (lambda: cr(), lambda: cr(views="large"), "views=.*rotation.*30.* instead of .*15"),
    "fill of the views": (
        lambda: cr(views=augment.simple(fill=0.2)),
        lambda: cr(views=augment.simple(fill=0.6)),
        r"views=\.\.\.fill: 0\.6.* instead of \.\.\.fill: 0\.2",
    ),
    "views by function": (lambda: cr(views=lambda x: x), lambda: cr(views=lambda x: 1 - x), "views=.*lambda"),
    "views by object": (lambda: cr(views=Brighter(2)), lambda: cr(views=Brighter(3)), "views=.*3.* instead of .*2"),
    "noise": (lambda: noisy(0.1), lambda: noisy(0.2), "noise=0.2 instead of 0.1"),
}  # fmt: skip


@pytest.mark.parametrize("kind", OTHER_OBJECTIVES)
def test_another_objective_is_rejected_and_the_difference_is_named(digits, tmp_path, kind):
    before, now, words = OTHER_OBJECTIVES[kind]
    images = digits.images[:100]
    config = Train(epochs=1, batch_size=50, progress=False, device="cpu", checkpoints=tmp_path)
    fit(before(), images, config)
    longer = replace(config, epochs=2)
    with pytest.raises(
        InvalidValue, match=rf"got other objective \(.*{words}.*\) in .*; changed=\(.*\) takes"
    ) as caught:
        fit(now(), images, longer, resume=True)
    assert "\n" not in str(caught.value)
    assert len(fit(before(), images, longer, resume=True)) == 2


def test_another_augmentation_is_rejected(digits, tmp_path):
    images, config = digits.images[:100], Train(**{**SETTINGS, "epochs": 1, "batch_size": 50}, checkpoints=tmp_path)
    fit(vae(), images, config, augment=doubled)
    for other in (None, augment.simple(), lambda x: x):
        with pytest.raises(
            InvalidValue, match=r"other objective \(augment=.* instead of 'test.*doubled|augment=.*doubled"
        ):
            fit(vae(), images, config, augment=other, resume=True)
    fit(vae(), images, config, augment=doubled, resume=True)


def test_another_activation_is_another_model(digits, tmp_path):
    images, config = digits.images[:100], Train(**{**SETTINGS, "epochs": 1, "batch_size": 50}, checkpoints=tmp_path)
    fit(vae(), images, config)
    other = vae()
    for module in (other.model.encoder, other.model.decoder):
        for child in list(module.modules()):
            for name, part in list(child.named_children()):
                if isinstance(part, torch.nn.ReLU):
                    setattr(child, name, torch.nn.Tanh())
    with pytest.raises(InvalidValue, match="other model"):
        fit(other, images, config, resume=True)


def test_a_new_value_on_purpose_is_taken_and_recorded(digits, tmp_path):
    """The same as setting alpha by an intervention at that step."""
    images = digits.images[:200]
    config = Train(epochs=2, batch_size=50, progress=False, device="cpu", checkpoints=tmp_path)
    fit(gjs(), images, config)
    longer, e, reference = replace(config, epochs=4), gjs(alpha=0.5), gjs()
    history = fit(e, images, longer, resume=True, changed=("alpha",))
    assert history.interventions == [(8, "alpha", pytest.approx(0.3), 0.5)]
    fit(reference, images, replace(longer, checkpoints=None), interventions=Interventions([(8, "alpha", 0.3, 0.5)]))
    assert equal(e, reference)
    again = fit(gjs(alpha=0.5), images, replace(config, epochs=5), resume=True)
    assert len(again) == 5


def test_a_new_policy_or_divergence_on_purpose_starts_afresh_with_the_weights_of_the_checkpoint(digits, tmp_path):
    images = digits.images[:200]
    config = Train(epochs=1, batch_size=50, progress=False, device="cpu", checkpoints=tmp_path, ema_decay=0.9)
    first = vae(gamma="learned")
    fit(first, images, config)
    e = gjs(gamma=0.25, trainable=True)
    changed = ("gamma", "gamma.start", "gamma.lr_scale", "divergence", "alpha", "dual", "primed", "trainable")
    steps = train(e, images, replace(config, epochs=2), resume=True, changed=changed)
    step = next(steps)
    assert step.step == 5
    assert float(e.objective.likelihood.gamma.gamma) == pytest.approx(0.25)
    assert float(e.objective.divergence.alpha.detach()) == pytest.approx(0.3, abs=0.01)
    weight = first.model.decoder[0][0].weight.detach()
    assert float((e.model.decoder[0][0].weight.detach() - weight).abs().max()) < 0.005
    for _ in steps:
        pass


def test_changed_names_are_checked(digits, tmp_path):
    images, config = digits.images[:100], Train(**{**SETTINGS, "epochs": 1, "batch_size": 50}, checkpoints=tmp_path)
    with pytest.raises(InvalidValue, match="changed must be empty unless resume=True"):
        fit(gjs(), images, config, changed=("alpha",))
    fit(gjs(), images, config)
    with pytest.raises(InvalidValue, match=r"changed must name settings.*'alhpa'; did you mean alpha"):
        fit(gjs(), images, config, resume=True, changed=("alhpa",))
    fit(gjs(), images, config, resume=True, changed="alpha")


def test_numbers_of_numpy_are_numbers(digits, tmp_path):
    images, config = digits.images[:100], Train(**{**SETTINGS, "epochs": 1, "batch_size": 50}, checkpoints=tmp_path)
    fit(gjs(alpha=np.float64(0.3)), images, config, augment=Brighter(np.int64(2)))
    assert len(fit(gjs(), images, config, augment=Brighter(2), resume=True)) == 1


def test_the_same_experiment_object_resumes_although_its_gamma_has_moved(digits, tmp_path):
    config = Train(epochs=1, batch_size=50, progress=False, device="cpu", checkpoints=tmp_path)
    e = gjs(gamma="computed", trainable=True, annealing=Linear(100))
    fit(e, digits.images[:100], config)
    assert len(fit(e, digits.images[:100], replace(config, epochs=2), resume=True)) == 2


def test_the_description_is_the_same_in_every_process():
    code = (
        "from tests.training.test_checkpoints import cr, describe, doubled; "
        "views = lambda x: x in {'a', 'b', 'c'} or x; "
        "print(sorted(describe(cr(views=views), doubled).items()))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(outputs) == 1


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
