"""Figures of Deasy, Simidjievski & Lio (2020), on the geometric Jensen-Shannon divergence."""

PAPER = "Deasy, Simidjievski & Lio 2020"
