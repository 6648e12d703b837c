"""Every panel is a short declaration over one class; its texts and its picture follow values and page."""

import html
import inspect
import io
import itertools
import re
import threading
from unittest import mock

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from tests.live.makers import small_panels
from tests.live.waiting import wait_for
from tests.plots.test_dark import contrast
from vaelab import live, load, plots
from vaelab._utils.errors import InvalidValue
from vaelab.live import TrainingChoices
from vaelab.live.lifetime import tree
from vaelab.live.panels import balance, latent, scale, training_example, training_figure
from vaelab.live.panels.plane import plane_limit
from vaelab.live.panels.training_figure import draw

PUBLIC = sorted(name for name in live.__all__ if name.endswith("_panel"))
MOVES = {  # a value of a control that changes what is shown
    "divergence_panel": {"alpha": 0.9},
    "mixture_panel": {"alpha": 0.9},
    "rho_panel": {"rho": 2.0},
    "truth_panel": {"shift": 1.5},
    "latent_panel": {"z1": 2.0},
    "traversal": {"value": 2.0, "latent": 1},
    "hierarchy_panel": {"fixed": 0},
    "posterior_panel": {"latent": 1},
    "cloud_panel": {"strength": 3.0},
    "balance_panel": {"gamma": 1.0},
    "scale_panel": {"factor": 2.0},
}


@pytest.fixture(scope="module")
def makers(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield small_panels()


def pixels(panel):
    return np.asarray(Image.open(io.BytesIO(panel.picture.value)).convert("RGB"))


def classes(panel):
    return {name for part in tree(panel.box) for name in getattr(part, "_dom_classes", ())}


# -- one design


@pytest.mark.parametrize("name", [*PUBLIC, "traversal"])
def test_every_panel_is_a_declaration_over_one_class(makers, name):
    panel = makers[name]()
    assert type(panel) is live.Panel
    assert not live.Panel.__subclasses__()
    assert {"vaelab-panel", "vaelab-controls", "vaelab-picture", "vaelab-readout", "vaelab-status"} <= classes(panel)
    assert {"vaelab-alt", "vaelab-caption", "vaelab-theme"} <= classes(panel)


SPELLED = re.compile(r"\b(alpha|beta|gamma|lambda|sigma|rho)\b", re.IGNORECASE)


@pytest.mark.parametrize("name", [*PUBLIC, "traversal"])
def test_labels_frames_and_axes_have_greek_letters(makers, name):
    panel = makers[name]()
    labels = [getattr(control, "label", "") for control in panel.spec.controls]
    picture = panel.spec.open_picture("notebook")  # its figure ends with it
    figure = getattr(picture, "figure", None)
    texts = [] if figure is None else [text.get_text() for text in figure.findobj(Text)]
    frames = panel.spec.frames if isinstance(panel.spec.frames, dict) else ()
    for text in [*labels, *frames, *texts]:
        assert not SPELLED.search(text), text


@pytest.mark.parametrize(
    "declaration",
    [inspect.unwrap(getattr(live, name)) for name in PUBLIC] + [latent._plane_spec, latent._traversal_spec],
    ids=lambda function: function.__name__,
)
def test_a_declaration_has_at_most_eighty_lines(declaration):
    source, text = inspect.getsource(declaration), inspect.getdoc(declaration) or ""
    lines = len(source.splitlines()) - len(text.splitlines())
    assert lines <= 80, f"{declaration.__name__} has {lines} lines"


def test_a_declaration_draws_or_paints_and_not_both():
    spec = live.rho_panel().spec
    parts = {name: getattr(spec, name) for name in spec.__dataclass_fields__}
    for change in ({"draw": None}, {"picture": lambda style, dark: None}, {"filmstrip": lambda: b""}):
        with pytest.raises(InvalidValue, match="picture must be given with filmstrip, in place of draw"):
            live.PanelSpec(**{**parts, **change})


def test_the_experts_choices_of_a_training_are_marked():
    controls = live.training_panel().spec.controls
    assert {c.name for c in controls if not c.expert} == {"alpha", "gamma", "beta", "consistency", "divergence"}


# -- texts


@pytest.mark.parametrize("name", MOVES)
def test_the_alt_text_follows_the_values_and_has_their_numbers(makers, name):
    panel = makers[name]()
    assert panel.settle()
    before = panel.picture_alt.value
    assert any(character.isdigit() for character in before)
    assert html.unescape(before) == panel.spec.alt(panel.values) != panel.alt
    panel.set(**MOVES[name])
    assert panel.settle()
    assert panel.picture_alt.value not in ("", before)
    assert html.unescape(panel.picture_alt.value) == panel.spec.alt(panel.values)


def test_the_alt_text_of_a_training_is_of_the_step_that_is_shown():
    panel = live.training_panel(epochs=3)
    assert "has not been trained yet" in panel.picture_alt.value
    panel.start()
    assert panel.settle()
    last = panel.trainer.record.points[-1]
    assert f"at step {last.step}: " in panel.picture_alt.value
    assert f"to {last.distortion:.1f} per image" in panel.picture_alt.value


@pytest.mark.parametrize("name", [*PUBLIC, "traversal"])
def test_the_live_caption_says_what_is_drawn_and_the_saved_one_also_how_to_get_it(makers, name, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, metadata, raw: shown.append(data))
    panel = makers[name]()
    live.show(panel)
    assert shown[-1]["text/plain"] == panel.caption == f"{panel.spec.caption} {panel.spec.still}"
    assert 'class="vaelab-filmstrip"' in shown[-1]["text/html"], "hidden beside the live panel"
    assert "Run the cell" in panel.spec.still
    assert "Run the cell" not in panel.live_caption.value
    assert html.escape(panel.spec.caption) in panel.live_caption.value
    live.show(panel, caption="Mine & yours.")
    assert panel.live_caption.value == "<em>Mine &amp; yours.</em>"


def test_the_alt_text_that_show_gets_is_that_of_the_still_picture(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, metadata, raw: shown.append(data))
    live.show(live.rho_panel(), alt="Four curves.")
    assert [data["text/plain"] for data in shown if "image/png" in data] == ["Four curves."]


# -- the dark page


@pytest.mark.parametrize("name", [*PUBLIC, "traversal"])
def test_a_dark_page_gets_a_dark_picture_and_a_light_one_the_old(makers, name):
    panel = makers[name]()
    assert panel.settle()
    light, alt = pixels(panel), panel.picture_alt.value
    panel.theme.value = True
    assert panel.settle()
    dark = pixels(panel)
    assert dark.shape == light.shape
    if name not in ("latent_panel", "traversal", "hierarchy_panel"):  # they begin with an image
        assert (dark[0, 0] == 0x11).all()
        assert np.median(dark) == 0x11
    assert np.median(light.astype(int) - dark) > 100 or name in ("latent_panel", "traversal", "hierarchy_panel")
    assert panel.picture_alt.value == alt
    panel.theme.value = False
    assert panel.settle()
    assert np.array_equal(pixels(panel), light)


def test_images_keep_their_pixels_on_a_dark_page():
    images = np.linspace(0, 1, 2 * 3 * 8 * 8).reshape(2, 3, 8, 8)
    for dark, level in ((False, 1.0), (True, 0x11 / 255)):
        with plots.style("notebook", dark=dark):
            tiled = plots.tile_images(images, gap=2)
        assert np.array_equal(tiled[:8, :8], images[0, 0])
        assert tiled[8, 8] == pytest.approx(level)


def test_every_artist_of_every_drawing_is_readable_on_a_dark_page(makers):
    for name in PUBLIC:
        panel = makers[name]()
        panel.theme.value = True
        assert panel.settle()
        if hasattr(panel._picture[1], "figure"):
            texts = [text for text in panel._picture[1].figure.findobj(Text) if text.get_text()]
            assert texts
            for text in texts:
                assert contrast(text.get_color(), "#111111") > 4, (name, text.get_text())


# -- slow work and shipped numbers


def test_a_panel_whose_numbers_take_time_appears_before_they_are_there(makers, monkeypatch):
    gate, measure = threading.Event(), scale._measure

    def slowly(*parts):
        assert gate.wait(60)
        return measure(*parts)

    monkeypatch.setattr(scale, "_measure", slowly)
    panel = makers["scale_panel"]()
    assert "comes in some seconds" in panel.message.value
    assert panel.picture.layout.display == "none"
    panel.set(factor=2.0)
    assert not panel.settle(0.1)
    gate.set()
    assert panel.settle(60)
    assert panel.message.layout.display == "none"
    assert "factor <b>2<" in panel.readout.value
    panel.set(**panel.presets["smallest distance"])
    assert panel.settle()
    assert "the smallest is here" in panel.readout.value


def test_numbers_that_cannot_be_measured_become_a_sentence(makers, monkeypatch):
    monkeypatch.setattr(scale, "_measure", lambda *_: 1 / 0)
    panel = makers["scale_panel"]()
    wait_for(lambda: "division by zero" in panel.message.value)
    assert panel.settle()


def test_the_shipped_numbers_of_the_digits_are_what_their_training_gives(monkeypatch, tmp_path):
    shipped = balance._load()
    monkeypatch.setattr(balance, "NUMBERS", tmp_path / "numbers.npz")
    balance._write()
    fresh = balance._load()
    assert np.allclose(fresh.gammas, shipped.gammas)
    assert np.allclose(fresh.rmse, shipped.rmse, rtol=0.02)
    assert np.allclose(fresh.rate, shipped.rate, rtol=0.05, atol=0.05)
    assert np.abs(fresh.images - shipped.images).mean() < 0.02


# -- filmstrips


def texts(axes):
    """Title and labels of axes, and the tick labels in view."""
    named = [text for text in (axes.title, axes.xaxis.label, axes.yaxis.label) if text.get_text()]
    ticks = []
    for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        in_view = [min(limits) <= place <= max(limits) for place in axis.get_majorticklocs()]
        ticks += [label for label, shown in zip(axis.get_majorticklabels(), in_view, strict=True) if shown]
    return named, [label for label in ticks if label.get_text() and axes.axison]


def test_no_text_of_a_filmstrip_is_cut_and_none_needs_a_search_for_its_place(makers, monkeypatch):
    search = mock.Mock(side_effect=AssertionError("the layout is searched for"))
    monkeypatch.setattr("matplotlib._constrained_layout.do_constrained_layout", search)
    drawn = []
    monkeypatch.setattr("vaelab.live.figure.dismantle", drawn.append)
    for name, make in makers.items():
        panel = make()
        if panel.spec.draw is None:
            continue
        assert panel.settle(60)
        drawn.clear()
        panel.spec.draw_filmstrip()
        (figure,) = (figure for figure in drawn if figure.subfigs)  # not that of the last panel
        renderer = figure.canvas.get_renderer()
        for frame in figure.subfigs:
            titles = []
            for axes in frame.axes:
                named, ticks = texts(axes)
                titles += [text.get_window_extent(renderer) for text in named]
                for text in (*named, *ticks):
                    box, outer = text.get_window_extent(renderer), frame.bbox.padded(1)
                    inside = outer.x0 <= box.x0 and box.x1 <= outer.x1 and outer.y0 <= box.y0 and box.y1 <= outer.y1
                    assert inside, (name, text.get_text(), box, outer)
            assert titles, name
            assert not any(a.overlaps(b) for a, b in itertools.combinations(titles, 2)), name


# -- the filmstrip of a training


@pytest.mark.parametrize("name", training_example.EXAMPLES)
def test_every_frame_of_a_training_has_curves_path_legend_and_all_codes(name):
    for title, values in training_example.frames(name).items():
        figure = plots.new_figure(3.2, 5.2)
        draw(figure, stacked=True).update(values)
        losses, gamma, path, images, plane = figure.axes
        assert losses.get_legend() is not None, title
        for axes in (losses, gamma, path):
            assert len(axes.lines[0].get_xdata()) > 20
        rates = [point.rate for point in values["state"].points]
        assert path.lines[0].get_xdata() == rates
        assert sorted(patch.radius for patch in plane.patches) == [1, 2, 3]
        codes = values["state"].plane
        drawn = np.concatenate([np.stack(line.get_data(), 1) for line in plane.lines])
        assert np.allclose(np.sort(drawn, 0), np.sort(codes, 0)), "no code is moved to the edge"
        for limits, column in zip((plane.get_xlim(), plane.get_ylim()), codes.T, strict=True):
            assert limits[0] < column.min() <= column.max() < limits[1]
        assert images.images[0].get_array().max() > 0.9


@pytest.mark.parametrize("name", training_example.EXAMPLES)
def test_the_frames_of_a_training_share_their_planes_and_their_legend_hides_no_curve(name):
    shared = set()
    for title, values in training_example.frames(name).items():
        figure = plots.new_figure(3.2, 5.2)
        draw(figure, stacked=True).update(values)
        losses, _, path, _, plane = figure.axes
        shared.add((path.get_xlim(), path.get_ylim(), plane.get_xlim(), plane.get_ylim()))
        figure.canvas.draw()
        legend = losses.get_legend().get_window_extent()
        assert not any(legend.overlaps(axes.get_window_extent()) for axes in figure.axes), title
        assert figure.bbox.y0 <= legend.y0
        codes, point = values["state"].plane, values["state"].points[-1]
        assert np.abs(codes).max() < plane.get_xlim()[1]
        assert point.rate < path.get_xlim()[1]
        assert point.distortion < path.get_ylim()[1]
    assert len(shared) == 1


def test_the_example_of_a_large_gamma_lowers_it_and_its_frames_say_so():
    panels = {
        "gamma": [{"gamma": 0.7}, {"gamma": 0.5, "divergence": "KL(q‖p)", "data": "digits"}],
        "js": [{}, {"gamma": 0.7, "divergence": "dual JS"}, {"gamma": 0.7, "policy": "learned"}],
        "kl": [{"divergence": "KL(q‖p)", "gamma": 0.3}],
        "views": [{"views": "large", "gamma": 0.7}],
    }
    for name, choices in panels.items():
        assert {training_example.example(TrainingChoices(**choice)) for choice in choices} == {name}
    frames = training_example.frames("gamma")
    assert list(frames) == ["epoch 4, γ = 0.7", "epoch 8, γ = 0.2", "epoch 12, γ = 0.05"]
    ends = [values["state"].points[-1] for values in frames.values()]
    assert [point.gamma for point in ends] == pytest.approx([0.7, 0.2, 0.05])
    assert ends[0].rate < ends[1].rate < ends[2].rate
    spreads = [values["state"].plane.std() for values in frames.values()]
    assert spreads[0] < spreads[1] < spreads[2]
    assert "γ = 0.05" in live.training_panel(gamma=0.7).alt


def test_a_code_far_outside_does_not_hide_the_others():
    codes = np.random.default_rng(0).uniform(-3, 3, (200, 2))
    assert plane_limit(codes) == 3.5
    assert plane_limit(3 * codes) > np.abs(3 * codes).max()
    codes[0] = 1000.0
    assert plane_limit(codes) == 7
    assert plane_limit(np.zeros((0, 2))) == 3.5


def test_before_a_training_its_picture_shows_the_data_and_nothing_that_is_not_there():
    panel = live.training_panel(data="mnist-mini")
    figure = panel._picture[1].figure
    losses, _, path, images, _ = figure.axes
    for data in ("mnist-mini", "digits", "fashion-mini"):
        panel.set(data=data)
        assert panel.settle()
        first = load(data).images[: training_figure.N_IMAGES, 0] / 255
        height, width = first.shape[1:]
        shown = images.images[0].get_array()
        assert np.allclose(shown[:height, :width], first[0], atol=1e-6)
        assert np.allclose(shown[:height, -width:], first[-1], atol=1e-6)
        assert (shown[height:] == 1).all(), "blank, not black"
        assert data in panel.picture_alt.value
    (note,) = (text for text in images.texts if text.get_visible())
    assert "before the training" in note.get_text()
    assert all(len(line.get_xdata()) == 0 for line in path.lines)
    panel.set(epochs=1)
    panel.start()
    assert panel.settle()
    assert not note.get_visible()
    assert all(len(line.get_xdata()) > 0 for line in path.lines)
    labels = [text.get_text() for text in losses.get_legend().get_texts()]
    assert labels == ["reconstruction", "divergence"]
    assert "reconstruction <b>" in panel.readout.value
