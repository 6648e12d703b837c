"""Nothing is silent: a control without effect is disabled, and its reason is shown and raised."""

from dataclasses import replace

import ipywidgets as widgets
import pytest
import torch

from tests.live.waiting import wait_for
from vaelab import MarginalPosterior, live, recipes
from vaelab._utils.errors import InvalidValue
from vaelab.live.controls import KEYS

WIDGETS = getattr(widgets.widget, "_instances", None)
WIDGETS = widgets.Widget.widgets if WIDGETS is None else WIDGETS


def hint(control):
    return control.tooltip if control.has_trait("tooltip") else control.description_tooltip


def disabled(panel):
    return {name for name, control in panel.controls.items() if control.disabled}


@pytest.mark.parametrize(
    ("name", "without", "reason", "needed"),
    [
        ("alpha", {"divergence": "KL(q‖p)"}, "KL(q‖p) has no skew", {"divergence": "dual JS"}),
        ("alpha", {"divergence": "KL(p‖q)"}, "KL(p‖q) has no skew", {"divergence": "JS"}),
        ("gamma", {"policy": "computed"}, "gamma is computed", {"policy": "fixed"}),
        ("gamma", {"policy": "learned"}, "gamma is learned", {"policy": "fixed"}),
        ("consistency", {"views": "no"}, "there are no views", {"views": "simple"}),
    ],
)
def test_a_parameter_without_effect_is_disabled_says_why_and_refuses_python(name, without, reason, needed):
    panel = live.training_panel(views="large")
    panel.set(**without)
    control, value = panel.controls[name], panel.controls[name].value
    assert control.disabled
    assert hint(control) == reason
    assert reason in panel.notes.value
    with pytest.raises(InvalidValue, match=f"^{name} must stay at .*, since .*, got 0.5.$") as caught:
        panel.set(beta=3.0, **{name: 0.5})
    assert reason in str(caught.value)
    assert panel.setup.beta == 1.0
    panel.set(**{name: value})  # no change
    panel.set(**needed, **{name: 0.5})
    assert not control.disabled
    assert hint(control) == KEYS
    assert reason not in panel.notes.value
    panel.set(**without)
    panel.reset()
    assert control.value == value


def test_the_grid_s_width_has_no_effect_on_one_image():
    panel = live.latent_panel(recipes.vae((1, 8, 8), latent=2, hidden=(4,)))
    assert disabled(panel) == {"width"}
    assert "width (one image is shown, not 10 x 10)" in panel.notes.value
    with pytest.raises(InvalidValue, match="one image"):
        panel.set(width=1.0)
    panel.set(grid=True, width=1.0)
    assert not disabled(panel)
    assert panel.notes.value == ""
    for values in panel.presets.values():
        panel.set(**values)


def test_a_slider_and_a_choice_with_one_value_are_disabled():
    posterior = live.posterior_panel(MarginalPosterior(torch.randn(50, 1), torch.zeros(50, 1)))
    traversal = live.latent_panel(recipes.vae((1, 8, 8), latent=1, hidden=(4,)))
    only = [live.Choice("data", "data", ("digits",), "digits")]
    painting = live.Painting(lambda _: b"", (8, 8))
    alone = live.Panel(replace(traversal.spec, controls=only, presets={}, picture=lambda style, dark: painting))
    for panel, name in ((posterior, "latent"), (traversal, "latent"), (alone, "data")):
        assert disabled(panel) == {name}
        assert "(there is only one)" in panel.notes.value
        assert panel.notes.layout.display is None


def test_a_panel_whose_controls_always_act_has_no_line_for_reasons():
    for panel in (live.divergence_panel(), live.rho_panel(), live.mixture_panel()):
        assert panel.notes.layout.display == "none"
        assert not disabled(panel)


def test_a_slider_moved_while_paused_is_acknowledged_at_once():
    panel = live.training_panel(epochs=50)
    panel.step()
    wait_for(lambda: panel.trainer.state == "paused" and panel.trainer.record.steps == 1)
    panel.set(beta=2.0)
    wait_for(lambda: "from the next step: beta 2" in panel.readout.value)
    assert panel.trainer.record.history.interventions == []
    panel.step()
    wait_for(lambda: "changed: step 1: beta 1 → 2" in panel.readout.value)
    assert "from the next step" not in panel.readout.value
    panel.stop()
    assert panel.settle()


def test_a_choice_during_a_run_says_that_it_needs_a_restart():
    panel = live.training_panel(epochs=300)
    panel.step()
    wait_for(lambda: panel.trainer.state == "paused")
    assert "Press Restart" not in panel.notes.value
    panel.set(network="mlp 400", latent=4, beta=2.0)
    assert "Press Restart to train with network mlp 400, latents 4." in panel.notes.value
    panel.set(divergence="KL(q‖p)")
    assert not panel.controls["alpha"].disabled, "it acts on the training that is paused"
    panel.restart()
    assert "Press Restart" not in panel.notes.value
    assert panel.controls["alpha"].disabled
    panel.set(divergence="JS", alpha=0.7)  # both act after a restart
    assert "divergence JS" in panel.notes.value
    assert "skew α 0.7" in panel.notes.value
    panel.stop()
    assert panel.settle()
    panel.set(lr=0.01)
    assert "learning rate 0.01" in panel.notes.value


def test_buttons_without_effect_are_disabled_and_say_why():
    panel = live.training_panel(epochs=300)

    def off():
        return {name: button.tooltip for name, button in panel.buttons.items() if button.disabled}

    nothing = {"Pause": "nothing is training", "Stop": "nothing is training"}
    assert off() == nothing
    for press in (panel.pause, panel.stop):
        panel.message.value = ""
        press()
        assert "Nothing is training: press Start." in panel.message.value
    panel.start()
    assert off() == {"Start": "it is running"}
    panel.pause()
    wait_for(lambda: off() == {})
    panel.stop()
    assert panel.settle()
    assert off() == nothing


def test_the_scrubber_waits_for_an_epoch_and_tells_which_one_is_shown(monkeypatch):
    monkeypatch.setattr("vaelab.live.trainer.MAX_SNAPSHOTS", 4)
    panel = live.training_panel(epochs=9)
    assert (panel.scrub.disabled, hint(panel.scrub)) == (True, "after the first epoch")
    panel.step()
    wait_for(lambda: panel.trainer.state == "paused")
    panel.scrub.value = 3
    wait_for(lambda: "epoch 3 is still to come, the pictures are the newest" in panel.message.value)
    panel.start()
    assert panel.settle()
    assert not panel.scrub.disabled
    kept = [snapshot.epoch for snapshot in panel.trainer.record.epochs]
    assert kept != list(range(1, 10))
    for epoch in range(1, 9):
        panel.scrub.value = epoch
        assert panel.settle()
        nearest = min(kept, key=lambda k: abs(k - epoch))
        expected = f"show epoch {nearest}" + (f", the nearest to {epoch} that was kept" if nearest != epoch else "")
        assert f"{expected}." in panel.message.value
    panel.scrub.value = 9
    assert panel.settle()
    assert "the pictures show" not in panel.message.value


def test_a_training_with_other_epochs_gets_a_scrubber_of_its_own_and_leaves_none_behind():
    panel = live.training_panel(epochs=1)
    panel.start()
    assert panel.settle()
    before = len(WIDGETS)
    for epochs in (2, 3, 1):
        panel.set(epochs=epochs)
        panel.restart()
        assert panel.settle()
        assert (panel.scrub.min, panel.scrub.max, panel.scrub.value) == (1, epochs, epochs)
        assert panel.look_back.children == (panel.scrub,)
    after = len(WIDGETS)
    assert after == before


def test_the_code_is_copied_or_selected_and_each_press_says_so():
    panel = live.training_panel(epochs=1)
    panel.message.value = ""
    panel.show_code()
    assert "Nothing has been trained yet: press Start." in panel.message.value
    assert panel.copied.layout.display == panel.listing.layout.display == "none"
    panel.start()
    assert panel.settle()
    panel.show_code()
    first = panel.copied.value
    assert panel.copied.layout.display is None
    assert "press Ctrl+C" in first
    assert "clipboard" in first
    assert panel.listing.value == panel.code
    panel.show_code()
    assert panel.copied.value != first, "the browser acts on a new text only"
