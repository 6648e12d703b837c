"""Every public name explains itself: arguments, results, an example; the API reference builds."""

import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import vaelab

ROOT = Path(__file__).resolve().parent.parent


def members(module: ModuleType) -> list[str]:
    """Return the names of a module: its `__all__`, or what it defines without an underscore."""
    listed = getattr(module, "__all__", None)
    if listed is None:
        defined = vars(module).items()
        listed = [name for name, value in defined if getattr(value, "__module__", None) == module.__name__]
    return sorted(name for name in listed if not name.startswith("_"))


def public_objects() -> dict[str, object]:
    """Return the public functions and classes by their shortest name."""
    objects: dict[str, object] = {}
    for name in vaelab.__all__:
        value = getattr(vaelab, name)
        if inspect.ismodule(value):
            for member in members(value):
                objects[f"{name}.{member}"] = getattr(value, member)
        else:
            objects[name] = value
    unique: dict[int, str] = {}
    for name, value in sorted(objects.items(), key=lambda item: item[0].count(".")):
        if inspect.isfunction(value) or inspect.isclass(value):
            unique.setdefault(id(value), name)
    return {name: objects[name] for name in unique.values()}


PUBLIC = public_objects()


def parameters(value: object) -> list[str]:
    try:
        signature = inspect.signature(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return []
    return [name for name in signature.parameters if name != "self"]


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_explains_its_arguments_and_its_result(name):
    value, text = PUBLIC[name], inspect.getdoc(PUBLIC[name]) or ""
    first = text.split("\n\n")[0].replace("\n", " ")
    assert first.endswith((".", "?")), f"the docstring of {name} begins with no sentence: {first!r}"
    if parameters(value) and not getattr(value, "_is_protocol", False):
        assert "\nArgs:\n" in text, f"{name} has no Args"
    if inspect.isfunction(value) and inspect.signature(value).return_annotation not in (None, "None"):
        assert "\nReturns:\n" in text or "\nYields:\n" in text, f"{name} has no Returns"


def test_every_second_public_name_has_an_example():
    with_example = [name for name, value in PUBLIC.items() if ">>>" in (inspect.getdoc(value) or "")]
    assert len(with_example) >= len(PUBLIC) / 2, sorted(PUBLIC.keys() - set(with_example))


def test_public_methods_have_a_docstring():
    bare = []
    for name, value in PUBLIC.items():
        if inspect.isclass(value):
            for method, content in vars(value).items():
                if (
                    inspect.isfunction(content)
                    and not method.startswith("_")
                    and not inspect.getdoc(getattr(value, method))
                ):
                    bare.append(f"{name}.{method}")
    assert not bare


def test_a_docstring_cites_what_a_reader_can_open():
    sources = [file.read_text(encoding="utf-8") for file in (ROOT / "vaelab").rglob("*.py")]
    references = "\n".join(re.findall(r"References:\n((?:\s+.+\n)+)", "\n".join(sources)))
    entries = re.findall(r"\(\d{4}\w?\)", references)
    links = re.findall(r"https?://|doi:|arXiv:", references)
    assert len(links) >= 0.8 * len(entries) > 10


def test_the_api_reference_builds_without_a_warning(tmp_path):
    command = [sys.executable, "docs/reference.py", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert "geometric_js" in (tmp_path / "vaelab.html").read_text(encoding="utf-8")


def test_the_readme_counts_the_lines_as_they_are():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"library ([\d,]+) lines, panels ([\d,]+), figures ([\d,]+)", text)
    assert found is not None

    def lines(*folders: str) -> int:
        files = (file for folder in folders for file in (ROOT / folder).rglob("*.py"))
        return sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)

    panels = lines("vaelab/live")
    actual = lines("vaelab") - panels, panels, lines("figures")
    stated = [int(number.replace(",", "")) for number in found.groups()]
    assert stated == pytest.approx(actual, rel=0.05)
