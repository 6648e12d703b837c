"""Build the notebooks: source/NN_slug.py (jupytext, py:percent) -> solutions/NN_slug.ipynb and student/NN_slug.ipynb.

    python notebooks/build.py            all of them
    python notebooks/build.py 01 03      those

The solutions are executed; a student copy has the same pictures, but no answers.  The kernel is this very
interpreter.  A committed notebook keeps its pictures and drops what only a running kernel understands: widget
views and states, times, absolute paths, progress bars.
"""

import hashlib
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from vaelab._utils.kernel import LANGUAGE

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))

import copies  # noqa: E402

WIDGET = "application/vnd.jupyter.widget-view+json"
BAR = re.compile(r"\d+%\|.*\|")
TIMEOUT = 300

Notebook = Any  # nbformat's NotebookNode, a dict with attributes


def sources() -> list[Path]:
    """Return all notebook sources, in order."""
    return sorted((HERE / "source").glob("[0-9][0-9]_*.py"))


def target(source: Path, tree: str = "solutions") -> Path:
    """Return the path of the solutions that are built from a source, or of the student copy."""
    return HERE / tree / f"{source.stem}.ipynb"


def links(source: Path) -> str:
    """Return links to the notebooks before and after a source, for both trees."""
    order = sources()
    if source not in order:
        return ""
    at = order.index(source)
    before, after = order[:at][-1:], order[at + 1 :][:1]
    return " · ".join(
        [f"[← {title(other)}]({other.stem}.ipynb)" for other in before]
        + [f"[{title(other)} →]({other.stem}.ipynb)" for other in after]
    )


def title(source: Path) -> str:
    """Return the title of a source, its first heading."""
    return next(line[4:] for line in source.read_text(encoding="utf-8").splitlines() if line.startswith("# # "))


def read(source: Path) -> Notebook:
    """Return the unexecuted notebook of a source; a cell's id is made from its text, so that it survives moves."""
    notebook = jupytext.reads(source.read_text(encoding="utf-8"), fmt="py:percent")
    if between := links(source):
        notebook.cells[0].source += f"\n\n{between}"
        notebook.cells.append(nbformat.v4.new_markdown_cell(between))
    kernel = notebook.metadata.kernelspec
    notebook.metadata = nbformat.from_dict({"kernelspec": kernel, "language_info": LANGUAGE})
    seen: set[str] = set()
    asked: set[str] = set()
    taken: set[str] = set()
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        for mark, table in TABLES.items():
            if mark in cell.source:
                cell.source = cell.source.replace(mark, table())
        if cell.cell_type == "code":
            cell.source = copies.with_solutions(cell.source)
            if graded := copies.nbgrader(cell.source, asked, taken):
                cell.metadata.nbgrader = graded
        if "hide-input" in tags:  # JupyterLab shows a bar that opens the cell
            cell.metadata.jupyter = nbformat.from_dict({"source_hidden": True})
        name = hashlib.sha256(cell.source.encode()).hexdigest()[:12]
        while name in seen:
            name = hashlib.sha256(name.encode()).hexdigest()[:12]
        seen.add(name)
        cell.id = name
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def notation() -> str:
    """Return the table of symbols, which notebook 00 contains."""
    return (HERE / "notation.md").read_text(encoding="utf-8").strip()


def course() -> str:
    """Return a table of all notebooks but the first: title, question and minutes, from their headers."""
    rows = ["| notebook | question | minutes |", "|---|---|---|"]
    for source in sources()[1:]:
        header = source.read_text(encoding="utf-8").replace("\n#", "\n")
        found = re.search(
            r"\n +# (.+)\n.*?\*\*Question\.\*\* (.+?)\n\s*\n.*?\*\*Time\*\* about (\d+) minutes", header, re.S
        )
        if found is None:
            raise ValueError(f"{source.name} must begin with a title, a question and a time")
        title, question, minutes = (" ".join(part.split()) for part in found.groups())
        rows.append(f"| [{title}]({source.stem}.ipynb) | {question} | {minutes} |")
    return "\n".join(rows)


TABLES = {"{{notation}}": notation, "{{course}}": course}


def client(notebook: Notebook, environment: dict[str, str] | None = None) -> NotebookClient:
    """Return a client whose kernel is this interpreter, whatever kernelspecs are installed.

    One thread, so that neither the numbers nor the seconds depend on how many cores there are and who else uses them.
    """
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    spec = KernelSpec(
        argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=40"],
        display_name="vaelab",
        language="python",
        env={"PYTHONPATH": paths, "OMP_NUM_THREADS": "1", **(environment or {})},
    )
    manager = AsyncKernelManager(kernel_name="vaelab")
    manager._kernel_spec = spec
    resources = {"metadata": {"path": str(HERE)}}
    made = NotebookClient(notebook, km=manager, timeout=TIMEOUT, record_timing=False, resources=resources)
    made.owns_km = True  # so that it ends the kernel after the notebook
    return made


def clean(notebook: Notebook, state: str = "") -> Notebook:
    """Drop what belongs to one execution or needs a kernel, and name the usual folder instead of `state`; in place."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata.language_info = nbformat.from_dict(LANGUAGE)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = _merged([o for o in (_cleaned(o, state) for o in cell.outputs) if o is not None])
    return notebook


def _cleaned(output: Notebook, state: str) -> Notebook | None:
    """Return an output in the form that is stored, or None."""
    if output.output_type == "stream":
        if output.name == "stderr" and BAR.search(output.text):
            return None
        output.text = _relative(output.text, state)
    elif "data" in output:
        if WIDGET in output.data:
            return None
        for mime, data in output.data.items():
            if mime.startswith("text/") and ";base64," not in data:  # a picture may look like a path
                output.data[mime] = _relative(data, state)
    return output


def _relative(text: str, state: str) -> str:
    """Replace the paths of this machine by relative ones."""
    text = text.replace(state, "~/.local/state/vaelab/predictions") if state else text
    return text.replace(f"{ROOT}{os.sep}", "").replace(str(ROOT), ".").replace(str(Path("~").expanduser()), "~")


def _merged(outputs: list[Notebook]) -> list[Notebook]:
    """Join neighboring pieces of one stream, which are cut at random."""
    merged: list[Notebook] = []
    for output in outputs:
        last = merged[-1] if merged else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            merged.append(output)
    return merged


def build(source: Path) -> float:
    """Execute one source and write its two notebooks, whole or not at all; seconds taken."""
    from vaelab._utils.files import atomic_write

    started, notebook = time.perf_counter(), read(source)
    with tempfile.TemporaryDirectory() as state:  # the predictions of the solutions are nobody's
        client(notebook, {"VAELAB_STATE": state}).execute()
        clean(notebook, state)
    for tree, copy in (("solutions", notebook), ("student", copies.student(notebook))):
        nbformat.validate(copy)
        with atomic_write(target(source, tree)) as part:
            part.write_text(nbformat.writes(copy) + "\n", encoding="utf-8")
    return time.perf_counter() - started


def main(names: list[str]) -> int:
    """Build the named notebooks, or all; the number of those that failed."""
    chosen = [s for s in sources() if not names or any(s.stem.startswith(name) for name in names)]
    known = ", ".join(s.stem for s in sources())
    if missing := [name for name in names if not any(s.stem.startswith(name) for s in sources())]:
        print(f"there is no notebook {missing[0]!r}; there are {known}.", file=sys.stderr)
        return 2
    failed = 0
    for source in chosen:
        print(f"{source.stem} ...", end=" ", flush=True)
        try:
            print(f"{build(source):.0f} s")
        except (CellExecutionError, TimeoutError) as error:
            failed += 1
            print(f"failed; its notebooks are left as they were.\n{error}", file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main(sys.argv[1:]))
