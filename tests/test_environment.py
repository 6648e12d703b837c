"""The main uses of vaelab, each once: for environments with other versions, such as `make test-lowest`."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
WIDGET = "application/vnd.jupyter.widget-view+json"
PANEL = """
from vaelab import live
panel = live.rho_panel()
live.show(panel)
panel.set(rho=2.0)
assert panel.settle() and panel.values["rho"] == 2.0 and panel.draws >= 1
assert panel.picture.value[:4] in (b"\\x89PNG", b"\\xff\\xd8\\xff\\xe0")
panel.reset()
"""


def execute(*cells):
    """Execute cells in a kernel of this interpreter; the outputs of each."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    manager = AsyncKernelManager(kernel_name="vaelab")
    manager._kernel_spec = KernelSpec(
        argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=40"],
        display_name="vaelab",
        language="python",
        env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )
    NotebookClient(notebook, km=manager, timeout=120).execute()
    return [cell.outputs for cell in notebook.cells]


def test_a_panel_is_shown_as_a_widget_and_follows_its_controls():
    (outputs,) = execute(PANEL)
    shown = [output for output in outputs if output.output_type == "display_data"]
    (panel,) = [output for output in shown if WIDGET in output.data]
    assert panel.data[WIDGET]["model_id"]
    strip, caption = shown[1:]  # the filmstrip, for readers without a kernel
    assert len(strip.data["image/png"]) > 1000
    assert strip.metadata["image/png"]["alt"] == strip.data["text/plain"]
    assert "<em>" in caption.data["text/html"]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (["train", "digits", "--epochs", "1", "--device", "cpu", "--out", "run"], "run/settings.json"),
        (["figures", "make", "var-rho", "--out", "drawn"], "drawn/var-rho.png"),
    ],
    ids=["train", "figure"],
)
def test_the_command_line_trains_and_draws(tmp_path, arguments, file):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "VAELAB_CACHE": str(tmp_path / "cache")}
    arguments = [str(tmp_path / a) if a in ("run", "drawn") else a for a in arguments]
    command = [sys.executable, "-m", "vaelab", *arguments]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / file).stat().st_size > 100
