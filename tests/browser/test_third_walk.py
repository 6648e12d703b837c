"""Notebook 03 in a browser: alpha and gamma move by keyboard while a VAE trains, and the copied code repeats it."""

import re
import sys
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import lab

NOTEBOOK = lab.ROOT / "notebooks" / "student" / "03_train_it_yourself.ipynb"
EPOCH = 156  # steps, full batches of 64 in 10,000 images
EPOCHS = 5
COMPARE = """
trained = alpha_panel.trainer
same = all(torch.equal(new, trained.experiment.state_dict()[name]) for name, new in experiment.state_dict().items())
(rate,), error = rates_and_distortion(experiment, trained.images)
print("identical" if same else "different", *(f"{number:.2f}" for number in (rate, error)))
"""


class Reading(NamedTuple):
    """The numbers of the readout."""

    rate: float
    error: float


def cells():
    """The cells of the student copy that the panel needs, with fewer epochs, and one for the copied code."""
    code = [cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    (panel,) = (source for source in code if source.startswith("alpha_panel = "))
    shorter, found = re.subn(r"epochs=100, pause_at=\(5, 12\)", f"epochs={EPOCHS}, pause_at=1", panel)
    assert found == 1
    return ["import torch\nfrom vaelab import live\nfrom vaelab.live.trainer import rates_and_distortion", shorter, "0"]


@pytest.fixture(scope="module")
def browser(chromium, tmp_path_factory):
    folder = tmp_path_factory.mktemp("third-walk")
    lab.kernelspec(folder, "vaelab")
    path = lab.notebook(folder / "walk.ipynb", cells())
    with lab.server(folder) as address, lab.browser() as browser:
        browser.open(address, path, cells=3)
        yield browser


def wait_for(browser, condition, arg=None):
    """Wait until a condition on the text of the panel holds: a function of the text and of `arg`."""
    text = "document.querySelector('.vaelab-panel').innerText"
    browser.page.wait_for_function(f"arg => ({condition})({text}, arg)", arg=arg, timeout=60_000)


def press(browser, label, key, value):
    """Press a key on a slider until it shows a value."""
    handle = browser.panel().get_by_role("slider", name=label, exact=True)
    handle.focus()
    shown = handle.locator("xpath=ancestor::*[contains(@class, 'widget-slider')]").locator(".widget-readout")
    seen = []
    while not seen or seen[-1] != value:
        assert seen.count(float(shown.inner_text())) < 20, f"{label} does not reach {value}: {seen}"
        browser.page.keyboard.press(key)
        seen.append(float(shown.inner_text()))


def wait_for_readout(browser, comparison):
    """Wait until the step of the readout, which the alt text names, is the last one, or (`!=`) another."""
    step = "/ at step (\\d+)/.exec(document.querySelector('.vaelab-panel .vaelab-alt').textContent)?.[1]"
    browser.page.wait_for_function(f"last => {step} {comparison} last", arg=EPOCHS * EPOCH, timeout=60_000)


def read(browser):
    """Wait for the end of the training and for its readout, and return the numbers."""
    total = EPOCHS * EPOCH
    wait_for(browser, "(text, end) => text.includes(end)", f"Finished: step {total} of {total}")
    wait_for_readout(browser, "==")
    text = browser.panel().inner_text()
    numbers = (re.search(rf"{name}\s+([\d.]+)", text) for name in ("rate", "squared error"))
    return Reading(*(float(found[1]) for found in numbers))


def train(browser, button, label="", key="", value=0.0):
    """Train, move one slider by keyboard at the pause after the first epoch, and read the numbers at the end."""
    browser.panel().get_by_role("button", name=button, exact=True).click()
    wait_for(browser, "(text, start) => text.includes(start)", "Paused after epoch 1, as planned")
    wait_for_readout(browser, "!=")
    if label:
        press(browser, label, key, value)
    browser.panel().get_by_role("button", name="Start", exact=True).click()
    if label:
        wait_for(browser, "(text, end) => text.includes(end)", f" → {value:g}")
    return read(browser)


def test_alpha_and_gamma_do_what_the_text_teaches_and_the_copied_code_gives_the_same_numbers(browser):
    control = train(browser, "Start")
    gamma = train(browser, "Restart", "γ", "ArrowLeft", 0.05)
    assert gamma.rate > control.rate
    assert gamma.error < control.error
    press(browser, "γ", "ArrowRight", 0.2)
    alpha = train(browser, "Restart", "skew α", "PageUp", 0.9)
    assert alpha.rate > control.rate
    assert alpha.error > control.error

    panel = browser.panel()
    panel.get_by_role("button", name="Copy as code").click()
    wait_for(browser, "(text) => text.includes('Copied') || text.includes('selected')")
    code = panel.locator("textarea").input_value()
    assert code.count("'alpha'") >= 1
    last = f"""source => {{
      const notebook = window.jupyterapp.shell.currentWidget.content;
      notebook.activeCellIndex = {len(cells()) - 1};
      notebook.activeCell.model.sharedModel.setSource(source);
      window.jupyterapp.commands.execute('notebook:run-cell');
    }}"""
    browser.page.evaluate(last, code + COMPARE)
    outputs = browser.page.locator(".jp-CodeCell").last.locator(".jp-OutputArea-output")
    output = outputs.filter(has_text=re.compile("identical|different"))
    output.wait_for(timeout=60_000)
    assert output.inner_text().split() == ["identical", f"{alpha.rate:.2f}", f"{alpha.error:.2f}"]
    assert browser.errors == []
