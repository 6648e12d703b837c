"""The training loop.

In order: `config`, `optimizer`, `pieces`, `cuda_graph`, `interventions` (parameters changed during
training), `history`, `checkpoints`, `memory`, `loop` (`train`, `fit` and the step), `stacked` and
`ensemble` (many experiments at once).

To follow one step from `fit` to `optimizer.step`, read `training/loop.py`, `objectives/objective.py`,
`models/vae.py`, `objectives/likelihoods.py` and `divergences/gaussian.py`.
"""
