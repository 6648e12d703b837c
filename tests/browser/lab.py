"""JupyterLab and Chromium under control of the browser tests and of the latency benchmark."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import nbformat
from playwright.sync_api import Locator, Page, TimeoutError, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
# No popup over the page, and every cell in it, not only those in sight.
SETTINGS = {
    "apputils-extension/notification": '{"fetchNews": "false", "checkForUpdates": false}',
    "notebook-extension/tracker": '{"windowingMode": "none"}',
}
# A kernel that is connected and idle; before, "run all" would ask which kernel to take.
READY = """() => {
  const context = window.jupyterapp.shell.currentWidget?.sessionContext;
  const kernel = context?.session?.kernel;
  return Boolean(context?.isReady && kernel?.connectionStatus === 'connected' && kernel?.status === 'idle');
}"""
# From the press of a key to the frame in which the new picture is painted, in ms.
STOPWATCH = """
(image) => {
  window.samples = []; window.pressed = null;
  addEventListener('keydown', () => { if (window.pressed === null) window.pressed = performance.now(); }, true);
  const painted = () => requestAnimationFrame(() => {
    if (window.pressed !== null) { window.samples.push(performance.now() - window.pressed); window.pressed = null; }
  });
  new MutationObserver(() => {
    image.complete ? painted() : image.addEventListener('load', painted, {once: true});
  }).observe(image, {attributes: true, attributeFilter: ['src']});
}
"""


def chromium() -> str:
    """Return the path of the browser.  Raises FileNotFoundError where there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        raise FileNotFoundError("the browser tests need Chromium; on Debian: apt-get install chromium (see .ci/run).")
    return path


def notebook(path: Path, cells: Sequence[str], kernel: str = "vaelab") -> Path:
    """Write a notebook of code cells."""
    content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    content.metadata["kernelspec"] = {"name": kernel, "display_name": kernel, "language": "python"}
    nbformat.write(content, path)
    return path


def kernelspec(folder: Path, name: str, packages: Sequence[Path] = (), python: Path | str = sys.executable) -> None:
    """Write a kernel of this Python whose `packages` folders come first."""
    kernel = folder / "kernels" / name
    kernel.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join(map(str, (*packages, ROOT)))
    spec = json.loads((ROOT / "jupyter" / "kernel.json").read_text())
    spec["argv"][0] = str(python)
    spec |= {"display_name": name, "env": {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}}
    (kernel / "kernel.json").write_text(json.dumps(spec))


@contextmanager
def server(folder: Path, python: Path | str = sys.executable, app: str = "lab") -> Iterator[str]:
    """Run JupyterLab, or the app "notebook", on the notebooks in a folder, and yield its address."""
    for name, settings in SETTINGS.items():
        file = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(settings)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = {
        "JUPYTER_PATH": str(folder),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
    }
    command = [str(python), "-m", "jupyter", app, "--no-browser", "--allow-root", f"--port={port}", "--ip=127.0.0.1"]
    command += ["--IdentityProvider.token=", f"--ServerApp.root_dir={folder}"]
    command += [f"--{'LabApp' if app == 'lab' else 'JupyterNotebookApp'}.expose_app_in_browser=True"]
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, env={**os.environ, **places}, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(f"{address}/api/status", process)
            yield address
        finally:
            process.terminate()
            process.wait(20)


def _wait_for(address: str, process: "subprocess.Popen[bytes]", seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(address, timeout=2):
            return
        time.sleep(0.2)
    raise RuntimeError("JupyterLab did not start; see server.log")


@contextmanager
def browser() -> Iterator["Lab"]:
    """Headless Chromium with a fresh profile."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), headless=True, args=FLAGS)
        page = running.new_page(viewport={"width": 1400, "height": 1300})
        try:
            yield Lab(page)
        finally:
            running.close()


class Lab:
    """A page of JupyterLab.  errors: messages of its console."""

    def __init__(self, page: Page) -> None:
        self.page, self.errors = page, list[str]()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)

    def open(self, address: str, path: Path, *, cells: int, seconds: float = 120) -> None:
        """Open a notebook and run all of its cells; wait until the last one has been executed."""
        self.load(address, path)
        self.run_all(cells, seconds)

    def load(self, address: str, path: Path, route: str = "doc/tree") -> None:
        """Open a notebook, and wait for its kernel."""
        self.page.goto(f"{address}/{route}/{path.name}")
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
        self.page.wait_for_function("() => window.jupyterapp !== undefined", timeout=60_000)
        self.page.wait_for_function(READY, timeout=90_000)

    def run_all(self, cells: int, seconds: float = 120) -> None:
        """Press "run all"; again, if the kernel was not there yet and nothing began."""
        command = "(id) => { window.jupyterapp.commands.execute(id); }"
        self.page.evaluate(command, "notebook:clear-all-cell-outputs")
        begun = "() => /[*\\d]/.test([...document.querySelectorAll('.jp-InputPrompt')].map(p => p.textContent).join())"
        for _ in range(10):
            self.page.evaluate(command, "notebook:run-all-cells")
            with suppress(TimeoutError):
                self.page.wait_for_function(begun, timeout=5000)
                break
        done = f"""() => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
            .filter(p => /^\\[\\d+\\]:$/.test(p.textContent.trim())).length >= {cells}"""
        try:
            self.page.wait_for_function(done, timeout=1000 * seconds)
        except TimeoutError as error:
            text = self.page.locator("#jp-main-content-panel").inner_text()[-2000:]
            raise AssertionError(f"the notebook did not run to its end; the page shows: {text}") from error

    def run_cell(self, index: int) -> None:
        """Run one cell, and wait for its end."""
        self.page.evaluate(
            """async (index) => {
              window.jupyterapp.shell.currentWidget.content.activeCellIndex = index;
              await window.jupyterapp.commands.execute('notebook:run-cell');
            }""",
            index,
        )

    def printed(self, code: str) -> str:
        """Run code in the notebook's kernel, beside its cells, and return what it prints."""
        return str(
            self.page.evaluate(
                """async (code) => {
                  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                  const request = kernel.requestExecute({code, store_history: false}), parts = [];
                  request.onIOPub = ({content}) => parts.push(content.text ?? (content.traceback ?? []).join('\\n'));
                  await request.done;
                  return parts.join('');
                }""",
                code,
            )
        )

    def panel(self, index: int = 0) -> Locator:
        return self.page.locator(".vaelab-panel").nth(index)

    def picture(self, panel: Locator) -> Locator:
        return panel.locator("img.widget-image").first

    def source(self, panel: Locator) -> bytes:
        """The picture's pixels as the browser has them."""
        data: str = self.picture(panel).evaluate(
            """async (image) => {
              const blob = await (await fetch(image.src)).blob();
              return [...new Uint8Array(await blob.arrayBuffer())].join(',');
            }"""
        )
        return bytes(int(n) for n in data.split(","))

    def changed(self, panel: Locator, before: str, seconds: float = 10) -> str:
        """Wait until the picture is another one, and return its address."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            now = self.picture(panel).get_attribute("src") or ""
            if now != before:
                return now
            self.page.wait_for_timeout(5)
        raise AssertionError(f"the picture did not change within {seconds} s")

    def event_to_paint(self, panel: Locator, handle: Locator, presses: int = 25, pause: int = 300) -> list[float]:
        """Return the milliseconds from each press of an arrow key to the painted picture."""
        self.picture(panel).evaluate(STOPWATCH)
        handle.focus()
        for i in range(presses):
            self.page.keyboard.press("ArrowRight" if i % 2 == 0 else "ArrowLeft")
            self.page.wait_for_timeout(pause)
        samples: list[float] = self.page.evaluate("() => window.samples")
        return samples
