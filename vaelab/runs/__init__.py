"""Trainings that are measured, stored and run in parallel.

In order of dependency: `executors` (`sweep`), `store`, `measure`, `run` (`Run`), `execute`
(`train_all`), `round_robin`.
"""
