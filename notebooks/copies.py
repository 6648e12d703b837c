"""One source, two copies of a notebook: the solutions, and a student copy without answers.

A source marks an answer by a comment, `larger = "q"  # your guess: "q" or "p"`, or by the lines
`### BEGIN SOLUTION` and `### END SOLUTION`. In the solutions every answer stands between these two lines, below
its blank form, and cells have the metadata of nbgrader, which makes student copies in the same way.
"""

import ast
import re
from typing import Any

import nbformat

Notebook = Any  # nbformat's NotebookNode, a dict with attributes
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
REGION = re.compile(rf"^( *){BEGIN}\n.*?^ *{END}\n?", re.DOTALL | re.MULTILINE)
MARK = re.compile(r"  # your (guess|answer|formula|choice)")
CHECK, CALIBRATION = "live.check(", "live.calibration("
TEXTS = ("stream", "execute_result", "error")


def with_solutions(code: str) -> str:
    """Return the code of a cell with each marked answer between solution lines, below its blank form."""
    if not MARK.search(code):
        return code
    lines = code.split("\n")
    for statement in reversed(ast.parse(code).body):
        first, last = statement.lineno - 1, statement.end_lineno or statement.lineno
        text = "\n".join(lines[first:last])
        mark = MARK.search(text)
        if isinstance(statement, ast.Assign) and mark:
            (target,) = statement.targets
            comment = text[mark.start() :].split("\n")[0].strip()
            answer = "\n".join(line.split("  # your ")[0] for line in lines[first:last])
            blank_form = f"{ast.unparse(target).strip('()')} = {blank(statement.value)}  {comment}"
            lines[first:last] = [blank_form, BEGIN, *answer.split("\n"), END]
    return "\n".join(lines)


def blank(value: ast.expr) -> str:
    """Return the code of an answer without its content: None, or a list, tuple or dict of None."""
    if isinstance(value, ast.Tuple):
        return ", ".join(map(blank, value.elts))
    if isinstance(value, ast.List):
        return f"[{', '.join(map(blank, value.elts))}]"
    if isinstance(value, ast.Dict):
        keys = [ast.unparse(key).replace("'", '"') for key in value.keys if key]
        return f"{{{', '.join(f'{key}: {blank(item)}' for key, item in zip(keys, value.values, strict=True))}}}"
    return "None"


def without_solutions(code: str) -> str:
    """Return the code of a cell without its solutions; the body of a function becomes `...`, which returns None."""
    return REGION.sub(lambda region: f"{region[1]}...\n" if region[1] else "", code).rstrip("\n")


def answers(code: str) -> list[str]:
    """Return the names that the solutions of a cell assign, or the functions whose body they are."""
    names: list[str] = []
    for region in REGION.finditer(code):
        if region[1]:  # inside the function above
            names.append(re.findall(r"^ *def (\w+)", code[: region.start()], re.MULTILINE)[-1])
            continue
        targets = [t for s in ast.parse(region[0]).body if isinstance(s, ast.Assign) for t in s.targets]
        names += [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
    return list(dict.fromkeys(name for name in names if not name.startswith("sure")))


def checked(code: str) -> list[str]:
    """Return the names in the first argument of the check of a cell."""
    calls = [n for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Call) and ast.unparse(n.func) == CHECK[:-1]]
    return list(dict.fromkeys(n.id for call in calls for n in ast.walk(call.args[0]) if isinstance(n, ast.Name)))


def nbgrader(code: str, asked: set[str], taken: set[str]) -> Notebook | None:
    """Return the metadata by which nbgrader knows answers and checks, or None for another cell.

    Args:
        code: The code of the cell, with its solutions.
        asked: The names of the answers so far; those of this cell are added.
        taken: The identifiers so far; that of this cell is added.
    """
    is_check, given = CHECK in code, answers(code)
    if not (is_check or given):
        return None
    asked |= set(given)
    names = [name for name in checked(code) if name in asked] if is_check else given
    base = "-".join(["check" if is_check else "answer", *names])
    name = next(n for n in (base, *(f"{base}-{i}" for i in range(2, 99))) if n not in taken)
    taken.add(name)
    cell = {"grade": is_check, "grade_id": name, "locked": is_check, "schema_version": 3}
    return nbformat.from_dict({**cell, "solution": not is_check, "task": False, **({"points": 1} if is_check else {})})


def student(notebook: Notebook) -> Notebook:
    """Return a copy of an executed notebook without answers and without the texts that reveal them.

    From each answer to its check, cells lose what they printed; pictures and their captions stay.
    """
    copy = nbformat.from_dict(notebook)
    open_names: set[str] = set()
    for cell in copy.cells:
        if cell.cell_type != "code":
            continue
        given = answers(cell.source)
        open_names |= set(given)
        if given or CALIBRATION in cell.source:
            cell.outputs = []
        elif open_names or CHECK in cell.source:
            cell.outputs = [output for output in cell.outputs if output.output_type not in TEXTS]
        if CHECK in cell.source:
            open_names -= set(checked(cell.source))
        cell.source = without_solutions(cell.source)
        cell.execution_count = None
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = None
    return copy
