"""Exported files without network: equations drawn, nothing cut off, slides moved by keys, one printed page for each."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import lab

from notebooks import build
from notebooks.export import __main__ as command

NAMES = ("02", "08", "11")
OUTSIDE = """() => slides.flatMap((slide, i) => {
  show(i, true);
  const frame = slide.getBoundingClientRect();
  return [...slide.querySelectorAll(':scope > .block')].filter(block => {
    const box = block.getBoundingClientRect();
    return box.bottom > frame.bottom || box.right > frame.right;
  }).map(() => i + 1);
})"""
FONT = """async () => {
  const text = [...document.querySelectorAll('math')].map(m => m.textContent).join('');
  await document.fonts.load('20px Equations', text);
  return document.fonts.check('20px Equations', text) && document.fonts.size === 1;
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    sources = [source for source in build.sources() if source.stem.startswith(NAMES)]
    for kind in ("html", "slides"):
        command.export(kind, sources, folder / kind)
    return folder


@pytest.fixture
def browser(chromium):
    with lab.browser() as browser:
        browser.page.context.set_offline(True)
        browser.page.set_viewport_size({"width": 1280, "height": 720})
        requests = []
        browser.page.on("request", lambda request: requests.append(request.url))
        yield browser
        assert browser.errors == []
        assert all(url.startswith(("file:", "data:")) for url in requests)


def open_slides(browser, file):
    browser.page.goto(file.as_uri())
    browser.page.wait_for_selector("body[data-ready]", state="attached")


def test_no_slide_is_cut_off_and_each_is_a_page(browser, folder):
    for file in sorted((folder / "slides").iterdir()):
        open_slides(browser, file)
        count = browser.page.evaluate("() => slides.length")
        assert count > 15
        assert browser.page.evaluate(OUTSIDE) == [], file.name
        assert browser.page.evaluate(FONT)
        printed = browser.page.pdf(prefer_css_page_size=True)
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) == count


def test_keys_move_through_the_slides(browser, folder):
    (file,) = (folder / "slides").glob("02_*")
    open_slides(browser, file)
    place = browser.page.locator("#place")
    count = browser.page.evaluate("() => slides.length")

    def press(key):
        browser.page.keyboard.press(key)
        return int(place.inner_text().split("/")[0])

    assert [press("ArrowRight"), press(" "), press("ArrowLeft"), press("End"), press("ArrowRight")] == [
        2,
        3,
        2,
        count,
        count,
    ]
    assert [press("Home"), press("ArrowLeft")] == [1, 1]
    press("ArrowDown")
    assert browser.page.locator("section.now").inner_text().startswith("1 · Two answers")
    press("o")
    assert browser.page.locator("section:visible").count() == count
    browser.page.locator("section").nth(4).click()
    assert browser.page.locator("section:visible").count() == 1
    assert place.inner_text().startswith("5 ")
    notes = browser.page.locator("section.now .notes")
    assert not notes.is_visible()
    press("n")
    assert notes.is_visible()


def test_a_page_is_readable_in_light_and_dark(browser, folder):
    (file,) = (folder / "html").glob("11_*")
    for scheme in ("light", "dark"):
        browser.page.emulate_media(color_scheme=scheme)
        browser.page.goto(file.as_uri())
        assert browser.page.evaluate(FONT)
        colors = "e => [getComputedStyle(e).color, getComputedStyle(document.body).backgroundColor]"
        for selector in ("p", "math", "pre", "figcaption"):
            text, paper = (
                [int(n) for n in re.findall(r"\d+", color)[:3]]
                for color in browser.page.locator(selector).first.evaluate(colors)
            )
            assert contrast(text, paper) > 4.5, (scheme, selector)
        assert browser.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def contrast(first, second):
    """The ratio of two colors by the rules for accessible web content."""

    def luminance(color):
        parts = [c / 255 for c in color]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)
