"""Values are what they say: the number that a slider shows is the one that is used."""

import itertools
import random

import pytest

from vaelab import live
from vaelab._utils.errors import InvalidValue
from vaelab.live import Slider, TrainingChoices, controls
from vaelab.live.panels.training import PRESETS
from vaelab.live.stops import StopSlider, label, round_numbers
from vaelab.live.training_config import training_controls


def from_the_browser(slider, **state):
    """The message of a front end that moved a slider."""
    slider._handle_msg({"content": {"data": {"method": "update", "state": state, "buffer_paths": []}}, "buffers": []})


@pytest.mark.parametrize(("low", "high"), [(0.05, 20), (0.02, 2), (1e-5, 0.1), (0.01, 100), (0.002, 2), (0.03, 0.7)])
def test_round_numbers_are_short_and_at_most_ten_percent_apart(low, high):
    numbers = round_numbers(low, high)
    assert (numbers[0], numbers[-1]) == (low, high)
    assert all(a < b <= 1.1 * a * (1 + 1e-9) for a, b in itertools.pairwise(numbers))
    assert all(float(f"{number:.2g}") == number for number in numbers)
    assert all(x in numbers for x in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10) if low <= x <= high)


def test_every_logarithmic_slider_stops_at_its_start_at_1_and_at_every_preset():
    setup = TrainingChoices(beta=1.234567, gamma=1 / 3, lr=0.00071, consistency=7.7)
    panels = live.training_panel(setup), live.rho_panel(rho=0.777, variance=0.123), live.training_panel()
    for panel in panels:
        for name, slider in panel.controls.items():
            if isinstance(slider, StopSlider):
                needed = {panel._start[name], 1.0} | {p[name] for p in panel.presets.values() if name in p}
                stops = dict(slider.options)
                assert {stop for stop in needed if panel._specs[name].low <= stop <= panel._specs[name].high} <= set(
                    stops.values()
                )
                assert all(float(text) == number for text, number in stops.items())
    assert panels[0].setup == setup


def test_a_browser_s_message_sets_the_number_that_it_shows_and_the_code_says_so():
    panel = live.training_panel(beta=0.9, epochs=1)
    slider = panel.controls["beta"]
    from_the_browser(slider, index=slider._options_labels.index("1"))
    assert panel.setup.beta == 1.0
    panel.step()
    panel.stop()
    assert panel.settle()
    assert panel.trainer.setup.beta == 1.0


def test_a_number_between_the_stops_is_used_exactly_and_noticed_once():
    slider, r = controls.build(Slider("x", "x", 0.05, 20, 1.5, log=True), [0.123, 7.0]), random.Random(0)
    seen, kept, n = [], {0.05, 20, 1.0, 1.5, 0.123, 7.0}, len(slider.options)
    slider.observe(lambda change: seen.append(change["new"]), "value")
    for _ in range(300):
        number, before = r.choice([r.uniform(0.05, 20), r.choice(round_numbers(0.05, 20))]), len(seen)
        slider.value = number
        assert (slider.value, slider.label) == (number, label(number))
        assert dict(slider.options)[slider.label] == number
        assert len(seen) <= before + 1
        assert seen[-1] == number
        assert len(slider.options) == n, "the key End goes to the last of the first stops"
        assert kept <= set(slider._options_values)
        assert list(slider._options_values) == sorted(slider._options_values)
        from_the_browser(slider, index=r.randrange(n))
        assert label(slider.value) == slider.label == slider._options_labels[slider.index]
    for beyond, end in ((99, 20), (-1, 0.05)):
        slider.value = beyond
        assert slider.value == end


def test_python_sets_any_number_within_the_range_exactly():
    panel = live.training_panel()
    panel.set(beta=0.37, gamma=0.123456789, lr=1.7e-4)
    assert (panel.setup.beta, panel.setup.gamma, panel.setup.lr) == (0.37, 0.123456789, 1.7e-4)
    assert panel.controls["gamma"].label == "0.123456789"
    panel.reset()
    assert panel.setup == TrainingChoices()


def test_a_slider_over_trained_values_takes_no_other():
    spec = Slider("gamma", "gamma", 0.05, 0.5, 0.15, log=True, stops=(0.05, 0.15, 0.5))
    slider = controls.build(spec)
    assert [number for _, number in slider.options] == [0.05, 0.15, 0.5]
    slider.value = 0.06
    assert slider.value == 0.05
    with pytest.raises(InvalidValue, match=r"gamma must be one of 0\.05, 0\.15, 0\.5, got 0\.06\."):
        controls.accept(spec, 0.06)


def test_a_linear_slider_has_even_steps_and_stops_at_its_start():
    slider = controls.build(Slider("alpha", "alpha", 0, 1, 1 / 3), [0.055])
    assert slider.label == "0.3333333333333333"
    assert [label(k / 100) for k in range(101)] == [
        text for text in slider._options_labels if text not in (slider.label, "0.055")
    ]
    wide = controls.build(Slider("z", "z", -3, 3, 0, 0.05))
    assert len(wide.options) == 121
    assert {"-3", "-0.05", "0", "0.05", "0.15", "3"} <= set(wide._options_labels)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_of_the_training_panel_are_stops(preset):
    for control in training_controls(TrainingChoices()):
        if isinstance(control, Slider) and control.log and control.name in PRESETS[preset]:
            assert PRESETS[preset][control.name] in dict(controls.build(control).options).values()
