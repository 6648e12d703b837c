"""vaelab: understanding variational autoencoders by moving them.

Names are imported when they are first used, so that `import vaelab` and `vaelab --help` are instant
and a computing server without a screen never loads matplotlib or ipywidgets.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaelab import (
        augment,
        consistency,
        evidence,
        live,
        metrics,
        plots,
        posterior,
        quadrature,
        recipes,
        variance_law,
    )
    from vaelab.datasets import Dataset, load
    from vaelab.discrepancy import MMD, PublishedMMD, mmd
    from vaelab.divergences import (
        KL,
        GeometricJS,
        ReverseKL,
        extended_geometric_js,
        geometric_js,
        geometric_mean,
        kl,
    )
    from vaelab.ensemble import fit_many
    from vaelab.gaussian import FullGaussian, Gaussian
    from vaelab.history import History
    from vaelab.knobs import Knobs
    from vaelab.objective import Experiment, Objective
    from vaelab.posterior import MarginalPosterior
    from vaelab.rescaling import rescale
    from vaelab.settings import Train
    from vaelab.sweep import sweep
    from vaelab.training import fit, train

__version__ = "0.1.0"

_HOMES = {
    "vaelab.datasets": ("Dataset", "load"),
    "vaelab.discrepancy": ("MMD", "PublishedMMD", "mmd"),
    "vaelab.divergences": (
        "KL",
        "GeometricJS",
        "ReverseKL",
        "extended_geometric_js",
        "geometric_js",
        "geometric_mean",
        "kl",
    ),
    "vaelab.ensemble": ("fit_many",),
    "vaelab.gaussian": ("FullGaussian", "Gaussian"),
    "vaelab.history": ("History",),
    "vaelab.knobs": ("Knobs",),
    "vaelab.objective": ("Experiment", "Objective"),
    "vaelab.posterior": ("MarginalPosterior",),
    "vaelab.rescaling": ("rescale",),
    "vaelab.settings": ("Train",),
    "vaelab.sweep": ("sweep",),
    "vaelab.training": ("fit", "train"),
}
_ROOMS = (
    "augment",
    "checkpoints",
    "consistency",
    "datasets",
    "evidence",
    "gamma",
    "heating",
    "likelihoods",
    "live",
    "metrics",
    "networks",
    "plots",
    "posterior",
    "quadrature",
    "recipes",
    "variance_law",
)
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "KL",
    "MMD",
    "Dataset",
    "Experiment",
    "FullGaussian",
    "Gaussian",
    "GeometricJS",
    "History",
    "Knobs",
    "MarginalPosterior",
    "Objective",
    "PublishedMMD",
    "ReverseKL",
    "Train",
    "augment",
    "consistency",
    "evidence",
    "extended_geometric_js",
    "fit",
    "fit_many",
    "geometric_js",
    "geometric_mean",
    "kl",
    "live",
    "load",
    "metrics",
    "mmd",
    "plots",
    "posterior",
    "quadrature",
    "recipes",
    "rescale",
    "sweep",
    "train",
    "variance_law",
]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(_HOME_OF[name]), name)
    if name in _ROOMS:
        return import_module(f"vaelab.{name}")
    raise AttributeError(f"module 'vaelab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
