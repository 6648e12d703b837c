"""The objective."""

import torch

from vaelab import recipes


def test_a_weight_that_float32_rounds_is_exact_in_float64_unless_it_was_moved():
    experiment = recipes.beta_vae((1, 4, 4), 2, beta=2.7)
    assert experiment.double().objective.weight.item() == 2.7
    assert experiment.float().objective.weight.item() == torch.tensor(2.7).item()
    experiment.objective.weight.fill_(3.3)
    assert experiment.double().objective.weight.item() == torch.tensor(3.3).item()
