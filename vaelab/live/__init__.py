"""Panels whose pictures follow the sliders, and film-strips for readers without a kernel.

Only here does vaelab import ipywidgets, and only its core: no front end needs an extension. No
`Output` widget, no `interact`, no pyplot: callbacks store a value, one worker thread draws.

In order: `worker`, `images`, `frame`, `controls`, `figure`, `readout`, `panel`, `filmstrip`,
`figure_panel`; `training_config` and `trainer` (a training in a thread); `panels`, one file per
panel; `display` (`show`); `export` (for nbconvert).
"""

from vaelab.live.controls import Choice, Slider, Switch
from vaelab.live.display import show
from vaelab.live.figure import LiveFigure, Scene
from vaelab.live.filmstrip import film_strip
from vaelab.live.panel import Panel, View
from vaelab.live.panels.balance import balance_panel
from vaelab.live.panels.clouds import cloud_panel
from vaelab.live.panels.divergence import divergence_panel
from vaelab.live.panels.latent import latent_panel
from vaelab.live.panels.mixture import mixture_panel
from vaelab.live.panels.posterior import posterior_panel
from vaelab.live.panels.rho import rho_panel
from vaelab.live.panels.scale import scale_panel
from vaelab.live.panels.training import TrainingPanel, training_panel
from vaelab.live.training_config import TrainingChoices
from vaelab.teach.self_check import Verdict, check

__all__ = [
    "Choice",
    "LiveFigure",
    "Panel",
    "Scene",
    "Slider",
    "Switch",
    "TrainingChoices",
    "TrainingPanel",
    "Verdict",
    "View",
    "balance_panel",
    "check",
    "cloud_panel",
    "divergence_panel",
    "film_strip",
    "latent_panel",
    "mixture_panel",
    "posterior_panel",
    "rho_panel",
    "scale_panel",
    "show",
    "training_panel",
]
