"""`vaelab notebooks`: copies all or nothing, and replaces no file unasked."""

import errno
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from vaelab._utils.errors import DataError
from vaelab.data import shipped

ROOT = Path(__file__).parents[2]
COMMITTED = {path.name: path.read_bytes() for path in (ROOT / "notebooks" / "student").glob("*.ipynb")}
SOLUTIONS = {path.name: path.read_bytes() for path in (ROOT / "notebooks" / "solutions").glob("*.ipynb")}
ALL = f"{len(COMMITTED)} of {len(COMMITTED)}"
FIRST, *_, LAST = sorted(COMMITTED)


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def refused(result):
    """The one sentence of a command that has failed."""
    status, output, errors = result
    assert status == 2
    assert output == ""
    (sentence,) = errors.splitlines()
    assert sentence.startswith("vaelab: ")
    return sentence


def test_it_copies_every_notebook_into_a_new_folder_and_says_how_to_open_them(tmp_path, vaelab):
    folder = tmp_path / "my course" / "vae"
    status, output, _ = vaelab("notebooks", str(folder))
    assert status == 0
    assert content(folder) == COMMITTED
    *paths, summary, opening = output.splitlines()
    assert paths == [str(folder / name) for name in sorted(COMMITTED)]
    assert summary == f"{ALL} notebooks copied into {folder}."
    assert opening == f"Open them with: jupyter lab '{folder}'"


def test_the_solutions_are_copied_on_request(tmp_path, vaelab):
    assert vaelab("notebooks", str(tmp_path), "--solutions")[0] == 0
    assert content(tmp_path) == SOLUTIONS
    assert SOLUTIONS.keys() == COMMITTED.keys()
    assert not any(SOLUTIONS[name] == COMMITTED[name] for name in SOLUTIONS)


def test_what_is_there_already_is_left_as_it_is_and_counted(tmp_path, vaelab):
    vaelab("notebooks", str(tmp_path))
    (tmp_path / LAST).unlink()
    (tmp_path / "notes.txt").write_text("mine")
    before = (tmp_path / FIRST).stat()
    status, output, _ = vaelab("notebooks", str(tmp_path))
    assert status == 0
    assert f"1 of {len(COMMITTED)} notebooks copied into {tmp_path}; unchanged: {len(COMMITTED) - 1}." in output
    assert str(tmp_path / FIRST) not in output
    after = (tmp_path / FIRST).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert content(tmp_path) == {**COMMITTED, "notes.txt": b"mine"}


def test_a_changed_notebook_is_not_replaced_and_nothing_is_copied(tmp_path, vaelab):
    (tmp_path / FIRST).write_text("my answers")
    (tmp_path / LAST).symlink_to(tmp_path / "nowhere")
    sentence = refused(vaelab("notebooks", str(tmp_path)))
    assert f"{FIRST}, {LAST} in {tmp_path} must be unchanged or absent" in sentence
    assert "another folder" in sentence
    assert "--overwrite" in sentence
    assert sorted(path.name for path in tmp_path.iterdir()) == [FIRST, LAST]
    assert (tmp_path / FIRST).read_text() == "my answers"
    status, output, _ = vaelab("notebooks", str(tmp_path), "--overwrite")
    assert status == 0
    assert ALL in output
    assert content(tmp_path) == COMMITTED
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("options", [(), ("--overwrite",)])
def test_a_folder_in_the_place_of_a_notebook_is_never_replaced(tmp_path, vaelab, options):
    (tmp_path / LAST).mkdir()
    sentence = refused(vaelab("notebooks", str(tmp_path), *options))
    assert f"{LAST} in {tmp_path} must be a file" in sentence
    assert [path.name for path in tmp_path.iterdir()] == [LAST]


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("", "DIR: path must not be empty"),
        ("  ", "DIR: path must not be empty"),
        ("file", "a file is where a folder is needed"),
        ("file/course", "a part of that path is a file"),
        ("n" * 300, "File name too long"),
        ("~nosuchuser/course", "path of this system, got ~nosuchuser/course"),
    ],
)
def test_a_folder_that_cannot_be_gets_a_sentence(folder, words, tmp_path, monkeypatch, vaelab):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    assert words in refused(vaelab("notebooks", folder))
    assert content(tmp_path) == {"file": b"mine"}


@pytest.mark.parametrize(
    ("number", "words"), [(errno.EROFS, "read-only"), (errno.EACCES, "permission"), (errno.ENOSPC, "disk is full")]
)
def test_a_folder_that_cannot_be_written_gets_a_sentence(number, words, tmp_path, monkeypatch, vaelab):
    def fail(path, data):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_bytes", fail)
    assert words in refused(vaelab("notebooks", str(tmp_path)))
    assert content(tmp_path) == {}


def test_a_disk_that_is_full_half_way_leaves_nothing(tmp_path):
    """A limit that the first notebooks keep and a later one exceeds."""
    limit = max(len(COMMITTED[FIRST]), len(COMMITTED[sorted(COMMITTED)[1]])) + 1
    assert limit < max(map(len, COMMITTED.values()))
    result = subprocess.run(
        [sys.executable, "-m", "vaelab", "notebooks", str(tmp_path)],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        check=False,
    )
    assert "cannot write" in refused((result.returncode, result.stdout, result.stderr))
    assert content(tmp_path) == {}


def test_a_tilde_in_quotes_is_the_user_folder(tmp_path, monkeypatch, vaelab):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert vaelab("notebooks", "~/course")[0] == 0
    assert content(tmp_path / "course") == COMMITTED


def test_without_jupyterlab_it_says_how_to_add_it(tmp_path, monkeypatch, vaelab):
    monkeypatch.setitem(sys.modules, "jupyterlab", None)
    assert 'pip install "vaelab[lab]"' in vaelab("notebooks", str(tmp_path))[1]


@pytest.mark.parametrize(("checkout", "remedy"), [(True, "git checkout notebooks/"), (False, "install vaelab again")])
def test_missing_notebooks_get_a_sentence(checkout, remedy, tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "repository", lambda: tmp_path if checkout else None)
    with pytest.raises(DataError, match=remedy):
        shipped.notebook_files()
    with pytest.raises(DataError, match=r"folder figures/ of the vaelab repository"):
        shipped.figure_table("cr-lambda")


def test_no_notebook_reads_a_file_of_the_repository():
    """They are copied to where there is none; a table is had by `figure_table`."""
    for source in (ROOT / "notebooks" / "source").glob("*.py"):
        text = source.read_text(encoding="utf-8")
        assert not re.search(r"""\.\./|\bPath\(|["'](figures|data)/""", text), source.name
