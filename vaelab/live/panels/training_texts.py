"""The texts of the training panel: its state, its numbers, its changes, and what its picture shows."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from vaelab.live.figure import Values
from vaelab.live.spec import Readout
from vaelab.live.stops import label
from vaelab.live.trainer import Snapshot, Trainer, nearest

# Name of a slider -> name of the parameter that it changes in a running training.
TUNABLE = {"alpha": "alpha", "gamma": "gamma", "beta": "weight", "consistency": "consistency", "lr": "lr"}
SLIDERS = {parameter: name for name, parameter in TUNABLE.items()}
MAX_LISTED = 5  # changes of parameters that the readout spells out


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
    if trainer.state == "paused" and trainer.planned:
        then = "change what you like, then press Start"
        return (
            f"Paused after epoch {trainer.planned}, as planned: {then} (step {record.steps} of {record.total}){note}."
        )
    return f"{trainer.state.capitalize()}: step {record.steps} of {record.total}{speed}{note}."


def shown(value: Any) -> str:
    """Return the value of a control as the panel shows it."""
    return value if isinstance(value, str) else label(value)


def readout(values: Values) -> Readout:
    """Return the numbers at the cursor, the changes of parameters, and those that wait for the next step."""
    trainer, state, rows = values["trainer"], values["state"], list[tuple[str, str]]()
    if trainer is None:
        return Readout([], "")
    if state.points:
        p = nearest(state.points, state.cursor)
        rows = [
            ("reconstruction", f"{p.nll:.2f} nats"),
            (trainer.setup.divergence, f"{p.divergence:.2f} nats"),
            ("gamma", f"{p.gamma:.3f}"),
            ("rate", f"{p.rate:.2f} nats"),
            ("squared error", f"{p.distortion:.2f} per image"),
        ]
        if len(p.groups) > 1:
            rows.append(("rate of every group", f"{_listed(p.groups)} nats"))
        if trainer.setup.views != "no":
            rows.append(("KL(q(z|view)‖q(z|image))", f"{p.consistency:.2f} nats"))
    changes = trainer.record.history.interventions
    listed = [f"{len(changes) - MAX_LISTED} earlier"] if len(changes) > MAX_LISTED else []
    for c in changes[-MAX_LISTED:]:
        listed.append(f"step {c.step}: {SLIDERS[c.name]} {label(c.old)} → {label(c.new)}")
    sentences = [f"changed: {'; '.join(listed)}"] if listed else []
    if values["waiting"] and trainer.state == "paused":
        waiting = ", ".join(f"{name} {shown(value)}" for name, value in values["waiting"].items())
        sentences.append(f"from the next step: {waiting}")
    return Readout(rows, "; ".join(sentences))


def _listed(rates: Sequence[float]) -> str:
    return ", ".join(f"{rate:.2f}" for rate in rates)


def describe(values: Values) -> str:
    """Describe the picture for readers who do not see it."""
    setup, state = values["setup"], values["state"]
    kind = "hierarchical VAE" if setup.network == "hierarchical" else "VAE"
    model = f"{kind} on {setup.data} with the divergence {setup.divergence}"
    if not state.points:
        return (
            f"Images of {setup.data} above empty rows, empty curves and an empty latent plane: "
            f"the {model} has not been trained yet."
        )
    first, now = state.points[0], nearest(state.points, state.cursor)
    groups = f" Its groups carry, from coarse to fine, {_listed(now.groups)} nats." if len(now.groups) > 1 else ""
    means, distances = state.plane.mean(0), np.linalg.norm(state.plane, axis=1)
    return (
        f"A {model} at step {now.step}: since step {first.step} the squared error went from "
        f"{first.distortion:.1f} to {now.distortion:.1f} per image and the rate from {first.rate:.1f} to "
        f"{now.rate:.1f} nats.{groups} The {len(state.plane)} codes lie around ({means[0]:.1f}, {means[1]:.1f}), half "
        f"of them within {np.median(distances):.1f} of the prior's mean."
    )
