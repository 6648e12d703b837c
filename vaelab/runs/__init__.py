"""Trainings of recipes on data sets, measured and stored.

In order: `executors` (`sweep`), `store`, `measure`, `run` (`Run`), `execute` (`train_all`),
`round_robin`.
"""
