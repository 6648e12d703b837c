"""Values and reasons in a browser: what is shown is what is used, and nothing happens silently."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import lab

CELLS = (
    "from vaelab import live",
    "values = live.training_panel(epochs=3, beta=1.0, gamma=0.37, lr=0.0007, alpha=1 / 3)\nlive.show(values)",
    "reasons = live.training_panel(epochs=300, divergence='KL(q‖p)', network='mlp 400')\nlive.show(reasons)",
    "live.show(live.latent_panel(__import__('vaelab').recipes.vae((1, 8, 8), 2, hidden=(8,))))",
)


STEPS_PER_EPOCH = 25  # of the digits


@pytest.fixture(scope="module")
def browser(chromium, tmp_path_factory):
    folder = tmp_path_factory.mktemp("values")
    lab.kernelspec(folder, "vaelab")
    path = lab.notebook(folder / "values.ipynb", CELLS)
    with lab.server(folder) as address, lab.browser() as browser:
        browser.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        browser.open(address, path, cells=len(CELLS))
        for index in range(2):
            browser.panel(index).get_by_role("button", name="More choices").click()
        browser.page.wait_for_timeout(500)  # what the front end would send back, it has sent
        yield browser


def slider(panel, label):
    return panel.locator(".widget-slider", has=panel.page.get_by_text(label, exact=True)).first


def press(browser, widget, *keys):
    widget.locator(".noUi-handle").focus()
    for key in keys:
        browser.page.keyboard.press(key)
        browser.page.wait_for_timeout(150)


def wait_for(browser, index, pattern):
    """Wait until the text of a panel contains a pattern, and return the text."""
    condition = """([index, pattern]) =>
        new RegExp(pattern).test(document.querySelectorAll('.vaelab-panel')[index].innerText)"""
    browser.page.wait_for_function(condition, arg=[index, pattern], timeout=60_000)
    return browser.panel(index).inner_text()


def test_display_leaves_every_value_alone_and_the_copied_code_says_so(browser):
    panel = browser.panel(0)
    shown = {name: slider(panel, name).locator(".widget-readout").inner_text() for name in ("β", "γ")}
    assert shown == {"β": "1", "γ": "0.37"}
    panel.get_by_role("button", name="Step", exact=True).click()
    wait_for(browser, 0, "Paused: step 1 of")
    panel.get_by_role("button", name="Copy as code").click()
    wait_for(browser, 0, "Copied: paste the code into a cell")
    code = panel.locator("textarea").input_value()
    for argument in ("alpha=0.3333333333333333", "weight=1.0", "gamma=0.37", "lr=0.0007"):
        assert re.search(rf"{re.escape(argument)}[,)]", code), code
    assert browser.page.evaluate("() => navigator.clipboard.readText()") == code
    selected = panel.locator("textarea").evaluate("e => e.value.slice(e.selectionStart, e.selectionEnd)")
    assert selected == code
    press(browser, slider(panel, "β"), "End", "PageDown", "PageUp", *["ArrowRight"] * 3)
    panel.get_by_role("button", name="ordinary VAE").click()
    browser.page.wait_for_timeout(300)
    press(browser, slider(panel, "β"), "ArrowRight", "ArrowLeft")
    assert slider(panel, "β").locator(".widget-readout").inner_text() == "1"
    panel.get_by_role("button", name="dual at small alpha").click()
    panel.get_by_role("button", name="Restart", exact=True).click()
    wait_for(browser, 0, "Finished: step")
    panel.get_by_role("button", name="Copy as code").click()
    browser.page.wait_for_timeout(300)
    assert "weight=1.0," in panel.locator("textarea").input_value()
    assert browser.errors == []


def test_the_key_end_goes_to_the_newest_epoch_after_every_training(browser):
    panel = browser.panel(0)
    for epochs in (4, 5):
        press(browser, slider(panel, "epochs"), "ArrowRight")
        wait_for(browser, 0, f"Press Restart to train with .*epochs {epochs}")
        panel.get_by_role("button", name="Restart", exact=True).click()
        steps = STEPS_PER_EPOCH * epochs
        wait_for(browser, 0, f"Finished: step {steps} of {steps}\\.")
        scrub = slider(panel, "look back")
        press(browser, scrub, "PageDown")
        wait_for(browser, 0, "the pictures show epoch 1\\.")
        press(browser, scrub, "End")
        browser.page.wait_for_timeout(600)
        assert scrub.locator(".widget-readout").inner_text() == str(epochs)
        assert "the pictures show" not in panel.inner_text()
    assert browser.errors == []


def test_a_control_without_effect_is_disabled_and_names_its_reason(browser):
    panel = browser.panel(1)
    text = wait_for(browser, 1, "Without effect now")
    assert "skew α (KL(q‖p) has no skew); views' λ (there are no views)" in text
    alpha = slider(panel, "skew α")
    assert alpha.locator(".noUi-target").get_attribute("disabled") is not None
    assert alpha.locator(".widget-label").get_attribute("title") == "KL(q‖p) has no skew"
    panel.get_by_label("divergence", exact=True).select_option("JS")
    wait_for(browser, 1, "Without effect now: views' λ")
    assert alpha.locator(".noUi-target").get_attribute("disabled") is None
    flat = browser.panel(2)
    width = slider(flat, "grid's width")
    assert "grid's width (one image is shown, not 10 x 10)" in flat.inner_text()
    flat.get_by_role("button", name="10 x 10").click()
    browser.page.wait_for_timeout(400)
    assert width.locator(".noUi-target").get_attribute("disabled") is None
    assert "Without effect" not in flat.inner_text()
    assert browser.errors == []


def test_what_is_turned_while_paused_or_needs_a_restart_is_acknowledged(browser):
    panel = browser.panel(1)
    assert panel.get_by_role("button", name="Pause", exact=True).is_disabled()
    panel.get_by_role("button", name="Step", exact=True).click()
    wait_for(browser, 1, "Paused: step 1 of")
    press(browser, slider(panel, "β"), "ArrowRight")
    wait_for(browser, 1, "from the next step: beta 1\\.1")
    press(browser, slider(panel, "latents"), "ArrowRight")
    assert "Press Restart to train with latents 3." in wait_for(browser, 1, "Press Restart to train")
    panel.get_by_role("button", name="Step", exact=True).click()
    assert not re.search("from the next step", wait_for(browser, 1, "changed: step 1: beta 1 → 1\\.1"))
    panel.get_by_role("button", name="Stop", exact=True).click()
    wait_for(browser, 1, "Stopped: step 2")
    assert browser.errors == []


def test_the_note_of_a_busy_kernel_covers_no_control(browser):
    panel = browser.panel(0)
    style = "e => { const s = getComputedStyle(e, '::after'); return [s.content, s.position, s.opacity]; }"
    places = """e => [...e.children].map(child => child.getBoundingClientRect())
        .map(box => [box.top - e.getBoundingClientRect().top, box.bottom - e.getBoundingClientRect().top])"""
    before = panel.evaluate(places)
    browser.page.locator(".jp-Notebook-ExecutionIndicator").first.evaluate("e => { e.dataset.status = 'busy'; }")
    browser.page.wait_for_timeout(2500)
    content, position, opacity = panel.evaluate(style)
    assert "busy" in content
    assert (position, opacity) == ("static", "1")
    assert panel.evaluate(places) == before, "nothing moves"
    height = panel.evaluate("e => e.getBoundingClientRect().height")
    assert height >= max(bottom for _, bottom in before) + 10, "the note has a line of its own"
