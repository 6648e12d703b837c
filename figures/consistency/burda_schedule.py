"""Trainings of VAE and IWAE on the schedule of Burda et al. 2016, stage by stage.

Their schedule: in stage i = 0 ... 7, 3^i passes over the data at learning rate 0.001 · 10^(-i/7); 3280 passes in all.
A stage that is done is kept, one that is interrupted goes on where it was.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vaelab import recipes
from vaelab._utils.device import device_name
from vaelab._utils.files import cache_folder, digest
from vaelab.data.images import binarize_images
from vaelab.metrics import active_units, encode, nll
from vaelab.metrics.adapter import adapted
from vaelab.runs.run import Run, checksum
from vaelab.runs.store import Numbers, Result, merge_results, recipe, recipe_of, run_cached
from vaelab.training.config import Train
from vaelab.training.interventions import Knobs
from vaelab.training.loop import fit

NAMES = ("nll", "nll_error", "active")


def compute_learning_curve(device: str, *, draws: list[int], stages: int, seeds: int, **setting: Any) -> Result:
    """NAMES [draws, seeds, stages], draws [k], passes [stages], images []; the NLL with `samples` draws per image."""
    device = device_name(device)
    data = checksum(setting["data"], setting.get("limit"))
    runs = [{**setting, "k": k, "seed": seed, "device": device} for k in draws for seed in range(seeds)]
    found = [run_cached(stage_done, [{**r, "stage": s} for r in runs], [data] * len(runs)) for s in range(stages)]
    shape = (len(draws), seeds)
    numbers = {
        name: np.array([[float(r.numbers[name]) for r in row] for row in found]).T.reshape(*shape, stages)
        for name in NAMES
    }
    numbers |= {"draws": np.array(draws), "passes": np.array([passes(s) for s in range(stages)])}
    numbers["images"] = np.array(len(Run("iwae", data=setting["data"], limit=setting.get("limit")).images("train")))
    return merge_results(numbers, [r for row in found for r in row])


def passes(stage: int) -> int:
    """Passes over the data up to the end of a stage."""
    return int((3 ** (stage + 1) - 1) // 2)


@recipe("train-on-the-burda-schedule", version=1)
def stage_done(
    *,
    stage: int,
    k: int,
    seed: int,
    device: str,
    data: str,
    limit: int | None,
    batch_size: int,
    samples: int,
    weighed: int,
) -> Numbers:
    """Train from the end of the stage before to the end of this one, then measure."""
    run = Run("iwae", data=data, limit=limit)
    images, test = run.images("train"), binarize_images(run.images("test")[:weighed], 1)
    torch.manual_seed(seed)
    experiment = recipes.iwae(images.shape[1:], 50, samples=k, network="burda", likelihood="bernoulli")
    per_pass = len(images) // batch_size
    rates = [0.001 * 10 ** (-i / 7) for i in range(8)]
    plan = Knobs([(passes(i - 1) * per_pass, "lr", rates[i - 1], rates[i]) for i in range(1, 8)])
    here = [folder(s, k=k, seed=seed, data=data, limit=limit, batch_size=batch_size) for s in (stage, stage - 1)]
    if not here[0].exists() and here[1].exists():
        shutil.copytree(here[1], here[0])
    config = Train(passes(stage), batch_size, 0.001, seed, device, False, binarize="dynamic", checkpoints=here[0])
    fit(experiment, images, config, interventions=plan, resume=True)
    model = adapted(experiment)
    found = nll(model, test, samples)
    kept = {"nll": found.by_images.value, "nll_error": found.by_images.standard_error}
    activity = encode(model, test).mean.var(0)
    return {name: np.array(value) for name, value in {**kept, "active": active_units(activity)}.items()}


def folder(stage: int, **settings: Any) -> Path:
    """Where the checkpoints of a stage lie."""
    key = digest(json.dumps([*recipe_of(stage_done), settings], sort_keys=True))[:16]
    return cache_folder() / "iwae" / f"{key}-{stage}"
