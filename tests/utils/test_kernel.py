"""The kernel named vaelab: its description of the language is that of the committed notebooks, on every Python."""

import json
import sys
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

from vaelab._utils.kernel import LANGUAGE

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def client():
    """A client of a kernel that is started as `jupyter/kernel.json` says."""
    spec = json.loads((ROOT / "jupyter" / "kernel.json").read_text())
    manager = KernelManager(kernel_name="vaelab")
    manager._kernel_spec = KernelSpec(**{**spec, "argv": [sys.executable, *spec["argv"][1:]]})
    manager.start_kernel(extra_arguments=["--log-level=40"])
    client = manager.client()
    client.start_channels()
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_the_kernel_reports_the_language_of_the_committed_notebooks(client):
    client.wait_for_ready(timeout=60)
    information = client.kernel_info(reply=True, timeout=60)["content"]
    assert information["language_info"] == LANGUAGE
    assert sys.version.split()[0] in information["banner"]  # the exact version is still there for a reader


def test_every_committed_notebook_has_this_description():
    notebooks = list((ROOT / "notebooks").rglob("[0-9][0-9]_*.ipynb"))
    assert notebooks
    for path in notebooks:
        assert json.loads(path.read_text(encoding="utf-8"))["metadata"]["language_info"] == LANGUAGE, path
