"""Numbers that describe a trained VAE, on images it has or has not seen; `report` measures them all at once."""

from vaelab.adapter import Adapter, bernoulli, normal
from vaelab.encoding import encode
from vaelab.metrics.activity import active_units, activity_histogram
from vaelab.metrics.bounds import bound, nll
from vaelab.metrics.consistency import consistency, transformed
from vaelab.metrics.evaluation import evaluate
from vaelab.metrics.generation import distances
from vaelab.metrics.probe import probe
from vaelab.metrics.report import Report, report
from vaelab.metrics.saving import save
from vaelab.metrics.table import rows, table, to_json

__all__ = [
    "Adapter",
    "Report",
    "active_units",
    "activity_histogram",
    "bernoulli",
    "bound",
    "consistency",
    "distances",
    "encode",
    "evaluate",
    "nll",
    "normal",
    "probe",
    "report",
    "rows",
    "save",
    "table",
    "to_json",
    "transformed",
]
