"""The repository: pinned, citable, documented by code that runs, its figures, and its wheel."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image

import figures
from vaelab import load
from vaelab.cli import versions

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SPEC = importlib.util.spec_from_file_location("lowest", ROOT / ".ci" / "lowest.py")
lowest = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(lowest)
PINS = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text().lower(), re.MULTILINE))


def make(*arguments, cwd, check=True):
    """make as a user calls it, also when these tests run under make."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *arguments], cwd=cwd, capture_output=True, text=True, check=check, env=environment)


def names(requirements):
    return {re.match(r"[\w-]+", requirement)[0].lower() for requirement in requirements}


def test_constraints_pin_every_dependency():
    wanted = names(PROJECT["dependencies"]).union(
        *(names(extra) for extra in PROJECT["optional-dependencies"].values())
    )
    assert not {name for name in wanted if name not in PINS and name.replace("-", "_") not in PINS}
    assert PINS["torch"] == "2.13.0"
    assert not PINS["ipykernel"].startswith("7.0.")


def test_every_requirement_has_a_lower_bound_at_or_below_the_pin():
    bounds = lowest.lower_bounds()
    wanted = [
        *PROJECT["dependencies"],
        *(x for extra in lowest.EXTRAS for x in PROJECT["optional-dependencies"][extra]),
    ]
    assert set(bounds) == {re.match(r"[\w-]+", requirement)[0] for requirement in wanted}
    for name, bound in bounds.items():
        assert not versions.older(PINS[name], bound), name


def test_the_oldest_environment_has_the_widgets_of_colab_and_the_torch_of_all_tests():
    oldest = lowest.constraints()
    colab = {"ipywidgets": "7.7.1", "ipykernel": "6.17.1", "ipython": "7.34"}
    assert {name: oldest[name] for name in colab} == colab
    assert oldest["torch"] == PINS["torch"]
    assert oldest["numpy"] == lowest.lower_bounds()["numpy"]
    assert "make test-lowest" in (ROOT / ".ci" / "run").read_text()


def test_python_is_declared_where_it_was_tried():
    assert PROJECT["requires-python"] == ">=3.11"
    assert versions.tested_pythons() == ["3.11", "3.13"]


def test_conda_users_get_the_same_environment():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["name"] == "vaelab"
    (pip,) = [d["pip"] for d in environment["dependencies"] if isinstance(d, dict)]
    assert pip == ["--constraint constraints.txt", "--editable .[lab,cluster,dev]"]
    assert any("!=7.0.*" in requirement for requirement in PROJECT["optional-dependencies"]["lab"])


def test_the_kernel_is_named_vaelab():
    shared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
        "shared-data"
    ]
    assert shared == {"jupyter/kernel.json": "share/jupyter/kernels/vaelab/kernel.json"}
    assert json.loads((ROOT / "jupyter" / "kernel.json").read_text())["display_name"] == "vaelab"


def test_four_papers_are_cited():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert [reference["year"] for reference in citation["references"]] == [2020, 2021, 2020, 2019]


def test_make_explains_itself_also_in_a_path_with_spaces(tmp_path):
    clone = tmp_path / "my lab"
    clone.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, clone)
    (clone / "jupyter").mkdir()
    shutil.copytree(ROOT / "jupyter", clone / "jupyter", dirs_exist_ok=True)
    text = make(cwd=clone).stdout
    for target in ("setup", "figures", "figures-all", "redraw", "test", "lab", "notebooks", "bench", "clean"):
        assert re.search(rf"make {target} +\S", text), target
    plan = make("-n", "figures", cwd=clone).stdout
    assert "my lab" not in plan
    assert '-m vaelab figures draw --out "drawn"' in make("-n", "redraw", "OUT=drawn", cwd=clone).stdout
    assert re.search(r"find .*\bfigures\b.* __pycache__", make("-n", "clean", cwd=clone).stdout)


def test_an_old_python_gets_a_sentence(tmp_path):
    old = tmp_path / "python2"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "jupyter").mkdir()
    shutil.copytree(ROOT / "jupyter", tmp_path / "jupyter", dirs_exist_ok=True)
    result = make("setup", f"PYTHON={old}", cwd=tmp_path, check=False)
    assert result.returncode != 0
    assert "vaelab needs Python 3.11 or newer" in result.stdout
    assert not (tmp_path / ".venv").exists()


# -- what is built: the wheel, and the source distribution


def build(*arguments, cwd=ROOT):
    """A command of the packaging tools, without a network."""
    subprocess.run([sys.executable, "-m", *arguments], cwd=cwd, capture_output=True, text=True, check=True)


def build_wheel(source, folder):
    options = ["--no-deps", "--no-build-isolation", "--no-index", f"--wheel-dir={folder}"]
    build("pip", "wheel", *options, str(source))
    (wheel,) = folder.glob("vaelab-*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this checkout."""
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


def content(wheel):
    return set(zipfile.ZipFile(wheel).namelist())


def in_the_checkout(pattern):
    paths = [path for path in ROOT.glob(pattern) if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(ROOT).as_posix() for path in paths}


def tables_read_by_notebooks():
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "notebooks" / "source").glob("*.py")]
    return {name for text in sources for name in re.findall(r"""figure_table\(["']([\w-]+)["']\)""", text)}


def test_the_wheel_contains_the_package_the_small_data_sets_and_the_notebooks(wheel):
    notebooks = {f"vaelab/data/{name}" for name in in_the_checkout("notebooks/*/*.ipynb")}
    tables = {f"vaelab/data/tables/{name}.csv" for name in tables_read_by_notebooks()}
    data = {f"vaelab/{name}" for name in in_the_checkout("data/*.npz")}
    assert len(notebooks) >= 28
    assert tables == {f"vaelab/data/tables/{name}.csv" for name in ("cr-lambda", "gam-crossing", "gam-race")}
    package = in_the_checkout("vaelab/**/*")
    assert "vaelab/data/catalogue.toml" in package
    assert any(name.startswith("vaelab/plots/style/") and name.endswith(".mplstyle") for name in package)
    installed = {name for name in content(wheel) if ".dist-info/" not in name and ".data/" not in name}
    assert installed == package | notebooks | tables | data | {"vaelab/data/constraints.txt"}


def test_the_wheel_contains_no_figures_and_leaves_jupyter_s_configuration_alone(wheel):
    assert not {name for name in content(wheel) if name.endswith((".png", ".pdf"))}
    assert not {name for name in content(wheel) if "figures" in name.split("/")}
    beside = {name.split(".data/")[1] for name in content(wheel) if ".data/" in name}
    assert beside == {"data/share/jupyter/kernels/vaelab/kernel.json"}


def test_the_source_distribution_builds_the_same_wheel(wheel, tmp_path):
    build("hatchling", "build", "-t", "sdist", "-d", str(tmp_path / "sdist"))
    (archive,) = (tmp_path / "sdist").glob("*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(tmp_path / "unpacked", filter="data")
    (source,) = (tmp_path / "unpacked").iterdir()
    assert content(build_wheel(source, tmp_path)) == content(wheel)


PROGRAM = """
import torch, vaelab
images = torch.rand(64, 1, 8, 8, generator=torch.Generator().manual_seed(0))
experiment = vaelab.recipes.vae((1, 8, 8), latent=2, hidden=(8,))
config = vaelab.Train(epochs=1, batch_size=32, progress=False)
print(len(vaelab.fit(experiment, images, config)), vaelab.__file__)
print(vaelab.load("mnist-mini"))
"""


def test_the_package_in_the_wheel_works_without_a_checkout(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")

    def python(*arguments):
        paths = {"PYTHONPATH": str(tmp_path / "site"), "VAELAB_CACHE": str(tmp_path / "cache")}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **paths},
        )

    trained = python("-c", PROGRAM)
    assert trained.returncode == 0, trained.stderr
    assert trained.stdout.startswith(f"1 {tmp_path / 'site' / 'vaelab'}")
    assert "mnist-mini" in trained.stdout
    copied = python("-m", "vaelab", "notebooks", "course")
    assert copied.returncode == 0, copied.stderr
    names = {path.name for path in (ROOT / "notebooks" / "student").glob("*.ipynb")}
    assert {path.name for path in (tmp_path / "course").iterdir()} == names
    for name in tables_read_by_notebooks():
        read = f"from vaelab.data.shipped import figure_table as t; print(t({name!r}).read_text())"
        assert python("-c", read).stdout == (ROOT / "figures" / f"{name}.csv").read_text() + "\n"
    listed = python("-m", "vaelab", "figures", "list")
    assert listed.returncode == 2
    assert "figures/ of the vaelab repository" in listed.stderr
    assert len(listed.stderr.splitlines()) == 1
    remedy = python("-c", "from vaelab.cli import doctor, versions; print(doctor.remedy(), versions.tested()['torch'])")
    assert 'pip install "vaelab[lab]"' in remedy.stdout
    assert PINS["torch"] in remedy.stdout


def test_the_committed_figures_are_as_they_were_drawn():
    assert len(figures.check(ROOT / "figures")) >= len(figures.MAIN_FIGURES)


def python_blocks():
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def test_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "pictures").mkdir()
    for i, image in enumerate(load("digits").images[:150]):
        Image.fromarray(image[0].numpy()).save(tmp_path / "pictures" / f"{i:03}.png")
    panels, own_data, package, mixture, exact = python_blocks()
    exec(panels, {})
    space: dict = {}
    exec(own_data, space)
    assert space["samples"].shape == (16, 1, 8, 8)
    assert len(space["history"]) == 10
    exec(package, space)
    assert space["geometric_js"](space["q"], space["p"], alpha=0.3).shape == (128,)
    exec(mixture, space)
    assert len(space["posterior"].mean) == len(space["images"].images) > 100
    assert space["rescaled"].decode(torch.zeros(1, 10)).shape == (1, 1, 8, 8)
    exec(exact, space)
    assert space["truth"].from_experiment(space["trained"]).weight.shape == space["truth"].weight.shape == (5, 2)


def test_no_result_of_a_command_is_committed():
    """A run of `vaelab train` or `vaelab figures` in the clone leaves files that git ignores."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "README.md" in listed.split()
    assert not re.findall(r"^.*\.(?:ckpt|pt|part)$|^trained/.*$", listed, re.MULTILINE)
