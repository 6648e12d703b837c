"""Numbers that describe a trained VAE; `report` measures them all at once.

In order: `adapter` (any VAE as three functions), `reconstruction`, `log_likelihood`, `activity`,
`linear_probe`, `views`, `frechet`, `classifier`, `inputs`, `sample_quality`, `fid`,
`report_table`, `report_numbers`, `report_figure`.
"""

from vaelab.divergences.chamfer_distance import chamfer
from vaelab.metrics.activity import active_units, activity_histogram
from vaelab.metrics.adapter import Adapter, bernoulli, encode, normal
from vaelab.metrics.linear_probe import linear_svm, probe
from vaelab.metrics.log_likelihood import bits_per_dim, bound, nll
from vaelab.metrics.reconstruction import RateDistortion, evaluate, rate_distortion
from vaelab.metrics.report_numbers import report, save
from vaelab.metrics.report_table import Report, rows, table, to_json
from vaelab.metrics.sample_quality import distances
from vaelab.metrics.views import posterior_shift, transformed

__all__ = [
    "Adapter",
    "RateDistortion",
    "Report",
    "active_units",
    "activity_histogram",
    "bernoulli",
    "bits_per_dim",
    "bound",
    "chamfer",
    "distances",
    "encode",
    "evaluate",
    "linear_svm",
    "nll",
    "normal",
    "posterior_shift",
    "probe",
    "rate_distortion",
    "report",
    "rows",
    "save",
    "table",
    "to_json",
    "transformed",
]
