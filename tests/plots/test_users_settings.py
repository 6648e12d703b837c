"""The user's matplotlib settings reach no picture of ours, and ours reach no picture of the user's."""

import io
import os
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import matplotlib as mpl
import matplotlib.style
import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import figures
from figures import build
from vaelab import live, metrics, plots, recipes
from vaelab._utils.errors import InvalidValue
from vaelab.live import display
from vaelab.live.figure import LiveFigure, draw_filmstrip
from vaelab.live.panels import divergence, training_figure
from vaelab.live.trainer import Point


def dark():
    with matplotlib.style.context(["default", "dark_background"]):
        return dict(mpl.rcParams.copy())


UNCHANGED = ("backend", "interactive", "date.", "timezone", "text.kerning", "text.hinting_", "text.usetex")


def everything():
    """Another value for every setting that has one: other switches, numbers, colors and words."""
    words = ("red", "none", "both", "left", "bottom", "serif", "cm", "bold", "--", "o", "xx-large", "log", "data", "1")
    changed = mpl.RcParams()
    for key in mpl.rcParamsDefault:
        value = mpl.rcParamsDefault._get(key)
        numbers = [not value] if isinstance(value, bool) else [2 * value + 1] if isinstance(value, int | float) else []
        for other in [] if key.startswith(UNCHANGED) else numbers or words:
            try:
                changed[key] = other
            except (ValueError, TypeError, RuntimeError):
                continue
            if changed._get(key) != value:
                break
    return dict(changed)


HOSTILE = {
    "LaTeX": lambda: {
        "text.usetex": True,
        "text.latex.preamble": r"\usepackage{nosuchpackage}",
        "interactive": True,
        "savefig.dpi": 30,
        "savefig.bbox": "tight",
        "savefig.transparent": True,
        "figure.autolayout": True,
        "axes.prop_cycle": mpl.cycler(color=["red"], linestyle=["--"]),
        "font.size": 40,
        "axes.unicode_minus": False,
    },
    "dark background": dark,
    "everything": everything,
}


@pytest.fixture(scope="module")
def report():
    torch.manual_seed(0)
    experiment = recipes.vae((1, 8, 8), 3, hidden=(8,)).eval()
    data = torch.rand(40, 1, 8, 8), torch.arange(40) % 2
    options = {"samples": 4, "nll_images": 10, "small_probe_labels": 20, "samplers": {}}
    return metrics.report(experiment, (data, data), **options)


def training_state():
    points = [Point(10 * i, 30.0 - i, 2.0 + i, 0.5, 2.0, 9.0 - i) for i in range(5)]
    images, plane = np.linspace(0, 1, 3 * 10 * 64).reshape(3, 10, 8, 8), np.linspace(-3, 3, 40).reshape(20, 2)
    return training_figure.TrainingState(points, [20], 30, images, plane, np.arange(20) % 10)


def draw_everything(report, folder):
    """Draw in every way: bytes by name."""
    made = {}
    for item in build.draw(["var-rho"], out=folder):
        made |= {path.name: path.read_bytes() for path in item.paths}
    panel = live.divergence_panel()
    made["panel"] = panel.picture.value
    made["filmstrip"] = draw_filmstrip(partial(divergence.draw, stacked=True), {"a frame": panel.values}).tobytes()
    panel.set(mean_q=-4.0, alpha=0.9)  # other limits, and so other ticks
    assert panel.settle()
    made["moved panel"] = panel.picture.value
    live_figure = LiveFigure(divergence.draw, *divergence.SIZES["talk"], "talk")
    made["preview"] = live_figure.preview(panel.values)
    torch.manual_seed(0)
    latent = live.latent_panel(recipes.vae((1, 8, 8), 2, hidden=(4,)), torch.rand(30, 1, 8, 8), torch.arange(30) % 3)
    made["latent panel"], made["latent filmstrip"] = latent.picture.value, latent.filmstrip
    training = live.training_panel(data="digits")
    made["training panel"] = training.spec.open_picture("notebook").render({"state": training_state()})
    training.close()
    made |= {path.name: path.read_bytes() for path in metrics.save(report, folder / "report")}
    with plots.style("notebook"):
        figure = draw_primitives()
    made["notebook"] = display._png(figure)  # after the block, as the notebooks do
    return made


def draw_primitives():
    figure = plots.new_figure(6, 3)
    left, middle, right = figure.subplots(1, 3)
    plots.circles(left, (0, 0), 1.0, plots.Q)
    plots.seed_band(left, np.arange(3), np.arange(6.0).reshape(3, 2) - 3, plots.P, label=r"$\sigma^2$ and −1")
    left.legend()
    plots.latent_plane(middle, np.eye(20, 2), np.arange(20) % 3, np.full((20, 2), 0.1))
    plots.latent_plane(middle, np.zeros((3, 2)))
    plots.image_grid(right, np.linspace(0, 1, 384).reshape(2, 3, 8, 8), ["a"], ["b"], right=["c", "d"], gap=1)
    left.set(title="title", ylabel="y", yscale="symlog")
    return figure


def png_of(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer)
    return buffer.getvalue()


def present():
    return {key: mpl.rcParams._get(key) for key in mpl.rcParams}


@pytest.fixture(scope="module")
def undisturbed(report, tmp_path_factory):
    with mpl.rc_context():
        mpl.rcParams.update(mpl.rcParamsDefault)
        return draw_everything(report, tmp_path_factory.mktemp("undisturbed"))


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::matplotlib.MatplotlibDeprecationWarning")
@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")  # from figures that are freed
def test_no_setting_of_the_user_reaches_a_picture_and_none_is_changed(name, report, undisturbed, tmp_path):
    with mpl.rc_context():
        mpl.rcParams._update_raw(HOSTILE[name]())
        before = present()
        theirs = draw_everything(report, tmp_path)
        assert present() == before
        assert type(mpl.rcParams) is mpl.RcParams
    assert [key for key in undisturbed if theirs[key] != undisturbed[key]] == []


def test_the_hostile_settings_change_nearly_every_setting_and_a_picture_of_the_user_s_own():
    assert len(everything()) > 270
    with mpl.rc_context():
        mpl.rcParams._update_raw(dark())
        black = png_of(draw_primitives())
    assert black != png_of(draw_primitives())


def test_a_file_in_the_working_folder_and_the_environment_change_nothing(undisturbed, tmp_path):
    (tmp_path / "matplotlibrc").write_text("savefig.dpi: 17\ntext.usetex: True\nbackend: TkAgg\nfont.size: 31\n")
    code = """
import sys, matplotlib as mpl
from vaelab import plots
from figures import build
assert mpl.rcParams["font.size"] == 31 and mpl.rcParams["text.usetex"]
build.draw(["var-rho"], out="out")
assert mpl.rcParams["font.size"] == 31 and "matplotlib.pyplot" not in sys.modules
"""
    root = Path(figures.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(root), "MPLBACKEND": "module://no_such_backend"}
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "out" / "var-rho.png").read_bytes() == undisturbed["var-rho.png"]


def test_an_unknown_backend_in_the_environment_gets_one_sentence():
    code = "import sys\nfrom vaelab._utils.errors import InvalidValue\ntry: import vaelab.plots\n"
    code += "except InvalidValue as error: print(error)"
    environment = {**os.environ, "MPLBACKEND": "no_such_backend"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout == "MPLBACKEND must be a backend of matplotlib, got 'no_such_backend'; unset it.\n"


# -- what happens in and beside a block


def test_settings_are_those_of_the_user_after_a_drawing_that_fails():
    before = present()

    def fail(figure):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        LiveFigure(fail, 3, 2)
    with pytest.raises(ZeroDivisionError), plots.style("talk"), mpl.rc_context({"font.size": 3}):
        raise ZeroDivisionError
    with pytest.raises(InvalidValue, match="style must be one of paper, notebook, talk, got 'poster'"):
        plots.style("poster").__enter__()
    assert present() == before
    assert type(mpl.rcParams) is mpl.RcParams


def test_a_block_is_complete_nests_and_forgets_what_was_set_in_it():
    with mpl.rc_context({"font.size": 30, "lines.linestyle": "--"}):
        with plots.style("paper"):
            assert (mpl.rcParams["font.size"], mpl.rcParams["lines.linestyle"]) == (8, "-")
            mpl.rcParams["font.size"] = 5
            mpl.rcParams["font.sans-serif"].clear()
            with plots.style("talk"):
                assert mpl.rcParams["font.size"] == 18
                assert mpl.rcParams["font.sans-serif"]
            assert mpl.rcParams["font.size"] == mpl.rcParams.copy()["font.size"] == 5
            with mpl.rc_context({"font.size": 6}):
                assert mpl.rcParams["font.size"] == 6
            assert mpl.rcParams["font.size"] == 5
        assert (mpl.rcParams["font.size"], mpl.rcParams["lines.linestyle"]) == (30, "--")
    assert mpl.rcParams["font.sans-serif"]


def test_settings_of_the_session_can_be_changed_in_a_block():
    before = mpl.rcParams["interactive"]
    try:
        with plots.style("paper"):
            mpl.interactive(not before)
        assert mpl.rcParams["interactive"] is not before
    finally:
        mpl.interactive(before)


def test_another_thread_neither_sees_nor_loses_its_settings():
    inside, leave = threading.Event(), threading.Event()

    def draw():
        with plots.style("talk"):
            inside.set()
            assert leave.wait(20)

    with mpl.rc_context():
        thread = threading.Thread(target=draw)
        thread.start()
        assert inside.wait(20)
        before = mpl.rcParams["font.size"]
        assert before != 18
        mpl.rcParams["lines.linewidth"] = 7.5
        with mpl.rc_context({"font.size": 33}):
            assert mpl.rcParams["font.size"] == 33
        assert mpl.rcParams["font.size"] == before
        leave.set()
        thread.join()
        assert mpl.rcParams["lines.linewidth"] == 7.5


def test_pictures_of_a_cell_and_of_a_panel_drawn_at_the_same_time_are_right():
    def of_the_user():
        figure = Figure(figsize=(2, 1))
        FigureCanvasAgg(figure)
        figure.subplots().plot([0, 1], label="line")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
        return buffer.getvalue()

    wanted, panel = of_the_user(), live.divergence_panel()
    pictures = []
    for i in range(6):
        panel.controls["mean_q"].value = i / 5
        pictures.append(of_the_user())
    assert panel.settle()
    assert set(pictures) == {wanted}
    alone = LiveFigure(divergence.draw, *divergence.SIZES["notebook"]).render(panel.values)
    assert panel.picture.value == alone


def test_a_figure_made_outside_of_a_block_has_the_settings_of_the_moment():
    with mpl.rc_context({"savefig.dpi": 50}):
        assert Image.open(io.BytesIO(png_of(plots.new_figure(2, 1)))).size == (100, 50)
        with plots.style("notebook"):
            figure = plots.new_figure(2, 1)
        assert Image.open(io.BytesIO(png_of(figure))).size == (200, 100)
