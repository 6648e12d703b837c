"""VAE and IWAE on the schedule of Burda et al. (2016), stage by stage.

In stage i = 0 ... 7, 3^i passes over the data at learning rate 0.001 · 10^(-i/7); 3280 passes in
all.  A finished stage is stored; an interrupted one resumes.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from figures.trainings import train_grid
from vaelab._utils.files import cache_folder, digest
from vaelab.data.images import binarize_images
from vaelab.metrics import active_units, encode, nll
from vaelab.metrics.adapter import adapted
from vaelab.runs.run import Run
from vaelab.runs.store import Numbers, Result, merge_results, recipe, recipe_of
from vaelab.training.config import TrainConfig
from vaelab.training.interventions import Interventions
from vaelab.training.loop import fit

MEASURES = ("nll", "nll_error", "active")


def compute_learning_curve(device: str, *, draws: list[int], stages: int, seeds: int, **setting: Any) -> Result:
    """Return `MEASURES` [draws, seeds, stages], draws [k], passes [stages] and images []."""
    results = [
        train_grid(train_stage, [{"k": k, "stage": stage} for k in draws], seeds, device, **setting)
        for stage in range(stages)
    ]
    numbers = {name: np.stack([r.numbers[name] for r in results], axis=-1).astype(float) for name in MEASURES}
    numbers |= {"draws": np.array(draws), "passes": np.array([passes(stage) for stage in range(stages)])}
    numbers["images"] = np.array(len(Run("iwae", data=setting["data"], limit=setting.get("limit")).images("train")))
    return merge_results(numbers, results)


def passes(stage: int) -> int:
    """Return the number of passes over the data up to the end of a stage."""
    return int((3 ** (stage + 1) - 1) // 2)


@recipe("train-on-the-burda-schedule", version=1)
def train_stage(*, stage: int, k: int, samples: int, weighed: int, device: str, **settings: Any) -> Numbers:
    """Train a `Run` from the end of the previous stage to the end of this one, then measure."""
    options = {"samples": k, "likelihood": "bernoulli"}
    run = Run("iwae", options, latent=50, network="burda", hidden=None, **settings)
    images, test = run.images("train"), binarize_images(run.images("test")[:weighed], 1)
    experiment = run.experiment(images.shape[1:])
    per_pass = len(images) // run.batch_size
    rates = [0.001 * 10 ** (-i / 7) for i in range(8)]
    plan = Interventions([(passes(i - 1) * per_pass, "lr", rates[i - 1], rates[i]) for i in range(1, 8)])
    checkpoints, before = (_folder(number, {**settings, "k": k}) for number in (stage, stage - 1))
    if not checkpoints.exists() and before.exists():
        shutil.copytree(before, checkpoints)
    loop: Any = {"binarize": run.binarize, "checkpoints": checkpoints, "progress": False}
    config = TrainConfig(passes(stage), run.batch_size, rates[0], run.seed, device, **loop)
    fit(experiment, images, config, interventions=plan, resume=True)
    model = adapted(experiment)
    estimate = nll(model, test, samples).by_images
    active = active_units(encode(model, test).mean.var(0))
    return {name: np.array(x) for name, x in zip(MEASURES, (*estimate, active), strict=True)}


def _folder(stage: int, settings: dict[str, Any]) -> Path:
    key = digest(json.dumps([*recipe_of(train_stage), settings], sort_keys=True))[:16]
    return cache_folder() / "iwae" / f"{key}-{stage}"
