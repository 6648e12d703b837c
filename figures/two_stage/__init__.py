"""Figures of Asperti & Trentin (2020) on two stages and renormalisation."""

PAPER = "Asperti & Trentin 2020"
