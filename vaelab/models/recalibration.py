"""The statistics of batch norms for samples at another temperature than that of training."""

import torch
from torch import nn

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import typed
from vaelab.models.vae import VAE, eval_mode


@typed
def recalibrate(model: VAE, temperature: float = 1.0, passes: int = 20, n: int = 100) -> None:
    """Set the running statistics of the decoder's batch norms to those of samples from the prior.

    They are averages over images in training, whose latents come from the posterior at temperature 1;
    colder latents have other activations. Those of the encoder stay as they are.

    Args:
        model: A model with batch norm, such as a `Hierarchy` with cells="nvae", changed in place.
        temperature: Factor on the latents' noise.
        passes: Number of batches; the statistics are the mean over them.
        n: Samples per batch.

    Raises:
        InvalidType, InvalidValue: For other numbers, or a model without batch norm.

    Example:
        >>> from vaelab.models.hierarchical import Hierarchy
        >>> model = Hierarchy((1, 8, 8), groups=((2, 1),), latent=1, width=4, cells="nvae")
        >>> recalibrate(model, temperature=0.7, passes=2)

    References:
        Vahdat & Kautz (2020), https://arxiv.org/abs/2007.03898, section 4.
    """
    temperature = checks.positive("temperature", temperature)
    checks.positive_int("passes", passes)
    checks.positive_int("n", n)
    norms = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)]
    if not norms:
        raise InvalidValue(f"recalibrate needs a model with batch norm, got {type(model).__name__} without any.")
    before = [(layer.momentum, layer.num_batches_tracked) for layer in norms]
    where = next(model.parameters()).device
    with eval_mode(model), torch.no_grad():
        for layer in norms:
            layer.train()
            # Without momentum they are means over all passes, of which this is the count. The first pass
            # replaces them; layers that the decoder does not use stay as they are.
            layer.momentum, layer.num_batches_tracked = None, torch.zeros((), dtype=torch.int64, device=where)
        try:
            for _ in range(passes):
                model.decode(temperature * model.prior_sample(n))
        finally:
            for layer, (momentum, tracked) in zip(norms, before, strict=True):
                layer.momentum, layer.num_batches_tracked = momentum, tracked
