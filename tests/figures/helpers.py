"""What the tests of several figures do with their results."""

import csv
import io

from figures.table import to_csv


def table(item, result):
    """Read the csv of a figure: one dict of texts per row."""
    return list(csv.DictReader(io.StringIO(to_csv(item.rows(result.numbers)))))


def draw(item, result):
    """Draw a figure whose alternative text names finite numbers."""
    words = item.alt(result.numbers)
    assert any(c.isdigit() for c in words)
    assert "nan" not in words
    return item.draw(result.numbers)
