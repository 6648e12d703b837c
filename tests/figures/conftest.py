"""Fixtures of the figures that train."""

import pytest

from vaelab.runs import store


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory):
    """One cache for a test file: its tests share trainings, as figures do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(
            "vaelab.runs.executors.cpu_count", lambda: 1
        )  # trained here: starting processes would take longer
        patch.setattr("vaelab.metrics.classifier.STEPS", 30)
        yield


@pytest.fixture
def no_training(monkeypatch):
    """Fail where a result is not in the store."""

    def fail(*args, **kwargs):
        raise AssertionError("this was trained before")

    monkeypatch.setattr(store, "attempt_each", fail)
