"""vaelab: understanding variational autoencoders by moving them.

Its packages, in order; each imports only from those before it:

    _utils/       errors, checks of arguments, files, random numbers
    data/         data sets by name, your own images, random transformations
    divergences/  Gaussians; KL, geometric JS and MMD; the same by quadrature
    plots/        what figures and panels are drawn with
    models/       encoders, decoders, VAEs
    objectives/   likelihoods, gamma, annealing, the loss, the papers' methods as recipes
    training/     the loop, its configuration, checkpoints, many experiments at once
    posterior/    the mixture of all posteriors, the variance law, samplers
    metrics/      log likelihood, information, probes, Fréchet distances, the report
    runs/         trainings that are measured, stored and run in parallel
    teach/        self-checks for courses
    live/         the panels
    cli/          the command line

A public name is imported when it is first used: `import vaelab` and `vaelab --help` stay fast, and
a server without a screen never loads matplotlib or ipywidgets.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Public name -> "module" or "module:name", below vaelab.  `__init__.pyi` repeats it with types.
_PUBLIC = {
    "Dataset": "data.dataset:Dataset",
    "load": "data.loading:load",
    "augment": "data.augment",
    "Gaussian": "divergences.gaussian:Gaussian",
    "FullGaussian": "divergences.gaussian:FullGaussian",
    "kl": "divergences.closed_form:kl",
    "geometric_mean": "divergences.closed_form:geometric_mean",
    "geometric_js": "divergences.closed_form:geometric_js",
    "extended_geometric_js": "divergences.closed_form:extended_geometric_js",
    "mmd": "divergences.kernel_mmd:mmd",
    "KL": "divergences.gaussian:KL",
    "ReverseKL": "divergences.gaussian:ReverseKL",
    "GeometricJS": "divergences.modules:GeometricJS",
    "MMD": "divergences.kernel_mmd:MMD",
    "divergences": "divergences",
    "quadrature": "divergences.quadrature",
    "plots": "plots",
    "models": "models",
    "networks": "models.networks",
    "likelihoods": "objectives.likelihoods",
    "gamma": "objectives.gamma",
    "annealing": "objectives.annealing",
    "Objective": "objectives.objective:Objective",
    "Experiment": "objectives.experiment:Experiment",
    "consistency": "objectives.consistency",
    "recipes": "objectives.recipes",
    "TrainConfig": "training.config:TrainConfig",
    "Train": "training.config:Train",
    "train": "training.loop:train",
    "fit": "training.loop:fit",
    "fit_many": "training.ensemble:fit_many",
    "History": "training.history:History",
    "Interventions": "training.interventions:Interventions",
    "Knobs": "training.interventions:Knobs",
    "posterior": "posterior",
    "MarginalPosterior": "posterior.marginal:MarginalPosterior",
    "rescale": "posterior.rescaling:rescale",
    "variance_law": "posterior.variance_law",
    "metrics": "metrics",
    "sweep": "runs.executors:sweep",
    "live": "live",
}

__all__ = [*_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'vaelab' has no attribute {name!r}")
    module, _, attribute = _PUBLIC[name].partition(":")
    found = import_module(f"vaelab.{module}")
    return getattr(found, attribute) if attribute else found


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
