"""Numbers that describe a trained VAE; `report` measures them all at once.

In order: `adapter` (any VAE as three functions), `reconstruction`, `log_likelihood`, `activity`,
`linear_probe`, `views`, `frechet`, `classifier`, `inputs`, `sample_quality`, `fid`,
`report_numbers`, `report_figure`, `saving`.
"""

from vaelab.metrics.activity import active_units, activity_histogram
from vaelab.metrics.adapter import Adapter, bernoulli, encode, normal
from vaelab.metrics.linear_probe import probe
from vaelab.metrics.log_likelihood import bound, nll
from vaelab.metrics.reconstruction import evaluate
from vaelab.metrics.report_numbers import Report, report, rows, table, to_json
from vaelab.metrics.sample_quality import distances
from vaelab.metrics.saving import save
from vaelab.metrics.views import posterior_shift, transformed

__all__ = [
    "Adapter",
    "Report",
    "active_units",
    "activity_histogram",
    "bernoulli",
    "bound",
    "distances",
    "encode",
    "evaluate",
    "nll",
    "normal",
    "posterior_shift",
    "probe",
    "report",
    "rows",
    "save",
    "table",
    "to_json",
    "transformed",
]
