"""`vaelab reproduce`. Heavy imports wait until the command runs."""

from contextlib import suppress

from vaelab._utils.reading import printable
from vaelab.cli.figures import figures_folder
from vaelab.cli.options import OutputFolder
from vaelab.cli.output import show

MOST_SEEDS = 1000  # more than a computer trains


def reproduce(
    lines: tuple[str, ...] = (),
    seeds: int = 1,
    epochs: int = 100,
    minutes: float | None = None,
    epochs_per_round: int = 5,
    device: str = "auto",
    out: OutputFolder = None,
) -> None:
    """Train the published network on the full data, beside the published values, whose epochs are unknown.

    The same command resumes from the checkpoints in the cache. The table of what has been trained
    so far is gjs-reproduction.csv.

    Args:
        lines: Such as "MNIST primed 0.1"; if omitted, the VAE and the best of both families on MNIST.
        seeds: Number of seeds: 0, 1, ...
        epochs: Epochs of each training.
        minutes: Stop after this time in minutes, and draw; 0 only draws.
        epochs_per_round: Epochs of one training before the next one continues.
        device: auto, cpu, cuda, ...
        out: The folder to write into; figures/ of the clone if omitted.
    """
    from dataclasses import replace

    from vaelab._utils import checks
    from vaelab._utils.device import on_device
    from vaelab._utils.errors import DataError, InvalidValue, TrainingError, suggest

    on_device(device)
    for option, value in {"seeds": seeds, "epochs": epochs, "epochs_per_round": epochs_per_round}.items():
        checks.positive_int(option, value)
    checks.in_range("seeds", seeds, 1, MOST_SEEDS)
    if minutes is not None:
        checks.not_negative("minutes", minutes)
    folder = figures_folder()
    from figures.build import make_one
    from figures.gjs import published
    from figures.gjs.long_trainings import FIRST, title
    from figures.registry import FIGURES
    from vaelab._utils.files import require_writable

    known = [title(line) for line in published.lines()]
    for name in lines:
        if name not in known:
            raise InvalidValue(f"there is no published line {name!r}; {suggest(name, known)}")
    settings = {"lines": list(lines or FIRST), "seeds": seeds, "epochs": epochs}
    settings |= {"minutes": minutes, "epochs_per_round": epochs_per_round}
    require_writable(out or folder)

    def draw() -> None:
        figure = replace(FIGURES["gjs-reproduction"], presets={"paper": settings})
        result = make_one(figure, "paper", device, out or folder)
        show(*map(printable, result.paths), f"{result.id}: {result.difference}")

    try:
        draw()
    except TrainingError:  # of some lines: the table of the others comes first
        settings["minutes"] = 0
        with suppress(DataError, TrainingError):
            draw()
        raise
