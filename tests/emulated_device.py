"""An accelerator played on the CPU, with the restrictions of an MPS device.

Tensors that are made on it, or moved to it, are ordinary CPU tensors whose memory is listed as that
of the device. Two torch modes keep the list: one for the functions that name a device, one for all
operations underneath, including those of autograd and vmap. An operation fails if it makes a float64
tensor on the device, if it mixes device and CPU tensors as no accelerator can, or, within
`no_waiting`, if it makes the CPU wait for the device.
"""

import traceback
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import vaelab

DEVICE = torch.device("mps", 0)
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


class Violation(AssertionError):
    """Something that an accelerator cannot do, or that it should not."""


class Generator(torch.Generator):
    """A generator that says that it is on the device."""

    def __new__(cls, device="cpu"):
        self = super().__new__(cls, "cpu")
        self.on_device = torch.device(device).type == DEVICE.type
        return self

    @property
    def device(self):
        return DEVICE if self.on_device else torch.device("cpu")


class EmulatedDevice:
    """The device; a `with` block switches it on.

    Args:
        collect: Whether to list violations in `found` instead of raising them.
    """

    _storages: dict[int, StorageWeakRef] = {}

    def __init__(self, *, collect=False):
        self.collect, self.found, self.waiting_forbidden = collect, [], False
        self._copying = False

    def __enter__(self):
        self._stack = ExitStack()
        self._generator, torch.Generator = torch.Generator, Generator
        self._group, torch._C._group_tensors_by_device_and_dtype = torch._C._group_tensors_by_device_and_dtype, self._by_device
        self._stack.enter_context(_Operations(self))
        self._stack.enter_context(_Functions(self))
        return self

    def __exit__(self, *error):
        torch.Generator, torch._C._group_tensors_by_device_and_dtype = self._generator, self._group
        self._stack.close()

    @contextmanager
    def no_waiting(self):
        """Forbid within a block whatever makes the CPU wait for the device."""
        before, self.waiting_forbidden = self.waiting_forbidden, True
        try:
            yield
        finally:
            self.waiting_forbidden = before

    def copy(self, tensor):
        """Copy a tensor to the other side; gradients pass."""
        self._copying = True
        try:
            return tensor.clone()
        finally:
            self._copying = False

    def holds(self, tensor):
        """Return whether a tensor is on the device."""
        key = _storage(tensor)
        reference = self._storages.get(key)
        if reference is not None and reference.expired():
            del self._storages[key]
            return False
        return reference is not None

    def place(self, tensor):
        """List a tensor as one of the device."""
        if tensor.dtype == torch.float64:
            self.violate(f"a float64 tensor {list(tensor.shape)} is born on the device")
        storage = _innermost(tensor).untyped_storage()
        self._storages[storage._cdata] = StorageWeakRef(storage)
        return tensor

    def _by_device(self, tensors, with_indices=False):
        """Group lists of tensors, as torch does in C++, which knows nothing of this device."""
        groups = self._group(tensors, with_indices)
        return {
            (DEVICE if self.holds(lists[0][0]) else device, dtype): (lists, indices)
            for (device, dtype), (lists, indices) in groups.items()
        }

    def violate(self, what):
        frames = [f for f in traceback.extract_stack() if Path(f.filename).is_relative_to(PACKAGE)]
        place = f"{Path(frames[-1].filename).relative_to(PACKAGE)}:{frames[-1].lineno}" if frames else "a test"
        self.found.append(f"{place}: {what}")
        if not self.collect:
            raise Violation(self.found[-1])


class _Functions(TorchFunctionMode):
    """Functions that name a device, or read one."""

    def __init__(self, device):
        super().__init__()
        self.emulated = device

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs, emulated = dict(kwargs or {}), self.emulated
        tensor = args[0] if args and isinstance(args[0], torch.Tensor) else None
        if function == torch.Tensor.device.__get__:
            return DEVICE if emulated.holds(tensor) else function(*args)
        held = tensor is not None and emulated.holds(tensor)
        if function in READS and held:
            if emulated.waiting_forbidden:
                emulated.violate(f"{function.__name__} waits for the device")
            if function is torch.Tensor.cpu:
                return emulated.copy(tensor)
            if function is not torch.Tensor.tolist:
                raise TypeError("can't convert a device tensor to numpy, use Tensor.cpu() first")
        if function is torch.Tensor.to:
            return self._to(tensor, held, args[1:], kwargs)
        if (generator := kwargs.get("generator")) is not None:
            target = kwargs.get("device") or (DEVICE if held else "cpu")
            if generator.device.type != torch.device(target).type:
                raise RuntimeError(f"expected a {target} generator, got one of {generator.device}")
        target = kwargs.pop("device", None)
        if target is not None and torch.device(target).type != DEVICE.type:
            kwargs["device"] = target
        result = function(*args, **kwargs)
        if target is not None and torch.device(target).type == DEVICE.type:
            emulated.place(result)
        if function is torch.Tensor.__deepcopy__ and held:
            emulated.place(result)
        return result

    def _to(self, tensor, held, args, kwargs):
        emulated, named = self.emulated, [*args, *kwargs.values()]
        targets = [a for a in named if isinstance(a, torch.device)]
        targets += [torch.device(a) for a in named if isinstance(a, str)]
        targets += [DEVICE if emulated.holds(a) else torch.device("cpu") for a in named if isinstance(a, torch.Tensor)]
        types = [a for a in named if isinstance(a, torch.dtype)]
        types += [a.dtype for a in named if isinstance(a, torch.Tensor)]
        to_device = targets[0].type == DEVICE.type if targets else held
        if held and not to_device:
            if emulated.waiting_forbidden:
                emulated.violate("to() waits for the device")
            return emulated.copy(tensor).to(*types)
        if to_device and not held:
            if emulated.waiting_forbidden:
                emulated.violate("to() waits for a copy to the device")
            return emulated.place(emulated.copy(tensor.to(*types) if types else tensor))
        return tensor.to(*types) if types else tensor


class _Operations(TorchDispatchMode):
    """All operations; one with an argument on the device puts its results there."""

    def __init__(self, device):
        super().__init__()
        self.emulated = device

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        emulated, kwargs = self.emulated, kwargs or {}
        if emulated._copying:
            return function(*args, **kwargs)
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        held = [emulated.holds(tensor) for tensor in tensors]
        packet = function.overloadpacket
        if any(held):
            self._check(packet, tensors, held, function)
        result = function(*args, **kwargs)
        if any(held) and not (packet is aten.copy_ and not held[0]):
            for leaf in tree_leaves(result):
                if isinstance(leaf, torch.Tensor) and not emulated.holds(leaf):
                    emulated.place(leaf)
        return result

    def _check(self, packet, tensors, held, function):
        emulated = self.emulated
        if emulated.waiting_forbidden:
            masked = packet in INDEXING and any(t.dtype in (torch.bool, torch.uint8) for t in tensors[1:])
            between = packet is aten.copy_ and held[0] != held[1]
            if packet in WAITING or masked or between:
                emulated.violate(f"{function} waits for the device")
        if packet in COPIES or packet in INDEXING:
            return
        if any(tensor.dim() and not on for tensor, on in zip(tensors, held, strict=True)):
            emulated.violate(f"{function} mixes tensors of the device and of the CPU")


def _innermost(tensor):
    while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
    return tensor


def _storage(tensor):
    return _innermost(tensor).untyped_storage()._cdata
