"""Objectives: the loss, its parts and their weights.

In order: `gamma` (the decoder's standard deviation), `likelihoods`, `annealing` (schedules of the
divergence's weight), `objective` (and `Experiment`, a model with its objective), `denoising`,
`iwae`, `consistency`, `recipes` (the papers' methods by name).
"""
