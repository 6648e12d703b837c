"""A CUDA graph, played on the CPU, trains as the loop does, also when a training resumes."""

from contextlib import nullcontext

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.emulated_device import EmulatedDevice
from vaelab import Train, fit, recipes, train

X = torch.rand(60, 1, 8, 8, generator=torch.Generator().manual_seed(7))
OPTIONS = {"epochs": 3, "batch_size": 20, "progress": False, "device": "cuda", "lr_schedule": "cosine"}


class Graph(TorchDispatchMode):
    """A graph of operations: they are recorded with their tensors, and replayed on the same memory."""

    def __init__(self):
        super().__init__()
        self.operations = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        self.operations.append((function, args, kwargs or {}, result))
        return result

    def replay(self):
        with torch._C._AutoDispatchBelowAutograd(), torch._C.DisableTorchFunction():
            for function, args, kwargs, result in self.operations:
                again = function(*args, **kwargs)
                for old, new in zip(tree_leaves(result), tree_leaves(again), strict=True):
                    if isinstance(old, torch.Tensor) and old.data_ptr() != new.data_ptr():
                        old.copy_(new)


class Stream:
    def __init__(self, device=None):
        pass

    def wait_stream(self, other):
        pass


@pytest.fixture
def device(monkeypatch):
    fakes = {"CUDAGraph": Graph, "graph": lambda graph: graph, "Stream": Stream, "current_stream": Stream}
    fakes |= {"stream": lambda stream: nullcontext(), "device": lambda device: nullcontext()}
    for name, fake in fakes.items():
        monkeypatch.setattr(torch.cuda, name, fake)
    with EmulatedDevice("cuda") as device:
        yield device


def experiment():
    torch.manual_seed(0)
    return recipes.gjs_vae((1, 8, 8), 2, hidden=(8,), gamma="learned", trainable=True)


def same(first, second):
    for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        torch.testing.assert_close(a.cpu(), b.cpu(), rtol=1e-6, atol=1e-7)


def test_a_graph_trains_as_the_loop_does(device):
    eager, graph = experiment(), experiment()
    rows = fit(eager, X, Train(**OPTIONS)).rows
    assert [row["loss"] for row in fit(graph, X, Train(**OPTIONS, cuda_graph=True)).rows] == pytest.approx(
        [row["loss"] for row in rows], rel=1e-5
    )
    same(eager, graph)


@pytest.mark.parametrize("ema_decay", [None, 0.9])
def test_a_training_with_a_graph_resumes_as_if_uninterrupted(device, tmp_path, ema_decay):
    options = {**OPTIONS, "cuda_graph": True, "ema_decay": ema_decay}
    reference, stopped, resumed = experiment(), experiment(), experiment()
    history = fit(reference, X, Train(**options))
    for progress in train(stopped, X, Train(**options, checkpoints=tmp_path, checkpoint_minutes=1e-9)):
        if progress.step == 4:
            break
    continued = fit(resumed, X, Train(**options, checkpoints=tmp_path), resume=True)
    same(reference, resumed)
    if ema_decay is not None:
        same(history.average, continued.average)


def test_a_step_that_cannot_be_captured_leaves_no_trace(device, monkeypatch, caplog):
    def refuse(graph):
        raise RuntimeError("operation not permitted")

    monkeypatch.setattr(torch.cuda, "graph", refuse)
    eager, graph = experiment(), experiment()
    fit(eager, X, Train(**OPTIONS))
    fit(graph, X, Train(**OPTIONS, cuda_graph=True))
    assert "cannot be captured" in caplog.text
    same(eager, graph)
