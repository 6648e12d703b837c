"""Every panel in one view, without scroll bars; its names, values and keys; the theme of the page."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import lab
from test_browser import PREPARE

PANELS = (
    "divergence_panel()",
    "mixture_panel()",
    "rho_panel()",
    "truth_panel()",
    "latent_panel(flat, digits.images[:300], digits.labels[:300])",
    "latent_panel(deep, digits.images[:300])",
    "posterior_panel(deep, digits.images[:300])",
    "balance_panel(epochs=1)",
    "cloud_panel({0.01: deep, 1.0: deep}, digits.images[:300])",
    "scale_panel(deep, {'prior': PriorSampler().fit(torch.randn(50, 4))}, digits, n=70)",
    "training_panel(epochs=400, network='mlp 400')",
)
DIVERGENCE, TRAINING = 0, len(PANELS) - 1
TALKS = ("divergence_panel(style='talk')", "training_panel(style='talk')")
# What of a panel is not in view once it is scrolled to its top: controls, picture, readout, status, look back.
OUTSIDE = """panel => {
  panel.scrollIntoView({block: 'start'});
  const view = panel.closest('.jp-WindowedPanel-outer').getBoundingClientRect();
  const parts = '.widget-slider, select, button, .vaelab-notes, .vaelab-picture, .vaelab-readout, .vaelab-status';
  return [...panel.querySelectorAll(parts)].filter(e => e.checkVisibility()).map(e => [e, e.getBoundingClientRect()])
    .filter(([e, box]) => box.left < view.left - 1 || box.right > view.right + 1 || box.top < view.top - 1 ||
      box.bottom > view.bottom + 1 || box.width < 10)
    .map(([e, box]) => `${e.className}: ${box.left} ${box.top} ${box.right} ${box.bottom}`);
}"""
# What of a panel overflows: the panel, everything in it that could scroll, labels that are cut.
OVERFLOWING = """panel => [panel, ...panel.querySelectorAll('*')].filter(e => e.checkVisibility() && e.clientWidth > 1)
  .filter(e => e === panel || !['visible', 'clip'].includes(getComputedStyle(e).overflowX) || e.matches('label'))
  .filter(e => e.scrollWidth > e.clientWidth || (e !== panel && !e.matches('label, select, textarea') &&
    e.scrollHeight > e.clientHeight))
  .map(e => `${e.tagName} ${e.className}: ${e.scrollWidth}>${e.clientWidth} ${e.scrollHeight}>${e.clientHeight}`)"""
TRACKS = "e => [...e.querySelectorAll('.noUi-target')].map(t => t.clientWidth).filter(width => width > 0)"
CELLS = "() => [...document.querySelectorAll('.jp-Cell')].map(e => e.className.match(/jp-(Code|Markdown)Cell/)[1])"


@pytest.fixture(scope="module")
def browser(chromium, tmp_path_factory):
    folder = tmp_path_factory.mktemp("layout")
    lab.kernelspec(folder, "vaelab")
    prepare = PREPARE + "from vaelab.posterior.samplers import PriorSampler"
    cells = [prepare, *(f"live.show(live.{panel})" for panel in (*PANELS, *TALKS))]
    path = lab.notebook(folder / "layout.ipynb", cells)
    with lab.server(folder) as address, lab.browser() as browser:
        browser.open(address, path, cells=len(cells))
        for index in range(len(PANELS) + len(TALKS)):
            browser.picture(browser.panel(index)).wait_for()
        yield browser


def resize(browser, width, height, *, side_bar):
    browser.page.set_viewport_size({"width": width, "height": height})
    browser.page.evaluate("(open) => jupyterapp.shell[open ? 'expandLeft' : 'collapseLeft']()", side_bar)
    settled = """([width, open]) => innerWidth === width &&
        document.querySelector('#jp-left-stack').checkVisibility() === open"""
    browser.page.wait_for_function(settled, arg=[width, side_bar])
    browser.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def slider(panel, label):
    return panel.locator(".widget-slider", has=panel.page.get_by_text(label, exact=True)).first


def attribute_becomes(browser, locator, name, value):
    condition = "([element, name, value]) => element.getAttribute(name) === value"
    browser.page.wait_for_function(condition, arg=[locator.element_handle(), name, value], timeout=10_000)


@pytest.mark.parametrize("side_bar", [True, False])
def test_controls_picture_and_readout_of_every_panel_are_in_one_view(browser, side_bar):
    resize(browser, 1280, 720, side_bar=side_bar)
    outside = {name: browser.panel(i).evaluate(OUTSIDE) for i, name in enumerate((*PANELS, *TALKS))}
    assert not any(outside.values()), outside
    tracks = [width for i in range(len(PANELS)) for width in browser.panel(i).evaluate(TRACKS)]
    assert min(tracks) >= 200


@pytest.mark.parametrize(("width", "side_bar"), [(1280, True), (1280, False), (900, True), (900, False), (640, False)])
def test_nothing_scrolls_inside_a_panel_and_no_label_is_cut(browser, width, side_bar):
    resize(browser, width, 720, side_bar=side_bar)
    overflowing = {name: browser.panel(i).evaluate(OVERFLOWING) for i, name in enumerate((*PANELS, *TALKS))}
    assert not any(overflowing.values()), overflowing
    outer = "() => [...document.querySelectorAll('.jp-WindowedPanel-outer, .jp-OutputArea-output')]"
    assert browser.page.evaluate(outer + ".every(e => e.scrollWidth <= e.clientWidth)")


@pytest.mark.parametrize(("index", "side_bar"), [(TRAINING, True), (TRAINING, False), (TRAINING + 2, False)])
def test_a_training_panel_is_in_one_view_also_with_the_choices_of_experts(browser, index, side_bar):
    resize(browser, 1280, 720, side_bar=side_bar)
    panel = browser.panel(index)
    unfold = panel.get_by_role("button", name="More choices")
    unfold.click()
    slider(panel, "learning rate").wait_for(timeout=10_000)
    try:
        assert panel.evaluate(OUTSIDE) == []
        assert panel.evaluate(OVERFLOWING) == []
        assert min(panel.evaluate(TRACKS)) >= 200
        assert panel.locator(".vaelab-picture").bounding_box()["height"] >= 140
    finally:
        unfold.click()


def test_a_training_panel_is_in_one_view_also_while_it_trains(browser):
    resize(browser, 1280, 720, side_bar=True)
    panel = browser.panel(TRAINING)
    panel.get_by_role("button", name="Start", exact=True).click()
    running = "panel => /Running: step/.test(panel.innerText) && /reconstruction/.test(panel.innerText)"
    browser.page.wait_for_function(running, arg=panel.element_handle(), timeout=60_000)
    try:
        for label in ("γ", "β", "skew α"):
            slider(panel, label).locator(".noUi-handle").focus()
            browser.page.keyboard.press("]")
        assert panel.evaluate(OUTSIDE) == []
        assert panel.evaluate(OVERFLOWING) == []
    finally:
        panel.get_by_role("button", name="Stop", exact=True).click()


def test_copied_code_fits_narrow_pages_and_the_panel_says_that_it_is_copied(browser):
    panel = browser.panel(TRAINING)
    browser.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel.get_by_role("button", name="Step", exact=True).click()
    browser.page.wait_for_function("e => /Paused: step/.test(e.innerText)", arg=panel.element_handle(), timeout=60_000)
    try:
        for width in (900, 640):
            resize(browser, width, 720, side_bar=False)
            browser.page.evaluate("() => navigator.clipboard.writeText('')")
            panel.get_by_role("button", name="Copy as code").click()
            copied = "async ([e, code]) => await navigator.clipboard.readText() === code.value && code.value !== ''"
            code = panel.locator("textarea")
            parts = [panel.element_handle(), code.element_handle()]
            browser.page.wait_for_function(copied, arg=parts, timeout=10_000)
            browser.page.wait_for_function(
                "([e]) => /Copied: paste the code into a cell/.test(e.innerText)", arg=parts, timeout=10_000
            )
            assert panel.evaluate(OVERFLOWING) == []
            box, outer = code.bounding_box(), panel.bounding_box()
            assert outer["x"] <= box["x"]
            assert box["x"] + box["width"] <= outer["x"] + outer["width"] + 0.5
            assert box["width"] > 300
            assert code.evaluate("e => e.clientHeight") > 100
    finally:
        panel.get_by_role("button", name="Stop", exact=True).click()
        resize(browser, 1280, 720, side_bar=True)


def test_the_choices_of_experts_are_folded_until_they_are_asked_for(browser):
    panel = browser.panel(TRAINING)
    unfold = panel.get_by_role("button", name="More choices")
    assert not slider(panel, "learning rate").is_visible()
    assert unfold.get_attribute("aria-expanded") == "false"
    unfold.click()
    slider(panel, "learning rate").wait_for(timeout=10_000)
    attribute_becomes(browser, unfold, "aria-expanded", "true")
    assert panel.evaluate(OVERFLOWING) == []
    unfold.click()
    slider(panel, "learning rate").wait_for(state="hidden", timeout=10_000)


def test_a_slider_has_the_name_and_the_value_that_are_shown(browser):
    panel = browser.panel(DIVERGENCE)
    handle = panel.get_by_role("slider", name="skew α")
    for key, value in (("Home", "0"), ("]", "0.01"), ("ArrowRight", "0.02"), ("[", "0.01"), ("End", "1")):
        handle.focus()
        browser.page.keyboard.press(key)
        assert handle.get_attribute("aria-valuetext") == value, key
        assert slider(panel, "skew α").locator(".widget-readout").inner_text() == value
    assert browser.panel(TRAINING).get_by_role("slider", name="β").get_attribute("aria-valuetext") != "0"
    assert handle.get_attribute("title").startswith("Arrow keys or [ and ]")
    readout = panel.locator(".vaelab-readout .widget-html-content")
    assert readout.get_attribute("aria-live") == "polite"
    attribute_becomes(browser, readout, "aria-busy", "false")  # what it says is read once it rests


def test_keys_on_a_control_do_nothing_to_the_notebook(browser):
    cells, panel = browser.page.evaluate(CELLS), browser.panel(DIVERGENCE)
    for control in (panel.get_by_role("slider", name="skew α"), panel.get_by_role("button", name="Reset")):
        control.focus()
        for key in "ddabmy00xz":
            browser.page.keyboard.press(key)
    assert browser.page.evaluate(CELLS) == cells
    assert browser.page.locator(".jp-Dialog").count() == 0  # "0 0" would ask to restart the kernel
    panel.get_by_role("slider", name="skew α").focus()
    browser.page.keyboard.press("Tab")
    assert browser.page.evaluate("() => document.activeElement.getAttribute('aria-label')") == "mean of q"


def test_the_alt_text_of_the_picture_is_the_hidden_text(browser):
    panel = browser.panel(DIVERGENCE)
    text = panel.locator(".vaelab-alt").text_content().strip()
    assert text
    attribute_becomes(browser, browser.picture(panel), "alt", text)
    panel.locator(".vaelab-alt .widget-html-content").evaluate("e => { e.textContent = 'another text'; }")
    attribute_becomes(browser, browser.picture(panel), "alt", "another text")


def test_the_alt_text_changes_with_the_slider(browser):
    panel = browser.panel(2)
    before = browser.picture(panel).get_attribute("alt")
    panel.get_by_role("slider", name="ρ = σ/|μ|").focus()
    browser.page.keyboard.press("End")
    changed = "([picture, before]) => picture.alt !== before"
    picture = browser.picture(panel).element_handle()
    browser.page.wait_for_function(changed, arg=[picture, before], timeout=10_000)


def change_theme(browser, theme):
    browser.page.evaluate("(theme) => jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
    dark = theme == "JupyterLab Dark"
    said = """(dark) => [...document.querySelectorAll('.vaelab-panel')].every(panel => dark ===
        panel.matches('.vaelab-dark') && dark === panel.querySelector('.vaelab-theme').matches('.mod-active'))"""
    browser.page.wait_for_function(said, arg=dark, timeout=30_000)


def test_the_kernel_hears_whether_the_page_is_dark_and_texts_can_be_read(browser):
    # Contrast of every text with the first background behind it, by the formula of WCAG 2.
    contrast = """panel => {
      const numbers = color => color.match(/[\\d.]+/g).map(Number);
      const light = color => numbers(color).slice(0, 3).map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
      const behind = e => {
        const color = getComputedStyle(e).backgroundColor;
        return (numbers(color)[3] ?? 1) > 0.5 ? color : behind(e.parentElement);
      };
      const texts = panel.querySelectorAll('label, .widget-readout, .widget-html-content, button:enabled, select');
      return [...texts].filter(e => e.checkVisibility()).map(e => {
        const [a, b] = [light(getComputedStyle(e).color), light(behind(e))];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      }).reduce((least, ratio) => Math.min(least, ratio));
    }"""
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        change_theme(browser, theme)
        for index, name in enumerate(PANELS):
            assert browser.panel(index).evaluate(contrast) >= 4.5, (theme, name)


def test_a_dark_page_gets_a_dark_picture(browser):
    mean = """async ([image, low, high]) => {
      try { await image.decode(); } catch { return false; }  // a new picture has come meanwhile
      const canvas = new OffscreenCanvas(50, 20), pen = canvas.getContext('2d');
      pen.drawImage(image, 0, 0, 50, 20);
      const pixels = pen.getImageData(0, 0, 50, 20).data.filter((_, i) => i % 4 < 3);
      const mean = pixels.reduce((a, b) => a + b) / pixels.length;
      return low <= mean && mean <= high;
    }"""
    picture = browser.picture(browser.panel(DIVERGENCE)).element_handle()
    for theme, low, high in (("Light", 180, 255), ("Dark", 0, 75), ("Light", 180, 255)):
        change_theme(browser, f"JupyterLab {theme}")
        browser.page.wait_for_function(mean, arg=[picture, low, high], timeout=30_000)


def test_the_page_reports_no_error(browser):
    assert browser.errors == []
