"""What an evaluation needs of a VAE, whoever wrote it: three functions."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from vaelab._utils import checks
from vaelab._utils.domain import Domain
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab._utils.images import sum_pixels, to_float
from vaelab.data.images import as_images
from vaelab.divergences.gaussian import Gaussian
from vaelab.divergences.validation import check_pair
from vaelab.objectives.iwae import sampled_rate
from vaelab.objectives.likelihoods import Bernoulli, Normal
from vaelab.objectives.objective import Experiment

ROUNDING = 1e-3  # by how much a chance may leave [0, 1]


class HierarchicalParts(NamedTuple):
    """What more it takes where there are latents above those of `encode`, so that their prior is not N(0, I).

    draws(x, k) -> -ln p(x|z), and ln q(z|x) - ln p(z) over all latents, of k draws per image: [k, b] each, nats.
    prior(n) -> n draws of the latents that `decode` takes: [n, latent].
    reconstruct(x) -> the mean images [b, *shape], with all latents at their posterior means.
    """

    draws: Callable[[Tensor, int], tuple[Tensor, Tensor]]
    prior: Callable[[int], Tensor]
    reconstruct: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Adapter:
    """A VAE with the prior N(0, I) as three functions; x [b, *shape]: data, z [b, latent]: latents.

    encode(x) -> Gaussian of [b, latent], with logvar = ln sigma² (not ln sigma).
    decode(z) -> the mean images [b, *shape], in the domain of the data: never logits.
    nll(z, x) -> -ln p(x|z) [b] in nats, *summed* over pixels, constants included: without them an NLL has no meaning.
    binary: p(x|z) is a likelihood of 0 and 1 only; gray images are then drawn to black and white before they are
    weighed.  device, dtype: what the functions are given.  module: put into evaluation mode meanwhile, if there is one.
    deeper: for latents in several layers.  shape: of one datum, if it is known, to say what is
    wrong with others.  domain: "unit" for data in [0, 1], as images; "real" for any finite floats.

    `bernoulli` and `normal` make it from encode and decode alone.
    """

    encode: Callable[[Tensor], Gaussian]
    decode: Callable[[Tensor], Tensor]
    nll: Callable[[Tensor, Tensor], Tensor]
    binary: bool = False
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float32
    module: nn.Module | None = None
    deeper: HierarchicalParts | None = None
    shape: tuple[int, ...] | None = None
    domain: Domain = "unit"

    def __post_init__(self) -> None:
        for name in ("encode", "decode", "nll"):
            if not callable(function := getattr(self, name)):
                raise InvalidType(f"{name} must be a function, got {function!r:.60}; see metrics.Adapter.")

    def as_input(self, x: Tensor) -> Tensor:
        """x [n, *shape], uint8 as [0, 1], or floats, as the functions want them.

        Raises InvalidValue for none, for another shape, and for a Bernoulli outside [0, 1].
        """
        if not len(x) or (self.shape is not None and tuple(x.shape[1:]) != self.shape):
            wanted = "[n, ...]" if self.shape is None else f"[n, {', '.join(map(str, self.shape))}]"
            got = f"got {tuple(x.shape)}; the second axis is that of channels"
            raise InvalidValue(f"images must be {wanted} with n at least 1, {got}.")
        if self.binary:
            as_images(x)
        return to_float(x.to(self.device)).to(self.dtype)

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Without gradients, and with batch normalization and dropout as they are after training."""
        modes = {part: part.training for part in (self.module.modules() if self.module is not None else ())}
        try:
            if self.module is not None:
                self.module.eval()
            with torch.no_grad():
                yield
        finally:
            for part, mode in modes.items():
                part.training = mode

    def check(self, x: Tensor) -> None:
        """Try the three functions on the first two of x [n, *shape].

        Raises InvalidType or InvalidValue, naming what is off.
        """
        with self.evaluating():
            x = self.as_input(x[:2])
            q = self.encode(x)
            if not isinstance(q, Gaussian):
                raise InvalidType(f"encode gave a {type(q).__name__}; wrap it: Gaussian(mean, logvar=ln sigma²).")
            check_pair(q, Gaussian.standard(q.mean))
            if q.mean.dim() != 2 or len(q.mean) != len(x):
                raise InvalidValue(f"encode gave {_shape(q.mean)} for {len(x)} images; posteriors must be [b, latent].")
            self._check_decoded(self.decode(q.mean), x)
            nll = checks.float_tensor("nll", self.nll(q.mean, x))
        if nll.shape != x.shape[:1]:
            raise InvalidValue(f"nll gave {_shape(nll)} for {len(x)} images; sum over the pixels, not over the batch.")

    def _check_decoded(self, decoded: Tensor, x: Tensor) -> None:
        checks.float_tensor("what decode gives", decoded)
        if decoded.shape != x.shape:
            raise InvalidValue(f"decode gave {_shape(decoded)} for images {_shape(x)}; it must give their mean image.")
        low, high = float(decoded.min()), float(decoded.max())
        if self.binary and not (low >= -ROUNDING and high <= 1 + ROUNDING):
            raise InvalidValue(
                f"decode gave numbers from {low:g} to {high:g}, and the chance of white lies in [0, 1]; put a sigmoid "
                f"behind a decoder of logits."
            )


def adapted(model: Experiment | Adapter) -> Adapter:
    """A vaelab experiment as an adapter; an adapter as it is.  Raises InvalidType for anything else."""
    if isinstance(model, Adapter):
        return model
    if not isinstance(model, Experiment):
        raise InvalidType(
            f"model must be an Experiment or an Adapter, got {type(model).__name__}; wrap your own with "
            f"metrics.bernoulli(encode, decode) or metrics.normal(encode, decode, gamma)."
        )
    likelihood, network = model.objective.likelihood, model.model
    return Adapter(
        encode=model.encode,
        decode=model.decode,
        nll=lambda z, x: likelihood.nll(network.decoder(z), x),
        binary=isinstance(likelihood, Bernoulli),
        device=next((t.device for t in model.state_dict().values()), torch.device("cpu")),
        dtype=model.objective.weight.dtype,
        module=model,
        deeper=_deeper(model) if network.groups > 1 else None,
        shape=model.shape,
        domain=model.domain,
    )


def _deeper(experiment: Experiment) -> HierarchicalParts:
    likelihood, network = experiment.objective.likelihood, experiment.model

    def draws(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
        result = network(x, k)
        nll = likelihood.nll(result.out, x.expand(k, *x.shape).flatten(0, 1))
        return nll.unflatten(0, (k, -1)), sampled_rate(result).unflatten(0, (k, -1))

    return HierarchicalParts(draws, network.prior_sample, experiment.reconstruct)


def bernoulli(encode: Callable[[Tensor], Gaussian], decode: Callable[[Tensor], Tensor], **place: Any) -> Adapter:
    """For a decoder whose mean image is the probability of white; place: device, dtype, module of `Adapter`."""

    def nll(z: Tensor, x: Tensor) -> Tensor:
        return sum_pixels(nn.functional.binary_cross_entropy(decode(z).clamp(0, 1), x, reduction="none"))

    return Adapter(encode, decode, nll, binary=True, **place)


def normal(
    encode: Callable[[Tensor], Gaussian], decode: Callable[[Tensor], Tensor], gamma: float, **place: Any
) -> Adapter:
    """For a decoder whose mean image is that of N(mean, gamma²); gamma: standard deviation of a pixel.

    place: device, dtype, module of `Adapter`, and domain="real" for data that leave [0, 1].
    """
    likelihood = Normal(gamma, squash=False)
    return Adapter(encode, decode, lambda z, x: likelihood.nll(decode(z), x), **place)


def _shape(tensor: Tensor) -> str:
    return str(list(tensor.shape))


def encode(model: Experiment | Adapter, x: Tensor, chunk: int = 2000) -> Gaussian:
    """q(z|x) of x [n, *shape] (uint8 or floats of its domain), on the CPU: Gaussian of [n, latent].

    Raises InvalidType for a model of another kind.
    """
    model = adapted(model)
    with model.evaluating():
        parts = [model.encode(model.as_input(part)) for part in x.split(chunk)]
    return Gaussian(torch.cat([q.mean for q in parts]).cpu(), torch.cat([q.logvar for q in parts]).cpu())
