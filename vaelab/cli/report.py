"""`vaelab report`. Heavy imports wait until the command runs."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from vaelab._utils.reading import printable
from vaelab.cli.options import OutputFolder
from vaelab.cli.output import show
from vaelab.cli.values import MAY_BE_EMPTY

MOST_SAMPLES = 1_000_000  # of one image; more would take days
RunFolder = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]


def report(
    run: RunFolder = Path("trained"),
    samples: int = 500,
    nll_images: int | None = 1000,
    small_probe_labels: int = 1000,
    views: Literal["simple", "large"] | None = None,
    samplers: Annotated[tuple[Literal["second-stage", "mixture", "flow"], ...], MAY_BE_EMPTY] = ("second-stage",),
    seed: int = 0,
    device: str = "auto",
    out: OutputFolder = None,
) -> None:
    """Evaluate a training: likelihood, latents, information, probe, consistency, Fréchet distances.

    The table is printed and written to report.txt, report.json, report.png and report.pdf.

    Args:
        run: The folder written by `vaelab train --out`.
        samples: Importance samples per image for the NLL.
        nll_images: Number of test images for the NLL; None means all.
        small_probe_labels: Number of labels of the smaller of the two linear probes.
        views: Transformations for consistency; if omitted, those of the training, or simple.
        samplers: Samplers of latents besides the prior, fitted to the codes of the training images.
        seed: Seed of all random numbers.
        device: auto, cpu, cuda, ...
        out: The folder to write into; RUN if omitted.
    """
    from dataclasses import replace

    from vaelab import metrics
    from vaelab._utils import checks
    from vaelab._utils.device import on_device
    from vaelab._utils.files import require_writable
    from vaelab.data.loading import load
    from vaelab.objectives.consistency import VIEWS
    from vaelab.posterior.samplers import FlowSampler, GMMSampler
    from vaelab.posterior.two_stage import SecondStage
    from vaelab.runs.run import Run

    on_device(device)  # a bad name is refused before anything is read
    checks.positive_int("samples", samples, at_least=2)
    checks.in_range("samples", samples, 2, MOST_SAMPLES)
    settings, experiment, step = Run.load(run)
    require_writable(out or run)
    known: dict[str, type[SecondStage | GMMSampler | FlowSampler]]
    known = {"second-stage": SecondStage, "mixture": GMMSampler, "flow": FlowSampler}
    train, test = (
        replace(load(settings.data, split, limit=settings.limit), images=settings.images(split))
        for split in ("train", "test")
    )
    result = metrics.report(
        experiment.to(on_device(device, experiment)),
        (train, test),
        views=VIEWS[views or settings.options.get("views", "simple")](),
        samplers={name.replace("-", " "): known[name](seed=seed) for name in samplers},
        samples=samples,
        nll_images=nll_images,
        small_probe_labels=small_probe_labels,
        seed=seed,
    )
    try:
        paths = metrics.save(result, out or run)
    finally:  # whatever the disk and matplotlib do
        show(f"{settings.recipe} on {printable(settings.data)} at step {step}", "", result, "")
    show(*map(printable, paths))
