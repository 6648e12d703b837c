"""What the tests of several objectives train on."""

import pytest

from vaelab import load


@pytest.fixture(scope="module")
def digits():
    return load("digits")
