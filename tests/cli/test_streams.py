"""Standard output and error that cannot show everything, are absent, full, or closed by their reader."""

import io
import os
import subprocess
import sys

import pytest
import torch
from PIL import Image

from vaelab import TrainConfig, fit, fit_many, load, recipes
from vaelab.cli import commands
from vaelab.cli.streams import standard_streams

COMMANDS = [
    ("--help",),
    ("train", "--help"),
    ("sweep", "--help"),
    ("figures", "list"),
    ("figures", "explain", "figures/var-rho.png"),
    ("data", "list"),
    ("data", "where", "mnist-mini"),
    ("doctor",),
    ("nosuch",),
    ("train", "nosuch"),
]
SMALL = ("digits", "--epochs", "1", "--hidden", "8", "--latent", "2", "--device", "cpu", "--out")


def run_with(monkeypatch, arguments, out, err):
    monkeypatch.setattr(sys, "argv", ["vaelab", *arguments])
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    try:
        commands.main()
    except SystemExit as exit:
        return exit.code or 0
    return 0


def encoded(name):
    return io.TextIOWrapper(io.BytesIO(), encoding=name, errors="strict")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_no_command_ends_in_an_encoding_error(encoding, monkeypatch):
    for arguments in COMMANDS:
        out, err = encoded(encoding), encoded(encoding)
        assert run_with(monkeypatch, arguments, out, err) == (2 if "nosuch" in arguments else 0), arguments
        out.flush()
        err.flush()
        written = out.buffer.getvalue() + err.buffer.getvalue()
        assert written.decode(encoding).strip(), arguments
        assert b"\x1b" not in written, "colors are for terminals"


def test_a_training_into_a_folder_whose_name_cannot_be_shown(monkeypatch, tmp_path):
    out = encoded("ascii")
    assert run_with(monkeypatch, ("train", *SMALL, str(tmp_path / "ζώα σ²")), out, encoded("ascii")) == 0
    assert (tmp_path / "ζώα σ²" / "history.csv").is_file()
    assert out.buffer.getvalue().endswith(rb"/\u03b6\u03ce\u03b1 sigma^2" + b"\n")


def test_mathematics_is_spelled_and_names_are_escaped():
    with standard_streams():
        spelled = "Σ σ² ≤ α·β – ½ ‖q‖ ✓".encode("ascii", "vaelab.plain")
        assert spelled == rb"Sigma sigma^2 <= alpha*beta - 1/2 ||q|| \u2713"
        assert "/data/jérôme/γιώργος/日本".encode("ascii", "vaelab.plain") == (
            rb"/data/j\xe9r\xf4me/\u03b3\u03b9\u03ce\u03c1\u03b3\u03bf\u03c2/\u65e5\u672c"
        )
        assert "σ² and µ".encode("cp1252", "vaelab.plain") == b"sigma\xb2 and \xb5"


def test_no_command_needs_standard_streams(monkeypatch, tmp_path):
    assert run_with(monkeypatch, ("figures", "list"), None, None) == 0
    assert run_with(monkeypatch, ("data", "where", "mnits"), None, None) == 2
    assert run_with(monkeypatch, ("train", *SMALL, str(tmp_path / "run")), None, None) == 0
    assert (tmp_path / "run" / "history.csv").is_file()


def test_the_library_shows_no_bar_where_there_is_no_standard_error(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(sys, "stdout", None)
    config, images = TrainConfig(epochs=1, batch_size=50, device="cpu"), torch.rand(100, 1, 8, 8)

    def make(beta=1.0):
        return recipes.beta_vae((1, 8, 8), 2, hidden=(4,), beta=beta)

    assert len(fit(make(), images, config)) == 1
    assert [len(history) for history in fit_many(make, [{"beta": 1.0}, {"beta": 2.0}], images, config)] == [1, 1]
    for name in ("a", "b"):
        Image.new("L", (8, 8)).save(tmp_path / f"{name}.png")
    assert len(load(f"folder:{tmp_path}", "all")) == 2


@pytest.mark.parametrize(("target", "status"), [("/dev/full", 2), (None, 1)])
def test_output_that_cannot_be_written_ends_without_a_traceback(target, status):
    """A full disk, and as `vaelab --help | true`, whose reader has gone before the text is complete."""
    if target is None:
        reading, writing = os.pipe()
        os.close(reading)
    else:
        writing = os.open(target, os.O_WRONLY)
    command = [sys.executable, "-m", "vaelab", "--help"]
    result = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert result.returncode == status
    full = "vaelab: cannot write to standard output: No space left on device.\n"
    assert result.stderr == (full if target else "")
