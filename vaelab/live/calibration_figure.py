"""The calibration picture: how sure a reader was, and how often right."""

from collections.abc import Sequence
from pathlib import Path

from vaelab import plots
from vaelab._utils.typed import typed
from vaelab.live.display import show
from vaelab.live.outputs import show_sentence
from vaelab.teach import predictions
from vaelab.teach.predictions import Prediction

WIDTH = 10  # percent, of a bin of confidence


@typed
def calibration(notebook: str = "") -> None:
    """Display how sure the reader was of the stored predictions, and how often right.

    Args:
        notebook: Number of the notebook, such as `"02"`; empty for all notebooks.

    Raises:
        InvalidType: If the argument is of another type.

    Example:
        >>> calibration("99")  # doctest: +SKIP
        No predictions with a confidence yet ...
    """
    sure = [p for p in predictions.stored(notebook) if p.sure is not None]
    place = printable_folder(notebook)
    if not sure:
        show_sentence(
            "No predictions with a confidence yet: write how sure you are (50 to 100) beside a guess and run its "
            f"check. They are stored on this computer only, in {place}."
        )
        return
    bins = group(sure)
    with plots.style("notebook"):
        figure = plots.new_figure(5.6, 3.6)
        ax = figure.subplots()
        ax.plot([50, 100], [50, 100], "--", color="black", lw=0.8, label="as often right as you said")
        for confidence, share, n in bins:
            ax.plot(confidence, share, "o", color=plots.Q, ms=5 + 2 * min(n, 6))
            ax.annotate(f"{n}", (confidence, share), (9, -12), textcoords="offset points")
        ax.set(xlabel="how sure (%)", ylabel="how often right (%)", xlim=(47, 103), ylim=(-5, 108))
        ax.legend(loc="lower left")
    right, average = sum(p.right for p in sure), sum(p.sure or 0 for p in sure) / len(sure)
    words = "; ".join(f"{confidence:.0f} % sure: right in {share:.0f} % of {n}" for confidence, share, n in bins)
    few = " One answer per point says little: the picture becomes meaningful over several notebooks."
    show(
        figure,
        alt=f"How often the predictions were right against the stated confidence. {words}.",
        caption=f"Your first answers: {right} of {len(sure)} right, on average {average:.0f} % sure. "
        f"The number beside a point counts its predictions.{few if all(n == 1 for *_, n in bins) else ''} "
        f"They are stored in {place}, on this computer only; delete it to start again.",
    )


def group(answered: Sequence[Prediction]) -> list[tuple[float, float, int]]:
    """Group predictions by their confidence, ten percent a bin; the last one contains 100.

    Args:
        answered: Predictions with a confidence.

    Returns:
        Per bin that is not empty: average confidence and share right, both in percent, and the number.

    Example:
        >>> group([Prediction("02.a", 80, True), Prediction("02.b", 85, False), Prediction("02.c", 100, True)])
        [(82.5, 50.0, 2), (100.0, 100.0, 1)]
    """
    bins: dict[int, list[Prediction]] = {}
    for p in answered:
        bins.setdefault(min(int(p.sure or 0) // WIDTH, 100 // WIDTH - 1), []).append(p)
    return [
        (sum(p.sure or 0 for p in found) / len(found), 100 * sum(p.right for p in found) / len(found), len(found))
        for _, found in sorted(bins.items())
    ]


def printable_folder(notebook: str) -> str:
    """Return where the predictions are stored, with ~ for the user's folder."""
    path = predictions.folder() / f"{notebook}.json" if notebook else predictions.folder()
    user = Path("~").expanduser()
    return f"~/{path.relative_to(user)}" if path.is_relative_to(user) else str(path)
