"""What is kept of a trained experiment: numbers and small pictures, enough for every figure that reads the training."""

import numpy as np
from torch import Tensor

from vaelab.encoding import encode
from vaelab.evidence import log_evidence
from vaelab.history import History
from vaelab.metrics.evaluation import evaluate
from vaelab.objective import Experiment
from vaelab.pictures import pictures

WEIGHED = 100  # test images whose evidence is kept


def kept_of(
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
        name: log_evidence(experiment, few, as_published=flag).numpy()
        for name, flag in (("evidence", False), ("evidence_published", True))
    }
    skews = _skews(experiment, history)
    return {**measured, **shown, **skews, **weighed, "mean": q.mean.numpy(), "logvar": q.logvar.numpy()}


def _skews(experiment: Experiment, history: History) -> dict[str, np.ndarray]:
    alpha = getattr(experiment.objective.divergence, "alpha", None)
    path = [row["alpha"] for row in history.rows if "alpha" in row]
    return {
        **({} if alpha is None else {"alpha": alpha.detach().cpu().numpy()}),
        **({"alphas": np.array(path)} if path else {}),
    }
