"""Figures of Asperti & Trentin (2020) on two stages and renormalization."""

PAPER = "Asperti & Trentin 2020"
