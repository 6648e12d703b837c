"""The commit beside a result is read without touching the repository of the user."""

import os
import re
import subprocess

from vaelab.runs import provenance


def test_reading_the_commit_leaves_the_index_alone(tmp_path, monkeypatch):
    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", "-C", tmp_path, *identity, *arguments], check=True, capture_output=True)

    git("init")
    (tmp_path / "a.py").write_text("1")
    git("add", ".")
    git("commit", "-m", "one")
    os.utime(tmp_path / "a.py", (1, 1))  # `git status` would write the new time into the index
    index = (tmp_path / ".git" / "index").read_bytes()
    monkeypatch.setattr(provenance, "repository", lambda: tmp_path)
    assert re.fullmatch("[0-9a-f]{12}", provenance._commit.__wrapped__())
    assert (tmp_path / ".git" / "index").read_bytes() == index
