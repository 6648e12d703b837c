"""A training step as a CUDA graph, which the GPU replays without waiting for Python."""

import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from vaelab._utils import rng

log = logging.getLogger(__name__)


def capture(step: Any, batch: int) -> Callable[[Tensor], Any]:
    """Capture a training step as one CUDA graph.

    Three warm-up steps run on a side stream, as capture demands. Everything that they changed is
    restored, in place, since the graph holds the addresses of all tensors: none of them may be
    replaced afterwards.

    Args:
        step: `TrainStep` with its images on the device, in the state in which training begins.
        batch: Batch size; the graph accepts no other.

    Returns:
        A function of the indices of a batch, [batch], that replays the graph; or `step` itself,
        with a warning in the log, where there is no GPU or the step cannot be captured.
    """
    device = step.images.device
    if device.type != "cuda":
        log.warning("cuda_graph=True has no effect on %s; training runs eagerly.", device)
        return step
    index = torch.arange(batch, device=device)
    before = [(tensor, tensor.clone()) for tensor in _state(step)]
    loaded = {id(tensor) for tensor, _ in before}
    generators = rng.global_states(device)
    try:
        with torch.cuda.device(device):
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
        with torch.no_grad():
            for tensor, value in before:
                tensor.copy_(value)
            for tensor in _state(step):
                if id(tensor) not in loaded:  # Adam's, which the first warm-up step has made
                    tensor.zero_()
        rng.restore_global_states(generators, device)

    def replay(batch_index: Tensor) -> Any:
        index.copy_(batch_index)
        graph.replay()
        return terms

    return replay


def _state(step: Any) -> list[Tensor]:
    """The tensors that a step changes."""
    experiments = [step.experiment] if step.average is None else [step.experiment, step.average]
    tensors = [tensor for e in experiments for tensor in e.state_dict(keep_vars=True).values()]
    tensors += [step.sums, step.updates]
    return tensors + [value for state in step.optimizer.state.values() for value in state.values()]
