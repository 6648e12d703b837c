"""JupyterLab and a browser for the tests; without Chromium they are skipped, but never in CI."""

import os
import subprocess
import sys

import lab
import pytest


@pytest.fixture(scope="session")
def chromium():
    try:
        return lab.chromium()
    except FileNotFoundError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def ipykernel_6(tmp_path_factory):
    """A folder with ipykernel 6.31, the last of its line."""
    packages = tmp_path_factory.mktemp("ipykernel-6")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(packages)]
    subprocess.run([*pip, "ipykernel==6.31.0", "nest_asyncio"], check=True)
    return packages


@pytest.fixture
def folder(tmp_path):
    """A folder for a server, with the newest kernel."""
    lab.kernelspec(tmp_path, "vaelab")
    return tmp_path
