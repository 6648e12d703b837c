"""K dense VAEs as one: every parameter and buffer carries a leading axis for the member, [K, ...]."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from vaelab._utils.images import to_float
from vaelab.divergences.gaussian import Gaussian
from vaelab.models.vae import ForwardPass
from vaelab.objectives.objective import Experiment, Objective, LossTerms

Layer = tuple[Tensor, Tensor]  # weight [K, in, out], bias [K, out]


class Dense(torch.autograd.Function):
    """x @ weight + bias for every member: [K, b, in], [K, in, out], [K, out] -> [K, b, out].

    The gradients are written into weight.grad and bias.grad where they lie: they are as large as K networks, and
    fresh memory for them would have to come page by page from the system.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.gradients = weight.grad, bias.grad
        return torch.baddbmm(bias[:, None], x, weight)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, None, None]:
        (grad,), (x, weight) = upstream, ctx.saved_tensors
        of_weight, of_bias = ctx.gradients
        torch.bmm(x.mT, grad, out=of_weight)
        torch.sum(grad, 1, out=of_bias)
        return torch.bmm(grad, weight.mT) if ctx.needs_input_grad[0] else None, None, None


class StackedTerms(nn.Module):
    """`Objective` for all members at once: their batches lie behind one another, [K b, ...], and alpha, gamma and
    weight are given per sample.  (vmap takes the Bernoulli's cross-entropy apart, and with it goes the gain.)"""

    def __init__(self, objective: Objective) -> None:
        super().__init__()
        self.objective = objective

    def forward(self, x: Tensor, result: ForwardPass, members: int) -> LossTerms:
        each = self.objective.per_sample(x, result)
        loss, nll, divergence, mse, consistency = (part.unflatten(0, (members, -1)) for part in each)
        return LossTerms(loss.mean(1), nll, divergence, mse.mean(1), consistency)


class Stack:
    """Experiments of one dense architecture, trained together on one batch for each.

    Noise and order come from one generator per member, seeded as `fit` seeds the global one.  The members' tensors are
    views of the stacked ones until `release` gives them their own back.
    """

    def __init__(self, members: Sequence[Experiment], seeds: Sequence[int], device: torch.device) -> None:
        self.members = members
        self.generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]
        self.tensors = _stacked(members)
        self.encoder, self.decoder = self._layers("model.encoder."), self._layers("model.decoder.")
        self.terms = StackedTerms(members[0].objective)
        self.scalars = {name: tensor for name, tensor in self.tensors.items() if name.startswith("objective.")}
        self.parameters = {name: tensor for name, tensor in self.tensors.items() if tensor.requires_grad}
        self.by_batch = any(getattr(module, "whole_batch", False) for module in members[0].modules())
        for tensor in chain(*self.encoder, *self.decoder):
            tensor.grad = torch.empty_like(tensor)

    def _layers(self, prefix: str) -> list[Layer]:
        tensors = [tensor for name, tensor in self.tensors.items() if name.startswith(prefix)]
        return list(zip(tensors[::2], tensors[1::2], strict=True))

    def orders(self, n: int) -> Tensor:
        """A permutation of the n images for every member: [K, n]."""
        return torch.stack([torch.randperm(n, generator=g, device=g.device) for g in self.generators])

    def __call__(self, images: Tensor) -> LossTerms:
        """images [K, b, pixels], uint8 or floats in [0, 1] -> LossTerms of [K] and [K, b]."""
        x = to_float(images).to(self.encoder[0][0])
        mean, logvar = _dense(self.encoder, x).chunk(2, dim=2)
        noise = torch.empty(mean.shape, dtype=mean.dtype, device=mean.device)
        for draw, generator in zip(noise, self.generators, strict=True):
            draw.normal_(generator=generator)
        out = _dense(self.decoder, mean + torch.exp(0.5 * logvar) * noise)
        if self.by_batch:
            return self._each(x, Gaussian(mean, logvar), out)
        q = Gaussian(mean.flatten(0, 1), logvar.flatten(0, 1))
        result = ForwardPass((q,), (Gaussian.standard(q.mean),), (), out.flatten(0, 1))
        state = {name: _per_sample(name, tensor, x.shape[1]) for name, tensor in self.scalars.items()}
        terms: LossTerms = functional_call(self.terms, state, (x.flatten(0, 1), result, len(x)))
        return terms

    def _each(self, x: Tensor, q: Gaussian, out: Tensor) -> LossTerms:
        """Every member's objective on its own batch [K, b, ...], by vmap: where it looks at whole batches."""
        objective = self.members[0].objective

        def terms(state: dict[str, Tensor], x: Tensor, mean: Tensor, logvar: Tensor, out: Tensor) -> LossTerms:
            result = ForwardPass((Gaussian(mean, logvar),), (Gaussian.standard(mean),), (), out)
            own: LossTerms = functional_call(objective, state, (x, result))
            return own

        state = {name.removeprefix("objective."): tensor for name, tensor in self.scalars.items()}
        together: LossTerms = vmap(terms)(state, x, q.mean, q.logvar, out)
        return together

    def backward(self, terms: LossTerms) -> None:
        """Every member's gradients; those of the layers are overwritten, those of the objective start from nothing."""
        for tensor in self.scalars.values():
            tensor.grad = None
        terms.loss.sum().backward()

    def clip(self, largest: float) -> None:
        """Scale each member's gradient down to this norm where it is longer."""
        gradients = [tensor.grad for tensor in self.parameters.values() if tensor.grad is not None]
        squares = torch.stack([g.flatten(1).square().sum(1) if g.dim() > 1 else g.square() for g in gradients])
        factor = (largest / (squares.sum(0).sqrt() + 1e-6)).clamp_max(1.0)
        for gradient in gradients:
            gradient.mul_(factor.reshape(-1, *[1] * (gradient.dim() - 1)))

    def update(self, terms: LossTerms) -> None:
        """Move every member's gamma policy and annealing, once per optimizer step."""
        for member, *parts in zip(self.members, *terms, strict=True):
            member.update(LossTerms(*parts))

    def release(self) -> None:
        """Give the members tensors of their own, with what they hold now."""
        for member in self.members:
            for tensor in member.state_dict(keep_vars=True).values():
                tensor.data = tensor.detach().clone(memory_format=torch.contiguous_format)


def _dense(layers: list[Layer], x: Tensor) -> Tensor:
    """Linear layers with ReLU between them, none behind the last: [K, b, in] -> [K, b, out]."""
    for weight, bias in layers[:-1]:
        x = torch.relu(Dense.apply(x, weight, bias))
    return Dense.apply(x, *layers[-1])


def _per_sample(name: str, tensor: Tensor, batch: int) -> Tensor:
    """[K] -> [K b]; what meets latents gets an axis for them."""
    spread = tensor.repeat_interleave(batch)
    return spread[:, None] if name.startswith("objective.divergence.") else spread


def _stacked(members: Sequence[Experiment]) -> dict[str, Tensor]:
    """Every tensor of the members under its name, [K, ...], dense weights as [K, in, out], which bmm prefers; the
    members' own become views of them."""
    states = [member.state_dict(keep_vars=True) for member in members]
    stacked: dict[str, Tensor] = {}
    for name, first in states[0].items():
        together = torch.stack([state[name].detach().transpose(0, -1) for state in states])
        for state, own in zip(states, together, strict=True):
            state[name].data = own.transpose(0, -1)
        stacked[name] = together.requires_grad_(first.requires_grad)
    return stacked
