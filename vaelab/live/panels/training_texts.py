"""The texts of the training panel: its state, its numbers, its changes, and how its code is copied."""

from collections.abc import Mapping
from typing import Any

from vaelab.live.panel import Readout
from vaelab.live.panels.training_figure import TrainingState
from vaelab.live.stops import label
from vaelab.live.trainer import Snapshot, Trainer, nearest

# Name of a slider -> name of the parameter that it changes in a running training.
TUNABLE = {"alpha": "alpha", "gamma": "gamma", "beta": "weight", "consistency": "consistency", "lr": "lr"}
SLIDERS = {parameter: name for name, parameter in TUNABLE.items()}
MAX_LISTED = 5  # changes of parameters that the readout spells out
# The kernel cannot reach the clipboard. So the front end copies as soon as this is shown, if it may.
COPY = """<span data-press="{press}">Click into the code, then press Ctrl+A and Ctrl+C to copy it.</span>
<img hidden alt="" src="data:," onerror="
  const say = this.previousElementSibling, code = this.closest('.vaelab-panel').querySelector('textarea');
  const selected = () => {{ say.textContent = 'The code is selected: press Ctrl+C to copy it.'; }};
  code.focus(); code.select(); selected();
  navigator.clipboard?.writeText(code.value).then(
    () => {{ say.textContent = 'Copied: paste the code into a cell.'; }}, selected);">"""


def progress(trainer: Trainer, past: Snapshot | None, chosen: int) -> str:
    """Describe state, step and speed; `past` is the epoch that the pictures show, `chosen` the one looked for."""
    record = trainer.record
    if trainer.state == "failed":
        return f"Training stopped: {trainer.sentence}"
    speed = f", {record.per_second:,.0f} images/s" if trainer.state == "running" and record.per_second else ""
    note = ""
    if past is not None:
        kept = "" if past.epoch == chosen else f", the nearest to {chosen} that was kept"
        note = f"; the pictures show epoch {past.epoch}{kept}"
    elif chosen < trainer.setup.epochs:
        note = f"; epoch {chosen} is still to come, the pictures are the newest"
    return f"{trainer.state.capitalize()}: step {record.steps} of {record.total}{speed}{note}."


def shown(value: Any) -> str:
    """Return the value of a control as the panel shows it."""
    return value if isinstance(value, str) else label(value)


def readout(trainer: Trainer, state: TrainingState, waiting: Mapping[str, Any]) -> Readout:
    """Return the numbers at the cursor, the changes of parameters, and those that wait for the next step."""
    rows: list[tuple[str, str]] = []
    if state.points:
        p = nearest(state.points, state.cursor)
        rows = [
            ("reconstruction", f"{p.nll:.2f} nats"),
            (trainer.setup.divergence, f"{p.divergence:.2f} nats"),
            ("gamma", f"{p.gamma:.3f}"),
            ("rate", f"{p.rate:.2f} nats"),
            ("squared error", f"{p.distortion:.2f} per image"),
        ]
        if trainer.setup.views != "no":
            rows.append(("KL(q(z|view)‖q(z|image))", f"{p.consistency:.2f} nats"))
    changes = trainer.record.history.interventions
    listed = [f"{len(changes) - MAX_LISTED} earlier"] if len(changes) > MAX_LISTED else []
    for c in changes[-MAX_LISTED:]:
        listed.append(f"step {c.step}: {SLIDERS[c.name]} {label(c.old)} → {label(c.new)}")
    sentences = [f"changed: {'; '.join(listed)}"] if listed else []
    if waiting and trainer.state == "paused":
        values = ", ".join(f"{name} {shown(value)}" for name, value in waiting.items())
        sentences.append(f"from the next step: {values}")
    return Readout(rows, "; ".join(sentences))
