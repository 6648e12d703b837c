"""Values of Deasy et al. (2020), read from the outputs stored with the authors' code, rounded.

Squared error per image at the posterior mean, one run each; on test images for MNIST and
Fashion-MNIST, on all images for dSprites and Chairs, which the published loader does not split.

References:
    jacobdeasy/geometric-js, https://github.com/jacobdeasy/geometric-js
"""

from typing import Any, NamedTuple

from figures.gjs import variants
from vaelab.runs.run import Run

ALPHAS = tuple(a / 10 for a in range(1, 10))
DATA = {"MNIST": "mnist", "Fashion-MNIST": "fashion-mnist", "dSprites": "dsprites", "Chairs": "chairs"}
KL, REVERSE = "KL(q‖p)", "KL(p‖q)"

BASELINES = {
    KL: (8.45965, 11.98077, 13.55126, 12.26560),
    REVERSE: (11.60946, 14.42116, 14.18160, 19.87596),
}
PRIMED = {
    "MNIST": (7.52303, 8.30328, 8.84339, 9.38872, 9.86595, 10.28782, 10.51754, 11.00019, 11.87002),
    "Fashion-MNIST": (10.03844, 10.03501, 10.49999, 10.92741, 11.29413, 11.71657, 12.09465, 12.43740, 13.21130),
    "dSprites": (6.63383, 7.50246, 8.55759, 9.16118, 9.89166, 10.37840, 10.79610, 11.39935, 12.05340),
    "Chairs": (12.62365, 11.94557, 12.40258, 12.96082, 13.56750, 14.15256, 14.67918, 15.48159, 16.27584),
}
DUAL = {
    "MNIST": (12.20043, 7.60351, 7.33939, 7.38187, 7.56025, 7.77139, 7.90265, 8.25052, 8.55363),
    "Fashion-MNIST": (13.51650, 10.90041, 10.50762, 9.57970, 9.79996, 10.00587, 10.33733, 10.84065, 11.40230),
    "dSprites": (5.54288, 5.17647, 5.06438, 5.16621, 4.96817, 5.29915, 5.25757, 5.42065, 5.74260),
    "Chairs": (15.53093, 13.05555, 12.09468, 11.64382, 11.75122, 12.06629, 12.52502, 13.10981, 13.52396),
}

# MNIST only
PLAIN = (9.19097, 9.36844, 9.52655, 9.70602, 9.70738, 9.53451, 9.39737, 9.17163, 8.75961)
PLAIN_DUAL = (7.95374, 7.96767, 8.00942, 8.04925, 8.26385, 8.28282, 8.39086, 8.48672, 8.70844)
BETA = {0.25: 8.09366, 0.5: 8.29257, 0.75: 8.31149, 2.0: 9.18882, 3.0: 10.19912, 4.0: 11.75038}
WEIGHTED = {
    2.0: {0.1: 8.51196, 0.3: 9.50769, 0.5: 10.39340, 0.7: 11.18326, 0.9: 11.85033},
    3.0: {0.1: 8.72440, 0.3: 10.00865, 0.5: 11.15283, 0.7: 12.05780, 0.9: 13.22581},
    4.0: {0.1: 9.08156, 0.3: 10.58729, 0.5: 11.82537, 0.7: 12.94470, 0.9: 14.61642},
}

# Network of Burgess et al., images padded to 32 x 32, Adam, sum of squared errors. The number of
# epochs was not published with the tables; the authors used 100 a year later.
SETTING: dict[str, Any] = {
    "latent": 10, "network": "burgess", "hidden": None, "epochs": 100, "batch_size": 64, "lr": 1e-4
}  # fmt: skip
MNIST: dict[str, Any] = {"data": "mnist", "side": 32, **SETTING}


class Line(NamedTuple):
    """One published number: table, data set, name, alpha, recipe, options and value."""

    table: str
    data: str
    name: str
    alpha: float | None
    recipe: str
    options: dict[str, Any]
    value: float

    def run(self, seed: int = 0, **changes: Any) -> Run:
        """Return the training that should give this number."""
        settings = {"data": DATA[self.data], "side": 32 if "MNIST" in self.data else None, **SETTING, **changes}
        return Run(self.recipe, self.options, **settings, seed=seed)


def lines() -> list[Line]:
    """Return every confirmed value, table by table."""
    result = [
        Line("baselines", data, name, None, recipe, {}, value)
        for name, recipe in ((KL, "vae"), (REVERSE, "reverse_kl_vae"))
        for data, value in zip(DATA, BASELINES[name], strict=True)
    ]
    families = [
        (table, data, values[data]) for table, values in (("primed", PRIMED), ("primed dual", DUAL)) for data in DATA
    ]
    for name, data, values in (*families, ("plain", "MNIST", PLAIN), ("plain dual", "MNIST", PLAIN_DUAL)):
        result += [
            Line(name, data, name, alpha, "gjs_vae", variants.gjs(name, alpha).options, value)
            for alpha, value in zip(ALPHAS, values, strict=True)
        ]
    result += [Line("weights", "MNIST", f"{KL}, beta {b:g}", None, "beta_vae", {"beta": b}, v) for b, v in BETA.items()]
    result += [
        Line("weights", "MNIST", f"primed, weight {w:g}", a, "gjs_vae", variants.gjs("primed", a, w).options, value)
        for w, values in WEIGHTED.items()
        for a, value in values.items()
    ]
    return result
