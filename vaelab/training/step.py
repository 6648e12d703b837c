"""One optimiser step: forward, backward, Adam, gamma, running sums; eager, or captured once as a CUDA graph."""

import copy
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.optim import Adam, Optimizer

from vaelab._utils import rng
from vaelab._utils.images import unit
from vaelab.objectives.experiment import Experiment
from vaelab.objectives.gamma import Learned
from vaelab.objectives.objective import Terms
from vaelab.training.config import Train

log = logging.getLogger(__name__)

Augment = Callable[[Tensor], Tensor]


class Step:
    """Calling it with the positions of a batch [b] trains on it and returns its `Terms`; nothing waits for the device.

    sums [4]: of loss, nll, divergence and mse over the steps, and [5] with the consistency where there is one;
    average: the experiment with averaged weights, if wanted.
    """

    def __init__(
        self, experiment: Experiment, images: Tensor, config: Train, optimiser: Optimizer, augment: Augment | None
    ) -> None:
        self.experiment, self.images, self.config, self.optimiser = experiment, images, config, optimiser
        self.augment = augment
        parts = 4 if experiment.objective.consistency is None else 5
        self.sums = torch.zeros(parts, device=images.device)
        self.average = copy.deepcopy(experiment) if config.ema is not None else None
        self.forward = torch.compile(self.terms, fullgraph=True) if config.compile else self.terms
        self.autocast = torch.autocast(images.device.type, torch.bfloat16, enabled=config.precision == "bf16")

    def __call__(self, index: Tensor) -> Terms:
        self.optimiser.zero_grad(set_to_none=True)
        terms = self.gradients(index)
        if self.config.clip is not None:
            clip_grad_norm_(self.experiment.parameters(), self.config.clip)
        self.optimiser.step()
        self.experiment.update(terms)
        with torch.no_grad():
            if self.average is not None and self.config.ema is not None:
                for mean, value in zip(self.average.parameters(), self.experiment.parameters(), strict=True):
                    mean.lerp_(value, 1 - self.config.ema)
                for kept, moved in zip(self.average.buffers(), self.experiment.buffers(), strict=True):
                    kept.copy_(moved)
            means = [terms.loss, terms.nll.mean(), terms.divergence.mean(), terms.mse, terms.consistency.mean()]
            self.sums += torch.stack(means[: len(self.sums)])
        return terms

    def gradients(self, index: Tensor) -> Terms:
        """Forward and backward through a batch, in `config.pieces` pieces whose gradients are averaged: its `Terms`."""
        parts = []
        for piece in index.tensor_split(min(self.config.pieces, len(index))):
            with self.autocast:
                terms: Terms = self.forward(self.images[piece])
            share = len(piece) / len(index)
            (terms.loss * share if share < 1 else terms.loss).backward()
            parts.append((share, terms))
        return joined(parts)

    def terms(self, x: Tensor) -> Terms:
        """images [b, ...] as they are stored -> Terms: what is compiled, transformations and all."""
        terms: Terms = self.experiment(*self.shown(x))
        return terms

    def shown(self, x: Tensor) -> tuple[Tensor, ...]:
        """The images [b, ...] transformed, and a view of each where the experiment wants one; then binarised, each with
        noise of its own: the noise of a pixel is not transformed with it."""
        if self.augment is not None:
            x = self.augment(unit(x))
        shown = (x,) if self.experiment.views is None else (x, self.experiment.views(unit(x)))
        return tuple(rng.coins(unit(part)) for part in shown) if self.config.binarise == "dynamic" else shown


def joined(parts: Sequence[tuple[float, Terms]]) -> Terms:
    """The terms of a batch from those of its pieces and their shares of it."""
    if len(parts) == 1:
        return parts[0][1]
    shares, pieces = zip(*parts, strict=True)
    fields = zip(*pieces, strict=True)  # means [] are averaged by share, terms [b] stand behind one another
    return Terms(*(torch.cat(f) if f[0].dim() else sum(s * v for s, v in zip(shares, f, strict=True)) for f in fields))


def adam(experiment: Experiment, config: Train, device: torch.device) -> Adam:
    """Adam with fused kernels where there are; for a CUDA graph its rate is a tensor, so that it can be moved."""
    graphed = config.cuda_graph and device.type == "cuda"
    groups = parameter_groups(experiment, dict(experiment.named_parameters()))
    for group in groups if graphed else []:
        group["lr"] = torch.tensor(config.lr * group["pace"], device=device)
    optimiser = Adam(
        groups,
        lr=config.lr,
        weight_decay=config.weight_decay,
        fused=device.type in ("cpu", "cuda"),
        capturable=graphed,
    )
    return optimiser


def parameter_groups(experiment: Experiment, parameters: Mapping[str, Tensor]) -> list[dict[str, Any]]:
    """The network's parameters by name as one group, and a learned gamma, with its own pace, as another.

    gamma is not decayed: that would pull it to 1.
    """
    paces = {
        f"{name}.log_gamma": module.pace for name, module in experiment.named_modules() if isinstance(module, Learned)
    }
    groups = [{"params": [p for name, p in parameters.items() if name not in paces], "pace": 1.0}]
    for name, pace in paces.items():
        groups.append({"params": [parameters[name]], "pace": pace, "weight_decay": 0.0})
    return groups


def set_rate(optimiser: Optimizer, rate: float) -> None:
    """Give an optimiser its learning rate, and a group with its own pace so much more; a tensor is filled, so that a
    graph that holds it sees the new one."""
    for group in optimiser.param_groups:
        own = rate * group["pace"]
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(own)
        else:
            group["lr"] = own


def graphed(step: Step, batch: int) -> Callable[[Tensor], Terms]:
    """`step` captured as one CUDA graph for this batch size; where it cannot be, the eager step and a line in the log.

    Three steps warm up on a side stream, as capture demands; afterwards everything they changed is put back.
    """
    device = step.images.device
    if device.type != "cuda":
        log.warning("cuda_graph=True has no effect on %s; training runs eagerly.", device)
        return step
    index = torch.arange(batch, device=device)
    before = {name: tensor.clone() for name, tensor in step.experiment.state_dict().items()}
    generator = torch.cuda.get_rng_state(device)
    try:
        stream = torch.cuda.Stream(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            for _ in range(3):
                step(index)
        torch.cuda.current_stream(device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            terms = step(index)
    except RuntimeError as error:
        log.warning("the step cannot be captured as a CUDA graph (%s); training runs eagerly.", error)
        return step
    finally:
        step.experiment.load_state_dict(before)
        if step.average is not None:
            step.average.load_state_dict(before)
        for state in step.optimiser.state.values():
            for value in state.values():
                value.zero_()
        step.sums.zero_()
        torch.cuda.set_rng_state(generator, device)

    def replay(batch_index: Tensor) -> Terms:
        index.copy_(batch_index)
        graph.replay()
        return terms

    return replay
