"""`vaelab train` and `vaelab sweep` as a user meets them: kill them, and run the same command again."""

import csv
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest
import torch
from distributed import LocalCluster

from tests.runs.test_executors import wait_for
from vaelab import recipes
from vaelab._utils.files import lock
from vaelab.cli import sweep
from vaelab.cli.options import recipe_options
from vaelab.runs.run import RECIPES, Run, options_of, write_settings
from vaelab.training import checkpoints

SMALL = ("digits", "--hidden", "16", "--latent", "3", "--device", "cpu")
ALPHAS = ("--recipes", "vae", "gjs_vae", "--alphas", "0.2", "0.8", "--seeds", "2", "--epochs", "1")


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path / "store"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def start(*arguments):
    with Path("errors.txt").open("w") as errors:
        return subprocess.Popen([sys.executable, "-m", "vaelab", *arguments], stderr=errors)


def table(path, *without):
    with path.open() as file:
        return [{name: value for name, value in row.items() if name not in without} for row in csv.DictReader(file)]


def newest(out):
    return max((out / "checkpoints").glob("*.ckpt"))


def weights(out):
    return checkpoints.load_latest(out / "checkpoints", lambda c: c["experiment"].values())


def test_a_killed_training_goes_on_bit_for_bit(vaelab, tmp_path):
    command = ("train", *SMALL, "--recipe", "gjs_vae", "--alpha", "0.3", "--gamma", "computed", "--epochs", "60")
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = start(*command, "--out", str(killed))
    wait_for(lambda: list(killed.glob("checkpoints/*.ckpt")))
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert newest(killed).name < "step-0000000720"
    process = start(*command, "--out", str(killed))
    assert process.wait() == 0, Path("errors.txt").read_text()
    assert vaelab(*command, "--out", str(whole))[0] == 0
    assert newest(killed).name == newest(whole).name == "step-0000000720.ckpt"
    assert all(map(torch.equal, weights(killed), weights(whole)))
    assert table(killed / "history.csv", "seconds") == table(whole / "history.csv", "seconds")
    assert (killed / "settings.json").read_bytes() == (whole / "settings.json").read_bytes()


def test_a_finished_training_stays_as_it_is_and_can_be_prolonged(vaelab, tmp_path):
    status, out, err = vaelab("train", *SMALL, "--epochs", "2")
    assert (status, out.splitlines()[-1][-len("are in trained") :]) == (0, "are in trained")
    assert "100%" in err
    first = (tmp_path / "trained" / "history.csv").read_bytes()
    assert vaelab("train", *SMALL, "--epochs", "2")[0] == 0
    assert (tmp_path / "trained" / "history.csv").read_bytes() == first
    assert vaelab("train", *SMALL, "--epochs", "3")[0] == 0
    longer = (tmp_path / "trained" / "history.csv").read_bytes()
    assert longer.startswith(first)
    assert len(table(tmp_path / "trained" / "history.csv")) == 3


def test_every_option_of_train_arrives(vaelab, tmp_path):
    options = "--recipe gjs_vae --alpha 0.4 --dual --gamma 0.5 --epochs 1 --batch-size 100 --lr 0.002 --seed 7"
    assert vaelab("train", *SMALL, *options.split(), "--out", "here")[0] == 0
    text = (tmp_path / "here" / "settings.json").read_text()
    assert re.sub(r',\n "checksum": "[0-9a-f]{64}"', "", text) == (
        '{\n "recipe": "gjs_vae",\n "options": {\n  "gamma": 0.5,\n  "alpha": 0.4,\n  "dual": true\n },\n'
        ' "data": "digits",\n "latent": 3,\n "network": "mlp",\n "hidden": [\n  16\n ],\n "epochs": 1,\n'
        ' "batch_size": 100,\n "lr": 0.002,\n "seed": 7,\n "limit": null,\n "side": null,\n "noise": 0.0\n}\n'
    )


def test_a_bernoulli_is_trained_on_black_and_white(vaelab, monkeypatch):
    shown = []
    monkeypatch.setattr(
        "vaelab.training.loop.fit", lambda experiment, images, config, resume: shown.append(config.binarize)
    )
    for options in (("--likelihood", "bernoulli"), ("--likelihood", "laplace"), ()):
        assert vaelab("train", *SMALL, *options, "--out", f"run{len(shown)}")[0] == 0
    assert shown == ["dynamic", "no", "no"]


def test_a_folder_belongs_to_one_training(vaelab):
    assert vaelab("train", *SMALL, "--epochs", "1", "--recipe", "gjs_vae", "--alpha", "0.3")[0] == 0
    status, _, err = vaelab("train", *SMALL, "--epochs", "1", "--recipe", "gjs_vae", "--alpha", "0.5")
    assert status == 2
    assert err == "vaelab: trained contains a training with alpha=0.3 instead of 0.5; use another folder with --out.\n"


@pytest.mark.parametrize("wrong", [("--batch-size", "5000"), ("--lr", "1e6", "--epochs", "1"), ("--device", "abacus")])
def test_a_training_that_fails_does_not_claim_its_folder(vaelab, tmp_path, wrong):
    status, _, err = vaelab("train", *SMALL[:-2], *wrong)
    assert status == 2, err
    assert not (tmp_path / "trained").exists()
    status, _, err = vaelab("train", *SMALL, "--epochs", "1")
    assert status == 0, err
    # A folder that contains a training keeps it.
    before = (tmp_path / "trained" / "settings.json").read_bytes()
    assert vaelab("train", *SMALL[:-2], *wrong)[0] == 2
    assert (tmp_path / "trained" / "settings.json").read_bytes() == before


def test_settings_without_a_checkpoint_claim_nothing(vaelab, tmp_path):
    write_settings(Run("vae", data="digits", seed=9), tmp_path / "trained")
    assert vaelab("train", *SMALL, "--epochs", "1")[0] == 0


def test_a_tilde_in_out_is_the_users_folder_for_all_files(vaelab, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert vaelab("train", *SMALL, "--epochs", "1", "--out=~/run1")[0] == 0
    files = sorted(path.name for path in (tmp_path / "me" / "run1").iterdir())
    assert files == ["checkpoints", "history.csv", "settings.json"]
    assert not (tmp_path / "~").exists()
    assert vaelab("report", "~/run1", "--samples", "2", "--nll-images", "10")[0] == 0


@pytest.mark.parametrize("command", ["train", "sweep"])
@pytest.mark.parametrize("out", ["", " ", "~nosuchuser/x", "x" * 300])
def test_an_impossible_out_is_refused_before_training(vaelab, tmp_path, command, out):
    status, _, err = vaelab(command, *SMALL, "--out", out)
    assert status == 2
    assert re.fullmatch(r"vaelab: .*path must .*\.\n", err), err
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_into_a_folder_is_refused_before_training(vaelab, tmp_path):
    (tmp_path / "table").mkdir()
    status, _, err = vaelab("sweep", *SMALL, *ALPHAS, "--out", "table")
    assert (status, err) == (2, "vaelab: --out must be a csv file, got the folder table.\n")
    assert not (tmp_path / "store").exists()


def test_a_folder_in_use_is_refused_with_its_holder(vaelab, tmp_path):
    with lock(tmp_path / "trained" / ".lock", wait=False):
        status, _, err = vaelab("train", *SMALL, "--epochs", "1")
    assert status == 2
    assert f"in use by process {os.getpid()} on" in err


def test_a_sweep_writes_one_table_the_same_on_dask_and_computes_nothing_twice(vaelab, tmp_path, monkeypatch):
    status, out, err = vaelab("sweep", *SMALL, *ALPHAS)
    assert status == 0, err
    assert "6 trainings on digits: the table is in sweep.csv" in out
    assert "6/6" in err
    rows = table(tmp_path / "sweep.csv")
    chosen = [(row["recipe"], row["alpha"], row["dual"], row["seed"]) for row in rows]
    alphas = [("gjs_vae", alpha, "false", seed) for alpha in ("0.2", "0.8") for seed in "01"]
    assert chosen == [("vae", "", "", "0"), ("vae", "", "", "1"), *alphas]
    names = [f"{split}_{measure}" for split in ("train", "test") for measure in sweep.MEASURES]
    assert all(float(row[name]) > 0 for row in rows for name in names)
    assert rows[0]["test_rate"] == rows[0]["test_divergence"], "the VAE minimizes the rate itself"

    first = (tmp_path / "sweep.csv").read_bytes()
    (tmp_path / "sweep.csv").unlink()
    status, _, err = vaelab("sweep", *SMALL, *ALPHAS)
    assert (status, "6/6" in err) == (0, False)
    assert (tmp_path / "sweep.csv").read_bytes() == first

    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path / "other"))
    with LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster:
        there = ("--executor", "dask", "--scheduler", cluster.scheduler_address, "--out", "dask.csv")
        status, _, err = vaelab("sweep", *SMALL, *ALPHAS, *there)
    assert status == 0, err
    assert len(list((tmp_path / "other" / "runs").glob("*/numbers.npz"))) == 6
    for ours, theirs in zip(rows, table(tmp_path / "dask.csv"), strict=True):
        for name in names:
            assert float(ours[name]) == pytest.approx(float(theirs[name]), rel=1e-4), name


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("train", "digits", "--alpha", "0.3"), "vae has no option alpha"),
        (("train", "digtis"), "did you mean digits"),
        (("train", "digits", "--gamma", "wide"), "gamma"),
        (("train", "digits", "--epochs", "0"), "epochs must be"),
        (("train", "digits", "--batch-size", "5000"), "the number of images, got 5000"),
        (("train", "digits", "--device", "abacus"), "a device of this machine, got 'abacus'"),
        (
            ("train", "digits", "--likelihood", "bernoulli", "--gamma", "0.3"),
            "gamma must not be given for a Bernoulli, got 0.3",
        ),
        (("train", "digits", "--out", "/dev/null/x"), "file, not a folder"),
        (("sweep", "digits", "--executor", "dask"), "--scheduler ADDRESS"),
        (("sweep", "digits", "--scheduler", "tcp://127.0.0.1:8786"), "must be given together"),
        (("sweep", "digits", "--executor", "dask", "--scheduler", "tcp://127.0.0.1:9"), "no Dask scheduler answers"),
        (("sweep", "digits", "--seeds", "0"), "--seeds must be at least 1"),
        (("sweep", "digits", "--alphas", "1.5", "--seeds", "1", "--epochs", "1"), "alpha"),
        (("sweep", "digits", "--out", "/dev/null/x.csv"), "a file is where a folder is needed"),
    ],
)
def test_errors_are_one_sentence_and_a_status(vaelab, arguments, words):
    status, _, err = vaelab(*arguments)
    assert status == 2
    last = err.strip().splitlines()[-1]
    assert last.startswith("vaelab: ")
    assert words in last
    assert "Traceback" not in err


def test_the_choices_of_the_command_line_are_those_of_the_package(vaelab):
    out = " ".join(vaelab("train", "--help")[1].replace("│", " ").split())
    names = re.search(r"--recipe \{(.*?)\}", out)[1].replace(" ", "").split(",")
    assert names == list(RECIPES)
    assert {"vae", "gjs_vae", "geco_vae", "two_layer_iwae"} < set(names) <= set(recipes.__all__)
    options = {option for name in RECIPES for option in options_of(name)} - {
        "shape",
        "annealing",
        "design",
        "groups",  # pairs of numbers
    }
    assert {f"--{option.replace('_', '-')}" for option in options} <= set(out.replace(",", " ").split())


def test_every_option_has_a_help_text_from_a_docstring():
    hints = get_type_hints(recipe_options(), include_extras=True)
    for name, hint in hints.items():
        (argument,) = (part for part in hint.__metadata__ if hasattr(part, "help"))
        assert re.match(r"\S.*\.", argument.help), f"{name} is not described in the docstrings of its recipes"


def test_a_sweep_with_a_member_that_diverges_writes_the_table_of_the_others(vaelab, tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("vaelab.runs.executors.cpu_count", lambda: 1)
    monkeypatch.setattr("vaelab.runs.run.Run.binarize", "no")
    out = tmp_path / "table.csv"
    large = ("digits", "--hidden", "16", "--latent", "40", "--device", "cpu")  # 40 times 1e37 nats overflow
    options = ("--recipes", "free_bits_vae", "vae", "--nats", "1e37", "--seeds", "1", "--epochs", "1")
    for _ in range(2):
        code, _, err = vaelab("sweep", *large, *options, "--out", str(out))
        assert code == 2
        assert re.fullmatch(
            rf"vaelab: 1 of 2 tasks failed: recipe='free_bits_vae', .*seed=0: .*; the table in {out} has the other 1\.",
            err.strip().splitlines()[-1],
        )
        assert [line.split(",")[0] for line in out.read_text().splitlines()] == ["recipe", "vae"]


def test_a_sweep_gives_every_option_to_the_recipes_that_have_it(vaelab, monkeypatch):
    runs = []
    monkeypatch.setattr("vaelab.runs.execute.train_all", lambda some, *_: runs.extend(some) or [])
    monkeypatch.setattr(sweep, "_write_table", lambda *_: None)
    recipes = ("--recipes", "vae", "gjs_vae", "beta_vae", "--alphas", "0.2", "--seeds", "1")
    assert vaelab("sweep", *SMALL, *recipes, "--beta", "2", "--gamma", "computed", "--dual")[0] == 0
    assert [run.options for run in runs] == [
        {"gamma": "computed"},
        {"dual": True, "gamma": "computed", "alpha": 0.2},
        {"beta": 2.0, "gamma": "computed"},
    ]
    assert vaelab("sweep", *SMALL, "--recipes", "vae", "--beta", "2")[2] == "vaelab: vae: no option beta.\n"
