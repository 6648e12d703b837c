"""Traversals for a VAE with more than two latents: one latent moves, the others stay where an image put them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from vaelab.live import images as pixels
from vaelab.live.controls import Control, Slider
from vaelab.live.figure import Values
from vaelab.live.images import Pixels
from vaelab.live.panel import Panel, View
from vaelab.live.readout import Row
from vaelab.objectives.objective import Experiment
from vaelab.plots import Style

COLUMNS, GAP, IMAGES, ROWS = 9, 4, 20, 6
CAPTION = (
    "Large: the decoded code. Below: the chosen latent from end to end, the others held. Film-strip: one row per "
    "latent, the most active first. Run the cell for the sliders."
)


def decoded(experiment: Experiment, z: Tensor) -> list[Pixels]:
    """The mean images of codes [n, latent], each [h, w] or [h, w, 3] bytes."""
    images = experiment.decode(z).numpy()
    return [pixels.gray(image[0] if len(image) == 1 else image.transpose(1, 2, 0)) for image in images]


def traversal_panel(experiment: Experiment, images: Tensor | None, reach: float, side: int, style: Style) -> Panel:
    """Sliders for the image to start from, the latent (the most active first) and its value within ±reach."""
    line = Traversal(experiment, images, reach, side)
    last = experiment.model.latent - 1
    controls: list[Control] = [
        Slider("value", "its value", -reach, reach, 0.0, 0.05),
        Slider("latent", "latent", 0, max(last, 1), 0, 1, whole=True),
    ]
    if len(line.codes) > 1:
        controls.append(Slider("image", "image", 0, len(line.codes) - 1, 0, 1, whole=True))
    presets: dict[str, dict[str, Any]] = {
        "most active": {"latent": 0, "value": 0.9 * reach},
        "least active": {"latent": last, "value": 0.9 * reach},
    }
    view = View(line.picture, line.size, line.words, line.strip, line.alt, CAPTION)
    return Panel(controls, view, presets, style)


class Traversal:
    """A frozen decoder, the codes to start from, and the latents in the order of their activity."""

    def __init__(self, experiment: Experiment, images: Tensor | None, reach: float, side: int) -> None:
        self.experiment, self.reach, self.side = experiment, reach, side
        if images is None:
            self.codes, self.activity = torch.zeros(1, experiment.model.latent), None
            self.order = list(range(experiment.model.latent))
        else:
            means = experiment.encode(images.cpu()).mean
            self.codes, self.activity = means[:IMAGES], means.var(0, correction=0)
            self.order = self.activity.argsort(descending=True).tolist()
        self.steps = torch.linspace(-reach, reach, COLUMNS)
        tile = (side + GAP) // 4
        self.size = (COLUMNS * (tile + GAP) - GAP, side + GAP + tile)
        self.tile = tile

    def code(self, values: Values) -> Tensor:
        """The chosen image's code with the chosen latent at its value: [latent]."""
        z = self.codes[values.get("image", 0)].clone()
        z[self._latent(values)] = values["value"]
        return z

    def _latent(self, values: Values) -> int:
        return self.order[min(values["latent"], len(self.order) - 1)]

    def row(self, z: Tensor, latent: int) -> list[Pixels]:
        """The images of z with one latent from -reach to reach."""
        codes = z.repeat(COLUMNS, 1)
        codes[:, latent] = self.steps
        return decoded(self.experiment, codes)

    def picture(self, values: Values) -> bytes:
        """The decoded code, enlarged, above the traversal of its latent with a mark at the value."""
        z, latent = self.code(values), self._latent(values)
        width, height = self.size
        sheet = Image.new("RGB", (width, height), "white")
        large = Image.fromarray(decoded(self.experiment, z[None])[0])
        sheet.paste(large.resize((self.side, self.side), Image.Resampling.NEAREST), ((width - self.side) // 2, 0))
        for i, small in enumerate(self.row(z, latent)):
            tile = Image.fromarray(small).resize((self.tile, self.tile), Image.Resampling.NEAREST)
            sheet.paste(tile, (i * (self.tile + GAP), self.side + GAP))
        x = self.tile / 2 + (width - self.tile) * (1 + values["value"] / self.reach) / 2
        ImageDraw.Draw(sheet).polygon([(x - 8, self.side - 12), (x + 8, self.side - 12), (x, self.side + 2)], "#c91f16")
        return pixels.png(np.asarray(sheet))

    def words(self, values: Values) -> tuple[Sequence[Row], str]:
        """The readout, and the picture in one sentence."""
        latent, z = self._latent(values), self.code(values)
        rows = [("latent", f"{latent}"), ("its value", f"{values['value']:.2f} sigma"), ("|z|", f"{z.norm():.2f}")]
        if self.activity is not None:
            rows.append(("variance of its means", f"{float(self.activity[latent]):.3f}"))
        changed = np.stack([image.astype(float) for image in self.row(z, latent)]).std(0).mean() / 255
        return rows, f"Along latent {latent} a pixel changes by {changed:.3f} on average (standard deviation)."

    def strip(self) -> bytes:
        """One row per latent, from the first image's code, the most active first."""
        rows = [self.row(self.codes[0], latent) for latent in self.order[:ROWS]]
        factor = max(1, 56 // rows[0][0].shape[0])
        return pixels.png(pixels.tile([[pixels.enlarge(i, factor) for i in row] for row in rows], 4), small=True)

    def alt(self) -> str:
        """What the film-strip shows."""
        return (
            f"{min(ROWS, len(self.order))} rows of {COLUMNS} decoded images: latents "
            f"{', '.join(map(str, self.order[:ROWS]))} from -{self.reach:g} to {self.reach:g}, one row each."
        )
