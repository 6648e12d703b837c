"""Colors and line styles of the methods."""

from figures.balancing.methods import B_FROM_1, FASTER, LEARNED, OPTIMAL, PER_IMAGE, A, B, label
from vaelab import plots

# By the beginning of a label; the first that fits.
STYLES = {
    label(LEARNED): (plots.P, "-"),
    label(FASTER): (plots.P, "--"),
    label(A): (plots.DUAL, "-"),
    label(B_FROM_1): (plots.JS, "--"),
    label(B): (plots.MEAN, "-"),
    label(OPTIMAL): (plots.Q, "-"),
    label(PER_IMAGE): ("#7fb3ff", "-"),
    "GECO": ("#832db6", "-"),
    "ControlVAE": ("#a96b59", "-"),
    "linear": ("#ffa90e", "-"),
    "cyclical": ("#4b9aa0", "-"),
    "free bits": ("#b9ac70", "-"),
    "computed": ("#e05a9b", "-"),
}


def line_style(method: str) -> tuple[str, str]:
    """Return the color and line style of a method by its label; fixed gammas are gray."""
    return next((style for start, style in STYLES.items() if method.startswith(start)), (plots.REFERENCE, ":"))
