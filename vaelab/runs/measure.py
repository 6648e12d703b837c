"""Standard measurements of a trained experiment: numbers and small images."""

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
from vaelab.runs.store import Numbers
from vaelab.training.history import History

WEIGHED = 100  # test images whose log likelihood is estimated
SHOWN = 10  # test images that are stored
REACH = 1.96  # traversals cover the central 95 % of the prior, as in the published animations
STEPS = 9


def measure(experiment: Experiment, history: History, images: dict[str, Tensor], inputs: dict[str, Tensor]) -> Numbers:
    """Evaluate a trained experiment on both splits.

    Args:
        experiment: The experiment after training.
        history: Its history.
        images: Images of the splits "train" and "test", uint8 [n, c, h, w].
        inputs: What the network receives; differs from the images for denoising only.

    Returns:
        SPLIT_NAME [] for every name of `metrics.evaluate`; mean and logvar [n, latent] of the test
        images; the arrays of `pictures`; alpha [] if the divergence has one, and alphas [epochs] if
        it is trained; evidence and evidence_published [WEIGHED], ln p(x) in nats.
    """
    numbers = {
        f"{split}_{name}": np.array(value)
        for split, clean in images.items()
        for name, value in evaluate(experiment, clean, inputs[split]).items()
    }
    numbers |= {name: x.numpy() for name, x in pictures(experiment, images["test"], inputs["test"]).items()}
    if (alpha := getattr(experiment.objective.divergence, "alpha", None)) is not None:
        numbers["alpha"] = alpha.detach().cpu().numpy()
    if alphas := [row["alpha"] for row in history.rows if "alpha" in row]:
        numbers["alphas"] = np.array(alphas)
    x = images["test"][:WEIGHED]
    numbers["evidence"] = log_evidence(experiment, x).numpy()
    numbers["evidence_published"] = log_evidence(experiment, x, proposal=published_proposal).numpy()
    q = encode(experiment, inputs["test"])
    return numbers | {"mean": q.mean.numpy(), "logvar": q.logvar.numpy()}


def published_proposal(q: Gaussian) -> Gaussian:
    """Return q(z|x) with sigma² for a standard deviation, by mistake the published proposal.

    Args:
        q: The posteriors, [b, latent].

    Returns:
        The wrong proposal, of the same shape.

    References:
        Deasy et al. (2020), generative.ipynb of https://github.com/jacobdeasy/geometric-js.
    """
    return Gaussian(q.mean, 2 * q.logvar)


@torch.no_grad()
def pictures(experiment: Experiment, images: Tensor, inputs: Tensor) -> dict[str, Tensor]:
    """Reconstruct the first test images, and decode traversals of the latents.

    Args:
        experiment: The experiment after training.
        images: Clean images [n, c, h, w] in [0, 1] or uint8.
        inputs: What the network receives.

    Returns:
        uint8 images on the CPU: shown (the images themselves), inputs and reconstructions at the
        posterior mean [SHOWN, c, h, w]; traversals [latent, STEPS, c, h, w] of the first image,
        with one latent at a time from -REACH to REACH.

    Raises:
        InvalidValue: If images or inputs are not in [0, 1].
    """
    images, inputs = as_images(images[:SHOWN]), as_images(inputs[:SHOWN])
    device = next(experiment.parameters()).device
    q = experiment.encode(inputs.to(device))
    latent = q.mean.shape[1]
    z = q.mean[0].expand(latent, STEPS, latent).clone()
    for k in range(latent):
        z[k, :, k] = torch.linspace(-REACH, REACH, STEPS, device=device)
    result = {
        "shown": to_float(images),
        "inputs": to_float(inputs),
        "reconstructions": experiment.decode(q.mean),
        "traversals": experiment.decode(z.flatten(0, 1)).unflatten(0, (latent, STEPS)),
    }
    return {name: to_uint8(image) for name, image in result.items()}
