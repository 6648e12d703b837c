"""The command line as a user meets it: in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def vaelab(*arguments, cwd=None, **environment):
    return subprocess.run(
        [sys.executable, "-m", "vaelab", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **environment},
        timeout=240,
        check=False,
    )


def modules_after(statement):
    """The modules that a fresh interpreter holds after a statement."""
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_import_draws_in_nothing_heavy():
    loaded = modules_after("import vaelab")
    assert not {"matplotlib", "ipywidgets", "torch", "sklearn", "seaborn"} & set(loaded)


@pytest.mark.parametrize(
    "statement",
    [
        "from vaelab import kl, fit, load, recipes",
        "import vaelab.training, vaelab.metrics, vaelab.quadrature",
    ],
)
def test_training_needs_no_screen(statement):
    assert not {"matplotlib", "ipywidgets", "IPython"} & set(modules_after(statement))


def test_help_imports_only_the_command_line():
    loaded = modules_after(
        "from vaelab.cli import main\nsys.argv = ['vaelab', '--help']\ntry: main()\nexcept SystemExit: pass"
    )
    assert not {"matplotlib", "ipywidgets", "torch", "numpy"} & set(loaded)


def test_every_public_name_can_be_had():
    import vaelab

    for name in vaelab.__all__:
        assert getattr(vaelab, name) is not None
        assert name in dir(vaelab)
    with pytest.raises(AttributeError, match="elbo"):
        vaelab.elbo  # noqa: B018


def test_help_names_the_commands():
    result = vaelab("--help")
    assert result.returncode == 0
    assert all(word in result.stdout for word in ("figures", "data", "doctor"))


def test_figures_from_list_to_explain(tmp_path):
    environment = {"VAELAB_CACHE": str(tmp_path / "cache")}
    listed = vaelab("figures", "list")
    assert "* gjs-1d" in listed.stdout
    made = vaelab("figures", "make", "gjs-1d", cwd=tmp_path, **environment)
    assert made.returncode == 0, made.stderr
    assert made.stdout.split() == [str(Path("figures") / f"gjs-1d.{kind}") for kind in ("png", "pdf", "csv")]
    assert "100%" in made.stderr
    first = {path.name: path.read_bytes() for path in (tmp_path / "figures").iterdir()}
    assert vaelab("figures", "make", "gjs-1d", cwd=tmp_path, **environment).returncode == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "figures").iterdir()} == first
    assert vaelab("figures", "check", cwd=tmp_path).stdout == "gjs-1d: unchanged\n"
    assert "again" in vaelab("figures", "explain", "figures/gjs-1d.png", cwd=tmp_path).stdout
    (tmp_path / "figures" / "gjs-1d.csv").write_text("altered")
    checked = vaelab("figures", "check", cwd=tmp_path)
    assert checked.returncode != 0
    assert "gjs-1d.csv" in checked.stderr
    assert "Traceback" not in checked.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("figures", "make", "gjs-2d"), "did you mean gjs-1d"),
        (("figures", "explain", "nothing.png"), "there is no file"),
        (("figures", "check", "--out", "nowhere"), "no manifest"),
        (("data", "where", "mnits"), "did you mean mnist"),
        (("data", "get", "digits"), "nothing to download"),
        (("figures", "make", "gjs-1d", "--out", "/dev/null/figures"), "file, not a folder"),
    ],
)
def test_errors_are_one_sentence_and_a_status(arguments, words, tmp_path):
    result = vaelab(*arguments, cwd=tmp_path, VAELAB_CACHE=str(tmp_path / "cache"))
    assert result.returncode == 2
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("vaelab: ")
    assert words in last
    assert "Traceback" not in result.stderr


def test_data_commands(tmp_path):
    listed = vaelab("data", "list")
    assert all(name in listed.stdout for name in ("mnist-mini", "cifar10", "celeba", "dsprites-rendered"))
    assert "mnist_mini.npz" in vaelab("data", "where", "mnist-mini").stdout
    verified = vaelab("data", "verify")
    assert verified.returncode == 0
    assert "intact" in verified.stdout


def test_a_reader_that_has_seen_enough_gets_no_traceback():
    """As `vaelab figures list | head -1`: the end of the pipe is closed before anything is written."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "vaelab", "figures", "list"]
    result = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert result.returncode == 1
    assert result.stderr == ""


def test_the_doctor_is_content():
    result = vaelab("doctor")
    assert result.returncode == 0, result.stdout
    assert result.stdout.count("OK ") >= 7


def test_a_full_disk_gets_a_sentence(tmp_path):
    """A file-size limit makes every write of more than 100 kB fail, as a full disk does."""
    import resource

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    result = subprocess.run(
        [sys.executable, "-m", "vaelab", "figures", "make", "gjs-1d"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "VAELAB_CACHE": str(tmp_path / "cache")},
        preexec_fn=limit,
        check=False,
    )
    assert result.returncode == 2
    assert "cannot write" in result.stderr
    assert "Traceback" not in result.stderr
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in left if path.suffix == ".part"]
