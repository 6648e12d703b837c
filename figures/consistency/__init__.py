"""Figures of Sinha & Dieng, Consistency Regularization for Variational Auto-Encoders (2021)."""

PAPER = "Sinha & Dieng 2021"
