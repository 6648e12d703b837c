"""Output of commands: names of files and texts from files are shown, and never obeyed by a terminal."""

from vaelab._utils.reading import printable


def show(*texts: object) -> None:
    """Print texts, one or several lines each, with what is no visible character escaped."""
    for text in texts:
        print("\n".join(map(printable, str(text).split("\n"))))
