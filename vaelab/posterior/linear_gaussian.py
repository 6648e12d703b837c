"""The linear-Gaussian VAE, probabilistic PCA, in which everything is known in closed form.

    p(z) = N(0, I),   p(x|z) = N(W z + b, gamma² I),   so that   p(x) = N(b, W Wᵀ + gamma² I)

Its best W and gamma are functions of the data's variances along the principal axes, v_1 >= v_2 ...:
a latent is active as long as v_i > gamma², and the best gamma² is the mean of the other variances.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import typed
from vaelab.divergences import full_covariance
from vaelab.divergences.full_covariance import FullGaussian
from vaelab.divergences.gaussian import LOG_2PI, Gaussian, diagonal_kl
from vaelab.divergences.validation import check_pair
from vaelab.objectives import recipes
from vaelab.objectives.likelihoods import Normal
from vaelab.objectives.objective import Experiment

GAUSSIAN_ERROR = 1e-4  # of a decoder that counts as linear, relative to its largest output


class ExactBound(NamedTuple):
    """ln p(x) and the ELBO of a diagonal q, and what lies between them; each [n], nats, float64.

    Args:
        log_prob: ln p(x).
        elbo: -(distortion + rate).
        distortion: -E_q ln p(x|z).
        rate: KL(q‖p).
        approximation: KL of the best diagonal Gaussian to the exact posterior p(z|x).
        amortization: What q loses against the best diagonal Gaussian.
    """

    log_prob: Tensor
    elbo: Tensor
    distortion: Tensor
    rate: Tensor
    approximation: Tensor
    amortization: Tensor


class LinearGaussian:
    """The model p(z) = N(0, I), p(x|z) = N(W z + b, gamma² I), in float64 on the CPU.

    Args:
        weight: W, [D, d].
        bias: b, [D].
        gamma: Standard deviation of the decoder.

    Raises:
        InvalidType, InvalidValue: If these are not finite tensors of such shapes, or gamma is not positive.

    Example:
        >>> model = LinearGaussian(torch.tensor([[1.0], [0.0]]), torch.zeros(2), gamma=1.0)
        >>> model.covariance
        tensor([[2., 0.],
                [0., 1.]], dtype=torch.float64)
        >>> model.posterior(torch.tensor([[2.0, 5.0]])).mean  # the second entry carries no information
        tensor([[1.]], dtype=torch.float64)

    References:
        Tipping & Bishop (1999), https://doi.org/10.1111/1467-9868.00196; as a VAE: Lucas et al.
        (2019), https://arxiv.org/abs/1911.02469.
    """

    @typed
    def __init__(self, weight: Tensor, bias: Tensor, gamma: float) -> None:
        checks.float_tensor("weight", weight)
        checks.float_tensor("bias", bias)
        if weight.dim() != 2 or not weight.numel():
            raise InvalidValue(f"weight must be [D, d] and not empty, got {tuple(weight.shape)}.")
        if bias.shape != weight.shape[:1]:
            raise InvalidValue(f"bias must be [{len(weight)}], got {tuple(bias.shape)}.")
        self.weight, self.bias = weight.detach().cpu().double(), bias.detach().cpu().double()
        self.gamma = _check_gamma(gamma)

    @classmethod
    @typed
    def from_data(cls, x: Tensor, latent: int, gamma: float | None = None) -> "LinearGaussian":
        """Return the model of greatest likelihood, with orthogonal columns of W.

        Args:
            x: Data [n, D].
            latent: Number of latents, below D unless gamma is given.
            gamma: A fixed gamma; None takes the best one.

        Returns:
            The model. At a fixed gamma, columns of latents that are not active are 0.

        Raises:
            InvalidType, InvalidValue: For other data or numbers.
        """
        variances, axes = principal_axes(x)
        gamma = best_gamma(variances, latent) if gamma is None else _check_gamma(gamma)
        if checks.positive_int("latent", latent) > len(variances):
            raise InvalidValue(f"latent must be at most {len(variances)}, the dimension of the data, got {latent}.")
        scale = (variances[:latent] - gamma**2).clamp_min(0).sqrt()
        return cls(axes[:, :latent] * scale, x.double().mean(0).cpu(), gamma)

    @classmethod
    @typed
    def from_experiment(cls, experiment: Experiment) -> "LinearGaussian":
        """Return the model of an experiment with a linear decoder, such as `recipes.linear_vae`.

        Args:
            experiment: Trained or not, with a normal likelihood and squash=False.

        Returns:
            The model of the decoder; the encoder plays no part.

        Raises:
            InvalidValue: If the decoder is not linear or the likelihood is another one.
        """
        likelihood, d = experiment.objective.likelihood, experiment.model.latent
        if not isinstance(likelihood, Normal) or likelihood.squash:
            raise InvalidValue("experiment must have a normal likelihood with squash=False; use recipes.linear_vae.")
        points = torch.cat([torch.zeros(1, d), torch.eye(d), torch.full((1, d), 3.0)])
        out = experiment.decode(points).flatten(1).cpu().double()
        weight, bias = (out[1 : d + 1] - out[0]).T, out[0]
        error = float((out[-1] - 3 * weight.sum(1) - bias).abs().max())
        if error > GAUSSIAN_ERROR * float(out.abs().max()):
            raise InvalidValue(f"experiment must have a linear decoder, got one that is off by {error:.2g}.")
        return cls(weight, bias, likelihood.gamma.gamma.item())

    @property
    def covariance(self) -> Tensor:
        """Covariance of p(x), W Wᵀ + gamma² I: [D, D]."""
        return self.weight @ self.weight.T + self.gamma**2 * torch.eye(len(self.weight), dtype=torch.float64)

    @property
    def precision(self) -> Tensor:
        """Precision of the exact posterior, I + Wᵀ W / gamma², the same for every x: [d, d]."""
        inside = self.weight.T @ self.weight / self.gamma**2
        return inside + torch.eye(len(inside), dtype=torch.float64)

    @typed
    def sample(self, n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
        """Draw n pairs from p(x, z): x [n, D] and z [n, d]."""
        generator = torch.Generator().manual_seed(checks.seed(seed))
        (size, latent), n = self.weight.shape, checks.positive_int("n", n)
        noise = torch.randn(n, latent + size, dtype=torch.float64, generator=generator)
        z = noise[:, :latent]
        return z @ self.weight.T + self.bias + self.gamma * noise[:, latent:], z

    @typed
    def log_prob(self, x: Tensor) -> Tensor:
        """Compute ln p(x) at x [n, D]: [n], nats."""
        x = self._data(x)
        return FullGaussian(self.bias.expand_as(x), self.covariance.expand(len(x), -1, -1)).log_prob(x)

    @typed
    def posterior(self, x: Tensor) -> FullGaussian:
        """Return the exact posterior p(z|x) of x [n, D]: means [n, d], covariances [n, d, d]."""
        mean = torch.linalg.solve(self.precision, self.weight.T @ (self._data(x) - self.bias).T / self.gamma**2).T
        return FullGaussian(mean, torch.linalg.inv(self.precision).expand(len(mean), -1, -1))

    @typed
    def best_diagonal(self, x: Tensor) -> Gaussian:
        """Return the diagonal q of greatest ELBO for x [n, D]: Gaussian of [n, d].

        Its mean is that of the exact posterior, its variances are 1/precision_jj.
        """
        mean = self.posterior(x).mean
        return Gaussian(mean, -self.precision.diagonal().log().expand_as(mean))

    @typed
    def bound(self, x: Tensor, q: Gaussian) -> ExactBound:
        """Compute ln p(x), the ELBO of q and its two gaps, all in closed form.

        Args:
            x: Data [n, D].
            q: Diagonal Gaussians [n, d].

        Returns:
            The terms [n]; log_prob = elbo + approximation + amortization.

        Raises:
            InvalidType, InvalidValue: If x or q have other shapes.
        """
        x, d = self._data(x), self.weight.shape[1]
        check_pair(q, q)
        if q.mean.shape != (len(x), d):
            raise InvalidValue(f"q must be [{len(x)}, {d}], got {tuple(q.mean.shape)}.")
        q = Gaussian(q.mean.cpu().double(), q.logvar.cpu().double())
        squares = (x - self.bias - q.mean @ self.weight.T).square().sum(1) + q.logvar.exp() @ self.weight.square().sum(
            0
        )
        distortion = 0.5 * (squares / self.gamma**2 + x.shape[1] * (LOG_2PI + 2 * math.log(self.gamma)))
        rate, posterior = diagonal_kl(q, Gaussian.standard(q.mean)), self.posterior(x)
        best, here = (self._kl_to(posterior, g) for g in (self.best_diagonal(x), q))
        return ExactBound(self.log_prob(x), -distortion - rate, distortion, rate, best, here - best)

    def experiment(self) -> Experiment:
        """Return an experiment in float64 with this decoder and the best encoder of diagonal Gaussians."""
        (size, latent), gain = self.weight.shape, torch.linalg.solve(self.precision, self.weight.T) / self.gamma**2
        experiment = recipes.linear_vae((size,), latent, gamma=self.gamma).double()
        encoder, decoder = experiment.model.encoder[1][0], experiment.model.decoder[0][0]  # type: ignore[index]
        with torch.no_grad():
            encoder.weight.copy_(torch.cat([gain, torch.zeros_like(gain)]))
            encoder.bias.copy_(torch.cat([-gain @ self.bias, -self.precision.diagonal().log()]))
            decoder.weight.copy_(self.weight)
            decoder.bias.copy_(self.bias)
        return experiment

    def _data(self, x: Tensor) -> Tensor:
        if checks.float_tensor("x", x).dim() != 2 or x.shape[1] != len(self.weight) or not len(x):
            raise InvalidValue(f"x must be [n, {len(self.weight)}] and not empty, got {tuple(x.shape)}.")
        return x.detach().cpu().double()

    @staticmethod
    def _kl_to(posterior: FullGaussian, q: Gaussian) -> Tensor:
        return full_covariance.kl(FullGaussian(q.mean, torch.diag_embed(q.logvar.exp())), posterior)


@typed
def principal_axes(x: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the variances of data along their principal axes, the largest first.

    Args:
        x: Data [n, D], n at least 2.

    Returns:
        Variances [D], with 1/n, and axes [D, D] as columns, in float64.

    Raises:
        InvalidType, InvalidValue: If x is no finite floating-point tensor of that shape.

    Example:
        >>> principal_axes(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))[0]
        tensor([1., 0.], dtype=torch.float64)
    """
    if checks.float_tensor("x", x).dim() != 2 or len(x) < 2 or not x.shape[1]:
        raise InvalidValue(f"x must be [n, D] with n at least 2, got {tuple(x.shape)}.")
    variances, axes = torch.linalg.eigh(torch.cov(x.detach().cpu().double().T, correction=0).reshape(x.shape[1], -1))
    return variances.clamp_min(0).flip(0), axes.flip(1)


@typed
def active_latents(variances: Tensor, latent: int, gamma: float) -> int:
    """Count the latents that a linear VAE uses at its optimum: those with v_i > gamma².

    Args:
        variances: Of the data along the principal axes [D], the largest first.
        latent: Number of latents.
        gamma: Standard deviation of the decoder.

    Returns:
        Their number, at most `latent`.

    Example:
        >>> active_latents(torch.tensor([4.0, 1.0, 0.25]), 2, gamma=1.5)
        1
    """
    return int((_spectrum(variances, latent)[:latent] > _check_gamma(gamma) ** 2).sum())


@typed
def optimal_rate(variances: Tensor, latent: int, gamma: float) -> float:
    """Compute the mean KL(q‖p) of a linear VAE at its optimum: ½ Σ ln(v_i / gamma²) over active latents.

    Args:
        variances, latent, gamma: As for `active_latents`.

    Returns:
        Nats.

    Example:
        >>> round(optimal_rate(torch.tensor([4.0, 1.0, 0.25]), 2, gamma=1.0), 4)  # ln 2
        0.6931
    """
    active = _spectrum(variances, latent)[: active_latents(variances, latent, gamma)]
    return float(0.5 * (active.log() - 2 * math.log(gamma)).sum())


@typed
def next_gamma(variances: Tensor, latent: int, gamma: float) -> float:
    """Compute the root of the mean squared error at the optimum of a gamma, which is the best gamma for that W and q.

    Each active axis has the error gamma², each other one its whole variance. Repeated, it converges
    to `best_gamma`, with the factor latent/D per repetition for gamma² once all latents are active.

    Args:
        variances, latent, gamma: As for `active_latents`.

    Returns:
        The next gamma.

    Example:
        >>> next_gamma(torch.tensor([4.0, 1.0, 1.0, 1.0]), 1, gamma=1.0)
        1.0
    """
    active, rest = active_latents(variances, latent, gamma), _spectrum(variances, latent)
    return math.sqrt((active * gamma**2 + float(rest[active:].sum())) / len(variances))


@typed
def best_gamma(variances: Tensor, latent: int) -> float:
    """Compute the gamma of greatest likelihood: gamma² is the mean of the variances that no latent takes.

    Args:
        variances: Of the data along the principal axes [D], the largest first.
        latent: Number of latents, below D.

    Returns:
        The fixed point of `next_gamma`.

    Raises:
        InvalidValue: If no variance is left, or the rest is 0.

    Example:
        >>> best_gamma(torch.tensor([4.0, 1.0, 0.25]), 2)
        0.5
    """
    rest = _spectrum(variances, latent)[latent:]
    if not len(rest) or not float(rest.sum()) > 0:
        raise InvalidValue(f"variances beyond the first {latent} must not all be 0, got {rest.tolist()}; fix gamma.")
    return math.sqrt(float(rest.mean()))


def _check_gamma(gamma: float) -> float:
    return checks.in_range("gamma", checks.positive("gamma", gamma), 1e-100, 1e100)  # its square is a float, too


def _spectrum(variances: Tensor, latent: int) -> Tensor:
    checks.positive_int("latent", latent)
    values = checks.float_tensor("variances", variances).detach().cpu().double()
    if values.dim() != 1 or not len(values) or bool((values < 0).any()) or bool((values.diff() > 0).any()):
        raise InvalidValue(f"variances must be [D], at least 0 and the largest first, got {checks.shown(variances)}.")
    return values
