"""What is stored of a trained experiment: numbers and small images."""

import numpy as np
import torch
from torch import Tensor

from vaelab._utils.images import to_float, to_uint8
from vaelab.data.images import as_images
from vaelab.divergences.gaussian import Gaussian
from vaelab.metrics.adapter import encode
from vaelab.metrics.log_likelihood import log_evidence
from vaelab.metrics.reconstruction import evaluate
from vaelab.objectives.objective import Experiment
from vaelab.training.history import History

WEIGHED = 100  # test images whose evidence is kept


def measure(
    experiment: Experiment, history: History, seen: dict[str, Tensor], inputs: dict[str, Tensor]
) -> dict[str, np.ndarray]:
    """Measures on the images `seen`, "train" and "test"; `inputs` are what the network was shown of them.

    train_NAME and test_NAME [] for every name of `metrics.evaluate`; mean and logvar [n, latent] of the test images;
    the `pictures`; alpha [] where there is one, and alphas [epochs] where it is trained; evidence and
    evidence_published [n], ln p(x) of the first `WEIGHED` test images in nats.
    """
    measured = {
        f"{split}_{name}": np.array(value)
        for split, images in seen.items()
        for name, value in evaluate(experiment, images, inputs[split]).items()
    }
    q = encode(experiment, inputs["test"])
    shown = {name: tensor.numpy() for name, tensor in pictures(experiment, seen["test"], inputs["test"]).items()}
    few = seen["test"][:WEIGHED]
    weighed = {
        "evidence": log_evidence(experiment, few).numpy(),
        "evidence_published": log_evidence(experiment, few, proposal=published_proposal).numpy(),
    }
    skews = _skews(experiment, history)
    return {**measured, **shown, **skews, **weighed, "mean": q.mean.numpy(), "logvar": q.logvar.numpy()}


def published_proposal(q: Gaussian) -> Gaussian:
    """Return q(z|x) with sigma² for a standard deviation, by mistake the published evaluation's proposal.

    Args:
        q: The posterior.

    Returns:
        The proposal.

    References:
        `generative.ipynb` of https://github.com/jacobdeasy/geometric-js, code of Deasy et al. (2020).
    """
    return Gaussian(q.mean, 2 * q.logvar)


def _skews(experiment: Experiment, history: History) -> dict[str, np.ndarray]:
    alpha = getattr(experiment.objective.divergence, "alpha", None)
    path = [row["alpha"] for row in history.rows if "alpha" in row]
    return {
        **({} if alpha is None else {"alpha": alpha.detach().cpu().numpy()}),
        **({"alphas": np.array(path)} if path else {}),
    }


SHOWN = 10  # test images whose reconstructions are kept
REACH = 1.96  # a traversal runs over the central 95 % of the prior, as in the published animations
STEPS = 9


@torch.no_grad()
def pictures(experiment: Experiment, images: Tensor, inputs: Tensor) -> dict[str, Tensor]:
    """Mean images as uint8, on the CPU: of the first `SHOWN` test images [n, c, h, w].

    shown: the images themselves; inputs: what the network saw of them; reconstructions: decoded at the posterior mean;
    traversals [latent, STEPS, c, h, w]: the first image with one latent at a time moved from -REACH to REACH.
    Raises InvalidValue for images or inputs that do not lie in [0, 1].
    """
    images, inputs = as_images(images[:SHOWN]), as_images(inputs[:SHOWN])
    device = next(experiment.parameters()).device
    q = experiment.encode(inputs.to(device))
    path = torch.linspace(-REACH, REACH, STEPS, device=device)
    latent = q.mean.shape[1]
    z = q.mean[0].expand(latent, STEPS, latent).clone()
    for k in range(latent):
        z[k, :, k] = path
    moved = experiment.decode(z.flatten(0, 1)).unflatten(0, (latent, STEPS))
    kept = {
        "shown": to_float(images),
        "inputs": to_float(inputs),
        "reconstructions": experiment.decode(q.mean),
        "traversals": moved,
    }
    return {name: to_uint8(image) for name, image in kept.items()}
