"""The objective of a training in words, by which a checkpoint recognizes it."""

import dataclasses
import functools
import hashlib
import math
import re
import types
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from vaelab._utils.scalars import ScalarModule
from vaelab.models.priors import Standard
from vaelab.objectives.gamma import Fixed
from vaelab.objectives.objective import Experiment

Value = float | str | None
PREFIXES = {"likelihood.gamma": "gamma", "consistency_distance": "distance"}
# Scalars by label, with the function that turns what is stored into what the user gave.
SCALARS: dict[str, tuple[str, Callable[[float], float]]] = {
    "divergence.skew": ("alpha", float),
    "divergence.logit": ("alpha", lambda logit: 1 / (1 + math.exp(-logit))),
    "divergence.nats": ("nats", float),
    "gamma.logvar": ("gamma.start", lambda logvar: math.exp(logvar / 2)),
    "gamma.running": ("gamma.start", math.sqrt),
    "gamma.log_gamma": ("gamma.start", math.exp),
    "gamma.kappa": ("kappa", float),
    "annealing.target": ("target", float),
    "consistency_weight": ("consistency", float),
}
DERIVED = ("annealing.factor",)
MAX_DEPTH = 6
SHOWN = 80  # characters of a setting in a sentence


class Setting(NamedTuple):
    """A setting of an objective.

    Args:
        value: Number or text.
        tensors: Names, in the experiment's state, of the tensors that hold it.
    """

    value: Value
    tensors: frozenset[str] = frozenset()


def describe(experiment: Experiment, augment: object = None) -> dict[str, Setting]:
    """Return what a training minimizes: types and options of its objective, views and augmentation.

    Numbers are those that were given, not those which training has reached.

    Args:
        experiment: The experiment.
        augment: The transformation of a batch that `train` was given.

    Returns:
        Settings by name, such as "alpha", "gamma.rule", "annealing.steps" or "views".
    """
    settings = {"experiment": Setting(_name(type(experiment))), "augment": Setting(_text(augment))}
    settings["views"] = Setting(_text(experiment.views))
    settings |= _options(experiment, "", "", skip=("shape", "views"))
    of_model = {id(module) for module in experiment.model.modules()}
    for path, module in experiment.objective.named_modules():
        if id(module) in of_model:  # a divergence may refer to the model
            continue
        state, label = f"objective.{path}." if path else "objective.", PREFIXES.get(path, path)
        own = (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False))
        tensors = frozenset(state + name for name, _ in own) if path else frozenset()
        settings[label or "objective"] = Setting(_name(type(module)), tensors)
        settings |= _options(module, state, label)
    return settings


def describe_model(model: nn.Module) -> str:
    """Return the types of all modules of a model, with the options of torch's own."""
    parts = [
        f"{name} {_name(type(module))} {module.extra_repr() if _is_of_torch(module) else ''}"
        for name, module in model.named_modules()
        if not isinstance(module, Standard)  # which has no weights, and is not in older checkpoints
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def differences(ours: Mapping[str, Value], theirs: Mapping[str, Value]) -> dict[str, str]:
    """Return, for every setting that differs, both values in words."""
    names = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    pairs = {name: _where_they_differ(ours.get(name), theirs.get(name)) for name in names}
    return {name: f"{name}={new} instead of {old}" for name, (new, old) in pairs.items()}


def _where_they_differ(*values: Value) -> list[str]:
    """Return two values as short texts; of long ones the part from the first difference on."""
    if max(len(repr(value)) for value in values) <= SHOWN:
        return [repr(value) for value in values]
    texts = [re.sub(r"[\\'\"]", "", str(value)) for value in values]
    same = next((i for i, (new, old) in enumerate(zip(*texts, strict=False)) if new != old), min(map(len, texts)))
    start = max((found.end() for found in re.finditer(r"\(|, ", texts[0][:same])), default=0)
    return ["..." * bool(start) + text[start : start + SHOWN] for text in texts]


def _options(module: nn.Module, state: str, label: str, skip: tuple[str, ...] = ()) -> dict[str, Setting]:
    """The numbers and Python attributes of one module."""
    start = "" if label in ("", "divergence") else f"{label}."
    settings = {
        start + name: Setting(_text(value))
        for name, value in vars(module).items()
        if not name.startswith("_") and name not in ("training", *skip) and not isinstance(value, nn.Module)
    }
    for name, number in module.given.items() if isinstance(module, ScalarModule) else ():
        key = f"{label}.{name}".removeprefix(".")
        shown, convert = SCALARS.get(key, (start + name, float))
        if isinstance(module, Fixed):
            shown = "gamma"
        if key not in DERIVED:
            before = settings[shown].tensors if shown in settings else frozenset()
            settings[shown] = Setting(float(f"{convert(number):.12g}"), before | {state + name})
    return settings


def _text(value: object, depth: int = 0) -> Value:
    """A number as it is, anything else as a text that is the same in every process."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if depth > MAX_DEPTH:
        return _name(type(value))
    inner = functools.partial(_text, depth=depth + 1)
    if isinstance(value, Tensor | np.ndarray):
        array = value.detach().cpu().contiguous().view(torch.uint8).numpy() if isinstance(value, Tensor) else value
        return f"{_name(type(value))} {tuple(value.shape)} {hashlib.sha256(array.tobytes()).hexdigest()[:12]}"
    if isinstance(value, tuple | list):
        return f"({', '.join(repr(inner(part)) for part in value)})"
    if isinstance(value, dict):
        return f"({', '.join(f'{key!r}: {inner(part)!r}' for key, part in value.items())})"
    if isinstance(value, type):
        return _name(value)
    if isinstance(value, types.MethodType):
        return f"{inner(value.__func__)} of {inner(value.__self__)}"
    if isinstance(value, functools.partial):
        return f"partial {inner(value.func)} {inner(value.args)} {inner(value.keywords)}"
    if isinstance(value, types.FunctionType):
        return _function(value, depth)
    if dataclasses.is_dataclass(value):
        return f"{_name(type(value))}{inner({f.name: getattr(value, f.name) for f in dataclasses.fields(value)})}"
    if isinstance(value, nn.Module):
        options = {name: setting.value for name, setting in _options(value, "", "").items()}
        return f"{_name(type(value))}{inner(options)}{inner(list(value.children()))}"
    attributes = {name: part for name, part in getattr(value, "__dict__", {}).items() if not name.startswith("_")}
    return f"{getattr(value, '__qualname__', _name(type(value)))}{inner(attributes) if attributes else ''}"


def _function(function: types.FunctionType, depth: int) -> str:
    """Name, code, defaults and enclosed values; what may change while it is used only by type."""
    enclosed = []
    for cell in function.__closure__ or ():
        try:
            value = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
        fixed = not isinstance(value, list | dict | set)
        enclosed.append(_text(value, depth + 1) if fixed else _name(type(value)))
    defaults = [_text(part, depth + 1) for part in (function.__defaults__, function.__kwdefaults__)]
    parts = (_code(function.__code__), repr(defaults), repr(enclosed))
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return f"{function.__qualname__} {digest[:12]}"


def _code(code: types.CodeType) -> str:
    constants = [_code(part) if isinstance(part, types.CodeType) else _constant(part) for part in code.co_consts]
    return f"{code.co_code.hex()} {code.co_names} {constants}"


def _constant(value: object) -> str:
    return repr(sorted(map(repr, value))) if isinstance(value, frozenset) else repr(value)


def _name(kind: type) -> str:
    here = kind.__module__.startswith(("vaelab.", "builtins"))
    return kind.__qualname__ if here else f"{kind.__module__}.{kind.__qualname__}"


def _is_of_torch(module: nn.Module) -> bool:
    return type(module).__module__.startswith("torch.nn.")
