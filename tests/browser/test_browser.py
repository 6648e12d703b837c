"""Panels in a browser: mouse, keyboard, a training beside them, a restarted kernel."""

import io
import json
import statistics
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
import lab

PANELS = (
    "live.divergence_panel()",
    "live.mixture_panel()",
    "live.rho_panel()",
    "live.truth_panel()",
    "live.latent_panel(flat, digits.images[:300], digits.labels[:300])",
    "live.latent_panel(deep, digits.images[:300])",
    "live.posterior_panel(deep, digits.images[:300])",
    "live.balance_panel(epochs=1)",
)
PREPARE = """
import torch, vaelab
from vaelab import live
digits = vaelab.load("digits")
torch.manual_seed(0)
flat, deep = (vaelab.recipes.vae((1, 8, 8), latent, hidden=(16,)) for latent in (2, 4))
"""
TWO = ("from vaelab import live", "panel = live.divergence_panel()\nlive.show(panel)")
BUSY = "import time, os\nif os.path.exists('busy'):\n    time.sleep(8)\nopen('busy', 'w').close()"
TRAINING = "steered = live.training_panel(epochs=400, network='mlp 400')\nlive.show(steered)"
# Number of trainings and of widgets in the kernel, once they are as expected or after 20 s.
COUNT = """
import gc, threading, time
import ipywidgets
trainings, widgets = {}, {}
for _ in range(200):
    gc.collect()
    counts = sum(t.name == "vaelab-training" for t in threading.enumerate()), len(ipywidgets.widgets.widget._instances)
    if counts[0] == trainings and widgets in (None, counts[1]):
        break
    time.sleep(0.1)
print(*counts)
"""
# Whether there are two filmstrips, of which so many are visible.
FILMSTRIPS = """(visible) => {
  const strips = [...document.querySelectorAll('img.vaelab-filmstrip')];
  return strips.length === 2 && strips.filter(strip => strip.checkVisibility()).length === visible;
}"""


IDLE = """() => !document.querySelector('.jp-Notebook-ExecutionIndicator[data-status="busy"]')"""


def pixels(browser, panel):
    return np.asarray(Image.open(io.BytesIO(browser.source(panel))).convert("RGB"))


def drag(browser, handle, dx):
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    browser.page.mouse.move(x, y)
    browser.page.mouse.down()
    for i in range(1, 9):
        browser.page.mouse.move(x + dx * i / 8, y)
        browser.page.wait_for_timeout(15)
    browser.page.mouse.up()


def towards_the_middle(browser, handle):
    """The length of a drag that stays on the track, wherever the handle is."""
    track = handle.locator("xpath=ancestor::*[contains(@class, 'noUi-target')]").bounding_box()
    at = handle.bounding_box()
    left = at["x"] + at["width"] / 2 - track["x"] > track["width"] / 2
    return -0.4 * track["width"] if left else 0.4 * track["width"]


def press_until_changed(browser, panel, handle, key):
    """Press an arrow key up to ten times: whole or snapping sliders need several."""
    before = pixels(browser, panel)
    handle.focus()
    for _ in range(10):
        browser.page.keyboard.press(key)
        browser.page.wait_for_timeout(350)
        if not np.array_equal(before, pixels(browser, panel)):
            return True
    return False


def test_every_slider_of_every_panel_follows_mouse_and_keyboard(chromium, folder):
    cells = [PREPARE, *(f"live.show({panel})" for panel in PANELS)]
    path = lab.notebook(folder / "panels.ipynb", cells)
    with lab.server(folder) as address, lab.browser() as browser:
        browser.open(address, path, cells=len(cells))
        for index, name in enumerate(PANELS):
            panel = browser.panel(index)
            panel.scroll_into_view_if_needed()
            browser.picture(panel).wait_for()
            browser.page.wait_for_function(IDLE)  # the note that the kernel is busy takes a line
            height = panel.bounding_box()["height"]
            handles = panel.locator(".noUi-handle")
            for i in range(handles.count()):
                handle = handles.nth(i)
                if "latent_panel(flat" in name and i == 2:
                    panel.get_by_role("button", name="10 x 10").click()  # its width
                    browser.page.wait_for_timeout(300)
                handle.scroll_into_view_if_needed()
                before = pixels(browser, panel)
                drag(browser, handle, towards_the_middle(browser, handle))
                browser.page.wait_for_timeout(400)
                assert not np.array_equal(before, pixels(browser, panel)), f"{name}: slider {i} by mouse"
                moved = press_until_changed(browser, panel, handle, "ArrowRight") or press_until_changed(
                    browser, panel, handle, "ArrowLeft"
                )
                assert moved, f"{name}: slider {i} by keyboard"
            assert panel.bounding_box()["height"] == height, f"{name} jumps"
        assert browser.errors == []


def check_a_kernel(folder, kernel):
    """Sliders alone, while a VAE trains and is steered, and after a restart."""
    path = lab.notebook(folder / "one.ipynb", [*TWO, TRAINING, BUSY], kernel)
    with lab.server(folder) as address, lab.browser() as browser:
        browser.open(address, path, cells=4)
        panel, steered = browser.panel(0), browser.panel(1)
        handle = panel.locator(".noUi-handle").first
        assert len(browser.event_to_paint(panel, handle, presses=6)) >= 5

        steered.get_by_role("button", name="Start", exact=True).click()
        browser.page.wait_for_function("() => /Running: step/.test(document.body.innerText)", timeout=60_000)
        first = pixels(browser, steered)
        samples = browser.event_to_paint(panel, handle, presses=12, pause=500)
        assert len(samples) >= 4, "the slider stops answering while a VAE trains"
        assert statistics.median(samples) < 2000  # not a test of speed
        steered.get_by_role("slider", name="skew α").focus()
        for _ in range(5):
            browser.page.keyboard.press("ArrowRight")
        browser.page.wait_for_function("() => /changed: .*alpha/.test(document.body.innerText)", timeout=30_000)
        assert not np.array_equal(first, pixels(browser, steered))
        steered.get_by_role("button", name="Stop", exact=True).click()
        browser.page.wait_for_function("() => /Stopped: step/.test(document.body.innerText)", timeout=30_000)
        steered.get_by_role("button", name="Copy as code").click()
        browser.page.wait_for_timeout(500)
        assert "vaelab.Interventions(changes)" in steered.locator("textarea").input_value()
        assert browser.errors == []

        notice = "e => [getComputedStyle(e, '::after').content, getComputedStyle(e, '::after').opacity]"
        assert panel.evaluate(notice)[0] == "none"
        browser.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        late = """() => [...document.querySelectorAll('.vaelab-panel')].map(e => getComputedStyle(e, '::after'))
            .some(style => style.content.includes('busy') && style.opacity === '1')"""
        browser.page.wait_for_function(late)

        browser.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:restart-kernel'); }")
        browser.page.locator(".jp-Dialog .jp-mod-accept").click()
        browser.page.wait_for_selector(".vaelab-panel.jupyter-widgets-disconnected", timeout=30_000)
        assert "kernel was restarted" in panel.evaluate(notice)[0]
        browser.page.wait_for_function(lab.READY, timeout=90_000)
        browser.run_all(4)
        browser.page.wait_for_selector(".vaelab-panel:not(.jupyter-widgets-disconnected)", timeout=60_000)
        panel = browser.panel(0)
        before = browser.picture(panel).get_attribute("src")
        panel.locator(".noUi-handle").first.focus()
        browser.page.keyboard.press("ArrowRight")
        browser.changed(panel, before)


def test_a_cell_run_five_times_while_it_trains_leaves_one_training_and_once_deleted_none(chromium, folder):
    cells = ["from vaelab import live", TRAINING + "\nsteered.start()", "1 + 1"]
    path = lab.notebook(folder / "again.ipynb", cells)
    running = "() => /Running: step/.test(document.querySelector('.vaelab-panel')?.innerText)"
    with lab.server(folder) as address, lab.browser() as browser:
        browser.open(address, path, cells=3)
        browser.page.wait_for_function(running, timeout=60_000)
        trainings, widgets = (int(number) for number in browser.printed(COUNT.format(1, None)).split())
        assert trainings == 1
        for _ in range(5):
            browser.run_cell(1)
            browser.page.wait_for_function(running, timeout=60_000)
        assert browser.printed(COUNT.format(1, widgets)) == f"1 {widgets}\n"
        assert browser.page.locator(".vaelab-panel").count() == 1

        browser.page.evaluate(
            """() => {
              window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1;
              return window.jupyterapp.commands.execute('notebook:delete-cell');
            }"""
        )
        browser.run_cell(1)  # the cell behind it: its request names the deleted one
        browser.printed("del steered")
        assert browser.printed(COUNT.format(0, 0)) == "0 0\n"
        assert browser.errors == []


def test_the_newest_kernel_answers_while_it_trains_and_after_a_restart(chromium, folder):
    check_a_kernel(folder, "vaelab")


@pytest.mark.registry
def test_ipykernel_6_answers_while_it_trains_and_after_a_restart(chromium, folder, ipykernel_6):
    lab.kernelspec(folder, "six", [ipykernel_6])
    check_a_kernel(folder, "six")


def test_notebook_7_moves_a_slider_by_arrow_keys_and_brackets(chromium, folder):
    path = lab.notebook(folder / "seven.ipynb", TWO)
    with lab.server(folder, app="notebook") as address, lab.browser() as browser:
        browser.load(address, path, route="notebooks")
        browser.errors.clear()  # those of Notebook itself while it starts
        browser.run_all(2)
        panel = browser.panel()
        browser.picture(panel).wait_for()
        handle = panel.get_by_role("slider", name="skew α")
        start = float(handle.get_attribute("aria-valuetext"))
        for key, moves in (("ArrowRight", 1), ("]", 2), ("ArrowUp", 3), ("ArrowLeft", 2), ("[", 1), ("ArrowDown", 0)):
            before = browser.picture(panel).get_attribute("src")
            handle.focus()
            browser.page.keyboard.press(key)
            browser.changed(panel, before)
            browser.page.wait_for_timeout(300)  # until the final picture
            assert float(handle.get_attribute("aria-valuetext")) == pytest.approx(start + 0.01 * moves), key
            assert browser.printed("print(panel.values['alpha'])") == f"{round(start + 0.01 * moves, 2)}\n", key
        assert browser.errors == []


def test_a_saved_notebook_keeps_its_filmstrips_and_hides_them_beside_live_panels(chromium, folder):
    cells = ["from vaelab import live", "live.show(live.rho_panel())", "live.rho_panel()"]
    path = lab.notebook(folder / "saved.ipynb", cells)

    def wait_for_filmstrips(visible):
        browser.page.wait_for_function(FILMSTRIPS, arg=visible, timeout=30_000)

    with lab.server(folder) as address, lab.browser() as browser:
        browser.open(address, path, cells=3)
        wait_for_filmstrips(0)
        assert browser.panel(1).is_visible()
        browser.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        browser.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        wait_for_filmstrips(2)

        browser.page.goto("about:blank")
        browser.load(address, path)
        wait_for_filmstrips(2)
        assert browser.page.locator("img.vaelab-filmstrip").first.get_attribute("alt").startswith("Filmstrip over rho")
        browser.page.wait_for_selector("text=model not found", state="attached")
        assert not browser.page.get_by_text("model not found").first.is_visible()

        browser.run_all(3)
        wait_for_filmstrips(0)
        browser.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:restart-kernel'); }")
        browser.page.locator(".jp-Dialog .jp-mod-accept").click()
        wait_for_filmstrips(2)
        browser.page.wait_for_function(lab.READY, timeout=90_000)


@pytest.mark.parametrize("name", ["00_start_here", "02_divergence_interpolation"])
def test_a_committed_notebook_runs_and_its_panel_moves(chromium, folder, name):
    path = folder / f"{name}.ipynb"
    path.write_bytes((lab.ROOT / "notebooks" / "solutions" / path.name).read_bytes())
    with lab.server(folder) as address, lab.browser() as browser:
        browser.open(address, path, cells=4, seconds=180)
        panel = browser.panel(0)
        panel.wait_for(timeout=180_000)
        panel.scroll_into_view_if_needed()
        before = browser.picture(panel).get_attribute("src")
        panel.locator(".noUi-handle").first.focus()
        browser.page.keyboard.press("ArrowRight")
        browser.changed(panel, before)
        assert browser.errors == []


def test_opening_and_saving_a_committed_notebook_changes_no_byte(chromium, folder):
    with lab.server(folder) as address, lab.browser() as browser:
        for name in ("00_start_here", "06_variance_law", "90_panels"):
            path = folder / f"{name}.ipynb"
            before = (lab.ROOT / "notebooks" / "solutions" / path.name).read_bytes()
            path.write_bytes(before)
            written = path.stat().st_mtime_ns
            browser.load(address, path)
            document = "window.jupyterapp.shell.currentWidget.context"
            language = browser.page.evaluate(f"() => {document}.model.getMetadata('language_info')")
            assert language == json.loads(before)["metadata"]["language_info"]
            assert not browser.page.evaluate(f"() => {document}.model.dirty")
            browser.page.evaluate(f"() => {document}.save()")
            assert path.stat().st_mtime_ns > written
            assert path.read_bytes() == before
