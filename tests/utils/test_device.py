"""What "auto" means on machines with and without an accelerator, and when it is said."""

import pytest
import torch
from torch import nn

from vaelab import Train, fit, fit_many, recipes, train
from vaelab._utils import device as devices
from vaelab._utils import rng
from vaelab._utils.device import device_name, on_device
from vaelab._utils.errors import InvalidType, InvalidValue

DENSE, CONV = nn.Sequential(nn.Linear(2, 2)), nn.Sequential(nn.ConvTranspose2d(1, 1, 3))
X = torch.rand(20, 1, 4, 4, generator=torch.Generator().manual_seed(7))


@pytest.fixture
def machine(monkeypatch):
    """Make this machine one with an accelerator of the given kind, or None."""
    devices._say.cache_clear()

    def have(kind, available=True):
        device = None if kind is None else torch.device(kind)
        monkeypatch.setattr(torch.accelerator, "is_available", lambda: kind is not None and available)
        monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: device)

    return have


@pytest.mark.parametrize(
    ("kind", "without", "dense", "conv"),
    [
        (None, "cpu", "cpu", "cpu"),
        ("cuda", "cuda", "cuda", "cuda"),
        ("xpu", "xpu", "xpu", "xpu"),
        ("mps", "cpu", "cpu", "mps"),
        ("hpu", "cpu", "cpu", "cpu"),
    ],
)
def test_auto_is_the_accelerator_where_it_is_faster(machine, kind, without, dense, conv):
    machine(kind)
    assert [device_name("auto"), device_name("auto", DENSE), device_name("auto", CONV)] == [without, dense, conv]
    assert on_device("auto", CONV) == torch.device(conv)
    assert device_name("cpu", CONV) == "cpu"


def test_an_accelerator_without_a_driver_is_none(machine):
    machine("cuda", available=False)
    assert device_name("auto") == "cpu"


@pytest.mark.parametrize("name", ["abacus", "cuda:99", "mps", "", "cpu:x", "hpu", "vulkan", "meta"])
def test_a_device_that_is_not_there_is_named(name):
    if name == "mps" and torch.backends.mps.is_available():
        name = "xpu"
    with pytest.raises(InvalidValue, match="device must be 'auto', 'cpu' or a device of this machine"):
        on_device(name)


@pytest.mark.parametrize("name", [None, 3.5])
def test_a_device_is_a_text(name):
    with pytest.raises(InvalidType, match=f"device must be a text such as 'auto' or 'cpu', got {name}"):
        on_device(name)


@pytest.mark.parametrize(
    ("kind", "network", "line"),
    [
        (None, CONV, ""),
        ("cuda", DENSE, "vaelab: device='auto' is cuda, the accelerator of this machine; device='cpu' trains on"),
        ("mps", CONV, "vaelab: device='auto' is mps, since the network has convolutions"),
        ("mps", DENSE, "vaelab: device='auto' is the CPU, since the network has no convolutions"),
    ],
)
def test_the_choice_is_said_once_in_one_line(machine, capsys, kind, network, line):
    machine(kind)
    for _ in range(2):
        devices.announce_device("auto", network)
    devices.announce_device("cpu", network)
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.startswith(line)
    assert errors.count("\n") == (1 if line else 0)


def test_a_training_says_where_it_runs_but_no_loop_does(monkeypatch, capsys):
    devices._say.cache_clear()
    monkeypatch.setattr(devices, "accelerator", lambda: "mps")

    def make(beta=1.0):
        return recipes.beta_vae((1, 4, 4), 2, hidden=(8,), beta=beta)

    list(train(make(), X, Train(steps=1, batch_size=4)))
    fit(make(), X, Train(steps=1, batch_size=4, progress=False))
    fit(make(), X, Train(steps=1, batch_size=4, device="cpu"))
    assert "device='auto'" not in capsys.readouterr().err
    fit(make(), X, Train(steps=1, batch_size=4))
    fit_many(make, [{"beta": 1.0}], X, Train(steps=1, batch_size=4))
    assert capsys.readouterr().err.count("device='auto' is the CPU") == 1


def test_nothing_is_said_without_a_console(machine, monkeypatch):
    machine("mps")
    monkeypatch.setattr("sys.stderr", None)
    devices.announce_device("auto", CONV)


class Module:
    """A device module such as torch.cuda, with a generator per index."""

    def __init__(self):
        self.states = {0: torch.zeros(4, dtype=torch.uint8), 1: torch.ones(4, dtype=torch.uint8)}

    def get_rng_state(self, device):
        return self.states[self.index(device)].clone()

    def set_rng_state(self, state, device):
        self.states[self.index(device)] = state

    @staticmethod
    def index(device):
        return device if isinstance(device, int) else torch.device(device).index


@pytest.mark.parametrize("kind", ["cuda", "xpu", "mps"])
def test_the_generator_of_a_named_index_is_stored_and_restored(monkeypatch, kind):
    module, device = Module(), torch.device(kind, 1)
    monkeypatch.setattr(torch, "get_device_module", lambda named: {kind: module}[torch.device(named).type])
    torch.manual_seed(0)
    states = rng.global_states(device)
    expected = torch.rand(3)
    module.states = {0: module.states[0], 1: torch.full((4,), 7, dtype=torch.uint8)}
    rng.restore_global_states(states, device)
    assert torch.rand(3).equal(expected)
    assert module.states[0].tolist() == [0] * 4
    assert module.states[1].tolist() == [1] * 4
    assert len(rng.global_states(torch.device("cpu"))) == 1


def test_every_device_of_an_accelerator_gets_its_generator_back(machine, monkeypatch, recwarn):
    machine("xpu")
    module = Module()
    for name in ("get_rng_state", "set_rng_state"):
        monkeypatch.setattr(torch.xpu, name, getattr(module, name))
    monkeypatch.setattr(torch.xpu, "device_count", lambda: 2)
    before = {index: state.clone() for index, state in module.states.items()}
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    with rng.fork():
        torch.rand(5)
        module.states = {index: state + 7 for index, state in module.states.items()}
    assert torch.rand(3).equal(expected)
    assert all(module.states[index].equal(state) for index, state in before.items())
    assert not recwarn.list
