"""An accelerator played on the CPU, with the restrictions of an MPS device.

Tensors that are made on it, or moved to it, are ordinary CPU tensors whose memory is listed as that
of the device. Two torch modes keep the list: one for the functions that name a device, one for all
operations underneath, including those of autograd and vmap. An operation fails if it makes a float64
tensor on the device, if it mixes device and CPU tensors as no accelerator can, or, within
`no_waiting`, if it makes the CPU wait for the device.
"""

import traceback
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import vaelab

PACKAGE = Path(vaelab.__file__).parent
aten = torch.ops.aten
# Their results depend on values, so the CPU must wait for them.
WAITING = {
    aten._local_scalar_dense,
    aten.is_nonzero,
    aten.item,
    aten.equal,
    aten.nonzero,
    aten.masked_select,
    aten.repeat_interleave,
    aten._unique2,
}
COPIES = {aten.copy_, aten._to_copy, aten.set_, aten.detach, aten.alias}
INDEXING = {aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_}  # a CPU index is allowed
READS = {torch.Tensor.cpu, torch.Tensor.numpy, torch.Tensor.__array__, torch.Tensor.tolist}
RANDOM = {torch.rand, torch.randn, torch.randint, torch.randperm, torch.rand_like, torch.randn_like, torch.bernoulli}
RANDOM |= {torch.Tensor.normal_, torch.Tensor.uniform_, torch.Tensor.bernoulli_, torch.multinomial}
STORAGES: dict[int, StorageWeakRef] = {}  # of all tensors on the device


class Violation(AssertionError):
    """Something that an accelerator cannot do, or that it should not."""


class Generator(torch.Generator):
    """A generator that says that it is on the device."""

    def __new__(cls, device="cpu"):
        self = super().__new__(cls, "cpu")
        self.place = torch.device(device)
        return self

    @property
    def device(self):
        return self.place


class EmulatedDevice:
    """The device; a `with` block switches it on. Its tensors stay on it after the block.

    Args:
        kind: Its type, such as "mps", "xpu" or "cuda".
        collect: Whether to list violations in `found` instead of raising them.
    """

    def __init__(self, kind="mps", *, collect=False):
        self.device = torch.device(kind, 0)
        self.collect, self.found, self.waiting_forbidden, self.copying = collect, [], False, False
        self.generator = Generator(self.device)

    def __enter__(self):
        seed, group, module = (
            torch.manual_seed,
            torch._C._group_tensors_by_device_and_dtype,
            torch.get_device_module,
        )

        def manual_seed(number):
            self.generator.manual_seed(number)
            return seed(number)

        def by_device(tensors, with_indices=False):
            """Group lists of tensors, as torch does in C++, which knows nothing of this device."""
            return {
                (self.device if self.holds(lists[0][0]) else device, dtype): (lists, indices)
                for (device, dtype), (lists, indices) in group(tensors, with_indices).items()
            }

        def device_module(device=None):
            return self if torch.device(device or "cpu").type == self.device.type else module(device)

        self._patches = [
            mock.patch.object(torch, "Generator", Generator),
            mock.patch.object(torch, "manual_seed", manual_seed),
            mock.patch.object(torch, "get_device_module", device_module),
            mock.patch.object(torch._C, "_group_tensors_by_device_and_dtype", by_device),
            _Operations(self),
            _Functions(self),
        ]
        for patch in self._patches:
            patch.__enter__()
        return self

    def __exit__(self, *error):
        for patch in reversed(self._patches):
            patch.__exit__(None, None, None)

    def get_rng_state(self, device):
        return self.generator.get_state()

    def set_rng_state(self, state, device):
        self.generator.set_state(state)

    @contextmanager
    def no_waiting(self):
        """Forbid within a block whatever makes the CPU wait for the device."""
        before, self.waiting_forbidden = self.waiting_forbidden, True
        try:
            yield
        finally:
            self.waiting_forbidden = before

    def is_here(self, device):
        """Return whether a device, or the name of one, is this one."""
        return torch.device(device).type == self.device.type

    def holds(self, tensor):
        """Return whether a tensor is on the device."""
        key = _innermost(tensor).untyped_storage()._cdata
        reference = STORAGES.get(key)
        if reference is not None and reference.expired():
            del STORAGES[key]
            return False
        return reference is not None

    def place(self, tensor):
        """List a tensor as one of the device."""
        if tensor.dtype == torch.float64:
            self.violate(f"a float64 tensor {list(tensor.shape)} is born on the device")
        storage = _innermost(tensor).untyped_storage()
        STORAGES[storage._cdata] = StorageWeakRef(storage)
        return tensor

    def copy(self, tensor):
        """Copy a tensor to the other side; gradients pass."""
        self.copying = True
        try:
            return tensor.clone()
        finally:
            self.copying = False

    def violate(self, what):
        frames = [f for f in traceback.extract_stack() if Path(f.filename).is_relative_to(PACKAGE)]
        place = f"{Path(frames[-1].filename).relative_to(PACKAGE)}:{frames[-1].lineno}" if frames else "a test"
        self.found.append(f"{place}: {what}")
        if not self.collect:
            raise Violation(self.found[-1])


class _Functions(TorchFunctionMode):
    """Functions that name a device, read one, or draw random numbers."""

    def __init__(self, device):
        super().__init__()
        self.emulated = device

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs, emulated = dict(kwargs or {}), self.emulated
        tensor = args[0] if args and isinstance(args[0], torch.Tensor) else None
        held = tensor is not None and emulated.holds(tensor)
        if function == torch.Tensor.device.__get__:
            return emulated.device if held else function(*args)
        if function in READS and held:
            if emulated.waiting_forbidden:
                emulated.violate(f"{function.__name__} waits for the device")
            if function is torch.Tensor.cpu:
                return emulated.copy(tensor)
            if function is not torch.Tensor.tolist:
                raise TypeError("can't convert a device tensor to numpy, use Tensor.cpu() first")
        if function is torch.Tensor.to:
            return self._to(tensor, held, args[1:], kwargs)
        target = kwargs.pop("device", None)
        here = emulated.is_here(target) if target is not None else held
        if target is not None and not here:
            kwargs["device"] = target
        if (generator := kwargs.get("generator")) is not None:
            if emulated.is_here(generator.device) != here:
                raise RuntimeError(f"expected a generator of {target or tensor.device}, got one of {generator.device}")
        elif here and function in RANDOM:
            kwargs["generator"] = emulated.generator
        result = function(*args, **kwargs)
        if here and (target is not None or function is torch.Tensor.__deepcopy__):
            emulated.place(result)
        return result

    def _to(self, tensor, held, args, kwargs):
        emulated, named = self.emulated, [*args, *kwargs.values()]
        others = [a for a in named if isinstance(a, torch.Tensor)]
        targets = [emulated.is_here(a) for a in named if isinstance(a, torch.device | str)]
        targets += [emulated.holds(a) for a in others]
        dtypes = [a for a in named if isinstance(a, torch.dtype)] + [a.dtype for a in others]
        to_device = targets[0] if targets else held
        if to_device == held:
            return tensor.to(*dtypes) if dtypes else tensor
        if emulated.waiting_forbidden:
            emulated.violate("to() waits for a copy between the device and the CPU")
        if held:
            return emulated.copy(tensor).to(*dtypes)
        return emulated.place(emulated.copy(tensor.to(*dtypes) if dtypes else tensor))


class _Operations(TorchDispatchMode):
    """All operations; one with an argument on the device puts its results there."""

    def __init__(self, device):
        super().__init__()
        self.emulated = device

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        emulated, kwargs = self.emulated, kwargs or {}
        if emulated.copying:
            return function(*args, **kwargs)
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        held = [emulated.holds(tensor) for tensor in tensors]
        packet = function.overloadpacket
        if any(held):
            self._check(packet, args, tensors, held)
        result = function(*args, **kwargs)
        if any(held) and not (packet is aten.copy_ and not held[0]):
            for leaf in tree_leaves(result):
                if isinstance(leaf, torch.Tensor) and not emulated.holds(leaf):
                    emulated.place(leaf)
        return result

    def _check(self, packet, args, tensors, held):
        emulated = self.emulated
        if packet is aten.grid_sampler_2d and args[3] != 0 and emulated.device.type == "mps":
            emulated.violate("MPS: Unsupported padding mode, as before torch 2.13")
        if emulated.waiting_forbidden:
            masked = packet in INDEXING and any(t.dtype in (torch.bool, torch.uint8) for t in tensors[1:])
            between = packet is aten.copy_ and held[0] != held[1]
            if packet in WAITING or masked or between:
                emulated.violate(f"{packet} waits for the device")
        if packet in COPIES or packet in INDEXING:
            return
        if any(tensor.dim() and not on for tensor, on in zip(tensors, held, strict=True)):
            emulated.violate(f"{packet} mixes tensors of the device and of the CPU")


def _innermost(tensor):
    while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
    return tensor
