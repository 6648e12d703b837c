"""An autoencoder that keeps the quadratic penalty on its latents but draws nothing: a VAE without its noise.

The penalty ½ mean² alone has no preferred scale but 0: E[mean ∂D/∂mean] = E[mean²], and no -ln sigma² holds against it.
"""

import torch
from torch import Tensor, nn

from vaelab.gaussian import Gaussian
from vaelab.models import VAE
from vaelab.objective import Experiment, Objective


class Unsampled(VAE):
    """A VAE whose decoder is given the mean of q(z|x) in the place of a draw."""

    def draw(self, q: Gaussian) -> Tensor:
        return q.mean


class Quadratic(nn.Module):
    """½ Σ mean², what KL(q‖p) says about the means: [b], nats."""

    def forward(self, q: Gaussian, p: Gaussian) -> Tensor:
        return 0.5 * torch.square(q.mean - p.mean).flatten(1).sum(1)


def unsampled(experiment: Experiment) -> Experiment:
    """The same network and likelihood without sampling; the weights are shared."""
    model, objective = experiment.model, experiment.objective
    plain = Objective(objective.likelihood, Quadratic(), float(objective.weight))
    return Experiment(Unsampled(model.encoder, model.decoder, model.latent), plain, experiment.shape)
