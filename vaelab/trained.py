"""A training that lies in a folder, as `vaelab train` leaves it: its settings, and the experiment with its weights."""

import json
import sys
from pathlib import Path
from typing import NamedTuple

from vaelab import checkpoints
from vaelab.errors import DataError
from vaelab.objective import Experiment
from vaelab.runs import Run


class Trained(NamedTuple):
    """The settings, the experiment as its newest checkpoint has it, and the step that it stands at."""

    run: Run
    experiment: Experiment
    step: int


def trained(folder: Path | str) -> Trained:
    """Read the folder of a training.

    Raises DataError where there is none, or none that is intact, and what loading its data raises.
    """
    folder = Path(folder)
    try:
        settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
        run = Run(**settings)
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"{folder} holds no training that this version can read ({error}); give the folder that `vaelab train "
            f"--out` wrote."
        ) from error
    kept = checkpoints.newest(folder / "checkpoints", lambda sentence: print(sentence, file=sys.stderr))
    if kept is None:
        raise DataError(f"{folder} holds no checkpoint yet; run its `vaelab train` command to the end of an epoch.")
    tensors, record = kept
    experiment = run.experiment(tuple(run.images("test").shape[1:]))
    weights = {name.removeprefix("experiment."): t for name, t in tensors.items() if name.startswith("experiment.")}
    try:
        experiment.load_state_dict(weights)
    except RuntimeError as error:
        raise DataError(f"the checkpoint in {folder} is not of the model in its settings.json; train anew.") from error
    return Trained(run, experiment, int(record["step"]))
