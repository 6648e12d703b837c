"""Long trainings in turns, and the table of published values beside ours."""

import csv
import sys
from dataclasses import replace

import numpy as np
import pytest

from figures.gjs import published
from figures.gjs.long_trainings import FIRST
from figures.registry import FIGURES
from figures.table import to_csv
from vaelab.cli import commands
from vaelab.runs.executors import SweepError
from vaelab.runs.round_robin import curve, name_of, train_round_robin
from vaelab.runs.run import Run

reproduction = FIGURES["gjs-reproduction"]
TINY = {"side": None, "network": "mlp", "hidden": (16,), "latent": 4, "lr": 2e-3}


def runs(epochs):
    shared = {"data": "digits", "latent": 4, "hidden": (16,), "batch_size": 64, "epochs": epochs}
    return [Run("vae", **shared), Run("gjs_vae", {"alpha": 0.3, "dual": True}, **shared)]


def comparable(rows):
    return [row[:5] for row in rows]  # all but the seconds


def test_interrupted_rounds_end_like_uninterrupted_ones(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train_round_robin(runs(4), whole, epochs_per_round=4, device="cpu")
    train_round_robin(runs(1), parts, epochs_per_round=2, device="cpu")
    train_round_robin(runs(4), parts, epochs_per_round=2, device="cpu")
    for run in runs(4):
        assert [row.epoch for row in curve(run, whole)] == [1, 2, 3, 4]
        assert comparable(curve(run, parts)) == comparable(curve(run, whole))
        first, *_, last = curve(run, whole)
        assert last.reconstruction < first.reconstruction


def test_nothing_is_trained_twice_and_nothing_without_time(tmp_path, monkeypatch):
    train_round_robin(runs(2), tmp_path, minutes=0, device="cpu")
    assert [curve(run, tmp_path) for run in runs(2)] == [[], []]
    train_round_robin(runs(2), tmp_path, epochs_per_round=1, device="cpu")

    def no_training(*args, **kwargs):
        raise AssertionError("this was trained before")

    monkeypatch.setattr("vaelab.runs.round_robin.train", no_training)
    train_round_robin(runs(2), tmp_path, epochs_per_round=1, device="cpu")


def test_a_run_that_diverges_or_is_damaged_loses_no_other(tmp_path):
    """Runs lost: 0 of 3. Before, the first that failed ended all."""
    good, diverging, damaged, last = (replace(run, seed=seed) for seed, run in enumerate(runs(3)[:1] * 4))
    diverging = replace(diverging, lr=1e6)
    train_round_robin([replace(damaged, epochs=1)], tmp_path, device="cpu")
    (tmp_path / name_of(damaged) / "test.csv").write_text("nonsense")
    for _ in range(2):
        words = (
            r"^2 of 4 tasks failed: recipe='vae', options=\{\}, lr=1000000.0, seed=1: .* became .*seed=2: .* is damaged"
        )
        with pytest.raises(SweepError, match=words) as caught:
            train_round_robin([good, diverging, damaged, last], tmp_path, epochs_per_round=1, device="cpu")
        assert "\n" not in str(caught.value)
        assert [len(curve(run, tmp_path)) for run in (good, last)] == [3, 3]
        assert not list(tmp_path.rglob(".lock"))


def test_the_command_draws_the_lines_that_are_trained_before_it_names_those_that_failed(tmp_path, monkeypatch, capsys):
    def diverge(runs, folder, *, minutes, **_):
        if minutes != 0:
            raise SweepError("1 of 3 tasks failed: the loss became nan.", {0: ValueError()})

    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("figures.gjs.long_trainings.train_round_robin", diverge)
    monkeypatch.setattr(sys, "argv", ["vaelab", "reproduce", "--out", str(tmp_path)])
    with pytest.raises(SystemExit):
        commands.main()
    out, err = capsys.readouterr()
    assert str(tmp_path / "gjs-reproduction.csv") in out
    assert err.endswith("vaelab: 1 of 3 tasks failed: the loss became nan.\n")


def test_when_time_is_over_an_epoch_is_finished_and_kept(tmp_path, monkeypatch):
    clock = iter([0.0, *[1.0] * 2, *[1e9] * 100])
    monkeypatch.setattr("vaelab.runs.round_robin.time.monotonic", lambda: next(clock))
    train_round_robin(runs(3), tmp_path, minutes=1, device="cpu")
    assert sum(len(curve(run, tmp_path)) for run in runs(3)) == 1


@pytest.fixture
def reached(tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path))
    monkeypatch.setitem(published.DATA, "MNIST", "digits")
    return reproduction.compute("cpu", lines=FIRST, seeds=2, epochs_per_round=1, epochs=2, **TINY)


def test_the_table_puts_ours_beside_every_published_value(reached):
    rows = reproduction.rows(reached.numbers)
    assert len(rows) == len(published.lines())
    ours = {f"{row['data']} {row['line']} {row['alpha'] or ''}".strip(): row for row in rows if "ours" in row}
    assert set(ours) == set(FIRST)
    for row in ours.values():
        assert (row["seeds"], row["epochs"]) == (2, 2)
        assert row["furthest_epochs"] == 2
        assert row["spread"] > 0
    vae, *others = ours.values()
    assert "same_side" not in vae
    for row in others:
        below = row["ours"] < vae["ours"]
        assert row["ours_below_vae"] == row["same_side"] == below
        assert row["published_below_vae"]
    assert len(reproduction.draw(reached.numbers).axes) == 2
    assert "published 8.46" in reproduction.alt(reached.numbers)
    assert next(csv.DictReader(to_csv(rows).splitlines()))["published"] == "8.45965"


def test_seeds_are_compared_at_equal_epochs_and_the_longest_is_reported_apart():
    curves = np.full((len(published.lines()), 2, 3), np.nan)
    curves[0] = [[9, 8, 7], [10, np.nan, np.nan]]
    row = reproduction.rows({"curves": curves})[0]
    assert (row["ours"], row["spread"], row["epochs"]) == (9.5, 1, 1)
    assert (row["furthest"], row["furthest_epochs"]) == (7, 3)


def test_the_command_draws_what_there_is_and_names_what_it_does_not_know(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "argv", ["vaelab", "reproduce", "--minutes", "0", "--out", str(tmp_path)])
    commands.main()
    assert len((tmp_path / "gjs-reproduction.csv").read_text().splitlines()) == 1 + len(published.lines())
    monkeypatch.setattr(sys, "argv", ["vaelab", "reproduce", "--lines", "MNIST primed 0.11"])
    with pytest.raises(SystemExit):
        commands.main()
    assert "there is no published line 'MNIST primed 0.11'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "message"),
    [("--epochs-per-round", "epochs_per_round must be at least 1"), ("--seeds", "seeds must be at least 1")],
)
def test_none_of_something_is_refused_in_one_sentence(tmp_path, monkeypatch, capsys, option, message):
    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "argv", ["vaelab", "reproduce", option, "0", "--minutes", "0", "--out", str(tmp_path)])
    with pytest.raises(SystemExit):
        commands.main()
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("gjs-*"))


def test_the_command_that_draws_it_again_trains_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path / "cache"))
    for arguments in (
        ["reproduce", "--minutes", "0", "--seeds", "2", "--out", str(tmp_path)],
        ["figures", "explain", str(tmp_path / "gjs-reproduction.png")],
    ):
        monkeypatch.setattr(sys, "argv", ["vaelab", *arguments])
        commands.main()
    assert capsys.readouterr().out.endswith("again     vaelab reproduce --minutes 0 --seeds 2\n")
