"""One thread for all tests: results do not depend on the machine's load, and neither does their speed."""

import os
import sys

import pytest
import torch

from vaelab.cli import commands

torch.set_num_threads(1)
FAST = os.environ.pop("VAELAB_FAST", "0")  # for the kernels of notebooks, not for the tests in this process


@pytest.fixture(scope="session")
def fast():
    """The value of VAELAB_FAST with which the tests were started."""
    return FAST


@pytest.fixture
def vaelab(monkeypatch, capsys):
    """Run a command in this process: (exit status, its output, its errors)."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["vaelab", *arguments])
        status = 0
        try:
            commands.main()
        except SystemExit as exit:
            status = exit.code
        return status, *capsys.readouterr()

    return run
