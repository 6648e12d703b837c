"""Units in which codes of any size have deviations near 1, as the methods that fit them assume."""

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture

STEP = 100.0


def units(std: Tensor) -> Tensor:
    """Return the powers of 100 that bring standard deviations between 0.1 and 10.

    So coarse, because codes of deviations near 1 then stay as they are, to the last digit.

    Args:
        std: Standard deviations of any shape.

    Returns:
        Powers in this shape and type; 1 for a deviation of 0.

    Example:
        >>> units(torch.tensor([0.0, 2e-4, 0.3, 3.0]))
        tensor([1.0000e+00, 1.0000e-04, 1.0000e+00, 1.0000e+00])
    """
    powers = (std.double().log() / math.log(STEP)).round()
    return torch.where(std > 0, STEP**powers, 1.0).to(std.dtype)


def fit_gaussian_mixture(points: Tensor, components: int, seed: int) -> "GaussianMixture":
    """Fit a scikit-learn mixture with full covariances, whatever the scale of each latent.

    scikit-learn adds 1e-6 to every variance, which widens codes of deviation 1e-4 to 1e-3, so it is
    given codes in other units.

    Args:
        points: [n, d], float64 on the CPU.
        components: Number of components.
        seed: Of the fit.

    Returns:
        The mixture in the units of the points.
    """
    from sklearn.mixture import GaussianMixture

    scale = units(points.std(0, correction=0)).numpy()
    model = GaussianMixture(components, random_state=seed, max_iter=300).fit(points.numpy() / scale)
    outer = np.outer(scale, scale)
    model.means_ = model.means_ * scale
    model.covariances_ = model.covariances_ * outer
    model.precisions_ = model.precisions_ / outer
    model.precisions_cholesky_ = model.precisions_cholesky_ / scale[:, None]
    density = np.log(scale).sum()
    model.lower_bound_ -= density
    if hasattr(model, "lower_bounds_"):  # newer versions of scikit-learn
        model.lower_bounds_ = [bound - density for bound in model.lower_bounds_]
    return model
