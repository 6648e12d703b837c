"""The version of the code behind a result: change a comment and it stays, change a formula and it is another."""

import ast
import hashlib
import json
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def digest(text: str) -> str:
    """The sha256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def code_version(module: str) -> str:
    """A hash of a vaelab module and of those it imports, directly or not, without comments and docstrings."""
    pending, seen = [module], dict[str, str]()
    while pending:
        name = pending.pop()
        path = _source(name)
        if name in seen or path is None:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        pending += _imports(tree)
        seen[name] = digest(ast.dump(_without_docstrings(tree)))
    return digest(json.dumps(seen, sort_keys=True))


def _source(module: str) -> Path | None:
    if not module.startswith("vaelab") or module.startswith("vaelab.datasets"):  # data enters a key by its content
        return None
    stem = PACKAGE.joinpath(*module.split(".")[1:])
    for path in (stem.with_suffix(".py"), stem / "__init__.py"):
        if path.is_file() and stem != PACKAGE:
            return path
    return None


def _imports(tree: ast.AST) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:]
    return tree
