"""The command line: which files are made of which notebooks, and where they are written."""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat

from notebooks import build
from notebooks.export import exercises, page, slides
from notebooks.export.cells import Notebook
from vaelab._utils.files import atomic_write

DOCS = build.ROOT / "docs"


def _html(source: Path) -> Iterator[tuple[str, str]]:
    yield source.stem, page.page(_executed(source))


def _slides(source: Path) -> Iterator[tuple[str, str]]:
    yield source.stem, slides.presentation(_executed(source))


def _exercises(source: Path) -> Iterator[tuple[str, str]]:
    """Return the problems from the source, and the solutions with the outputs of the executed notebook."""
    yield source.stem, exercises.problems(build.read(source))
    yield f"{source.stem}_solutions", exercises.solutions(_executed(source))


KINDS: dict[str, Callable[[Path], Iterator[tuple[str, str]]]] = {
    "html": _html,
    "slides": _slides,
    "exercises": _exercises,
}


def _executed(source: Path) -> Notebook:
    """Return the committed notebook of a source."""
    return nbformat.read(build.target(source), as_version=4)


def export(kind: str, sources: list[Path], out: Path) -> list[Path]:
    """Write the files of one kind.

    Args:
        kind: "html", "slides" or "exercises".
        sources: Sources of notebooks.
        out: The folder to write into; it is created if it does not exist.

    Returns:
        The paths of the files.
    """
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for source in sources:
        for name, text in KINDS[kind](source):
            with atomic_write(out / f"{name}.html") as part:
                part.write_text(text, encoding="utf-8")
            written.append(out / f"{name}.html")
    return written


def main(arguments: list[str]) -> int:
    """Write what the arguments ask for; the number of errors."""
    parser = argparse.ArgumentParser(prog="python -m notebooks.export", description="Make files that need no network.")
    parser.add_argument("kind", choices=list(KINDS))
    parser.add_argument("names", nargs="*", help="numbers of notebooks, such as 02 06; all if there is none")
    parser.add_argument("--out", type=Path, help="the folder to write into; docs/KIND by default")
    options = parser.parse_args(arguments)
    sources = build.sources()
    for name in options.names:
        if not any(source.stem.startswith(name) for source in sources):
            known = ", ".join(source.stem for source in sources)
            print(f"there is no notebook {name!r}; there are {known}.", file=sys.stderr)
            return 1
    chosen = [s for s in sources if not options.names or s.stem.startswith(tuple(options.names))]
    for path in export(options.kind, chosen, options.out or DOCS / options.kind):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
