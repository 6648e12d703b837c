"""vaelab: understanding variational autoencoders by moving them.

Its packages, in order; each imports only from those before it:

    _utils/       errors, argument checks, files, devices, random numbers, the domain of data
    data/         data sets by name, your own images, augmentation
    divergences/  Gaussians; KL, geometric JS and MMD; the same by quadrature
    plots/        drawing primitives of figures and panels
    models/       encoders, decoders, VAEs
    objectives/   likelihoods, gamma, annealing, the loss, the papers' methods as recipes
    training/     the loop, its configuration, checkpoints, ensembles
    posterior/    the aggregate posterior, the variance law, samplers
    metrics/      log likelihood, information, probes, Fréchet distances, the report
    runs/         stored and parallel trainings with measurements
    teach/        self-checks for courses
    live/         the panels
    cli/          the command line

The imports below are the table of public names. Each name is imported when it is first used, so that
`import vaelab` and `vaelab --help` stay fast and a server without a display never loads matplotlib.
"""

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from vaelab._utils.spinning import limit_spinning

if TYPE_CHECKING:
    from vaelab import divergences as divergences
    from vaelab import live as live
    from vaelab import metrics as metrics
    from vaelab import models as models
    from vaelab import plots as plots
    from vaelab import posterior as posterior
    from vaelab.data import augment as augment
    from vaelab.data import clouds as clouds
    from vaelab.data.dataset import Dataset as Dataset
    from vaelab.data.loading import load as load
    from vaelab.divergences import quadrature as quadrature
    from vaelab.divergences.closed_form import extended_geometric_js as extended_geometric_js
    from vaelab.divergences.closed_form import geometric_js as geometric_js
    from vaelab.divergences.closed_form import geometric_mean as geometric_mean
    from vaelab.divergences.closed_form import kl as kl
    from vaelab.divergences.full_covariance import FullGaussian as FullGaussian
    from vaelab.divergences.gaussian import KL as KL
    from vaelab.divergences.gaussian import Gaussian as Gaussian
    from vaelab.divergences.gaussian import ReverseKL as ReverseKL
    from vaelab.divergences.kernel_mmd import MMD as MMD
    from vaelab.divergences.kernel_mmd import mmd as mmd
    from vaelab.divergences.modules import GeometricJS as GeometricJS
    from vaelab.models import networks as networks
    from vaelab.models import priors as priors
    from vaelab.objectives import annealing as annealing
    from vaelab.objectives import consistency as consistency
    from vaelab.objectives import gamma as gamma
    from vaelab.objectives import likelihoods as likelihoods
    from vaelab.objectives import recipes as recipes
    from vaelab.objectives.objective import Experiment as Experiment
    from vaelab.objectives.objective import Objective as Objective
    from vaelab.posterior import variance_law as variance_law
    from vaelab.posterior.marginal import MarginalPosterior as MarginalPosterior
    from vaelab.posterior.rescaling import rescale as rescale
    from vaelab.runs.executors import sweep as sweep
    from vaelab.training.config import Train as Train
    from vaelab.training.config import TrainConfig as TrainConfig
    from vaelab.training.ensemble import fit_many as fit_many
    from vaelab.training.history import History as History
    from vaelab.training.interventions import Interventions as Interventions
    from vaelab.training.interventions import Knobs as Knobs
    from vaelab.training.loop import fit as fit
    from vaelab.training.loop import train as train

__version__ = "0.1.0"
limit_spinning()


@cache
def _public() -> dict[str, tuple[str, str]]:
    """Read the module and the name in it of every public name from the imports above."""
    import ast
    from pathlib import Path

    tree = ast.parse(Path(__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    imports = (node for node in block.body if isinstance(node, ast.ImportFrom))
    return {alias.asname or alias.name: (node.module or "", alias.name) for node in imports for alias in node.names}


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return sorted(_public())
    if name.startswith("__") or name not in _public():
        raise AttributeError(f"module 'vaelab' has no attribute {name!r}")
    module, attribute = _public()[name]
    content = vars(import_module(module))
    return content[attribute] if attribute in content else import_module(f"{module}.{attribute}")


def __dir__() -> list[str]:
    return sorted(["__version__", *_public()])
