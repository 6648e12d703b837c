"""The doctor names what is amiss, with the remedy."""

import importlib.util
import types

import pytest
import torch

from vaelab.cli import doctor, versions

LINES = ["torch>=2.6", "numpy>=2.0", "ipykernel!=7.0.*,>=6.17.1; extra == 'lab'", "ruff>=0.11; extra == 'dev'"]


def lines_of(monkeypatch, check, present, tested=()):
    """What a check says with these packages installed, no others, and these versions tested."""
    monkeypatch.setattr(versions, "installed", present.get)
    monkeypatch.setattr(versions, "tested", lambda: dict(tested))
    return list(check())


@pytest.fixture
def metadata(monkeypatch):
    """The requirements of an installed wheel."""
    for module in (versions, doctor):
        monkeypatch.setattr(module, "repository", lambda: None)
    monkeypatch.setattr(versions.importlib.metadata, "requires", lambda name: LINES)


@pytest.fixture
def colab(monkeypatch):
    """A module google.colab that can be imported."""
    real = importlib.util.find_spec
    found = types.SimpleNamespace(name="google.colab")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: found if name == "google.colab" else real(name))


def test_it_counts_what_fails(monkeypatch, capsys):
    real = versions.installed
    monkeypatch.setattr(versions, "installed", lambda name: None if name in ("pooch", "ipykernel") else real(name))
    with pytest.raises(doctor.Unwell, match="3 of 8"):
        doctor.doctor()
    shown = capsys.readouterr().out
    assert "FAIL  packages: missing pooch; run `make setup`" in shown
    assert "FAIL  kernel: ipykernel is missing" in shown
    assert "OK    shipped data: Dataset(mnist-mini" in shown


def test_requirements_are_those_of_the_checkout_and_of_an_installed_wheel(metadata):
    assert versions.requirements("") == [("torch", "", "2.6", ()), ("numpy", "", "2.0", ())]
    assert versions.requirements("lab") == [("ipykernel", "lab", "6.17.1", ("7.0.",))]


def test_requirements_of_the_checkout_need_no_metadata(monkeypatch):
    monkeypatch.setattr(versions.importlib.metadata, "requires", lambda name: None)
    assert ("numpy", "", "2.0", ()) in versions.requirements("")
    assert ("ipykernel", "lab", "6.17.1", ("7.0.",)) in versions.requirements("lab")


@pytest.mark.parametrize(
    ("version", "other", "older"),
    [
        ("7.7.1", "7.34", True),
        ("3.9.2", "3.10", True),
        ("2.5.1", "2.6", True),
        ("2.6", "2.6.0", False),
        ("2.6.0", "2.6", False),
        ("2.13.0+cpu", "2.13.0", False),
        ("2.10.0a0+git1234", "2.6", False),
        ("2.14.1", "2.13.0", False),
        ("unknown", "1", True),
    ],
)
def test_versions_are_compared_as_numbers(version, other, older):
    assert versions.older(version, other) is older


def test_a_version_below_its_bound_fails_with_the_remedy(monkeypatch, metadata):
    with pytest.raises(
        doctor.Unwell, match=r'^numpy 1\.26\.4 is older than 2\.0; run `pip install "vaelab\[lab\]"`\.$'
    ):
        lines_of(monkeypatch, lambda: doctor._packages(""), {"torch": "2.6.0", "numpy": "1.26.4"})


def test_a_version_that_does_not_work_fails(monkeypatch, metadata):
    with pytest.raises(doctor.Unwell, match=r"^ipykernel 7\.0\.1 does not work; run"):
        lines_of(monkeypatch, lambda: doctor._packages("lab"), {"ipykernel": "7.0.1"})
    assert lines_of(monkeypatch, lambda: doctor._packages("lab"), {"ipykernel": "7.1.0"}) == ["ipykernel 7.1.0"]


def test_a_version_above_the_tested_one_is_noted(monkeypatch, metadata):
    tested, present = {"torch": "2.13.0", "numpy": "2.4.6"}, {"torch": "2.14.1+cu130", "numpy": "2.0.0"}
    fine, note = lines_of(monkeypatch, lambda: doctor._packages(""), present, tested)
    assert fine == "torch 2.14.1+cu130, numpy 2.0.0"
    assert not isinstance(fine, doctor.Note)
    assert isinstance(note, doctor.Note)
    assert note == "newer than the versions of the tests: torch 2.14.1+cu130 (tested: 2.13.0)."
    present["torch"] = "2.13.0+cpu"
    assert len(lines_of(monkeypatch, lambda: doctor._packages(""), present, tested)) == 1


def test_notes_are_no_failures(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "CHECKS", {"packages": lambda: iter(["numpy 9", doctor.Note("newer")])})
    doctor.doctor()
    assert capsys.readouterr().out == "OK    packages: numpy 9\nNOTE  packages: newer\n"


def test_the_versions_of_the_tests_are_those_of_the_constraints():
    assert versions.tested()["torch"] == "2.13.0"


def test_the_widgets_of_an_ordinary_installation_give_one_line(monkeypatch):
    present = {"ipywidgets": "8.1.9", "ipython": "9.18.1"}
    assert lines_of(monkeypatch, doctor._widgets, present) == ["ipywidgets 8.1.9 and ipython 9.18.1"]


def test_old_widgets_are_an_environment_like_colab(monkeypatch):
    present = {"ipywidgets": "7.7.1", "ipython": "7.34.0"}
    place, note = lines_of(monkeypatch, doctor._widgets, present)
    assert place == "an environment like Google Colab with ipywidgets 7.7.1 and ipython 7.34.0"
    assert isinstance(note, doctor.Note)
    assert note.startswith("panels, filmstrips, figures, trainings and the command line work here")
    with pytest.raises(doctor.Unwell, match="missing ipywidgets"):
        lines_of(monkeypatch, doctor._widgets, {"ipython": "7.34.0"})


def test_colab_needs_neither_jupyterlab_nor_the_kernel_of_vaelab(monkeypatch, metadata, colab):
    present = {"ipywidgets": "7.7.1", "ipython": "7.34.0", "ipykernel": "6.17.1"}
    assert lines_of(monkeypatch, doctor._widgets, present)[0].startswith("Google Colab with ipywidgets 7.7.1")
    assert lines_of(monkeypatch, doctor._kernel, present) == ["the one of Google Colab"]
    monkeypatch.setattr(
        versions.importlib.metadata, "requires", lambda name: [*LINES, "jupyterlab>=4.4; extra == 'lab'"]
    )
    note, found = lines_of(monkeypatch, lambda: doctor._packages("lab"), present)
    assert note == "missing jupyterlab, which Google Colab does not need."
    assert isinstance(note, doctor.Note)
    assert found == "ipykernel 6.17.1"
    with pytest.raises(doctor.Unwell, match="missing torch"):
        lines_of(monkeypatch, lambda: doctor._packages(""), {"numpy": "2.1.3"})


def test_it_refuses_the_kernel_that_loses_messages(monkeypatch):
    with pytest.raises(doctor.Unwell, match=r"7\.0\.1 loses messages"):
        lines_of(monkeypatch, doctor._kernel, {"ipykernel": "7.0.1"})


def test_it_misses_the_kernel(monkeypatch):
    monkeypatch.setattr("jupyter_client.kernelspec.KernelSpecManager.find_kernel_specs", lambda self: {"python3": ""})
    with pytest.raises(doctor.Unwell, match="'vaelab' is not installed"):
        list(doctor._kernel())


def test_it_refuses_an_old_python(monkeypatch):
    monkeypatch.setattr(doctor.sys, "version_info", (3, 9, 0))
    with pytest.raises(doctor.Unwell, match=r"must be 3\.11 or newer"):
        list(doctor._python())


@pytest.mark.parametrize(("release", "lines"), [((3, 11, 7), 1), ((3, 13, 0), 1), ((3, 12, 1), 2), ((3, 14, 0), 2)])
def test_it_says_on_which_pythons_the_tests_ran(monkeypatch, release, lines):
    monkeypatch.setattr(doctor.sys, "version_info", release)
    said = list(doctor._python())
    assert len(said) == lines
    if lines == 2:
        assert isinstance(said[1], doctor.Note)
        assert said[1] == f"the tests of vaelab ran on 3.11 and 3.13, not on 3.{release[1]}."


def test_it_names_the_accelerator(monkeypatch):
    monkeypatch.setattr("vaelab._utils.device.on_device", lambda name: torch.device("cpu"))
    assert list(doctor._device()) == ["CPU, 1 thread"]
    monkeypatch.setattr("vaelab._utils.device.on_device", lambda name: torch.device("xpu"))
    assert list(doctor._device()) == ["xpu, an accelerator of this machine"]
    monkeypatch.setattr("vaelab._utils.device.on_device", lambda name: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H200")
    assert list(doctor._device()) == ["cuda, NVIDIA H200"]
