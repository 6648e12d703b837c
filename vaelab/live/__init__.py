"""Panels whose pictures follow sliders, with filmstrips for readers without a kernel.

Only here does vaelab import ipywidgets, and only its core: no front end needs an extension. Panels
use no `Output` widget, no `interact` and no pyplot: callbacks store a value, one thread draws.

A panel is one file in `panels/`, with one line below.
"""

from vaelab.live.calibration_figure import calibration as calibration
from vaelab.live.controls import Choice as Choice
from vaelab.live.controls import Slider as Slider
from vaelab.live.controls import Switch as Switch
from vaelab.live.display import show as show
from vaelab.live.figure import LiveFigure as LiveFigure
from vaelab.live.figure import Painting as Painting
from vaelab.live.figure import Scene as Scene
from vaelab.live.figure import draw_filmstrip as draw_filmstrip
from vaelab.live.panel import Panel as Panel
from vaelab.live.panels.balance import balance_panel as balance_panel
from vaelab.live.panels.clouds import cloud_panel as cloud_panel
from vaelab.live.panels.divergence import divergence_panel as divergence_panel
from vaelab.live.panels.hierarchy import hierarchy_panel as hierarchy_panel
from vaelab.live.panels.latent import latent_panel as latent_panel
from vaelab.live.panels.mixture import mixture_panel as mixture_panel
from vaelab.live.panels.posterior import posterior_panel as posterior_panel
from vaelab.live.panels.rho import rho_panel as rho_panel
from vaelab.live.panels.scale import scale_panel as scale_panel
from vaelab.live.panels.training import training_panel as training_panel
from vaelab.live.panels.truth import truth_panel as truth_panel
from vaelab.live.spec import PanelSpec as PanelSpec
from vaelab.live.spec import Readout as Readout
from vaelab.live.training_config import TrainingChoices as TrainingChoices
from vaelab.teach.fast import budget as budget
from vaelab.teach.self_check import Verdict as Verdict
from vaelab.teach.self_check import check as check

__all__ = sorted(name for name, value in vars().items() if getattr(value, "__doc__", None) and callable(value))
