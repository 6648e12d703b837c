"""Data sets by name: found or fetched, checked, as uint8 images [n, c, h, w] with origin and licence."""

from vaelab.datasets.dataset import Dataset
from vaelab.datasets.inventory import Row, Verdict, describe, get, verify, where
from vaelab.datasets.loading import load, names

__all__ = ["Dataset", "Row", "Verdict", "describe", "get", "load", "names", "verify", "where"]
