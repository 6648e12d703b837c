"""The training loop.

In order: `config`, `step`, `interventions` (parameters changed during training), `history`,
`checkpoints`, `memory`, `loop` (`train`, `fit`), `stacked` and `ensemble` (many experiments at
once).
"""
