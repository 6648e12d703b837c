"""Panels: the picture always follows the newest values, and no error stops a slider."""

import ast
import base64
import html
import io
import itertools
import random
import threading
from pathlib import Path

import ipywidgets as widgets
import matplotlib as mpl
import numpy as np
import pytest
import torch
from PIL import Image

import vaelab.live
from vaelab import MarginalPosterior, geometric_js, kl, live, plots, quadrature, recipes
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab._utils.images import to_uint8
from vaelab.divergences.gaussian import Gaussian
from vaelab.live import LiveFigure
from vaelab.live.figure import png, rounded_limit
from vaelab.live.lifetime import tree
from vaelab.live.panels import divergence, latent
from vaelab.live.panels.divergence import ALPHAS, PRESETS, GaussianPair, X, compute, gaussian
from vaelab.live.panels.latent import GAP

VIEW = "application/vnd.jupyter.widget-view+json"
START = GaussianPair(0.3, -2, 1, 2, 2, True, False)
RANDOM_VALUES = {
    "alpha": lambda r: r.uniform(0, 1),
    "mean_q": lambda r: r.uniform(-5, 5),
    "sigma_q": lambda r: r.uniform(0.25, 3),
    "mean_p": lambda r: r.uniform(-5, 5),
    "sigma_p": lambda r: r.uniform(0.25, 3),
    "primed": lambda r: r.random() < 0.5,
    "dual": lambda r: r.random() < 0.5,
}


def decoded(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def fresh_figure():
    return LiveFigure(divergence.draw, *divergence.SIZES["notebook"])


def visible(widget):
    return widget.layout.display != "none"


def tiny_panel(picture, presets=None):
    """Two sliders and a picture that costs nothing."""
    return live.Panel(tiny_spec(picture, presets))


def tiny_spec(picture, presets=None, **more):
    parts = {
        "controls": [live.Slider("a", "a", 0, 100, 1.0), live.Slider("b", "b", 0, 100, 1.0)],
        "presets": presets or {},
        "readout": lambda v: live.Readout([], f"a is {v['a']:g}"),
        "alt": lambda v: f"A gray pixel of {v['a']:g} < 256.",
        "filmstrip": lambda: b"",
        "filmstrip_alt": lambda: "alt",
        "caption": "caption",
        "still": "",
    }
    return live.PanelSpec(picture=lambda style, dark: live.Painting(picture, (8, 8)), **{**parts, **more})


def one_pixel(values):
    return png(np.full((1, 1, 3), int(values["a"]), np.uint8))


# -- newest value wins


def test_values_that_come_while_a_picture_is_drawn_are_skipped_except_the_newest():
    gate, seen = threading.Event(), []
    gate.set()

    def picture(values):
        seen.append(values["a"])
        assert gate.wait(20)
        return one_pixel(values)

    panel = tiny_panel(picture)
    gate.clear()
    panel.set(a=2)
    while seen[-1] != 2:
        pass
    for a in range(3, 63):
        panel.controls["a"].value = a
    assert not panel.settle(timeout=0.01)
    gate.set()
    assert panel.settle()
    assert seen == [1, 2, 62]
    assert panel.picture.value == one_pixel({"a": 62})


def test_a_thousand_random_events_leave_no_exception_and_the_right_picture(monkeypatch):
    escaped = []
    monkeypatch.setattr(threading, "excepthook", escaped.append)
    panel, r = live.divergence_panel(), random.Random(1)
    for i in range(1000):
        name = r.choice(list(RANDOM_VALUES))
        panel.controls[name].value = RANDOM_VALUES[name](r)
        if i % 50 == 0:
            panel.settle()
    assert panel.settle()
    assert not escaped
    assert visible(panel.picture)
    assert not visible(panel.message)
    assert panel.values == {name: control.value for name, control in panel.controls.items()}
    assert panel.picture.value == fresh_figure().render(panel.values)


def test_two_panels_moved_from_two_threads_do_not_disturb_each_other():
    panels = live.divergence_panel(), live.divergence_panel(dual=True)

    def move(panel, seed):
        r = random.Random(seed)
        for _ in range(100):
            panel.set(alpha=r.random(), mean_p=r.uniform(-5, 5))

    threads = [threading.Thread(target=move, args=(panel, seed)) for seed, panel in enumerate(panels)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for panel in panels:
        assert panel.settle()
        assert panel.picture.value == fresh_figure().render(panel.values)


# -- moving by code


def test_presets_and_reset_jump_without_showing_a_mixture():
    seen = []

    def picture(values):
        seen.append((values["a"], values["b"]))
        return one_pixel(values)

    panel = tiny_panel(picture, {"both": {"a": 50, "b": 60}})
    (reset, both) = next(
        row.children
        for row in tree(panel.box)
        if isinstance(row, widgets.HBox) and row.children and isinstance(row.children[0], widgets.Button)
    )
    assert (reset.description, both.description) == ("Reset", "both")
    for button in (both, reset) * 20:
        button.click()
        assert panel.settle()
    assert set(seen) == {(1, 1), (50, 60)}
    assert (panel.controls["a"].value, panel.controls["b"].value) == (1, 1)


@pytest.mark.parametrize("values", [{"gamma": 1}, {"alpha": 1.5}, {"alpha": "x"}, {"alpha": True}, {"dual": 1}])
def test_a_wrong_move_is_refused_with_a_sentence_and_moves_nothing(values):
    panel = live.divergence_panel()
    with pytest.raises((InvalidType, InvalidValue), match=next(iter(values))):
        panel.set(mean_q=4, **values)
    assert panel.values == START._asdict()


def test_a_control_or_a_preset_that_cannot_be_shown_is_refused():
    slider, switch = live.Slider("x", "x", 0.0, 1.0, 0.5), live.Switch("x", "off", "on")
    for controls, presets, sentence in (
        ([slider._replace(low=2.0)], {}, "x must have low <= high, got 2.0 and 1.0"),
        ([slider._replace(log=True)], {}, "x must have 0 < low <= high, got 0.0 and 1.0"),
        ([slider, switch], {}, "names of controls must differ, got x, x"),
        ([slider], {"far": {"x": 3.0}}, "x must be a number between 0 and 1, got 3.0"),
        ([slider], {"unknown": {"y": 0.5}}, "control must be one of x, got 'y'"),
    ):
        with pytest.raises(InvalidValue, match=sentence):
            live.Panel(tiny_spec(one_pixel, presets, controls=controls))
    with pytest.raises(InvalidType, match="what draw returns must be a Scene, got None"):
        live.LiveFigure(lambda figure: None, 1.0, 1.0)
    with pytest.raises(InvalidValue, match="frames must have at least one entry"):
        live.draw_filmstrip(lambda figure: None, {})


def test_data_that_a_panel_would_drop_is_refused():
    model, images = recipes.vae((1, 8, 8), 2, hidden=(4,)), torch.rand(6, 1, 8, 8)
    for call, sentence in (
        (lambda: live.latent_panel(model, labels=torch.zeros(6).long()), r"labels .*, got \[6\] for no images"),
        (lambda: live.latent_panel(model, images, torch.zeros(5).long()), r"labels .*, got \[5\] for 6 images"),
        (lambda: live.balance_panel(images=images), "images must be None without experiments, got a tensor"),
        (
            lambda: live.posterior_panel(MarginalPosterior(torch.zeros(9, 2), torch.zeros(9, 2)), images),
            "images must be None with a MarginalPosterior, got a tensor",
        ),
        (
            lambda: live.balance_panel([recipes.vae((3, 8, 8), 2, hidden=(4,))] * 2, torch.rand(6, 3, 8, 8)),
            r"one channel, got the shape \(3, 8, 8\)",
        ),
    ):
        with pytest.raises(InvalidValue, match=sentence):
            call()


@pytest.mark.parametrize("wrong", [{"alpha": -0.1}, {"q": (9, 1)}, {"p": (0, 0)}, {"alpha": float("nan")}])
def test_a_start_outside_the_sliders_is_refused(wrong):
    with pytest.raises(InvalidValue, match=r"must be a number between|alpha must be finite, got nan"):
        live.divergence_panel(**wrong)


def test_every_preset_of_the_divergence_panel_lies_within_its_sliders_and_is_drawn():
    panel = live.divergence_panel()
    for values in panel.presets.values():
        panel.set(**values)
        assert panel.values == values
        assert panel.settle()
        assert visible(panel.picture), panel.message.value


# -- failures


def test_an_error_becomes_a_sentence_and_the_panel_recovers():
    def picture(values):
        if values["a"] == 13:
            raise RuntimeError(f"no <picture> at 13,\n\nnor {object()}: \x1b[31m{'long ' * 100}")
        return one_pixel(values)

    panel = tiny_panel(picture)
    panel.set(a=13)
    assert panel.settle()
    assert not visible(panel.picture)
    assert visible(panel.message)
    assert "a = 13" in panel.message.value
    assert "RuntimeError: no &lt;picture&gt; at 13, nor: \\x1b[31mlong" in panel.message.value
    assert panel.message.value.endswith("long. Move a slider or press Reset.</p>")
    assert len(panel.message.value) < 300
    panel.set(a=14)
    assert panel.settle()
    assert visible(panel.picture)
    assert not visible(panel.message)
    assert panel.picture.value == one_pixel({"a": 14})


def test_even_a_failing_widget_leaves_the_panel_alive(monkeypatch):
    panel = tiny_panel(one_pixel)
    with monkeypatch.context() as broken:
        broken.setattr(live.Readout, "html", lambda *_: 1 / 0)
        broken.setattr(vaelab.live.panel, "_describe_error", lambda *_: 1 / 0)
        panel.set(a=2)
        assert panel.settle(5)
    panel.set(a=3)
    assert panel.settle(5)
    assert panel.picture.value == one_pixel({"a": 3})


def test_a_drawing_that_failed_half_way_does_not_spoil_the_next_one():
    figure, good = fresh_figure(), START._asdict()
    expected = figure.pixels(good)
    with pytest.raises(InvalidValue):
        figure.pixels({**good, "alpha": 2.0, "mean_q": 5})
    assert np.array_equal(figure.pixels(good), expected)


# -- the picture


@pytest.mark.parametrize("style", ["notebook", "talk"])
def test_blitting_equals_a_full_redraw_pixel_for_pixel(style):
    figure, r = LiveFigure(divergence.draw, *divergence.SIZES[style], style), random.Random(2)
    for _ in range(12):
        values = {name: draw(r) for name, draw in RANDOM_VALUES.items()}
        figure.pixels(values)
        blitted = figure.pixels({**values, "alpha": values["alpha"] * 0.999})
        for artist in figure._scene.animated:
            artist.set_animated(False)
        figure.figure.canvas.draw()
        full = np.asarray(figure.figure.canvas.buffer_rgba())[..., :3].copy()
        for artist in figure._scene.animated:
            artist.set_animated(True)
        assert np.array_equal(blitted, full)


def test_the_picture_does_not_depend_on_how_it_was_reached_nor_on_global_settings():
    walked, values = fresh_figure(), START._asdict()
    for preset in divergence.PRESETS.values():
        walked.pixels(preset._asdict())
    with mpl.rc_context({"font.size": 30, "xtick.labelsize": 30, "lines.linewidth": 9, "axes.grid": True}):
        after_walk = walked.pixels(values)
    assert np.array_equal(after_walk, fresh_figure().pixels(values))


def test_every_control_changes_the_picture():
    panel = live.divergence_panel()
    for name, control in panel.controls.items():
        before = decoded(panel.picture.value)
        panel.set(**{name: not control.value if isinstance(control.value, bool) else control.value + 0.2})
        assert panel.settle()
        assert not np.array_equal(before, decoded(panel.picture.value)), name


def test_the_talk_style_is_larger():
    small, large = live.divergence_panel(), live.divergence_panel(style="talk")
    assert decoded(large.picture.value).size > 1.8 * decoded(small.picture.value).size
    assert decoded(large.picture.value).shape[1] == int(large.picture.layout.width.removesuffix("px"))


def test_limits_are_round_and_never_cut():
    for height in np.geomspace(0.1, 1e4, 200):
        assert height * (1 - 1e-6) <= rounded_limit(height) <= 2 * height
    assert rounded_limit(0) == rounded_limit(-1) == rounded_limit(0.05) > 0


@pytest.mark.parametrize(("primed", "dual"), list(itertools.product([True, False], repeat=2)))
def test_the_numbers_are_the_package_s_and_the_integrands_integrate_to_them(primed, dual):
    setting = GaussianPair(0.35, -1.5, 0.8, 1, 1.2, primed, dual)
    n, q, p = compute(setting), gaussian(-1.5, 0.8), gaussian(1, 1.2)
    step = float(X[1] - X[0])
    assert n.value == pytest.approx(float(geometric_js(q, p, 0.35, dual=dual, primed=primed)), abs=1e-12)
    assert n.integrands[1].sum() * step == pytest.approx(n.value, abs=1e-8)
    assert n.integrands[0].sum() * step == pytest.approx(float(kl(q, p)), abs=1e-8)
    assert np.interp(0.35, ALPHAS, n.curve) == pytest.approx(n.value, abs=1e-3)
    assert n.densities[2].sum() * step == pytest.approx(1, abs=1e-8)
    rows, sentence = divergence._readout(setting._asdict())
    assert dict(rows)["KL(p‖q)"] == f"{float(kl(p, q)):.4f} nats"
    assert f"{n.ends[1]:.3f}" in sentence


# -- without a kernel


@pytest.fixture
def outputs(monkeypatch):
    """What is displayed, as pairs of data and metadata."""
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, metadata, raw: shown.append((data, metadata)))
    return shown


@pytest.mark.parametrize("display", [live.show, lambda panel: panel._ipython_display_()], ids=["show", "last line"])
def test_a_panel_is_displayed_as_widget_filmstrip_and_caption(outputs, display):
    panel = live.divergence_panel(dual=True)
    display(panel)
    (widget, nothing), (strip, metadata), (caption, _) = outputs
    assert set(widget) == {VIEW, "text/plain"}
    assert widget[VIEW] == {"version_major": 2, "version_minor": 0, "model_id": panel.box.model_id}
    assert nothing == {}
    assert strip["image/png"] == base64.b64encode(panel.filmstrip).decode()
    assert f'src="data:image/png;base64,{strip["image/png"]}"' in strip["text/html"]
    assert decoded(panel.filmstrip).shape[1] > 1000
    assert metadata["image/png"]["alt"] == panel.alt == strip["text/plain"]
    assert f'alt="{html.escape(panel.alt)}"' in strip["text/html"]
    assert caption["text/plain"] == panel.caption
    for alpha in divergence.FRAME_ALPHAS:
        value = float(geometric_js(gaussian(-2, 1), gaussian(2, 2), alpha, dual=True))
        assert f"{value:.2f}" in panel.alt


def test_the_widget_is_displayed_before_the_filmstrip_is_drawn(outputs):
    panel = tiny_panel(one_pixel)
    panel._draw_filmstrip = lambda: b"strip after %d output" % len(outputs)
    live.show(panel)
    assert VIEW in outputs[0][0]
    assert base64.b64decode(outputs[1][0]["image/png"]) == b"strip after 1 output"


@pytest.mark.parametrize("broken", ["_draw_filmstrip", "_describe"])
def test_a_filmstrip_that_cannot_be_drawn_leaves_the_panel_alive_and_says_why(outputs, broken):
    panel = tiny_panel(one_pixel)

    def fail():
        raise RuntimeError("no <ink>.")

    setattr(panel, broken, fail)
    live.show(panel)
    (widget, _), (strip, _), (caption, _) = outputs
    assert widget[VIEW]["model_id"] == panel.box.model_id
    assert strip["text/plain"] == "No filmstrip: no <ink>."
    assert "No filmstrip: no &lt;ink&gt;." in strip["text/html"]
    assert caption["text/plain"] == "caption"
    panel.set(a=3)
    assert panel.settle()
    assert panel.picture.value == one_pixel({"a": 3})


def test_a_stored_picture_is_small_and_looks_the_same():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    strip = live.draw_filmstrip(lambda figure: divergence.draw(figure, stacked=True), {"a": START._asdict()})
    for pixels, mode, within in ((strip, "P", 0.5), (noise, "RGB", 0), (noise[..., 0], "L", 0)):
        stored = Image.open(io.BytesIO(png(pixels, small=True)))
        assert stored.mode == mode
        assert np.abs(np.asarray(stored.convert("L" if mode == "L" else "RGB")).astype(int) - pixels).mean() <= within
    assert len(png(strip, small=True)) < 0.5 * len(
        live.figure._encode(Image.fromarray(strip), format="PNG", optimize=True)
    )


def test_the_filmstrip_is_drawn_by_the_drawing_function_one_column_per_frame():
    seen = []

    def draw(figure):
        ax = figure.subplots()
        (line,) = ax.plot([0, 1], [0, 0])

        def update(values):
            seen.append(values["y"])
            line.set_ydata([0, values["y"]])
            ax.set_ylim(-1, 2)
            return True

        return live.Scene([line], update)

    strips = [
        live.draw_filmstrip(draw, {title: {"y": y} for title, y in zip("abc", ys, strict=True)}, 6, 2)
        for ys in ((0, 1, 0), (0, 0, 0))
    ]
    assert seen == [0, 1, 0, 0, 0, 0]
    columns = [np.split(strip, 3, axis=1) for strip in strips]
    assert [np.array_equal(a, b) for a, b in zip(*columns, strict=True)] == [True, False, True]


def test_show_gives_every_reader_an_alt_text_and_a_caption(outputs):
    figure = plots.new_figure(1, 1)
    live.show(figure, alt="a <white> square", caption="Nothing < yet.")
    (picture, metadata), (caption, _) = outputs
    assert metadata == {"image/png": {"alt": "a <white> square"}}
    assert picture["text/html"] == (
        f'<img alt="a &lt;white&gt; square" src="data:image/png;base64,{picture["image/png"]}">'
    )
    assert decoded(base64.b64decode(picture["image/png"])).min() == 255
    assert caption["text/html"] == "<p><em>Nothing &lt; yet.</em></p>"
    live.show(tiny_panel(one_pixel), caption="Another one.")
    assert outputs[-1][0]["text/plain"] == "Another one."
    with pytest.raises(InvalidValue, match="alt"):
        live.show(figure, caption="no alt text")


def test_no_output_widget_and_nothing_that_belongs_to_another_thread():
    for panel in (live.divergence_panel(), tiny_panel(one_pixel)):
        waiting = [panel.box]
        while waiting:
            widget = waiting.pop()
            assert not isinstance(widget, widgets.Output)
            # ipywidgets 8.1.9 does not show a widget with a tooltip but no description
            assert hasattr(widget, "description") or not getattr(widget, "tooltip", None)
            waiting += getattr(widget, "children", ())
    banned = {"Output", "interact", "interactive", "pyplot", "print", "clear_output"}
    for file in Path(vaelab.live.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = {getattr(node, "id", None), getattr(node, "attr", None), getattr(node, "name", None)}
            assert not names & banned, (file.name, names & banned)


# -- the latent explorer


@pytest.fixture(scope="module")
def experiment():
    torch.manual_seed(3)
    return recipes.vae((1, 8, 8), latent=2, hidden=(16,))


def test_the_latent_panel_shows_what_the_decoder_makes_of_the_sliders(experiment):
    panel = live.latent_panel(experiment)
    for z in ([0.0, 0.0], [2.5, -1.0]):
        panel.set(z1=z[0], z2=z[1])
        assert panel.settle()
        expected = to_uint8(experiment.decode(torch.tensor([z])))[0, 0].numpy()
        shown = np.asarray(Image.open(io.BytesIO(panel.picture.value)).resize((8, 8), Image.Resampling.NEAREST))
        assert np.array_equal(shown, expected)
        assert f"({z[0]:.2f}, {z[1]:.2f})" in panel.readout.value


def test_the_latent_panel_keeps_its_own_copy_of_the_model(experiment):
    panel = live.latent_panel(experiment)
    panel.set(z1=1.0)
    panel.settle()
    before = panel.picture.value
    other = recipes.vae((1, 8, 8), latent=2, hidden=(16,))
    original = {name: value.clone() for name, value in experiment.state_dict().items()}
    experiment.load_state_dict(other.state_dict())
    panel.reset()
    panel.set(z1=1.0)
    panel.settle()
    experiment.load_state_dict(original)
    assert panel.picture.value == before


def test_the_preview_is_the_picture_as_jpeg_and_takes_no_copy_of_it(monkeypatch):
    picture, values = live.divergence_panel()._picture[1], PRESETS["far apart"]._asdict()
    expected = io.BytesIO()
    Image.fromarray(picture.pixels(values)).save(expected, "JPEG", quality=90, subsampling=0)
    monkeypatch.setattr(picture, "pixels", lambda _: pytest.fail("a copy was made"))
    assert picture.preview(values) == expected.getvalue()


def test_moving_alpha_computes_only_what_depends_on_it(monkeypatch):
    panel, integrals, integrate = live.divergence_panel(q=(0.123, 1.0)), [], quadrature.jensen_shannon
    monkeypatch.setattr(quadrature, "jensen_shannon", lambda *parts: (integrals.append(0), integrate(*parts))[1])
    for alpha in (0.81, 0.82, 0.83):
        panel.set(alpha=alpha)
        assert panel.settle()
    assert not integrals
    panel.set(sigma_q=0.7)
    assert panel.settle()
    assert len(integrals) == 1


def test_the_map_shows_where_you_are_and_names_the_nearest_image(experiment):
    images, labels = torch.rand(40, 1, 8, 8), torch.arange(40) % 10
    panel = live.latent_panel(experiment, images, labels)
    means = experiment.encode(images).mean
    panel.set(z1=1.5, z2=-2.0)
    panel.settle()
    picture = decoded(panel.picture.value)
    side = picture.shape[0]
    assert picture.shape[1] == 2 * side + GAP
    x, y = round((1 + 1.5 / 3) * side / 2), round((1 + 2.0 / 3) * side / 2)
    assert picture[y, x].max() == 0  # the marker's black center
    nearest = int((means - torch.tensor([1.5, -2.0])).square().sum(1).argmin())
    assert f"is a {int(labels[nearest])}." in panel.readout.value
    assert "nearest encoded images are" in panel.alt
    assert decoded(panel.filmstrip).shape == (2 * 80 + 6, 9 * 86 - 6, 3)


def test_the_map_has_all_codes_in_view_and_circles_of_the_prior(experiment, monkeypatch):
    codes = torch.rand(200, 2, generator=torch.Generator().manual_seed(0)) * 12 - 6
    codes[0] = torch.tensor([6.0, -6.0])
    axes = []
    monkeypatch.setattr(latent, "dismantle", lambda figure: axes.append(figure.axes[0]))
    monkeypatch.setattr(experiment, "encode", lambda _: Gaussian(codes, torch.zeros_like(codes)))
    for outlier, limit in ((None, 7.0), (1000.0, 15.0)):
        if outlier is not None:
            codes[1] = outlier
        panel = live.latent_panel(experiment, torch.zeros(200, 1, 8, 8), torch.arange(200) % 10)
        assert axes[-1].get_xlim() == axes[-1].get_ylim() == (-limit, limit)
        dots = axes[-1].collections[-1].get_offsets()
        assert np.allclose(dots, codes.clip(-limit, limit))
        assert sorted(patch.radius for patch in axes[-1].patches) == [1, 2, 3]
        panel.set(z1=3.0, z2=0.0)
        assert panel.settle()
        picture = decoded(panel.picture.value)
        side = picture.shape[0]
        assert picture[side // 2, round((1 + 3.0 / limit) * side / 2)].max() == 0  # the marker's black center
        assert "In the live panel, the codes of the data with a mark" in panel.live_caption.value


def test_the_latent_panel_shows_colors():
    panel = live.latent_panel(recipes.vae((3, 8, 8), latent=2, hidden=(16,)), style="talk")
    assert decoded(panel.picture.value).shape == (504, 504, 3)


# -- self-checks


@pytest.mark.parametrize(
    ("answer", "truth", "right"),
    [
        (1.004, 1.0, True),
        (1.02, 1.0, False),
        ("Blurrier ", "blurrier", True),
        ("sharper", "blurrier", False),
        (torch.tensor([1.0, 2.0]), [1.0, 2.0], True),
        (["0", "KL"], ["0", "0"], False),
        ([1.0], [1.0, 2.0], False),
        (float("nan"), 1.0, False),
        (None, 1.0, False),
    ],
)
def test_a_check_says_right_or_wrong(answer, truth, right):
    verdict = live.check(answer, truth, hint="Look at <z>.")
    assert verdict.right is right
    assert repr(verdict) == verdict.sentence
    assert verdict.sentence.startswith("Right") is right
    assert "<z>" not in verdict._repr_html_()


def test_a_wrong_answer_gets_its_place_and_the_hint():
    assert live.check([1, 5, 3], [1, 2, 3], hint="Count.").sentence == "Not yet (look again at number 2). Count."


def test_a_filmstrip_may_have_one_frame():
    strip = live.draw_filmstrip(lambda figure: divergence.draw(figure, stacked=True), {"only": START._asdict()})
    assert strip.shape == (552, 1152, 3)
    assert strip.std() > 10
