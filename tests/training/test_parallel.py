"""Several processes that share each batch take the steps of one; the first writes, and all resume."""

import csv
import os
import subprocess
import sys

import pytest
import torch

from vaelab import TrainConfig, fit, load, recipes
from vaelab._utils import rng
from vaelab._utils.errors import InvalidValue
from vaelab.data import augment
from vaelab.training import checkpoints, parallel

SCRIPT = """
import sys, torch
import torch.distributed as dist
from tests.training.test_parallel import CASES, config, make
from vaelab import fit, load
from vaelab.training import parallel

with parallel.process_group("cpu") as device:
    for name in CASES:
        experiment, options = make(name, seed=dist.get_rank())  # other weights in each process
        history = fit(experiment, load("digits"), config(device=device, data_parallel=True, **options["config"]),
                      augment=options["augment"])
        torch.save((experiment.state_dict(), history.rows), f"{sys.argv[1]}/{name}-{dist.get_rank()}.pt")
"""
SHAPE = (1, 8, 8)
CASES = {
    "bernoulli": ({"likelihood": "bernoulli"}, {"binarize": "dynamic"}),
    "computed gamma": ({"gamma": "computed", "network": "conv", "hidden": (4,)}, {"grad_clip": 1.0, "ema_decay": 0.9}),
    "hierarchy": ({"groups": ((2, 1), (4, 1)), "width": 8, "free_nats": None}, {"micro_batches": 1}),
    "augmented": ({"likelihood": "logistic-mixture", "components": 2}, {}),
}


def make(name, seed=0):
    options, settings = CASES[name]
    torch.manual_seed(seed)
    build = recipes.hierarchical_vae if "groups" in options else recipes.vae
    small = {} if "groups" in options or "network" in options else {"hidden": (16,)}
    experiment = build(SHAPE, 2, **small, **options)
    warps = augment.Augment((augment.Affine(rotation=10.0),)) if name == "augmented" else None
    return experiment, {"config": settings, "augment": warps}


def config(**options):
    return TrainConfig(**{"steps": 6, "batch_size": 50, "progress": False, "device": "cpu", **options})


def torchrun(*arguments, processes=2):
    """Start processes that find one another on a free port of this machine."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(
        [sys.executable, *launcher, *arguments], capture_output=True, text=True, env=environment, timeout=170
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared")
    script = folder / "script.py"
    script.write_text(SCRIPT)
    torchrun(str(script), str(folder))
    return folder


@pytest.mark.parametrize("name", CASES)
def test_two_processes_take_the_steps_of_one(shared, name):
    experiment, options = make(name)
    history = fit(experiment, load("digits"), config(**options["config"]), augment=options["augment"])
    start = make(name)[0].state_dict()
    (first, rows), (second, others) = (torch.load(shared / f"{name}-{rank}.pt") for rank in (0, 1))
    for key, value in experiment.state_dict().items():
        torch.testing.assert_close(first[key], value, atol=1e-6, rtol=1e-6)
        assert torch.equal(first[key], second[key]), "the processes must not drift apart"
    assert any(float((first[key] - start[key]).abs().max()) > 1e-3 for key in first)
    for row, ours, theirs in zip(history.rows, rows, others, strict=True):
        for column in ("loss", "nll", "divergence", "mse"):
            assert ours[column] == theirs[column] == pytest.approx(row[column], rel=1e-5)


def test_the_command_shares_a_training_writes_once_and_resumes(vaelab, tmp_path):
    command = ("train", "digits", "--hidden", "16", "--latent", "2", "--device", "cpu")
    done = torchrun("-m", "vaelab", *command, "--epochs", "1", "--out", str(tmp_path / "shared"))
    assert done.stdout.count("Trained vae on digits") == 1
    torchrun("-m", "vaelab", *command, "--epochs", "2", "--out", str(tmp_path / "shared"))
    assert vaelab(*command, "--epochs", "2", "--out", str(tmp_path / "one"))[0] == 0
    states, tables = [], []
    for folder in ("shared", "one"):
        latest = checkpoints.load_latest(tmp_path / folder / "checkpoints", lambda c: (c["step"], c["experiment"]))
        states.append(latest)
        with (tmp_path / folder / "history.csv").open() as file:
            tables.append([float(row["loss"]) for row in csv.DictReader(file)])
    assert states[0][0] == states[1][0]
    for name, value in states[1][1].items():
        torch.testing.assert_close(states[0][1][name], value, atol=1e-5, rtol=1e-5)
    assert len(tables[0]) == 2
    assert tables[0] == pytest.approx(tables[1], rel=1e-5)


def test_the_noise_of_a_part_is_that_of_the_whole_batch():
    chance = torch.linspace(0, 1, 60).view(6, 10)
    for draw in (rng.normal_like, rng.bernoulli, lambda x: rng.uniform(len(x), x)):
        torch.manual_seed(0)
        whole = [draw(chance), draw(chance)]
        for rank in range(3):
            torch.manual_seed(0)
            with rng.own_part(rank, 3):
                for joint in whole:
                    assert torch.equal(draw(chance.chunk(3)[rank]), joint.chunk(3)[rank])
            assert not torch.equal(draw(chance.chunk(3)[rank]), whole[0].chunk(3)[rank])


def test_what_cannot_be_shared_is_refused(monkeypatch):
    experiment, images = make("bernoulli")[0], load("digits").images
    with pytest.raises(InvalidValue, match="data_parallel needs a process group, got none"):
        fit(experiment, images, config(data_parallel=True))
    with pytest.raises(InvalidValue, match="torchrun"), parallel.process_group():
        pass
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 3)
    for options, words in (({}, "batch_size must be a multiple of 3"), ({"compile": True}, "compile must be False")):
        with pytest.raises(InvalidValue, match=words):
            fit(experiment, images, config(data_parallel=True, **{"batch_size": 51 if options else 50, **options}))
