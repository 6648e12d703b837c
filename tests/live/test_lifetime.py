"""Panels end: closed, dropped or displayed by a cell that runs again, they leave no thread, no widget, no memory."""

import ctypes
import dataclasses
import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from contextlib import suppress
from functools import partial
from pathlib import Path
from unittest import mock

import ipywidgets
import numpy as np
import psutil
import pytest
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.manager import KernelManager
from matplotlib.axis import Axis

from tests.live.makers import small_panels
from tests.live.waiting import wait_for
from vaelab import live, load, plots
from vaelab._utils.errors import InvalidValue
from vaelab.live import lifetime
from vaelab.live.figure import dismantle
from vaelab.live.panels import scale, training_example
from vaelab.live.trainer import Trainer

VIEW = "application/vnd.jupyter.widget-view+json"
ROOT = Path(__file__).resolve().parents[2]
KERNEL = """
import gc, threading, time
import ipywidgets
from vaelab import live

WIDGETS = getattr(ipywidgets.widgets.widget, "_instances", None)
WIDGETS = ipywidgets.Widget.widgets if WIDGETS is None else WIDGETS

def count():
    gc.collect()
    panels = sum("vaelab-panel" in getattr(widget, "_dom_classes", ()) for widget in list(WIDGETS.values()))
    return panels, sum(thread.name == "vaelab-training" for thread in threading.enumerate())

def report(expected):
    end = time.monotonic() + 60
    while count() != (expected, expected) and time.monotonic() < end:
        time.sleep(0.05)
    print("{} panel, {} training".format(*count()))
"""
WIDGETS = getattr(ipywidgets.widgets.widget, "_instances", None)
WIDGETS = ipywidgets.Widget.widgets if WIDGETS is None else WIDGETS


def names():
    return sorted(thread.name for thread in threading.enumerate())


def trainings():
    return names().count("vaelab-training")


@pytest.fixture(autouse=True)
def _leave_nothing_to_other_tests():
    gc.collect()
    yield
    for panel in [panel for panels in lifetime._displayed.values() for panel in panels]:
        panel.close()
    lifetime._displayed.clear()


@pytest.fixture(scope="module")
def makers(tmp_path_factory):
    """Every kind of panel; the scale panel measures once."""
    panels = small_panels()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        first = panels["scale_panel"]()
        assert first.settle(60)
        measured = first.spec.prepare()
        patch.setattr(scale, "_measure", lambda *_: measured)
        yield {**panels, "training_panel": partial(panels["training_panel"], epochs=400)}


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """An IPython shell without a kernel, and `run`, which runs a cell."""
    from traitlets.config import Config

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    # The filmstrip is not what is tested here.
    monkeypatch.setattr("vaelab.live.spec.draw_filmstrip", lambda *_: np.zeros((1, 1, 3), np.uint8))
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    shell.run_cell("from vaelab import live", store_history=True)

    def run(cell):
        result = shell.run_cell(cell, store_history=True)
        assert result.success, result.error_in_exec
        gc.collect()
        return result

    shell.run = run
    yield shell
    InteractiveShell.clear_instance()


# -- dropped


def memory():
    """Bytes in use: what is freed is returned to the system first, which glibc does only above a threshold."""
    gc.collect()
    with suppress(AttributeError, OSError):  # not with glibc
        ctypes.CDLL(None).malloc_trim(0)
    return psutil.Process().memory_info().rss


def test_a_hundred_panels_of_all_kinds_leave_nothing_behind(makers):
    def one_of_each():
        for make in makers.values():
            panel = make()
            if hasattr(panel, "start"):
                panel.start()
            del panel

    one_of_each()  # what is kept for good: fonts, caches, the classifier
    before = memory()
    widgets = len(WIDGETS)
    for _ in range(10):
        one_of_each()
    gc.collect()
    assert len(WIDGETS) == widgets
    wait_for(lambda: not {"vaelab-training", "vaelab-live"} & set(names()))
    assert memory() - before < 20 * 2**20


@pytest.mark.parametrize("kind", ["divergence_panel", "latent_panel", "training_panel"])
def test_the_last_reference_frees_a_panel_at_once(makers, kind):
    widgets = len(WIDGETS)
    gc.disable()
    try:
        panel = makers[kind]()
        panel.settle()
        gone = weakref.ref(panel)
        assert len(WIDGETS) > widgets
        del panel
        wait_for(lambda: gone() is None)
    finally:
        gc.enable()
    assert len(WIDGETS) == widgets


def test_dropping_or_closing_a_training_panel_stops_its_thread():
    for drop in (False, True):
        panel = live.training_panel(epochs=400)
        panel.start()
        wait_for(lambda panel=panel: panel.trainer.record.steps > 0)
        trainer = panel.trainer
        if not drop:
            panel.close()
        del panel
        assert trainer.join(20)
        assert trainer.state == "stopped"


@pytest.mark.parametrize("end", [lambda panels: panels[0].close(), lambda panels: panels.clear()])
def test_closing_or_dropping_a_panel_stops_what_prepares_its_picture(end):
    steps = []

    def work(check):
        while True:
            check()
            steps.append(0)
            time.sleep(0.001)

    panels = [live.Panel(dataclasses.replace(live.rho_panel().spec, prepare=work))]
    wait_for(lambda: steps)
    assert "vaelab-prepare" in names()
    end(panels)
    gc.collect()
    wait_for(lambda: "vaelab-prepare" not in names())


def test_a_training_stopped_while_its_data_are_loaded_does_not_begin(monkeypatch):
    panel, gate = live.training_panel(epochs=400), threading.Event()
    monkeypatch.setattr("vaelab.live.trainer.load", lambda name: (gate.wait(60), load(name))[1])
    panel.start()
    trainer = panel.trainer
    panel.close()
    gate.set()
    assert trainer.join(20)
    assert (trainer.state, trainer.experiment) == ("stopped", None)


def test_the_interpreter_does_not_wait_for_the_end_of_what_prepares_a_picture():
    code = (
        "import dataclasses, time\nfrom vaelab import live\n"
        "def work(check):\n    while True:\n        check()\n        time.sleep(0.01)\n"
        "panel = live.Panel(dataclasses.replace(live.rho_panel().spec, prepare=work))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=120).returncode == 0


def test_a_panel_that_cannot_be_built_leaves_no_widget():
    widgets = len(WIDGETS)
    for wrong in ({"style": "huge"}, {"alpha": 7.0}):
        with pytest.raises(InvalidValue):
            live.training_panel(**wrong)
    assert len(WIDGETS) == widgets


def test_the_interpreter_ends_cleanly_while_a_panel_trains():
    code = (
        "import time\nfrom vaelab import live\npanel = live.training_panel(epochs=400)\npanel.start()\n"
        "while not panel.trainer.record.steps:\n    time.sleep(0.01)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=120).returncode == 0


# -- closed


@pytest.mark.parametrize("kind", ["rho_panel", "training_panel"])
def test_a_closed_panel_says_so_in_one_sentence_and_closes_twice(makers, kind):
    widgets = len(WIDGETS)
    panel = makers[kind]()
    uses = [lambda: panel.set(), panel.reset, panel.settle, panel.rest, lambda: panel.alt, lambda: panel.filmstrip]
    uses += [panel._ipython_display_, lambda: live.show(panel), lambda: panel.controls, lambda: panel.box]
    if kind == "training_panel":
        uses += [panel.start, panel.pause, panel.step, panel.stop, panel.restart, panel.show_code]
        uses += [lambda: panel.code, lambda: panel.setup]
    else:
        uses += [lambda: panel.values]
    panel.close()
    panel.close()
    assert len(WIDGETS) == widgets
    for use in uses:
        with pytest.raises(InvalidValue, match=r"^the panel must be open, but it was closed: build it again\.$"):
            use()
    assert not hasattr(panel, "__array__")


def test_an_open_panel_still_names_the_attribute_that_it_lacks():
    with pytest.raises(AttributeError, match="no attribute 'shade'"):
        _ = live.rho_panel().shade


def test_whoever_waits_for_the_picture_of_a_panel_hears_that_it_was_closed():
    panel, raised = live.rho_panel(), []
    panel._redraw = lambda: None
    panel.set(rho=2.0)

    def wait():
        try:
            panel.settle(600)
        except InvalidValue as error:
            raised.append(str(error))

    waiter = threading.Thread(target=wait)
    waiter.start()
    wait_for(lambda: panel._waiting)
    panel.close()
    waiter.join(60)
    assert raised == ["the panel must be open, but it was closed: build it again."]


# -- displayed


@pytest.mark.parametrize(
    "cell", ["live.training_panel(epochs=400)", "p = live.training_panel(epochs=400)\np.start()\np", "live.show({})"]
)
def test_a_cell_that_runs_five_times_keeps_one_panel_and_one_training(shell, cell):
    cell = cell.format("live.training_panel(epochs=400)")
    shell.run(cell)
    one = len(WIDGETS)
    for _ in range(4):
        shell.run(cell)
    wait_for(lambda: len(WIDGETS) == one and trainings() == int("start" in cell))


def test_a_panel_in_a_variable_stays_usable_when_the_cell_that_displays_it_runs_again(shell):
    shell.run("panel = live.rho_panel()")
    for _ in range(3):
        shell.run("panel")
        shell.run("live.show(panel)")
        shell.run("panel.set(rho=2.0)\nassert panel.settle()")
    assert "panel" in shell.user_ns
    assert shell.user_ns["panel"].values["rho"] == 2.0
    assert shell.user_ns["panel"].box.comm is not None


def test_the_front_end_s_id_tells_an_edited_cell_from_another_with_the_same_text(shell):
    request = {"metadata": {"cellId": "first"}}
    shell.get_parent = lambda: request
    widgets = len(WIDGETS)
    shell.run("live.rho_panel()")
    one = len(WIDGETS) - widgets
    request["metadata"] = {"cellId": "second"}
    shell.run("live.rho_panel()")
    assert len(WIDGETS) == widgets + 2 * one
    shell.run("live.rho_panel(rho=2.0)")  # the second cell, edited
    assert len(WIDGETS) == widgets + 2 * one
    request["metadata"] = {"cellId": "third", "deletedCells": ["first", "second", "unknown"]}
    shell.run("1 + 1")
    assert len(WIDGETS) == widgets


def test_a_training_that_no_cell_displays_any_more_stops_and_one_that_is_displayed_again_goes_on(shell):
    request = {"metadata": {"cellId": "first"}}
    shell.get_parent = lambda: request
    shell.run("panel = live.training_panel(epochs=400)\nlive.show(panel)\npanel.start()")
    panel = shell.user_ns["panel"]
    wait_for(lambda: panel.trainer.record.steps > 0)
    shell.run("live.show(panel)")
    assert panel.trainer._stopped is False
    request["metadata"] = {"cellId": "second", "deletedCells": ["first"]}
    shell.run("0")
    assert panel.trainer.join(20)
    assert panel.trainer.state == "stopped"
    panel.set(alpha=0.5)
    panel.close()


def test_a_kernel_frees_what_an_edited_and_then_deleted_cell_displayed(tmp_path):
    """With the requests of JupyterLab, which name the cell and those deleted since the last one."""
    manager = KernelManager()
    manager.kernel_spec.argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager.start_kernel(cwd=str(tmp_path), env={**os.environ, "PYTHONPATH": str(ROOT)})
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=120)

        def run(code, cell, deleted=()):
            content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}}
            request = client.session.msg("execute_request", content)
            request["metadata"] = {"cellId": cell, "deletedCells": list(deleted)}
            client.shell_channel.send(request)
            outputs = []
            while True:
                message = client.get_iopub_msg(timeout=120)
                if message["parent_header"].get("msg_id") != request["header"]["msg_id"]:
                    continue
                assert message["msg_type"] != "error", message["content"]["traceback"]
                if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                    return outputs
                outputs.append(message["content"])

        run(KERNEL, "setup")
        for seed in range(2):
            outputs = run(f"p = live.training_panel(seed={seed}, epochs=400)\np.start()\np", "panel")
            assert any(VIEW in output.get("data", ()) for output in outputs)
            assert [o["text"] for o in run("report(1)", "count") if "text" in o] == ["1 panel, 1 training\n"]
        run("del p", "other", ["panel"])
        assert [o["text"] for o in run("report(0)", "count") if "text" in o] == ["0 panel, 0 training\n"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


# -- the still picture of the training panel


@pytest.mark.parametrize("setup", [{}, {"divergence": "KL(q‖p)"}, {"views": "simple"}])
def test_displaying_a_training_panel_trains_nothing(setup, monkeypatch):
    monkeypatch.setattr(Trainer, "start", mock.Mock(side_effect=AssertionError("a training was started")))
    panel = live.training_panel(**setup)
    live.show(panel)
    assert len(panel.filmstrip) > 5000
    assert "an example: a VAE in training on mnist-mini" in panel.alt


def test_the_shipped_examples_are_what_their_trainings_give():
    for name, setup in training_example.EXAMPLES.items():
        assert training_example.example(setup) == name
    shipped, fresh = training_example._numbers("js"), training_example.compute(training_example.EXAMPLES["js"])
    assert shipped["epochs"].tolist() == fresh["epochs"].tolist() == [4, 8, 12]
    for key in ("rate", "distortion"):
        assert np.allclose(shipped[key], fresh[key], rtol=0.02), key
        assert all(f"{number:.1f}" in training_example.filmstrip_alt("js") for number in shipped[key])
    assert np.abs(shipped["images"].astype(int) - fresh["images"].astype(int)).max() <= 8
    assert np.array_equal(shipped["labels"], fresh["labels"])


def test_a_figure_is_freed_without_making_the_ticks_that_it_never_drew(monkeypatch):
    drawn, undrawn = plots.new_figure(4, 3), plots.new_figure(4, 3)
    parts = [figure.subplots().xaxis for figure in (drawn, undrawn)]
    drawn.canvas.draw()
    tick = parts[0].majorTicks[0]
    with monkeypatch.context() as patch:
        patch.setattr(Axis, "_get_tick", lambda *_, **__: pytest.fail("a tick was made"))
        for figure in (drawn, undrawn):
            dismantle(figure)
    assert not any(vars(part) for part in (*parts, tick, drawn, undrawn))
