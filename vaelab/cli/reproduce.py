"""`vaelab reproduce`.  Nothing heavy is imported before the command is known."""

from pathlib import Path

from vaelab.cli.figures import figures_folder


def reproduce(
    lines: tuple[str, ...] = (),
    seeds: int = 1,
    epochs: int = 100,
    minutes: float | None = None,
    turn: int = 5,
    device: str = "auto",
    out: Path | None = None,
) -> None:
    """Train at the published settings on the full data, beside the published values; the same command goes on.

    Checkpoints lie in the cache (VAELAB_CACHE); the table is OUT/gjs-reproduction.csv, as far as the training has come.

    Args:
        lines: Such as "MNIST primed 0.1"; none means the VAE and the best of either family on MNIST.
        seeds: How many: 0, 1, ...
        epochs: Of every line.
        minutes: Stop after so many, and draw what has been reached; 0 only draws.
        turn: Epochs that a line trains before it is the next one's turn.
        device: auto, cpu, cuda, ...
        out: The folder to write into; figures/ of the clone if left out.
    """
    from dataclasses import replace

    from vaelab._utils.errors import InvalidValue, suggest

    folder = figures_folder()
    from figures.build import make_one
    from figures.gjs import published
    from figures.gjs.long_trainings import FIRST, title
    from figures.registry import FIGURES

    known = [title(line) for line in published.lines()]
    for name in lines:
        if name not in known:
            raise InvalidValue(f"there is no published line {name!r}; {suggest(name, known)}")
    settings = {"lines": list(lines or FIRST), "seeds": seeds, "epochs": epochs}
    figure = replace(FIGURES["gjs-reproduction"], presets={"paper": {**settings, "minutes": minutes, "turn": turn}})
    made = make_one(figure, "paper", device, out or folder)
    print(*made.paths, f"{made.id}: {made.difference}", sep="\n")
