"""Files are whole or absent, and the cache is where the user wants it."""

from pathlib import Path

import pytest

from vaelab._utils.errors import StorageError
from vaelab._utils.files import atomic_write, cache_folder

ROOT = Path(__file__).parents[2]


def test_files_are_whole_or_absent(tmp_path):
    path = tmp_path / "new" / "file.txt"

    def write_half():
        with atomic_write(path) as part:
            part.write_text("half")
            raise ValueError("stopped half-way")

    with pytest.raises(ValueError, match="half-way"):
        write_half()
    assert list(path.parent.iterdir()) == []
    with atomic_write(path) as part:
        part.write_text("whole")
    assert path.read_text() == "whole"
    with pytest.raises(StorageError, match=r"file\.txt.*a file is where"), atomic_write(path / "below.txt") as part:
        part.write_text("never")


def test_the_cache_lies_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("VAELAB_CACHE")
    assert cache_folder() == ROOT / "data" / "cache"
    monkeypatch.setattr("vaelab._utils.files.repository", lambda: None)
    assert "vaelab" in str(cache_folder())
