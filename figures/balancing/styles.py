"""How the methods look in a picture."""

from figures.balancing.methods import B_FROM_1, FASTER, LEARNED, OPTIMAL, PER_IMAGE, A, B, label
from vaelab import plots

COLORS = {
    LEARNED: plots.P,
    FASTER: plots.P,
    A: plots.DUAL,
    B_FROM_1: plots.JS,
    B: plots.MEAN,
    OPTIMAL: plots.Q,
    PER_IMAGE: "#7fb3ff",
}
OTHERS = ("#832db6", "#a96b59", "#ffa90e", "#4b9aa0", "#b9ac70", "#e05a9b")  # for the families without a color
DASHED = (FASTER, B_FROM_1)


def look(label_of_it: str) -> tuple[str, str]:
    """Color and line of a method by its label; fixed ones are gray."""
    for method, color in COLORS.items():
        if label(method) == label_of_it:
            return color, "--" if method in DASHED else "-"
    families = ("GECO", "ControlVAE", "linear", "cyclical", "free bits", "computed")
    found = [i for i, name in enumerate(families) if label_of_it.startswith(name)]
    return (OTHERS[found[0]], "-") if found else (plots.REFERENCE, ":")
