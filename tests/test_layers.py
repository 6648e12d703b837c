"""The layers of the package: no import runs upward or in a circle, and no two names collide."""

import ast
import re
import shutil
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path

import vaelab

ROOT = Path(__file__).resolve().parents[1]
ORDER = re.findall(r"^    (\w+)/ +\S", vaelab.__doc__, re.MULTILINE)


def module_of(path, package):
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(package):
    """Module -> the modules of the package that it imports, at any depth, also inside functions."""
    paths = {module_of(path, package): path for path in package.rglob("*.py")}
    graph = {}
    for module, path in paths.items():
        graph[module] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                graph[module] |= {alias.name for alias in node.names if alias.name in paths}
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{module} has a relative import"
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                graph[module] |= {name if name in paths else node.module for name in names} & set(paths)
    return graph


def upward(package):
    """Pairs of modules of which the first imports the second, which is above it."""
    floors = {f"vaelab.{name}": i for i, name in enumerate(ORDER)}

    def floor(module):
        return floors.get(".".join(module.split(".")[:2]), len(ORDER))

    return [(a, b) for a, below in imports(package).items() for b in below if floor(b) > floor(a)]


def test_no_import_runs_upward():
    assert upward(ROOT / "vaelab") == []


def test_no_module_hides_an_import_from_these_tests():
    for path in (ROOT / "vaelab").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "import_module" not in text or path == ROOT / "vaelab" / "__init__.py", path
        assert "__import__" not in text, path


def test_an_upward_import_is_found(tmp_path):
    copy = tmp_path / "vaelab"
    shutil.copytree(ROOT / "vaelab", copy, ignore=shutil.ignore_patterns("__pycache__"))
    with (copy / "models" / "vae.py").open("a") as file:
        file.write("\n\ndef late() -> None:\n    from vaelab.metrics import report_numbers\n")
    assert ("vaelab.models.vae", "vaelab.metrics.report_numbers") in upward(copy)


def test_no_modules_import_each_other_in_a_circle():
    graph = imports(ROOT / "vaelab")
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(" -> ".join(error.args[1])) from None


def test_the_top_holds_the_packages_and_two_modules():
    entries = {path.name for path in (ROOT / "vaelab").iterdir()} - {"__pycache__"}
    assert entries == {*ORDER, "__init__.py", "__main__.py"}
    assert len(entries) <= 15


def test_no_public_name_is_that_of_a_module_beside_it():
    for path in (ROOT / "vaelab").rglob("__init__.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        bound = {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
        for node in tree.body:
            if isinstance(node, ast.ImportFrom):
                bound |= {alias.asname or alias.name for alias in node.names}
        beside = {p.stem for p in path.parent.glob("*.py")}
        beside |= {p.parent.name for p in path.parent.glob("*/__init__.py")}
        assert not bound & beside, (path, bound & beside)


def test_every_public_name_is_one_thing_whatever_was_imported_before():
    first = {name: getattr(vaelab, name) for name in vaelab.__all__}
    for module in imports(ROOT / "vaelab"):
        if module != "vaelab.__main__":
            import_module(module)
    assert {name: getattr(vaelab, name) for name in vaelab.__all__} == first
    assert set(vaelab.__all__) <= set(dir(vaelab))
    assert callable(vaelab.sweep)
    assert not hasattr(vaelab, "evidence")


def test_the_map_in_the_readme_is_the_tree_on_disk():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"```\nvaelab/\n(.*?)```", text, re.DOTALL)[1]
    assert re.findall(r"^    (\w+)/ +\S", block, re.MULTILINE) == ORDER
