"""`vaelab report`.  Nothing heavy is imported before the command is known."""

from pathlib import Path
from typing import Annotated

import tyro

Folder = Annotated[Path, tyro.conf.Positional]


def report(
    run: Folder = Path("trained"),
    samples: int = 500,
    images: int | None = 1000,
    few: int = 1000,
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
        seed: Of everything that is drawn.
        device: auto, cpu, cuda, ...
        out: The folder to write into, instead of RUN.
    """
    from dataclasses import replace

    from vaelab import metrics
    from vaelab.batches import on_device
    from vaelab.datasets import Dataset, load
    from vaelab.files import require_writable
    from vaelab.trained import trained

    found = trained(run)
    folder = out or run
    require_writable(folder)

    def part(split: str) -> Dataset:
        return replace(load(found.run.data, split, limit=found.run.limit), images=found.run.images(split))

    experiment = found.experiment.to(on_device(device))
    measured = metrics.report(
        experiment, (part("train"), part("test")), samples=samples, weighed=images, few=few, seed=seed
    )
    print(f"{found.run.recipe} on {found.run.data} at step {found.step}\n\n{measured}\n")
    for path in metrics.save(measured, folder):
        print(path)
