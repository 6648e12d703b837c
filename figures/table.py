"""The numbers of a figure as one long table, from the names of their axes."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from vaelab.runs.store import Numbers

Row = dict[str, Any]
Spec = Mapping[Any, str | Sequence[Any]]  # of a table; `long_table` explains it


class Column(NamedTuple):
    """A column: its name, the dimensions it varies along, and its values with one axis for each."""

    name: str
    dimensions: tuple[str, ...]
    values: np.ndarray


def long_table(spec: Spec, numbers: Numbers) -> list[Row]:
    """Write arrays as a table with one row per combination of their dimensions.

    An array with fewer dimensions than another is repeated along the missing ones. Arrays that no
    such combination unites, as curves along z and integrals along alpha, follow one another.

    Args:
        spec: {array: dimensions}. The key names one or more arrays, separated by blanks, or is a
            function of the numbers, whose name becomes that of its column. The dimensions are
            names separated by blanks, or a sequence of names in which an axis that becomes
            several columns is the sequence of their names. A key that is neither is a dimension,
            and its value the labels along it.
        numbers: Arrays by name. One of the name of a dimension holds the labels along it; a
            dimension without labels is counted from 0.

    Returns:
        The rows as dicts: the labels of the dimensions, then the values.
    """
    columns: list[Column] = []
    labels: dict[str, Any] = dict(numbers)
    for key, value in spec.items():
        if callable(key):
            columns += _columns(key.__name__, key(numbers), value)
        elif set(key.split()) <= set(numbers):
            columns += [column for name in key.split() for column in _columns(name, numbers[name], value)]
        else:
            labels[key] = value
    sizes = {name: n for c in columns for name, n in zip(c.dimensions, c.values.shape, strict=True)}
    if unknown := [key for key in set(labels) - set(numbers) if key not in sizes]:
        raise KeyError(f"the table names {', '.join(unknown)}, which is neither an array nor a dimension")
    return [row for block in _blocks(columns) for row in _rows(block, columns, sizes, labels)]


def to_csv(rows: Sequence[Row]) -> str:
    """Write rows as csv: floats with 8 digits, yes or no, "" for nan and missing values."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _text(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _columns(name: str, values: np.ndarray, dimensions: str | Sequence[Any]) -> list[Column]:
    names = tuple(dimensions.split() if isinstance(dimensions, str) else dimensions)
    wide = [axis for axis, name in enumerate(names) if not isinstance(name, str)]
    if not wide:
        return [Column(name, names, values)]
    (axis,) = wide
    rest = names[:axis] + names[axis + 1 :]
    parts = np.moveaxis(values, axis, 0)
    return [Column(column, rest, part) for column, part in zip(names[axis], parts, strict=True)]


def _blocks(columns: Sequence[Column]) -> list[tuple[str, ...]]:
    """Return the combinations of dimensions that no other contains."""
    unique = {frozenset(c.dimensions): c.dimensions for c in reversed(columns)}
    return [names for key, names in reversed(unique.items()) if not any(key < other for other in unique)]


def _rows(
    block: tuple[str, ...], columns: Sequence[Column], sizes: Mapping[str, int], labels: Mapping[str, Any]
) -> list[Row]:
    inside = [column for column in columns if set(column.dimensions) <= set(block)]
    rows = []
    for index in np.ndindex(*(sizes[name] for name in block)):
        at = dict(zip(block, index, strict=True))
        row = {name: labels[name][i] if name in labels else i for name, i in at.items()}
        rows.append(row | {c.name: c.values[tuple(at[name] for name in c.dimensions)] for c in inside})
    return rows


def _text(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.8g}"
    return value
