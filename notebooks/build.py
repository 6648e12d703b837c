"""Build the notebooks: source/NN_slug.py (jupytext, py:percent) -> NN_slug.ipynb, executed and clean.

    python notebooks/build.py            all of them
    python notebooks/build.py 01 03      those

The kernel is this very interpreter.  A committed notebook keeps its pictures and drops what only a running
kernel understands: widget views and states, times, absolute paths, progress bars.
"""

import hashlib
import os
import re
import sys
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
WIDGET = "application/vnd.jupyter.widget-view+json"
BAR = re.compile(r"\d+%\|.*\|")
TIMEOUT = 300

Notebook = Any  # nbformat's NotebookNode, a dict with attributes


def sources() -> list[Path]:
    """Return all notebook sources, in order."""
    return sorted((HERE / "source").glob("[0-9][0-9]_*.py"))


def target(source: Path) -> Path:
    """Return the path of the notebook that is built from a source."""
    return HERE / f"{source.stem}.ipynb"


def read(source: Path) -> Notebook:
    """Return the unexecuted notebook of a source; a cell's id is made from its text, so that it survives moves."""
    notebook = jupytext.reads(source.read_text(encoding="utf-8"), fmt="py:percent")
    kernel = notebook.metadata.kernelspec
    notebook.metadata = nbformat.from_dict({"kernelspec": kernel, "language_info": LANGUAGE})
    seen: set[str] = set()
    for cell in notebook.cells:
        for mark, table in TABLES.items():
            if mark in cell.source:
                cell.source = cell.source.replace(mark, table())
        name = hashlib.sha256(cell.source.encode()).hexdigest()[:12]
        while name in seen:
            name = hashlib.sha256(name.encode()).hexdigest()[:12]
        seen.add(name)
        cell.id = name
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k == "tags"})
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


def clean(notebook: Notebook) -> Notebook:
    """Drop what belongs to one execution or needs a kernel; in place."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata.language_info = nbformat.from_dict(LANGUAGE)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = _merged([o for o in map(_cleaned, cell.outputs) if o is not None])
    return notebook


def _cleaned(output: Notebook) -> Notebook | None:
    """Return an output in the form that is stored, or None."""
    if output.output_type == "stream":
        if output.name == "stderr" and BAR.search(output.text):
            return None
        output.text = _relative(output.text)
    elif "data" in output:
        if WIDGET in output.data:
            return None
        for mime, data in output.data.items():
            if mime.startswith("text/") and ";base64," not in data:  # a picture may look like a path
                output.data[mime] = _relative(data)
    return output


def _relative(text: str) -> str:
    """Replace the paths of this machine by relative ones."""
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
    """Execute one source and write its notebook, whole or not at all; seconds taken."""
    from vaelab._utils.files import atomic_write

    started, notebook = time.perf_counter(), read(source)
    client(notebook).execute()
    clean(notebook)
    nbformat.validate(notebook)
    with atomic_write(target(source)) as part:
        part.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
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
            print(f"{build(source):.0f} s -> {target(source).relative_to(ROOT)}")
        except (CellExecutionError, TimeoutError) as error:
            failed += 1
            print(f"failed; {target(source).name} is left as it was.\n{error}", file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main(sys.argv[1:]))
