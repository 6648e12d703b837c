"""What is minimized, and how strongly.

In order: `gamma` (the decoder's standard deviation), `likelihoods`, `annealing` (schedules of the
divergence's weight), `objective`, `experiment` (a model with its objective), `iwae`, `consistency`,
`recipes` (the papers' methods by name).
"""
