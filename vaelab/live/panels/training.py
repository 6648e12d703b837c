"""The training panel: train a VAE, change its parameters meanwhile, copy the run as code."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from vaelab import plots
from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import typed
from vaelab.live.panel import Panel
from vaelab.live.panels.training_example import example, filmstrip_alt, frames
from vaelab.live.panels.training_figure import draw
from vaelab.live.panels.training_process import Training
from vaelab.live.panels.training_texts import describe, readout
from vaelab.live.spec import PanelSpec
from vaelab.live.training_config import TrainingChoices, check_choices, planned_pauses, training_controls, unused

CAPTION = (
    "A VAE in training: the two parts of the loss, and gamma (of a hierarchy, the rate of every group), over the steps "
    "(dotted: the step of the pictures); the path through the plane of rate and squared error, with sampled codes; "
    "data, reconstructions and samples; and the codes of 200 images, colored and named by class (circles: one, two and "
    "three σ of the prior)."
)
PRESETS: dict[str, dict[str, Any]] = {
    "ordinary VAE": {"divergence": "KL(q‖p)", "policy": "fixed", "beta": 1.0, "gamma": 0.2},
    "collapse": {"divergence": "KL(q‖p)", "policy": "fixed", "beta": 10.0, "gamma": 0.7},
    "dual at small alpha": {"divergence": "dual JS", "policy": "fixed", "alpha": 0.05, "beta": 1.0, "gamma": 0.2},
    "computed gamma": {"divergence": "KL(q‖p)", "policy": "computed", "beta": 1.0},
    "consistent": {"divergence": "KL(q‖p)", "policy": "fixed", "views": "simple", "consistency": 1.0, "beta": 1.0},
}


@typed
def training_panel(
    setup: TrainingChoices | None = None,
    *,
    style: plots.Style = "notebook",
    pause_at: Sequence[int] | int | None = None,
    **choices: Any,
) -> Panel:
    """Build a panel that trains small VAEs in the background, once Start is pressed.

    Its methods `start`, `pause`, `step`, `stop`, `restart` and `show_code` do what the buttons of the same names
    do, and return at once; `setup` has the present choices, `trainer` the training, `code` the cell that repeats it.

    Args:
        setup: Choices at the start; without any, their defaults.
        style: "notebook", "paper" or "talk".
        pause_at: Epochs, one or several, after which the training pauses by itself, so that a parameter changes at
            just that step. Start continues. The copied code trains through without a pause.
        choices: Fields of `vaelab.live.TrainingChoices` that replace those of `setup`.

    Returns:
        The panel.

    Raises:
        InvalidType, InvalidValue: If a choice is unknown or out of range, or a pause does not come before the end.

    Example:
        >>> panel = training_panel(data="digits", divergence="JS", alpha=0.5, epochs=1)
        >>> panel.set(beta=2.0)
        >>> panel.setup.divergence, panel.setup.beta
        ('JS', 2.0)
        >>> panel = training_panel(epochs=60, pause_at=(20, 40))  # to change gamma after epoch 20 and after epoch 40
    """
    if unknown := choices.keys() - set(TrainingChoices._fields):
        raise InvalidValue(f"choice must be one of {', '.join(TrainingChoices._fields)}, got {min(unknown)!r}.")
    first = (setup or TrainingChoices())._replace(**choices)
    check_choices(first)
    pauses = planned_pauses(pause_at, first.epochs)
    name = example(first)
    spec = PanelSpec(
        draw=draw,
        sizes={"notebook": (10.0, 5.0), "paper": (10.0, 5.0), "talk": (14.0, 7.4)},
        controls=training_controls(first),
        presets=PRESETS,
        process=partial(Training, first, pauses),
        readout=readout,
        alt=describe,
        frames=partial(frames, name),
        filmstrip_size=(9.6, 5.2),
        filmstrip_alt=partial(filmstrip_alt, name),
        caption=CAPTION,
        still="The still pictures are an example that was trained before. Run the cell to train a VAE yourself and to "
        "change alpha, gamma, beta, lambda and the learning rate while it trains.",
        unused=unused,
    )
    return Panel(spec, style)
