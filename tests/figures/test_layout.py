"""Computing and drawing are in different modules: a changed legend never touches what trains."""

import ast
import subprocess
import sys
from pathlib import Path

from figures.registry import FIGURES

ROOT = Path(__file__).parents[2]
SCRIPTS = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): ast.parse(path.read_text(encoding="utf-8"))
    for path in (ROOT / "figures").rglob("*.py")
}
DRAWING = ("matplotlib", "seaborn", "PIL", "vaelab.plots", "vaelab.live")


def imports(module):
    """What a figure script imports, anywhere in it, and what the scripts that it imports do."""
    found, waiting = set(), [module]
    while waiting:
        for node in ast.walk(SCRIPTS[waiting.pop()]):
            if isinstance(node, ast.Import):
                names = {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            else:
                continue
            waiting += [name for name in names - found if name in SCRIPTS]
            found |= names
    return found


def with_recipes():
    """The modules in which a function is marked as a recipe."""
    marks = {
        module: [
            mark
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef)
            for mark in node.decorator_list
            if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "recipe"
        ]
        for module, tree in SCRIPTS.items()
    }
    return {module for module, found in marks.items() if found}


def test_every_figure_is_computed_in_one_module_and_drawn_in_another():
    for item in FIGURES.values():
        assert item.compute.__module__ != item.draw.__module__, item.id
        assert item.draw.__module__ == item.alt.__module__, item.id


def test_no_module_that_computes_can_draw():
    computing = {item.compute.__module__ for item in FIGURES.values()} | with_recipes()
    assert len(computing) >= 10
    for module in computing:
        drawing = [name for name in imports(module) if name.startswith(DRAWING)]
        assert not drawing, f"{module} imports {drawing}"
    assert "vaelab.plots" in imports(FIGURES["gjs-1d"].draw.__module__), "this test would see it"


def test_a_process_that_trains_loads_no_matplotlib():
    modules = sorted({item.compute.__module__ for item in FIGURES.values()})
    code = f"import sys, {', '.join(modules)}\nassert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_library_imports_no_figure_script_but_in_its_command_line():
    for path in (ROOT / "vaelab").rglob("*.py"):
        names = [
            name
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        ]
        command = any(part.startswith("cli") for part in path.relative_to(ROOT).parts)
        assert command or not [name for name in names if name.split(".")[0] == "figures"], path
