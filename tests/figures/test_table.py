"""The long table of a figure: one row per combination of named dimensions."""

import numpy as np
import pytest

from figures.table import long_table, to_csv

NUMBERS = {
    "alpha": np.array([0.1, np.nan]),
    "z": np.array([1, 2, 3]),
    "value": np.arange(6.0).reshape(2, 3),
    "pair": np.array([[[5, 6]] * 3] * 2),
    "active": np.array([True, False]),
    "level": np.array(7),
}


def total(n):
    return n["value"].sum(1)


def test_arrays_are_repeated_along_the_dimensions_they_lack():
    spec = {"value": "alpha z", "active": "alpha", "level": "", total: "alpha", "pair": ("alpha", "z", ("a", "b"))}
    rows = long_table(spec, NUMBERS)
    assert len(rows) == 6
    assert rows[1] == {
        "alpha": 0.1, "z": 2, "value": 1.0, "active": True, "level": 7, "total": 3.0, "a": 5, "b": 6
    }  # fmt: skip
    assert to_csv(rows).splitlines()[:2] == ["alpha,z,value,active,level,total,a,b", "0.1,1,0,yes,7,3,5,6"]
    assert to_csv(rows).splitlines()[-1] == ",3,5,no,7,12,5,6"


def test_labels_are_given_or_counted():
    rows = long_table({"line": ["first", "second"], "value": "line point"}, NUMBERS)
    assert [(row["line"], row["point"], row["value"]) for row in rows][3:] == [
        ("second", 0, 3.0), ("second", 1, 4.0), ("second", 2, 5.0)
    ]  # fmt: skip


def test_arrays_that_nothing_unites_follow_one_another():
    rows = long_table({"active": "alpha", "z": "point"}, NUMBERS)
    assert [set(row) for row in rows] == [{"alpha", "active"}] * 2 + [{"point", "z"}] * 3
    assert to_csv(rows).splitlines()[2:4] == [",no,,", ",,0,1"]


def test_a_name_that_is_nothing_is_found():
    with pytest.raises(KeyError, match="valu"):
        long_table({"valu": "alpha z", "active": "alpha"}, NUMBERS)
