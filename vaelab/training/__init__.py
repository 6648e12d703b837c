"""The training loop.

In order: `config`, `optimizer`, `cuda_graph`, `interventions` (parameters that change during
training), `history`, `checkpoints`, `loop` (`train`, `fit` and the step) and `ensemble` (many
experiments at once).

To follow one step from `fit` to `optimizer.step`, read `training/loop.py`,
`objectives/objective.py`, `models/vae.py`, `objectives/likelihoods.py` and
`divergences/gaussian.py`.
"""
