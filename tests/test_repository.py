"""The house itself: pinned, citable, documented by code that runs, and with figures as they were drawn."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import torch
import yaml
from PIL import Image

import figures
from vaelab import load

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
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
    home = tmp_path / "my lab"
    home.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, home)
    (home / "jupyter").mkdir()
    shutil.copytree(ROOT / "jupyter", home / "jupyter", dirs_exist_ok=True)
    text = make(cwd=home).stdout
    for target in ("setup", "figures", "figures-all", "test", "lab", "notebooks", "bench", "clean"):
        assert re.search(rf"make {target} +\S", text), target
    plan = make("-n", "figures", cwd=home).stdout
    assert "my lab" not in plan


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


def test_the_committed_figures_are_as_they_were_drawn():
    assert len(figures.check(ROOT / "figures")) >= len(figures.TOUR)


def python_blocks():
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def test_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "pictures").mkdir()
    for i, image in enumerate(load("digits").images[:150]):
        Image.fromarray(image[0].numpy()).save(tmp_path / "pictures" / f"{i:03}.png")
    panels, own_data, package, mixture = python_blocks()
    exec(panels, {})
    space: dict = {}
    exec(own_data, space)
    assert space["samples"].shape == (16, 1, 8, 8)
    assert len(space["history"]) == 10
    exec(package, space)
    assert space["geometric_js"](space["q"], space["p"], alpha=0.3).shape == (128,)
    exec(mixture, space)
    assert len(space["posterior"].mean) == len(space["images"].images) > 100
    assert space["repaired"].decode(torch.zeros(1, 10)).shape == (1, 1, 8, 8)
