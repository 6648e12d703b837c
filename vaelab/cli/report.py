"""`vaelab report`.  Nothing heavy is imported before the command is known."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

Folder = Annotated[Path, tyro.conf.Positional]


def report(
    run: Folder = Path("trained"),
    samples: int = 500,
    images: int | None = 1000,
    few: int = 1000,
    views: Literal["simple", "large"] | None = None,
    samplers: tuple[Literal["second-stage", "mixture", "flow"], ...] = ("second-stage",),
    seed: int = 0,
    device: str = "auto",
    out: Path | None = None,
) -> None:
    """Judge a training: likelihood, latents, information, linear probe, consistency, Fréchet distances.

    Prints the table and writes report.txt, report.json, report.png and report.pdf.

    Args:
        run: The folder that `vaelab train --out` wrote.
        samples: Importance samples of every image, for the NLL.
        images: Test images that get them; None means all.
        few: Labels of the smaller of the two linear probes.
        views: The transformations for consistency; those of the training, or simple, if left out.
        samplers: Where latents come from besides the prior, each fitted to the posteriors of the training images; none
            saves the seconds of the second stage.
        seed: Of everything that is drawn.
        device: auto, cpu, cuda, ...
        out: The folder to write into, instead of RUN.
    """
    from dataclasses import replace

    from vaelab import metrics
    from vaelab._utils.device import on_device
    from vaelab._utils.files import require_writable
    from vaelab.data.dataset import Dataset
    from vaelab.data.loading import load
    from vaelab.objectives.consistency import VIEWS
    from vaelab.posterior.samplers import FlowSampler, GMMSampler
    from vaelab.posterior.two_stage import SecondStage
    from vaelab.runs.run import trained

    found = trained(run)
    folder = out or run
    require_writable(folder)

    def part(split: str) -> Dataset:
        return replace(load(found.run.data, split, limit=found.run.limit), images=found.run.images(split))

    experiment = found.experiment.to(on_device(device))
    known: dict[str, type[SecondStage | GMMSampler | FlowSampler]]
    known = {"second-stage": SecondStage, "mixture": GMMSampler, "flow": FlowSampler}
    chosen = {name.replace("-", " "): known[name](seed=seed) for name in samplers}
    measured = metrics.report(
        experiment,
        (part("train"), part("test")),
        views=VIEWS[views or found.run.options.get("views", "simple")](),
        samplers=chosen,
        samples=samples,
        nll_images=images,
        small_probe_labels=few,
        seed=seed,
    )
    paths = metrics.save(measured, folder)
    print(f"{found.run.recipe} on {found.run.data} at step {found.step}\n\n{measured}\n")
    print(*paths, sep="\n")
