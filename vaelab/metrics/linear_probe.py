"""Linear classifiers on codes: the probe, a logistic regression, and the linear SVM of point clouds.

The probe scales every latent to variance 1 first, because the decoder can undo its scale. For the same
reason it is no measure of whether a model is alive: it also reads a signal far below the noise of q.
"""

import math
from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import typed
from vaelab.data.dataset import stratified_indices
from vaelab.divergences.quadrature import Estimate

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


class Accuracy(NamedTuple):
    """Shares of images named correctly, with binomial standard errors.

    Args:
        all_labels: By the probe with all labels.
        few_labels: By the probe with some of them.
    """

    all_labels: Estimate
    few_labels: Estimate


class Probe(NamedTuple):
    """Results of both probes on the test images.

    Args:
        plain: On the images.
        transformed: On their transformations; None without them.
        labels: Number of labels of the first probe.
        small_probe_labels: Number of labels of the second.
        chance: Share of the most frequent class.
    """

    plain: Accuracy
    transformed: Accuracy | None
    labels: int
    small_probe_labels: int
    chance: float


@typed
def probe(
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    transformed: Tensor | None = None,
    *,
    small_probe_labels: int = 1000,
    seed: int = 0,
) -> Probe:
    """Train two linear probes and test them.

    Args:
        train: Posterior means [n, latent] and labels [n].
        test: Likewise.
        transformed: Posterior means of transformed test images.
        small_probe_labels: Labels of the second probe, each class in proportion.
        seed: Of their choice.

    Returns:
        The accuracies.

    Raises:
        InvalidValue: Unless there are labels of two classes, among those of the second probe too.

    Example:
        >>> import torch
        >>> labels = torch.arange(100) % 2
        >>> data = labels[:, None].float(), labels
        >>> probe(data, data, small_probe_labels=10).plain.few_labels.value
        1.0
    """
    checks.seed(seed)
    checks.positive_int("small_probe_labels", small_probe_labels)
    _check_codes(train, test)
    for name, points in (("test", test[0]), ("transformed", test[0] if transformed is None else transformed)):
        if checks.float_tensor(name, points).shape != (len(test[1]), train[0].shape[1]):
            expected = [len(test[1]), train[0].shape[1]]
            raise InvalidValue(f"{name} must have means {expected}, got {list(points.shape)}.")
    (means, labels), (test_means, test_labels) = ((x.cpu(), y.cpu()) for x, y in (train, test))
    small_probe_labels = min(small_probe_labels, len(labels))
    index = stratified_indices(labels.numpy(), small_probe_labels, seed)
    if len(labels[index].unique()) < 2:
        raise InvalidValue(f"labels must be of two classes, got one among {small_probe_labels} labels.")
    probes = _fit(means, labels), _fit(means[index], labels[index])

    def accuracy(x: Tensor) -> Accuracy:
        shares = [float(model.score(x.numpy(), test_labels.numpy())) for model in probes]
        return Accuracy(*(Estimate(share, math.sqrt(share * (1 - share) / len(test_labels))) for share in shares))

    chance = float(test_labels.unique(return_counts=True)[1].max()) / len(test_labels)
    shifted = None if transformed is None else accuracy(transformed.cpu())
    return Probe(accuracy(test_means), shifted, len(labels), small_probe_labels, chance)


@typed
def linear_svm(
    train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor], *, standardize: bool = False, seed: int = 0
) -> Estimate:
    """Train a linear support vector machine on codes, and test it on others.

    In the protocol of FoldingNet the codes are those of a set that the model has never seen, of which
    one part trains the classifier and the other tests it. Codes are posterior means, or draws from
    q, which count a signal only as far as the decoder sees it.

    Args:
        train: Codes [n, latent] and labels [n].
        test: Likewise.
        standardize: Scale every latent to variance 1 first. A dead model then scores well too, since
            a tiny signal is enlarged.
        seed: Of the solver.

    Returns:
        The share of test codes named correctly, with its binomial standard error.

    Raises:
        InvalidType, InvalidValue: For other codes, or labels of one class.

    Example:
        >>> import torch
        >>> labels = torch.arange(100) % 2
        >>> data = labels[:, None].float(), labels
        >>> linear_svm(data, data).value
        1.0

    References:
        Yang et al. (2018), https://arxiv.org/abs/1712.07262, section 4.3.
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    _check_codes(train, test)
    (codes, labels), (test_codes, test_labels) = ((x.cpu(), y.cpu()) for x, y in (train, test))
    if test_codes.shape[1] != codes.shape[1]:
        raise InvalidValue(f"test must have codes of {codes.shape[1]} latents, got {test_codes.shape[1]}.")
    if len(labels.unique()) < 2:
        raise InvalidValue(f"labels must be of two classes, got one among {len(labels)} labels.")
    machine = LinearSVC(random_state=checks.seed(seed), max_iter=10_000)
    classifier = make_pipeline(StandardScaler(), machine) if checks.flag("standardize", standardize) else machine
    classifier.fit(codes.double().numpy(), labels.numpy())
    share = float(classifier.score(test_codes.double().numpy(), test_labels.numpy()))
    return Estimate(share, math.sqrt(share * (1 - share) / len(test_labels)))


def _check_codes(train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor]) -> None:
    for name, (points, classes) in (("train", train), ("test", test)):
        if checks.float_tensor(f"{name}[0]", points).dim() != 2 or not len(points) or classes.shape != points.shape[:1]:
            shapes = f"{list(points.shape)} and {list(classes.shape)}"
            raise InvalidValue(f"{name} must be means [n, latent] and labels [n], got {shapes}.")


def _fit(means: Tensor, labels: Tensor) -> "Pipeline":
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(means.numpy(), labels.numpy())
