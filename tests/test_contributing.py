"""Every worked example of CONTRIBUTING.md, carried out in a copy of the repository."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECTION = re.compile(r"^## Add ([^\n]+) \((\d) files?\)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
SECTIONS = {title: (int(count), body) for title, count, body in SECTION.findall(TEXT)}
BLOCK = re.compile(
    r"^\*\*`([^`\n]+)`\*\*, (new|at the end|(?:after|in place of) `([^\n]+)`):\n\n```\w+\n(.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def copy_of_the_repository(folder: Path) -> None:
    """Copy the tracked files as they are in the working tree, without pictures and stored numbers."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        source = ROOT / name
        if source.is_file() and source.suffix not in {".png", ".pdf", ".ipynb", ".csv"}:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(source.read_bytes())


def apply(folder: Path, path: str, place: str, line: str, code: str) -> None:
    file = folder / path
    if place == "new":
        assert not file.exists()
        file.write_text(code, encoding="utf-8")
        return
    text = file.read_text(encoding="utf-8")
    if place == "at the end":
        gap = "\n" if path.endswith(".toml") else "\n\n"
        file.write_text(f"{text.rstrip()}\n{gap}{code}", encoding="utf-8")
        return
    assert text.count(f"{line}\n") == 1, f"{path} has not exactly one line {line!r}"
    kept = f"{line}\n" if place.startswith("after") else ""
    file.write_text(text.replace(f"{line}\n", kept + code), encoding="utf-8")


def test_every_kind_of_addition_has_an_example():
    assert {title: count for title, (count, _) in SECTIONS.items()} == {
        "a divergence": 3,
        "a gamma policy": 1,
        "a recipe": 1,
        "a network": 2,
        "a data set": 2,
        "a panel": 1,
        "a figure": 1,
    }


@pytest.mark.parametrize("title", SECTIONS)
def test_the_example_works_in_a_copy_within_its_number_of_files(title, tmp_path):
    count, body = SECTIONS[title]
    blocks = BLOCK.findall(body)
    assert len(blocks) == body.count("```") // 2, "every block says where it belongs"
    tests = {path for path, *_ in blocks if path.startswith("tests/")}
    assert len({path for path, *_ in blocks} - tests) == count
    copy_of_the_repository(tmp_path)
    for block in blocks:
        apply(tmp_path, *block)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    laws = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *sorted(tests), "tests/test_layers.py"]
    changed = [path for path, *_ in blocks if path.endswith(".py")]
    for command in (laws, [sys.executable, "-m", "ruff", "check", *changed]):
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
