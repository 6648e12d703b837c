"""Figures of Asperti & Trentin (2020) on two-stage VAEs and renormalization."""

from figures.balancing import figure

__all__ = ["figure"]
