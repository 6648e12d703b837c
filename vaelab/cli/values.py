"""Values of command line options: each is of the type of its option, or refused in one sentence."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import tyro

from vaelab._utils.errors import InvalidValue, UserError, suggest
from vaelab._utils.files import user_path
from vaelab._utils.reading import printable

MAY_BE_EMPTY = object()  # marks an option for which no value at all has a meaning
INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
SMALLEST, LARGEST = 1e-37, 1e37  # in single precision, so that a sum of several is finite
KINDS = {int: "an integer of at most 18 digits", float: f"a number (0, or of size {SMALLEST:g} to {LARGEST:g})"}
KINDS |= {str: "a text of 1 to 255 characters", NoneType: "None"}
METAVARS: dict[Any, str] = {int: "INT", float: "FLOAT", str: "STR", Path: "PATH", NoneType: "{None}"}
SHOWN = 60  # characters of a value in a sentence


class Refused(UserError):
    """Arguments that a command does not take. It is no ValueError, which tyro would draw in a box."""


def checked(name: str, hint: Any) -> Any:
    """Return the type of an option, with the check of its values.

    Args:
        name: Name of the option in the sentence, such as "--latent".
        hint: Its type: int, float, str, Path, choices, or a tuple or a union of them; a bool is
            returned as it is, since such an option has no value.
    """
    plain, *rest = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    if plain is bool or any(getattr(part, "constructor_factory", None) for part in rest):
        return hint
    several = get_origin(plain) is tuple
    kind = get_args(plain)[0] if several else plain
    parts = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    if NoneType in parts and {str, Path} & set(parts):  # None is what an omitted one is, not a name
        parts = tuple(part for part in parts if part is not NoneType)
    metavar = "|".join(_metavar(part) for part in parts)

    def convert(texts: list[str]) -> Any:
        if not texts and MAY_BE_EMPTY not in rest:
            raise Refused(f"{name} needs a value.")
        values = tuple(_value(name, parts, text) for text in texts)
        return values if several else values[0]

    return Annotated[
        (
            plain,
            tyro.constructors.PrimitiveConstructorSpec(
                nargs="*" if several else 1,
                metavar=f"[{metavar} [{metavar} ...]]" if several else metavar,
                instance_from_str=convert,
                is_instance=lambda _: True,
                str_from_instance=lambda value: [str(one) for one in (value if several else [value])],
            ),
            *(part for part in rest if part is not MAY_BE_EMPTY),
        )
    ]


def shown(text: str) -> str:
    """Return a value between quotes, in printable characters, and shortened if it is long."""
    return f"'{printable(text[:SHOWN])}{'...' if len(text) > SHOWN else ''}'"


def _metavar(kind: Any) -> str:
    return f"{{{','.join(map(str, get_args(kind)))}}}" if get_origin(kind) is Literal else METAVARS[kind]


def _value(name: str, kinds: Sequence[Any], text: str) -> Any:
    """Return a text as a value of the first of these types that takes it."""
    if NoneType in kinds and text == "None":
        return None
    choices = [choice for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)]
    if text in choices:
        return text
    if int in kinds and INTEGER.fullmatch(text):
        return int(text)
    if float in kinds and NUMBER.fullmatch(text):
        number = float(text)
        if number == 0 or SMALLEST <= math.fabs(number) <= LARGEST:
            return number
    elif Path in kinds:
        return _path(name, text)
    elif str in kinds and text.strip() and len(text) <= (4096 if text.startswith("folder:") else 255):
        return text
    words = [KINDS[kind] for kind in kinds if kind in KINDS] + [f"one of {', '.join(choices)}"] * bool(choices)
    ending = f"; {suggest(text, choices)}" if choices and "did you mean" in suggest(text, choices) else "."
    raise Refused(f"{name} must be {' or '.join(words)}, got {shown(text)}{ending}")


def _path(name: str, text: str) -> Path:
    if not text.strip():
        raise Refused(f"{name}: path must not be empty, got {shown(text)}.")
    try:
        return user_path(text)
    except InvalidValue as error:
        raise Refused(f"{name}: {error}") from error
