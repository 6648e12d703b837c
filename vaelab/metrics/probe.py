"""The linear probe: how much of the classes a logistic regression reads off the posterior means.

Every latent is brought to variance 1 first, so that the scale of a latent, which the decoder is free to undo, does not
count.
"""

import math
from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor

from vaelab.datasets.dataset import stratified
from vaelab.errors import InvalidValue
from vaelab.quadrature import Estimate

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


class Probe(NamedTuple):
    """Shares of test images named rightly, with binomial standard errors; on transformed test images where there are
    any.  few: how many labels the few were; chance: the share of the commonest class among the test images."""

    all_labels: Estimate
    few_labels: Estimate
    all_labels_transformed: Estimate | None
    few_labels_transformed: Estimate | None
    labels: int
    few: int
    chance: float


def probe(
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    transformed: Tensor | None = None,
    *,
    few: int = 1000,
    seed: int = 0,
) -> Probe:
    """train, test: posterior means [n, latent] and labels [n]; transformed: the means of transformed test images.

    few: with so many labels, each class in proportion, and with all of them.
    Raises InvalidValue for labels of a single class, or fewer than one label.
    """
    (means, labels), (test_means, test_labels) = train, test
    few = min(few, len(labels))
    if few < 1 or len(labels.unique()) < 2:
        raise InvalidValue(f"a probe needs labels of two classes, got {len(labels)} of {len(labels.unique())} class.")
    some = stratified(labels.numpy(), few, seed)
    full, small = _fitted(means, labels), _fitted(means[some], labels[some])
    sets = (test_means, transformed)
    of_full, of_small = ([_accuracy(model, x, test_labels) for x in sets] for model in (full, small))
    plain, plain_small = of_full[0], of_small[0]
    assert plain is not None and plain_small is not None
    chance = float(test_labels.bincount().max()) / len(test_labels)
    return Probe(plain, plain_small, of_full[1], of_small[1], len(labels), few, chance)


def _fitted(means: Tensor, labels: Tensor) -> "Pipeline":
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(means.numpy(), labels.numpy())


def _accuracy(model: "Pipeline", means: Tensor | None, labels: Tensor) -> Estimate | None:
    if means is None:
        return None
    right = float(model.score(means.numpy(), labels.numpy()))
    return Estimate(right, math.sqrt(right * (1 - right) / len(labels)))
