"""The widget layer: panels whose pictures follow the hand, and film-strips for readers without a kernel.

Only here does vaelab import ipywidgets, and only its core: no front end needs an extension.
No `Output` widget, no `interact`, no pyplot: callbacks store a value, one worker thread draws.
"""

from vaelab.live.balance import balance_panel
from vaelab.live.check import Verdict, check
from vaelab.live.clouds import cloud_panel
from vaelab.live.controls import Choice, Slider, Switch
from vaelab.live.divergence import divergence_panel
from vaelab.live.figure import LiveFigure, Scene
from vaelab.live.latent import latent_panel
from vaelab.live.mixture import mixture_panel
from vaelab.live.panel import Panel, View
from vaelab.live.posterior_view import posterior_panel
from vaelab.live.rho import rho_panel
from vaelab.live.scale import scale_panel
from vaelab.live.setup import Setup
from vaelab.live.show import show
from vaelab.live.strip import film_strip
from vaelab.live.training import TrainingPanel, training_panel

__all__ = [
    "Choice",
    "LiveFigure",
    "Panel",
    "Scene",
    "Setup",
    "Slider",
    "Switch",
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
