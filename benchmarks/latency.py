"""From the press of an arrow key on a slider to the painted picture, in JupyterLab and Chromium: the panels of vaelab
beside `interact` + plt.show(), ipympl and plotly on the same picture, interleaved in one session; and from the start of
a cell to the first painted picture of its panel. All bounds but those of `_settling` are ratios or differences to the
floor, a slider and two tiny PNGs, in the same session. Five minutes.

The others have their own environment, made here once; every kernel runs in it.
"""

import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "browser"))

VENV = HERE / ".venv-browser"
NEEDS = ("ipympl==0.10.0", "plotly==7.1.0", "anywidget==0.11.0")
ROUNDS, PRESSES = 3, 10  # an even number, so that each round begins where the last one began

COMMON = """
%matplotlib inline
import io, ipywidgets as W, matplotlib, numpy as np, torch, vaelab
from vaelab import live
from vaelab.live.panels import divergence
from vaelab.live.figure import png
from vaelab.live.panels.divergence import GaussianPair, compute
torch.set_num_threads(1)
START = GaussianPair(0.3, -2, 1, 2, 2, True, False)
digits = vaelab.load("mnist-mini")
torch.manual_seed(0)
dense = vaelab.recipes.vae((1, 28, 28), 2, hidden=(400,))
conv = vaelab.recipes.vae((1, 28, 28), 2, network="conv", hidden=(16, 32))
balanced = [vaelab.recipes.vae((1, 28, 28), 2, hidden=(64,), gamma=gamma) for gamma in (0.05, 0.1, 0.2, 0.4, 0.8)]

def slider():
    return W.FloatSlider(value=0.3, min=0, max=1, step=0.01)
"""
FLOOR = """
tiny = [png(np.full((4, 4), shade, np.uint8)) for shade in (0, 255)]
floor, control = W.Image(value=tiny[0], width=100, height=100), slider()
control.observe(lambda change: setattr(floor, "value", tiny[round(change["new"] * 100) % 2]), "value")
W.VBox([control, floor])
"""
INTERACT = """
import matplotlib.pyplot as plt
from vaelab import plots

@W.interact(alpha=slider())
def show(alpha):
    figure = plt.figure(figsize=(9.6, 3.3))
    divergence.draw(figure).update(START._replace(alpha=alpha)._asdict())
    plt.show()
"""
IPYMPL = """
from ipympl.backend_nbagg import Canvas, FigureManager
from matplotlib.figure import Figure
figure = Figure(figsize=(9.6, 3.3))
manager = FigureManager(Canvas(figure), 0)
scene, control = divergence.draw(figure), slider()
def move(change):
    scene.update(START._replace(alpha=change["new"])._asdict())
    figure.canvas.draw_idle()
control.observe(move, "value")
W.VBox([control, figure.canvas])
"""
PLOTLY = """
%matplotlib inline
import plotly.graph_objects as go
from plotly.subplots import make_subplots
from vaelab.live.panels.divergence import ALPHAS, X
grid, control, x = go.FigureWidget(make_subplots(rows=1, cols=3)), slider(), X.numpy()
def curves(alpha):
    n = compute(START._replace(alpha=alpha))
    return [*((1, x, y) for y in n.densities), *((2, x, y) for y in n.integrands),
            (3, ALPHAS, n.curve), (3, [alpha, alpha], [n.value, n.value])]
for column, xs, ys in curves(0.3):
    grid.add_scatter(x=xs, y=ys, row=1, col=column)
def move(change):
    with grid.batch_update():
        for trace, (_, xs, ys) in zip(grid.data, curves(change["new"])):
            trace.x, trace.y = xs, ys
control.observe(move, "value")
grid.update_layout(width=960, height=330)
W.VBox([control, grid])
"""
TRAINING = "steered = live.training_panel(epochs=400, network='mlp 400', data='mnist-mini')\nlive.show(steered)"
# name -> (cell, how its picture changes)
VARIANTS = {
    "floor: two tiny PNGs": (FLOOR, "image"),
    "vaelab: divergence_panel": ("live.show(live.divergence_panel())", "image"),
    "vaelab: balance_panel": ("live.show(live.balance_panel(balanced, digits.images[:500]))", "image"),
    "vaelab: rho_panel": ("live.show(live.rho_panel())", "image"),
    "vaelab: mixture_panel": ("live.show(live.mixture_panel())", "image"),
    "vaelab: one decoded digit": ("live.show(live.latent_panel(dense))", "image"),
    "vaelab: 10 x 10 digits, conv": ("grid = live.latent_panel(conv); grid.set(grid=True)\nlive.show(grid)", "image"),
    "interact + plt.show()": (INTERACT, "image"),
    "ipympl": (IPYMPL, "canvas"),
    "plotly": (PLOTLY, "plotly"),
}
# At most so many times the floor of the same session.
TIMES_FLOOR = {
    "vaelab: divergence_panel": 1.4,
    "vaelab: balance_panel": 1.4,
    "vaelab: rho_panel": 1.4,
    "vaelab: mixture_panel": 1.4,
    "vaelab: one decoded digit": 1.15,
    "vaelab: 10 x 10 digits, conv": 1.4,
}
WHILE_TRAINING, P95_TIMES_MEDIAN, FIRST_PAINT_MS = 1.5, 2.2, 500.0
# Starts a cell; the milliseconds to the frame after the one in which its new picture is there.
FIRST_PAINT = """
async (index) => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  notebook.activeCellIndex = index;
  const cell = document.querySelectorAll('.jp-CodeCell')[index];
  cell.querySelectorAll('img').forEach((image) => { image.dataset.old = 1; });
  const frame = () => new Promise(requestAnimationFrame);
  await frame();
  const started = performance.now();
  window.jupyterapp.commands.execute('notebook:run-cell');
  while (performance.now() - started < 30000) {
    await frame();
    const image = cell.querySelector('img.widget-image:not([data-old])');
    if (image && image.complete && image.naturalWidth) { await frame(); return performance.now() - started; }
  }
  throw new Error('no picture within 30 s');
}
"""
IDLE = "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
WATCH = """
() => {
  window.samples = []; window.pressed = null;
  addEventListener('keydown', () => { if (window.pressed === null) window.pressed = performance.now(); }, true);
  window.painted = () => requestAnimationFrame(() => {
    if (window.pressed !== null) { window.samples.push(performance.now() - window.pressed); window.pressed = null; }
  });
  const after = (image) => image.complete && image.naturalWidth ? window.painted()
      : image.addEventListener('load', window.painted, {once: true});
  new MutationObserver((records) => {
    for (const record of records) {
      if (record.type === 'attributes' && record.attributeName === 'src') after(record.target);
      for (const node of record.addedNodes || [])
        if (node.querySelectorAll) for (const image of [node, ...node.querySelectorAll('img')])
          if (image.tagName === 'IMG') after(image);
      const plot = record.target.closest && record.target.closest('.js-plotly-plot');
      if (window.kind === 'plotly' && plot) window.painted();
    }
  }).observe(document.body, {subtree: true, childList: true, attributes: true});
  const draw = CanvasRenderingContext2D.prototype.drawImage;
  CanvasRenderingContext2D.prototype.drawImage = function (...rest) {
    const done = draw.apply(this, rest);
    if (window.kind === 'canvas') window.painted();
    return done;
  };
}
"""


def measure() -> list[dict[str, float | str]]:
    """Measure median and 95th percentile in ms, and the ratios to the floor and to interact in one session."""
    import lab

    python = _environment()
    folder = Path(tempfile.mkdtemp())
    lab.kernelspec(folder, "vaelab", python=python)
    cells = [COMMON, *(cell for cell, _ in VARIANTS.values()), TRAINING]
    path = lab.notebook(folder / "latency.ipynb", cells)
    with lab.server(folder, python) as address, lab.browser() as browser:
        browser.open(address, path, cells=len(cells), seconds=240)
        browser.page.evaluate(WATCH)
        samples: dict[str, list[float]] = {name: [] for name in VARIANTS}
        for _ in range(ROUNDS):
            for index, name in enumerate(VARIANTS, start=1):
                samples[name] += _press(browser, index, VARIANTS[name][1])
        rest = {name: values for name, values in samples.items() if values}
        paints = _first_paints(browser, cells)
        browser.page.get_by_role("button", name="Start", exact=True).click()
        browser.page.wait_for_function("() => /Running: step/.test(document.body.innerText)", timeout=60_000)
        index = list(VARIANTS).index("vaelab: divergence_panel") + 1
        training = [ms for _ in range(ROUNDS) for ms in _press(browser, index, "image")]
    return [*_rows(rest, training), *paints, *_settling(), _slowdown()]


def _first_paints(browser: "object", cells: list[str]) -> list[dict[str, float | str]]:
    """Measure the milliseconds from the start of a cell to its first painted picture, less those of the floor."""
    page = browser.page  # type: ignore[attr-defined]
    names = {1: "floor", **{i: text for i, text in enumerate(cells) if "live.show" in text}}
    found: dict[int, list[float]] = {index: [] for index in names}
    for _ in range(ROUNDS):
        for index in names:
            page.locator(".jp-CodeCell").nth(index).scroll_into_view_if_needed()
            found[index].append(page.evaluate(FIRST_PAINT, index))
            page.wait_for_function(IDLE, timeout=60_000)
    floor, rows = statistics.median(found.pop(1)), list[dict[str, float | str]]()
    for index, values in found.items():
        row = {"variant": f"first paint: {names[index]}", "floor_ms": floor}
        rows.append({**row, "more_ms": statistics.median(values) - floor, "more_ms_at_most": FIRST_PAINT_MS})
    return rows


def _press(browser: "object", index: int, kind: str) -> list[float]:
    """Measure the milliseconds of a few presses on the first slider of a cell."""
    page = browser.page  # type: ignore[attr-defined]
    cell = page.locator(".jp-CodeCell").nth(index)
    handle = cell.locator(".noUi-handle").first
    handle.scroll_into_view_if_needed()
    handle.focus()
    page.evaluate("(kind) => { window.kind = kind; window.samples = []; window.pressed = null; }", kind)
    for i in range(PRESSES):
        page.keyboard.press("ArrowRight" if i % 2 == 0 else "ArrowLeft")
        page.wait_for_timeout(450)
    samples: list[float] = page.evaluate("() => window.samples")
    return samples


def _rows(samples: dict[str, list[float]], training: list[float]) -> list[dict[str, float | str]]:
    floor = statistics.median(samples["floor: two tiny PNGs"])
    interact = statistics.median(samples["interact + plt.show()"])
    rows: list[dict[str, float | str]] = []
    for name, values in samples.items():
        row = _row(name, values, floor)
        row["faster_than_interact"] = interact / statistics.median(values)
        if name in TIMES_FLOOR:
            row |= {"times_floor_at_most": TIMES_FLOOR[name], "p95_times_median_at_most": P95_TIMES_MEDIAN}
        rows.append(row)
    row = _row("vaelab: divergence_panel while a VAE trains", training, floor)
    return [*rows, {**row, "times_floor_at_most": WHILE_TRAINING, "p95_times_median_at_most": P95_TIMES_MEDIAN}]


def _row(name: str, values: list[float], floor: float) -> dict[str, float | str]:
    median, p95 = statistics.median(values), _p95(values)
    ratios = {"times_floor": median / floor, "p95_times_median": p95 / median}
    return {"variant": name, "median_ms": median, "p95_ms": p95, **ratios}


def _settling() -> list[dict[str, float | str]]:
    """Sixty events in a second, without a browser: how often it is drawn, and how long after the last event the final
    picture is there (nobody asks for it: the panel's own time of rest is in it)."""
    import torch

    from vaelab import live, load, recipes

    torch.manual_seed(0)
    digits = load("digits").images[:300]
    deep = recipes.vae((1, 8, 8), 4, hidden=(32,))
    panels = {
        "divergence_panel": (live.divergence_panel(), "alpha", 0.0, 1.0),
        "mixture_panel": (live.mixture_panel(), "alpha", 0.0, 1.0),
        "rho_panel": (live.rho_panel(), "rho", 0.1, 5.0),
        "latent_panel": (live.latent_panel(deep, digits), "value", -3.0, 3.0),
        "posterior_panel": (live.posterior_panel(deep, digits), "latent", 0, 3),
        "balance_panel": (live.balance_panel(epochs=1), "gamma", 0.02, 1.0),
    }
    rows: list[dict[str, float | str]] = []
    for name, (panel, control, low, high) in panels.items():
        panel.settle()
        before, started = panel.draws, time.perf_counter()
        for i in range(60):
            value = low + (high - low) * i / 59
            panel.controls[control].value = round(value) if isinstance(low, int) else value
            time.sleep(max(0.0, started + (i + 1) / 60 - time.perf_counter()))
        drawn, ended = panel.draws - before, time.perf_counter()
        while panel._drawn_version != panel._version:
            time.sleep(0.001)
        row: dict[str, float | str] = {"variant": f"60 events in a second: {name}", "draws": float(drawn)}
        ms = 1e3 * (time.perf_counter() - ended)
        rows.append({**row, "draws_at_most": 15.0, "settled_ms": ms, "settled_ms_at_most": 200.0})
    return rows


def _slowdown(seconds: float = 4.0) -> dict[str, float | str]:
    """Measure the steps per second of an untouched training, in the panel and alone, alternately."""
    import torch

    from vaelab import live, load, train

    torch.set_num_threads(1)
    setup = live.TrainingChoices(data="mnist-mini", network="mlp 400", epochs=400)
    data, ratios = load("mnist-mini"), []
    for _ in range(ROUNDS):
        panel = live.training_panel(setup)
        panel.start()
        while not panel.trainer or panel.trainer.record.steps < 1500:  # its axes have settled
            time.sleep(0.01)
        before, started = panel.trainer.record.steps, time.perf_counter()
        time.sleep(seconds)
        shown = (panel.trainer.record.steps - before) / (time.perf_counter() - started)
        panel.stop()
        panel.settle()
        panel.close()
        steps = iter(train(setup.recipe(data).make(), data, setup.config))
        alone = _steps(steps, seconds)
        ratios.append(alone / shown)
    ratio = statistics.median(ratios)
    return {"variant": "training alone / in the panel, untouched", "ratio": ratio, "at_most": 1.15}


def _steps(steps: Iterator[object], seconds: float) -> float:
    for _ in range(20):
        next(steps)
    started, taken = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        next(steps)
        taken += 1
    return taken / (time.perf_counter() - started)


def _p95(values: list[float]) -> float:
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


def _environment() -> Path:
    python = VENV / "bin" / "python"
    if not (VENV / ".ready").is_file():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--constraint", HERE.parent / "constraints.txt"]
        subprocess.run([*pip, "--editable", f"{HERE.parent}[lab]", *NEEDS], check=True)
        (VENV / ".ready").touch()
    return python
