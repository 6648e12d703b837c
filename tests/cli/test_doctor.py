"""The doctor names what is amiss, with the remedy."""

import importlib.metadata

import pytest

from vaelab.cli import doctor


def test_it_names_what_is_missing(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "_installed", lambda name: name not in ("pooch", "ipykernel"))
    with pytest.raises(doctor.Unwell, match="3 of 7"):
        doctor.doctor()
    shown = capsys.readouterr().out
    assert "FAIL  packages: missing pooch; run `make setup`" in shown
    assert "FAIL  kernel: ipykernel is missing" in shown


def test_it_refuses_the_kernel_that_loses_messages(monkeypatch):
    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "7.0.1" if name == "ipykernel" else real(name))
    with pytest.raises(doctor.Unwell, match=r"7\.0\.1 loses messages"):
        list(doctor._kernel())


def test_it_misses_the_kernel(monkeypatch):
    monkeypatch.setattr("jupyter_client.kernelspec.KernelSpecManager.find_kernel_specs", lambda self: {"python3": ""})
    with pytest.raises(doctor.Unwell, match="'vaelab' is not installed"):
        list(doctor._kernel())


def test_it_refuses_an_old_python(monkeypatch):
    monkeypatch.setattr(doctor.sys, "version_info", (3, 9, 0))
    with pytest.raises(doctor.Unwell, match=r"must be 3\.11 or newer"):
        list(doctor._python())
