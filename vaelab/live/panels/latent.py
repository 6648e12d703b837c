"""The latent explorer: walk in the latents of a trained VAE and see what the decoder makes of each point.

No matplotlib while it moves: decoded images go straight to PNG, beside a map of the plane drawn once.
"""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from vaelab import plots
from vaelab.live.controls import Control, Slider, Switch
from vaelab.live.figure import Values
from vaelab.live.images import Pixels, enlarge, png, tile
from vaelab.live.panel import Panel, View
from vaelab.live.panels.traversal import decoded, traversal_panel
from vaelab.live.readout import Row
from vaelab.live.worker import drawing
from vaelab.objectives.objective import Experiment

SIDES = {"notebook": 308, "paper": 308, "talk": 504}
STEPS = np.linspace(-2, 2, 9)
TILES, GAP = 10, 12
CAPTION = (
    "Each point of the latent plane decodes to an image. Film-strip: z1 from -2 to 2 at z2 = 0 (top row), "
    "z2 from -2 to 2 at z1 = 0 (bottom row). Run the cell for the sliders."
)


def latent_panel(
    experiment: Experiment,
    images: Tensor | None = None,
    labels: Tensor | None = None,
    *,
    reach: float = 3.0,
    style: plots.Style = "notebook",
) -> Panel:
    """Two latents: sliders z1 and z2 within ±reach -> the decoded image, enlarged, or a grid of 10 x 10 around it.

    With images [n, *shape] and labels [n] also a map of where they lie in the plane, with ellipses of one sigma.
    More latents: traversals, one latent at a time, from the code of a chosen image (or from the center).

    The experiment is copied, so that training may go on elsewhere.
    """
    frozen = copy.deepcopy(experiment).cpu().eval()
    if experiment.model.latent != 2:
        return traversal_panel(frozen, images, reach, plots.size_for(SIDES, style), style)
    side = plots.size_for(SIDES, style)
    walk = Walk(frozen, images, labels, reach, side)
    size = (side if walk.map is None else 2 * side + GAP, side)
    view = View(walk.picture, size, walk.words, walk.strip, walk.alt, CAPTION)
    start, far = {"grid": False, "width": min(3.0, 2 * reach)}, 0.9 * reach
    presets: dict[str, dict[str, Any]] = {
        "center": {"z1": 0.0, "z2": 0.0, **start},
        "edge": {"z1": far, "z2": 0.0, **start},
        "corner": {"z1": -far, "z2": far, **start},
        "all of the plane": {"z1": 0.0, "z2": 0.0, "grid": True, "width": 2 * reach},
    }
    controls: list[Control] = [Slider(f"z{i}", f"latent z{i}", -reach, reach, 0.0, 0.05) for i in (1, 2)]
    controls += [
        Switch("grid", "one image", "10 x 10"),
        Slider("width", "grid's width", min(0.2, reach), 2 * reach, start["width"], 0.1),
    ]
    return Panel(controls, view, presets, style)


class Walk:
    """A frozen decoder, and the map of where the images lie in its plane."""

    def __init__(
        self, experiment: Experiment, images: Tensor | None, labels: Tensor | None, reach: float, side: int
    ) -> None:
        self.experiment, self.reach, self.side, self.labels = experiment, reach, side, labels
        self.codes = None if images is None else experiment.encode(images.cpu())
        self.means = None if self.codes is None else self.codes.mean
        sigmas = None if self.codes is None else torch.exp(0.5 * self.codes.logvar)
        self.map = None if self.means is None else plane_map(self.means, labels, reach, side, sigmas)

    def image(self, z1: float, z2: float) -> Pixels:
        """The decoded image as [h, w] or [h, w, 3] bytes."""
        return decoded(self.experiment, torch.tensor([[z1, z2]], dtype=torch.float32))[0]

    def grid(self, z1: float, z2: float, width: float) -> Pixels:
        """10 x 10 decoded images whose codes cover a square of this width around the point; z2 grows upwards."""
        steps = torch.linspace(-width / 2, width / 2, TILES)
        rows, columns = torch.meshgrid(z2 - steps, z1 + steps, indexing="ij")
        images = decoded(self.experiment, torch.stack([columns.flatten(), rows.flatten()], 1))
        return tile([images[i : i + TILES] for i in range(0, TILES**2, TILES)], 0)

    def picture(self, values: Values) -> bytes:
        """The enlarged image or the grid, and on its left the map with a marker."""
        z1, z2, width = values["z1"], values["z2"], values["width"]
        small = self.grid(z1, z2, width) if values["grid"] else self.image(z1, z2)
        large = Image.fromarray(small).resize((self.side, self.side), Image.Resampling.NEAREST)
        if self.map is None:
            return png(np.asarray(large))
        sheet = Image.new("RGB", (2 * self.side + GAP, self.side), "white")
        sheet.paste(Image.fromarray(self.map), (0, 0))
        sheet.paste(large, (self.side + GAP, 0))
        x, y = ((1 + s * values[k] / self.reach) * self.side / 2 for k, s in (("z1", 1), ("z2", -1)))
        pen = ImageDraw.Draw(sheet)
        if values["grid"]:
            half = width / self.reach * self.side / 4
            pen.rectangle((max(x - half, 0), y - half, min(x + half, self.side), y + half), outline="black", width=2)
        for radius, color in ((12, "white"), (10, "black"), (7, "white"), (4, "black")):
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)
        return png(np.asarray(sheet))

    def words(self, values: Values) -> tuple[Sequence[Row], str]:
        """The readout, and the picture in one sentence."""
        z = torch.tensor([values["z1"], values["z2"]])
        rows = [
            ("z", f"({z[0]:.2f}, {z[1]:.2f})"),
            ("distance from the prior's center", f"{z.norm():.2f} sigma"),
        ]
        if values["grid"]:
            rows.append(("the grid covers", f"{values['width']:.1f} x {values['width']:.1f} sigma"))
        ink = self.image(values["z1"], values["z2"]).mean() / 255
        sentence = f"The decoder's image at z has a mean brightness of {ink:.2f}."
        if self.means is not None and self.labels is not None:
            nearest = int((self.means - z).square().sum(1).argmin())
            sentence += f" The encoded image nearest to z is a {int(self.labels[nearest])}."
        return rows, sentence

    def strip(self) -> bytes:
        """Two rows of decoded images: along z1, and along z2."""
        rows = [[self.image(z, 0) for z in STEPS], [self.image(0, z) for z in STEPS]]
        factor = max(1, 84 // rows[0][0].shape[0])
        return png(tile([[enlarge(i, factor) for i in row] for row in rows], 6), small=True)

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


def plane_map(means: Tensor, labels: Tensor | None, reach: float, side: int, sigmas: Tensor | None = None) -> Pixels:
    """The encoded images as dots, colored by label, on a square without margins: [side, side, 3]."""
    with drawing, plots.style("notebook"):
        figure = plots.new_figure(side / 100, side / 100)
        figure.set_layout_engine("none")
        ax: Any = figure.add_axes((0, 0, 1, 1))
        plots.latent_plane(ax, means, labels, sigmas)
        ax.spines[:].set(visible=True, color=plots.REFERENCE)
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[])
        figure.canvas.draw()
        return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()  # type: ignore[attr-defined]
