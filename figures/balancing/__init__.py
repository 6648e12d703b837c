"""Figures of Asperti & Trentin, Balancing reconstruction error and Kullback-Leibler divergence in VAEs (2020).

None of the paper's own numbers is printed: they could not be confirmed.
"""

PAPER = "Asperti & Trentin 2020"
