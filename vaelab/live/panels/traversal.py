"""Traversals: the images that a VAE decodes while one of its latents runs through its range."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from vaelab import plots
from vaelab._utils.images import to_uint8
from vaelab.data.images import Images
from vaelab.live.figure import Painting, Pixels, Values, png
from vaelab.live.spec import Readout
from vaelab.objectives.objective import Experiment

SIDES = {"notebook": 308, "paper": 308, "talk": 504}
COLUMNS, TILE_GAP, MAX_IMAGES, MAX_ROWS = 9, 4, 20, 6


class Traversal:
    """A frozen decoder, codes to start from, and the latents in the order of their activity."""

    def __init__(self, experiment: Experiment, images: Images | None, reach: float) -> None:
        self.experiment, self.reach = experiment, reach
        if images is None:
            self.codes, self.activity = torch.zeros(1, experiment.model.latent), None
            self.order = list(range(experiment.model.latent))
        else:
            means = experiment.encode(images).mean
            self.codes, self.activity = means[:MAX_IMAGES], means.var(0, correction=0)
            self.order = self.activity.argsort(descending=True).tolist()

    def open(self, style: plots.Style, dark: bool) -> Painting:
        """Return the picture: the decoded code above the traversal."""
        side = plots.size_for(SIDES, style)
        tile = (side + TILE_GAP) // 4
        size = (COLUMNS * (tile + TILE_GAP) - TILE_GAP, side + TILE_GAP + tile)
        with plots.style("notebook", dark=dark):
            colors = plots.palette()
        background = Image.new("RGB", size, colors.paper)
        return Painting(partial(self._paint, background, side, tile, colors.P), size)

    def _code(self, values: Values) -> tuple[int, Tensor]:
        """Return the index of the selected latent, and the code [latent] with its value."""
        latent = self.order[values["latent"]]
        z = self.codes[values.get("image", 0)].clone()
        z[latent] = values["value"]
        return latent, z

    def _row(self, z: Tensor, latent: int) -> Tensor:
        """Return codes [columns, latent] with one latent from -reach to reach."""
        codes = z.repeat(COLUMNS, 1)
        codes[:, latent] = torch.linspace(-self.reach, self.reach, COLUMNS)
        return codes

    def _paint(self, background: Image.Image, side: int, tile: int, color: str, values: Values) -> bytes:
        """Return the decoded code as PNG, above the traversal with a mark at the value."""
        latent, z = self._code(values)
        width, top, canvas = background.width, side + TILE_GAP, background.copy()
        canvas.paste(resize(decode(self.experiment, z[None])[0], side), ((width - side) // 2, 0))
        for i, image in enumerate(decode(self.experiment, self._row(z, latent))):
            canvas.paste(resize(image, tile), (i * (tile + TILE_GAP), top))
        x = tile / 2 + (width - tile) * (1 + values["value"] / self.reach) / 2
        ImageDraw.Draw(canvas).polygon([(x - 8, top - 16), (x + 8, top - 16), (x, top - 2)], color)
        return png(np.asarray(canvas))

    def _change(self, latent: int, z: Tensor) -> float:
        """Return by how much a pixel changes along a latent: a standard deviation."""
        images = np.stack(decode(self.experiment, self._row(z, latent))).astype(float)
        return float(images.std(0).mean() / 255)

    def describe(self, values: Values) -> Readout:
        """Return the latent, its value, and how much a pixel changes along it."""
        latent, z = self._code(values)
        rows = [("latent", f"{latent}"), ("its value", f"{values['value']:.2f} sigma"), ("|z|", f"{z.norm():.2f}")]
        if self.activity is not None:
            rows.append(("variance of its means", f"{float(self.activity[latent]):.3f}"))
        sentence = (
            f"Along latent {latent} a pixel changes by {self._change(latent, z):.3f} on average (standard deviation)."
        )
        return Readout(rows, sentence)

    def filmstrip(self) -> bytes:
        """Return one row per latent from the first image's code, as PNG."""
        rows = [self._row(self.codes[0], latent) for latent in self.order[:MAX_ROWS]]
        return decode_rows(self.experiment, rows, side=56, gap=TILE_GAP)

    def alt(self, values: Values) -> str:
        """Describe the image, and the row below it."""
        latent, z = self._code(values)
        brightness = decode(self.experiment, z[None])[0].mean() / 255
        start = f"Image {values['image']} decoded" if "image" in values else "An image decoded"
        return (
            f"{start} with latent {latent} at {values['value']:.2f}, of mean brightness {brightness:.2f}; "
            f"below it {COLUMNS} images with this latent from -{self.reach:g} to {self.reach:g}, among which a pixel "
            f"changes by {self._change(latent, z):.3f}."
        )

    def filmstrip_alt(self) -> str:
        """Describe the filmstrip."""
        latents = ", ".join(map(str, self.order[:MAX_ROWS]))
        return (
            f"{min(MAX_ROWS, len(self.order))} rows of {COLUMNS} decoded images: latents {latents} from "
            f"-{self.reach:g} to {self.reach:g}, one row each."
        )


def decode(experiment: Experiment, z: Tensor) -> list[Pixels]:
    """Decode codes [n, latent] to mean images, each [h, w] or [h, w, 3]."""
    return to_pixels(experiment.decode(z))


def to_pixels(images: Tensor) -> list[Pixels]:
    """Return images [n, c, h, w] in [0, 1] as arrays of bytes, each [h, w] or [h, w, 3]."""
    arrays = to_uint8(images).numpy()
    return [array[0] if len(array) == 1 else array.transpose(1, 2, 0) for array in arrays]


def resize(pixels: Pixels, side: int) -> Image.Image:
    return Image.fromarray(pixels).resize((side, side), Image.Resampling.NEAREST)


def decode_rows(experiment: Experiment, rows: Sequence[Tensor], side: int, gap: int) -> bytes:
    """Decode rows of codes to one PNG, each image enlarged to at most `side` pixels."""
    images = [decode(experiment, codes) for codes in rows]
    factor = max(1, side // len(images[0][0]))
    enlarged = [[image.repeat(factor, 0).repeat(factor, 1) for image in row] for row in images]
    with plots.style("notebook"):  # whatever the user's background
        return png(plots.tile_images(enlarged, gap), small=True)
