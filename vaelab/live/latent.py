"""The latent explorer: walk in the plane of a 2-latent VAE and see what the decoder makes of each point.

No matplotlib while it moves: the decoded image goes straight to PNG, beside a map of the plane drawn once.
"""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from vaelab import plots
from vaelab.errors import InvalidValue
from vaelab.live import pixels
from vaelab.live.controls import Slider
from vaelab.live.figure import Values
from vaelab.live.panel import Panel, View
from vaelab.live.pixels import Pixels
from vaelab.live.words import Row
from vaelab.live.worker import drawing
from vaelab.objective import Experiment

SIDES = {"notebook": 308, "paper": 308, "talk": 504}
STEPS = np.linspace(-2, 2, 9)


def latent_panel(
    experiment: Experiment,
    images: Tensor | None = None,
    labels: Tensor | None = None,
    *,
    reach: float = 3.0,
    style: plots.Style = "notebook",
) -> Panel:
    """Sliders z1 and z2 within ±reach -> the decoded image, enlarged.

    With images [n, *shape] and labels [n] also a map of where they lie in the plane.

    The experiment is copied, so that training may go on elsewhere.

    Raises InvalidValue unless the model has exactly two latents.
    """
    if experiment.model.latent != 2:
        raise InvalidValue(
            f"the latent panel walks a plane, but this model has {experiment.model.latent} latents; "
            "train one with latent=2."
        )
    walk = Walk(copy.deepcopy(experiment).cpu().eval(), images, labels, reach, SIDES[style])
    side = SIDES[style]
    size = (side if walk.map is None else 2 * side + GAP, side)
    view = View(walk.picture, size, walk.words, walk.strip, walk.alt, CAPTION)
    far = 0.9 * reach
    presets = {
        "centre": {"z1": 0.0, "z2": 0.0},
        "edge": {"z1": far, "z2": 0.0},
        "corner": {"z1": -far, "z2": far},
    }
    controls = [Slider(f"z{i}", f"latent z{i}", -reach, reach, 0.0, 0.05) for i in (1, 2)]
    return Panel(controls, view, presets, style)


GAP = 12
CAPTION = (
    "Each point of the latent plane decodes to an image. Film-strip: z1 from -2 to 2 at z2 = 0 (top row), "
    "z2 from -2 to 2 at z1 = 0 (bottom row). Run the cell for the sliders."
)


class Walk:
    """A frozen decoder, and the map of where the images lie in its plane."""

    def __init__(
        self, experiment: Experiment, images: Tensor | None, labels: Tensor | None, reach: float, side: int
    ) -> None:
        self.experiment, self.reach, self.side, self.labels = experiment, reach, side, labels
        self.means = None if images is None else experiment.encode(images.cpu()).mean
        self.map = None if self.means is None else plane_map(self.means, labels, reach, side)

    def image(self, z1: float, z2: float) -> Pixels:
        """The decoded image as [h, w] or [h, w, 3] bytes."""
        image = self.experiment.decode(torch.tensor([[z1, z2]], dtype=torch.float32))[0].numpy()
        return pixels.gray(image[0] if len(image) == 1 else image.transpose(1, 2, 0))

    def picture(self, values: Values) -> bytes:
        """The enlarged image, and on its left the map with a marker."""
        small = self.image(values["z1"], values["z2"])
        large = Image.fromarray(small).resize((self.side, self.side), Image.Resampling.NEAREST)
        if self.map is None:
            return pixels.png(np.asarray(large))
        sheet = Image.new("RGB", (2 * self.side + GAP, self.side), "white")
        sheet.paste(Image.fromarray(self.map), (0, 0))
        sheet.paste(large, (self.side + GAP, 0))
        x, y = ((1 + s * values[k] / self.reach) * self.side / 2 for k, s in (("z1", 1), ("z2", -1)))
        pen = ImageDraw.Draw(sheet)
        for radius, colour in ((12, "white"), (10, "black"), (7, "white"), (4, "black")):
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
        return pixels.png(np.asarray(sheet))

    def words(self, values: Values) -> tuple[Sequence[Row], str]:
        """The readout, and the picture in one sentence."""
        z = torch.tensor([values["z1"], values["z2"]])
        rows = [
            ("z", f"({z[0]:.2f}, {z[1]:.2f})"),
            ("distance from the prior's centre", f"{z.norm():.2f} sigma"),
        ]
        ink = self.image(values["z1"], values["z2"]).mean() / 255
        sentence = f"The decoder's image at z has a mean brightness of {ink:.2f}."
        if self.means is not None and self.labels is not None:
            nearest = int((self.means - z).square().sum(1).argmin())
            sentence += f" The encoded image nearest to z is a {int(self.labels[nearest])}."
        return rows, sentence

    def strip(self) -> bytes:
        """Two rows of decoded images: along z1, and along z2."""
        rows = [[self.image(z, 0) for z in STEPS], [self.image(0, z) for z in STEPS]]
        return pixels.png(pixels.tile([[pixels.enlarge(i, 3) for i in row] for row in rows], 6), small=True)

    def alt(self) -> str:
        """What the film-strip shows, with the nearest digits where labels are known."""
        text = f"Two rows of {len(STEPS)} decoded images each."
        if self.means is None or self.labels is None:
            return text
        found = f"along z1: {self._nearest(0)}; along z2: {self._nearest(1)}"
        return f"{text} The nearest encoded images are, {found}."

    def _nearest(self, axis: int) -> str:
        z = torch.zeros(len(STEPS), 2)
        z[:, axis] = torch.from_numpy(STEPS)
        assert self.means is not None
        assert self.labels is not None
        return ", ".join(str(int(v)) for v in self.labels[torch.cdist(z, self.means).argmin(1).to(self.labels.device)])


def plane_map(means: Tensor, labels: Tensor | None, reach: float, side: int) -> Pixels:
    """The encoded images as dots, coloured by label, on a square without margins: [side, side, 3]."""
    with drawing, plots.style("notebook"):
        figure = plots.new_figure(side / 100, side / 100)
        figure.set_layout_engine("none")
        ax: Any = figure.add_axes((0, 0, 1, 1))
        plots.latent_plane(ax, means, labels)
        ax.spines[:].set(visible=True, color=plots.REFERENCE)
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[])
        figure.canvas.draw()
        return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()  # type: ignore[attr-defined]
