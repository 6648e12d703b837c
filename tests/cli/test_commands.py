"""The command line as a user meets it: in processes of their own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vaelab._utils.errors import DataError
from vaelab.cli import figures as cli_figures

ROOT = Path(__file__).parents[2]
NO_CLONE = "in the folder figures/ of the vaelab repository, not in the installed package; clone the repository and run"


def run_vaelab(*arguments, cwd=None, **environment):
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
        "import vaelab.training.loop, vaelab.metrics, vaelab.divergences.quadrature",
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
    result = run_vaelab("--help")
    assert result.returncode == 0
    assert all(word in result.stdout for word in ("figures", "data", "doctor"))


def test_figures_from_list_to_explain(tmp_path):
    environment = {"VAELAB_CACHE": str(tmp_path / "cache")}
    listed = run_vaelab("figures", "list")
    assert "* gjs-1d" in listed.stdout
    here = {"cwd": tmp_path, **environment}
    made = run_vaelab("figures", "make", "gjs-1d", "--out", "drawn", **here)
    assert made.returncode == 0, made.stderr
    names = ["gjs-1d.png", "gjs-1d.pdf", "gjs-1d.csv", "numbers/gjs-1d.npz"]
    *paths, difference = made.stdout.splitlines()
    assert paths == [str(Path("drawn") / name) for name in names]
    assert difference.startswith("gjs-1d: ")
    assert "100%" in made.stderr
    first = {path.name: path.read_bytes() for path in (tmp_path / "drawn").rglob("*.*")}
    assert run_vaelab("figures", "make", "gjs-1d", "--out", "drawn", **here).returncode == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "drawn").rglob("*.*")} == first
    assert run_vaelab("figures", "check", "--out", "drawn", cwd=tmp_path).stdout == "gjs-1d: unchanged\n"
    assert "again" in run_vaelab("figures", "explain", "drawn/gjs-1d.png", cwd=tmp_path).stdout
    (tmp_path / "drawn" / "gjs-1d.csv").write_text("altered")
    checked = run_vaelab("figures", "check", "--out", "drawn", cwd=tmp_path)
    assert checked.returncode != 0
    assert "gjs-1d.csv" in checked.stderr
    assert "Traceback" not in checked.stderr


@pytest.mark.parametrize("folder", [".", "notebooks", "figures"])
def test_the_figure_scripts_are_found_wherever_one_stands_in_the_clone(folder):
    listed = run_vaelab("figures", "list", cwd=ROOT / folder)
    assert "* gjs-1d" in listed.stdout, listed.stderr


WORKERS = """
from vaelab.cli.figures import figures_folder
if __name__ == "__main__":
    figures_folder()
    from figures.registry import FIGURES
    small = {"data": "digits", "likelihood": "bernoulli", "latent": 2, "hidden": [8], "epochs": 1, "samples": 2}
    result = FIGURES["cr-lambda"].compute("cpu", lambdas=[1.0], seeds=1, weighed=10, **small)
    print(*result.recipes, result.numbers["nll"].shape)
"""


def test_worker_processes_find_the_scripts_also_from_a_subfolder(tmp_path):
    (tmp_path / "script.py").write_text(WORKERS)
    result = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")],
        capture_output=True,
        text=True,
        cwd=ROOT / "notebooks",
        env={**os.environ, "VAELAB_CACHE": str(tmp_path / "cache")},
        check=False,
    )
    assert "train-with-views" in result.stdout, result.stderr
    assert "(3, 1)" in result.stdout


def test_outside_a_clone_they_are_those_of_the_checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli_figures.figures_folder() == ROOT / "figures"
    monkeypatch.chdir(ROOT / "notebooks")
    monkeypatch.setattr(cli_figures, "repository", lambda: None)
    assert cli_figures.figures_folder() == ROOT / "figures"


@pytest.mark.parametrize("arguments", [("figures", "list"), ("figures", "check"), ("reproduce", "--minutes", "0")])
def test_without_a_clone_one_sentence_says_where_they_are(arguments, tmp_path, monkeypatch, vaelab):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli_figures, "repository", lambda: None)
    status, _, errors = vaelab(*arguments)
    assert status == 2
    assert NO_CLONE in errors
    assert len(errors.splitlines()) == 1


def test_scripts_of_another_clone_than_those_that_python_imports_are_refused(tmp_path, monkeypatch):
    (tmp_path / "figures").mkdir()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copy(ROOT / "figures" / "registry.py", tmp_path / "figures")
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="with the environment of the clone"):
        cli_figures.figures_folder()


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
    result = run_vaelab(*arguments, cwd=tmp_path, VAELAB_CACHE=str(tmp_path / "cache"))
    assert result.returncode == 2
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("vaelab: ")
    assert words in last
    assert "Traceback" not in result.stderr


def test_data_commands(tmp_path):
    listed = run_vaelab("data", "list")
    assert all(name in listed.stdout for name in ("mnist-mini", "cifar10", "celeba", "dsprites-rendered"))
    assert "mnist_mini.npz" in run_vaelab("data", "where", "mnist-mini").stdout
    verified = run_vaelab("data", "verify")
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
    result = run_vaelab("doctor")
    assert result.returncode == 0, result.stdout
    assert result.stdout.count("OK ") >= 7


def test_a_full_disk_gets_a_sentence(tmp_path):
    """A file-size limit makes every write of more than 100 kB fail, as a full disk does."""
    import resource

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    result = subprocess.run(
        [sys.executable, "-m", "vaelab", "figures", "make", "gjs-1d", "--out", "figures"],
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
