"""Any VAE as three functions, which is all that an evaluation needs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from vaelab._utils import checks
from vaelab._utils.device import on_device
from vaelab._utils.domain import Domain, encoder_domain
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab._utils.images import sum_pixels, to_float
from vaelab._utils.typed import check_fields, typed
from vaelab.data.images import Images, as_images
from vaelab.divergences.gaussian import Gaussian
from vaelab.divergences.validation import check_pair
from vaelab.models.hierarchical import Hierarchy
from vaelab.models.networks._mlp import check_sizes
from vaelab.models.priors import Prior, learned_priors
from vaelab.objectives.iwae import sampled_rate
from vaelab.objectives.likelihoods import Bernoulli, Normal
from vaelab.objectives.objective import Experiment

TOLERANCE = 1e-3  # by how much a probability may leave [0, 1]


class HierarchicalParts(NamedTuple):
    """Functions of a model with several groups of latents.

    Args:
        draws: Of x and k, returns -ln p(x|z) and ln q(z|x) - ln p(z) over latents: [k, b], nats.
        prior: Of n, returns draws of the latents that `decode` takes: [n, latent].
        reconstruct: Of x, returns the mean images [b, *shape] with all latents at their means.
        standard: Whether the latents that `decode` takes have the prior N(0, I), as the noise of all
            groups of a hierarchy has.
    """

    draws: Callable[[Tensor, int], tuple[Tensor, Tensor]]
    prior: Callable[[int], Tensor]
    reconstruct: Callable[[Tensor], Tensor]
    standard: bool = False


@dataclass(frozen=True)
class Adapter:
    """A VAE as functions of x [b, *shape] and z [b, latent].

    `bernoulli` and `normal` make one from `encode` and `decode` alone.

    Args:
        encode: Of x, returns a Gaussian of [b, latent], with logvar = ln sigma² (not ln sigma).
        decode: Of z, returns the mean images [b, *shape] in the domain of the data, never logits.
        nll: Of z and x, returns -ln p(x|z) [b] in nats, summed over pixels, with all constants.
        binary: Whether p(x|z) is a likelihood of 0 and 1 only; gray ones are then binarized.
        device: Where the functions take their arguments.
        dtype: Type of these.
        module: Put into evaluation mode meanwhile.
        deeper: For latents in several layers.
        prior: p(z) of latents in one layer; None is N(0, I).
        shape: Shape of one datum, if known.
        domain: "unit" for data in [0, 1], "levels" where `nll` is -ln P of 256 levels, "real" for any
            finite floats.
        not_a_density: Why `nll` is the value of no density, if it is none; then it is refused.

    Raises:
        InvalidType, InvalidValue: If a field is of another type, such as one of the three no function.
    """

    REMEDY = "; see metrics.bernoulli and metrics.normal"

    encode: Callable[[Tensor], Gaussian]
    decode: Callable[[Tensor], Tensor]
    nll: Callable[[Tensor, Tensor], Tensor]
    binary: bool = False
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float32
    module: nn.Module | None = None
    deeper: HierarchicalParts | None = None
    prior: Prior | None = None
    shape: tuple[int, ...] | None = None
    domain: Domain = "unit"
    not_a_density: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "device", on_device(self.device))
        check_fields(self)
        if self.shape is not None:
            check_sizes(shape=self.shape)
        if not self.dtype.is_floating_point:
            raise InvalidType(f"dtype must be floating point, got {self.dtype}.")

    def as_images(self, x: Images, *, density: bool = False) -> Tensor:
        """Return x, a tensor, an array or a `Dataset`, as data [n, *shape] that the model may take.

        Args:
            x: Data.
            density: Whether for `nll` too, which may be of the 256 levels only.

        Raises:
            InvalidType, InvalidValue: As `vaelab.data.images.as_images`, and without data.
        """
        domain = self.domain if checks.flag("density", density) else encoder_domain(self.domain)
        images = as_images(x, self.shape, domain)
        if not len(images):
            raise InvalidValue("images must be [n, ...] with n at least 1, got 0.")
        return images

    def convert(self, x: Tensor) -> Tensor:
        """Return checked data [n, *shape], uint8 or floats, as the functions take it."""
        return to_float(checks.tensor("x", x).to(self.device)).to(self.dtype)

    def as_input(self, x: Images) -> Tensor:
        """Check and convert data."""
        return self.convert(self.as_images(x))

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Evaluate without gradients, with batch normalization and dropout as after training."""
        modes = {part: part.training for part in (self.module.modules() if self.module is not None else ())}
        try:
            if self.module is not None:
                self.module.eval()
            with torch.no_grad():
                yield
        finally:
            for part, mode in modes.items():
                part.training = mode

    def check(self, x: Images, *, density: bool = True) -> None:
        """Check x [n, *shape], try the functions on its first two, and name what is wrong.

        Args:
            x: Data.
            density: Whether to try `nll` besides `encode` and `decode`.

        Raises:
            InvalidType: For a result of another type.
            InvalidValue: For a result of another shape or range.
        """
        with self.evaluating():
            x = self.convert(self.as_images(x)[:2])
            q = self.encode(x)
            if not isinstance(q, Gaussian):
                raise InvalidType(f"encode must return a Gaussian(mean, logvar=ln sigma²), got {type(q).__name__}.")
            check_pair(q, Gaussian.standard(q.mean))
            if q.mean.dim() != 2 or len(q.mean) != len(x):
                raise InvalidValue(f"encode must return [b, latent] for {len(x)} images, got {_shape(q.mean)}.")
            decoded = checks.float_tensor("the result of decode", self.decode(q.mean))
            if decoded.shape != x.shape:
                raise InvalidValue(f"decode must return mean images {_shape(x)}, got {_shape(decoded)}.")
            low, high = float(decoded.min()), float(decoded.max())
            if self.binary and not (low >= -TOLERANCE and high <= 1 + TOLERANCE):
                got = f"{checks.shortest(low)} to {checks.shortest(high)}"
                raise InvalidValue(
                    f"decode must return probabilities in [0, 1], got {got}; "
                    "for logits, use bernoulli(..., logits=True)."
                )
            if not density:
                return
            nll = checks.float_tensor("nll", self.nll(q.mean, x))
            if nll.shape != x.shape[:1]:
                raise InvalidValue(f"nll must return [{len(x)}], summed over pixels, got {_shape(nll)}.")


def adapted(model: Experiment | Adapter) -> Adapter:
    """Return an experiment as an adapter, and an adapter as it is."""
    if isinstance(model, Adapter):
        return model
    if not isinstance(model, Experiment):
        raise InvalidType(
            f"model must be an Experiment or an Adapter, got {checks.shown(model)}; see metrics.bernoulli and "
            "metrics.normal."
        )
    likelihood, network = model.objective.likelihood, model.model
    return Adapter(
        encode=model.encode,
        decode=model.decode,
        nll=lambda z, x: likelihood.nll(network.decode(z), x),
        binary=isinstance(likelihood, Bernoulli),
        device=next((t.device for t in model.state_dict().values()), torch.device("cpu")),
        dtype=model.objective.weight.dtype,
        module=model,
        deeper=_deeper(model) if network.groups > 1 else None,
        prior=next(iter(learned_priors(network)), None) if network.groups == 1 else None,
        shape=model.shape,
        domain=model.domain,
        not_a_density=likelihood.not_a_density,
    )


def _deeper(experiment: Experiment) -> HierarchicalParts:
    likelihood, network = experiment.objective.likelihood, experiment.model

    def draws(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
        result = network(x, k)
        nll = likelihood.nll(result.out, x.expand(k, *x.shape).flatten(0, 1))
        return nll.unflatten(0, (k, -1)), sampled_rate(result).unflatten(0, (k, -1))

    return HierarchicalParts(draws, network.prior_sample, experiment.reconstruct, isinstance(network, Hierarchy))


@typed
def bernoulli(
    encode: Callable[[Tensor], Gaussian], decode: Callable[[Tensor], Tensor], *, logits: bool = False, **options: Any
) -> Adapter:
    """Adapt a VAE whose mean image is the probability of white.

    Probabilities saturate: in float32 a logit of 17 already rounds to 1, and a black pixel there
    costs 100 nats instead of 17. Logits are right everywhere.

    Args:
        encode: Of x, returns q(z|x).
        decode: Of z, returns probabilities, or logits if `logits`.
        logits: Whether `decode` returns logits. That of the adapter returns their sigmoid.
        **options: device, dtype and module of `Adapter`.

    Returns:
        The adapter.

    Raises:
        InvalidType: If a function is none, or `logits` no bool.

    Example:
        >>> encode = lambda x: Gaussian(x.flatten(1), torch.zeros_like(x.flatten(1)))
        >>> black, logit = torch.zeros(1, 1), torch.full((1, 1), 17.0)
        >>> bernoulli(encode, torch.sigmoid).nll(logit, black)
        tensor([100.])
        >>> bernoulli(encode, lambda z: z, logits=True).nll(logit, black)
        tensor([17.])
    """
    if logits:
        likelihood = Bernoulli()
        return Adapter(
            encode,
            lambda z: likelihood.mean(decode(z)),
            lambda z, x: likelihood.nll(decode(z), x),
            binary=True,
            **options,
        )

    def nll(z: Tensor, x: Tensor) -> Tensor:
        return sum_pixels(nn.functional.binary_cross_entropy(decode(z).clamp(0, 1), x, reduction="none"))

    return Adapter(encode, decode, nll, binary=True, **options)


@typed
def normal(
    encode: Callable[[Tensor], Gaussian], decode: Callable[[Tensor], Tensor], gamma: float, **options: Any
) -> Adapter:
    """Adapt a VAE whose mean image is that of N(mean, gamma²).

    Args:
        encode: Of x, returns q(z|x).
        decode: Of z, returns the mean.
        gamma: Standard deviation of a pixel.
        **options: device, dtype and module of `Adapter`, and domain="real" for data outside [0, 1].

    Returns:
        The adapter.
    """
    likelihood = Normal(checks.positive("gamma", gamma), squash=False)
    return Adapter(encode, decode, lambda z, x: likelihood.nll(decode(z), x), **options)


def encode(model: Experiment | Adapter, x: Images, chunk: int = 2000) -> Gaussian:
    """Encode data of any number.

    Args:
        model: Any VAE.
        x: Data [n, *shape], a tensor, an array or a `Dataset`, uint8 or floats of its domain.
        chunk: Number of data at a time.

    Returns:
        q(z|x), Gaussian of [n, latent], on the CPU.

    Example:
        >>> from vaelab import recipes
        >>> encode(recipes.vae((3,), 2, squash=False), torch.zeros(5, 3)).mean.shape
        torch.Size([5, 2])
    """
    model, chunk = adapted(model), checks.positive_int("chunk", chunk)
    images = model.as_images(x)
    model.check(images[:2], density=False)
    with model.evaluating():
        parts = [model.encode(model.convert(part)) for part in images.split(chunk)]
    return Gaussian(*(torch.cat(columns).cpu() for columns in zip(*parts, strict=True)))


def _shape(tensor: Tensor) -> str:
    return str(list(tensor.shape))
