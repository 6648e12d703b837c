"""The linear probe: how much of the classes a logistic regression reads off the posterior means.

Every latent is brought to variance 1 first, so that the scale of a latent, which the decoder is free to undo, does not
count.
"""

import math
from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor

from vaelab._utils.errors import InvalidValue
from vaelab.data.dataset import stratified_indices
from vaelab.divergences.quadrature import Estimate

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


class Accuracy(NamedTuple):
    """Shares of images named rightly, by the probe with all labels and the one with small_probe_labels; binomial standard errors."""

    all_labels: Estimate
    few_labels: Estimate


class Probe(NamedTuple):
    """What the probes reach on test images and, where there are any, on their transformations.

    labels, small_probe_labels: how many labels the two were given; chance: the share of the commonest class among the test images.
    """

    plain: Accuracy
    transformed: Accuracy | None
    labels: int
    small_probe_labels: int
    chance: float


def probe(
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    transformed: Tensor | None = None,
    *,
    small_probe_labels: int = 1000,
    seed: int = 0,
) -> Probe:
    """train, test: posterior means [n, latent] and labels [n]; transformed: the means of transformed test images.

    small_probe_labels: with so many labels, each class in proportion, and with all of them.
    Raises InvalidValue unless there are labels of two classes, among the small_probe_labels too.
    """
    (means, labels), (test_means, test_labels) = train, test
    small_probe_labels = min(small_probe_labels, len(labels))
    some = stratified_indices(labels.numpy(), small_probe_labels, seed)
    if len(labels[some].unique()) < 2:
        raise InvalidValue(
            f"a probe needs labels of two classes, got one class among {small_probe_labels} labels; give more."
        )
    probes = _fitted(means, labels), _fitted(means[some], labels[some])

    def measured(x: Tensor) -> Accuracy:
        return Accuracy(*(_accuracy(found, x, test_labels) for found in probes))

    chance = float(test_labels.unique(return_counts=True)[1].max()) / len(test_labels)
    moved = None if transformed is None else measured(transformed)
    return Probe(measured(test_means), moved, len(labels), small_probe_labels, chance)


def _fitted(means: Tensor, labels: Tensor) -> "Pipeline":
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(means.numpy(), labels.numpy())


def _accuracy(found: "Pipeline", means: Tensor, labels: Tensor) -> Estimate:
    right = float(found.score(means.numpy(), labels.numpy()))
    return Estimate(right, math.sqrt(right * (1 - right) / len(labels)))
