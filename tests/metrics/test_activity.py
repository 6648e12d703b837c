"""Active units, and the histogram of the variances of the means."""

import math

import hypothesis
import torch
from hypothesis import strategies as st

from vaelab import metrics
from vaelab.metrics.activity import HIGHEST, LOWEST


def test_active_units_are_those_above_the_threshold_and_the_histogram_loses_none():
    variances = torch.tensor([0.0, 1e-9, 0.009, 0.011, 0.09, 0.11, 1.0, 1e5])
    assert metrics.active_units(variances) == metrics.active_units(variances, 0.01) == 5
    assert metrics.active_units(variances, 0.1) == 3
    edges, counts = metrics.activity_histogram(variances)
    assert (float(edges[0]), float(edges[-1])) == (LOWEST, HIGHEST)
    assert int(counts.sum()) == 8
    assert int(counts[0]) == 2
    assert int(counts[-1]) == 1
    above = edges[:-1] >= math.log10(0.01) - 1e-9
    assert int(counts[above].sum()) == 5, "0.01 is an edge: the bins beyond it hold the active ones"


@hypothesis.given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30))
def test_every_latent_is_in_one_bin(values):
    assert int(metrics.activity_histogram(torch.tensor(values)).counts.sum()) == len(values)
