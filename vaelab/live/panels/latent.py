"""The latent panel: the images that a trained VAE decodes from points of its latent space.

Decoded images become PNG without matplotlib, beside a map of the plane that is drawn once.
"""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from vaelab import plots
from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab._utils.images import to_uint8
from vaelab._utils.typed import typed
from vaelab.data.images import Images, as_images
from vaelab.live.controls import Control, Slider, Switch
from vaelab.live.figure import Pixels, Values, dismantle, png
from vaelab.live.panel import Panel, Readout, View
from vaelab.live.worker import drawing
from vaelab.objectives.objective import Experiment

SIDES = {"notebook": 308, "paper": 308, "talk": 504}
STEPS = torch.linspace(-2, 2, 9)
GRID, GAP = 10, 12
COLUMNS, TILE_GAP, MAX_IMAGES, MAX_ROWS = 9, 4, 20, 6  # of the traversals
PLANE_CAPTION = (
    "Each point of the latent plane decodes to an image. Filmstrip: z1 from -2 to 2 at z2 = 0 (top row), "
    "z2 from -2 to 2 at z1 = 0 (bottom row). Run the cell for the sliders."
)
TRAVERSAL_CAPTION = (
    "Large: the decoded code. Below: the selected latent over its range, the others fixed. Filmstrip: one row per "
    "latent, the most active first. Run the cell for the sliders."
)


@typed
def latent_panel(
    experiment: Experiment,
    images: Images | None = None,
    labels: Tensor | None = None,
    *,
    reach: float = 3.0,
    style: plots.Style = "notebook",
) -> Panel:
    """Build a panel on the latent space of a trained VAE.

    Two latents: sliders z1 and z2, the decoded image or a grid of 10 x 10 around the point, and a
    map of the encoded images. More latents: traversals of one latent at a time.

    Args:
        experiment: The trained VAE; it is copied, so that training may continue.
        images: [n, *shape] to encode. Without any there is no map, and traversals start at zero.
        labels: [n], colors of the map.
        reach: Largest absolute value of a latent, from 0.1 to 1000.
        style: "notebook", "paper" or "talk".

    Returns:
        The panel.

    Raises:
        InvalidType, InvalidValue: If an argument is of another type, `reach` is out of range, or images and labels do
            not match.

    Example:
        >>> from vaelab import recipes
        >>> panel = latent_panel(recipes.vae((1, 8, 8), latent=2, hidden=(4,)))
        >>> panel.set(z1=3.0)
        >>> panel.settle(), "z <b>(3.00, 0.00)" in panel.readout.value
        (True, True)
    """
    checks.in_range("reach", reach, 0.1, 1000)
    images = None if images is None else as_images(images, experiment.shape, experiment.domain)
    if labels is not None and (images is None or labels.shape != (len(images),)):
        count = "no images" if images is None else f"{len(images)} images"
        raise InvalidValue(f"labels must be [n], one for each image, got {list(labels.shape)} for {count}.")
    frozen = copy.deepcopy(experiment).cpu().eval()
    side = plots.size_for(SIDES, style)
    if experiment.model.latent != 2:
        return _traversal_panel(frozen, images, reach, side, style)
    plane = _Plane(frozen, images, labels, reach, side)
    size = (side if plane.map is None else 2 * side + GAP, side)
    view = View(plane.picture, size, plane.describe, plane.filmstrip, plane.alt, PLANE_CAPTION)
    width, edge = min(3.0, 2 * reach), 0.9 * reach
    presets = {
        "center": {"z1": 0.0, "z2": 0.0, "grid": False},
        "edge": {"z1": edge, "z2": 0.0, "grid": False},
        "corner": {"z1": -edge, "z2": edge, "grid": False},
        "all of the plane": {"z1": 0.0, "z2": 0.0, "grid": True, "width": 2 * reach},
    }
    controls: list[Control] = [
        Slider("z1", "latent z1", -reach, reach, 0.0, 0.05),
        Slider("z2", "latent z2", -reach, reach, 0.0, 0.05),
        Switch("grid", "one image", "10 x 10"),
        Slider("width", "grid's width", min(0.2, reach), 2 * reach, width, 0.1),
    ]
    return Panel(controls, view, presets, style, _unused)


def _unused(values: Values) -> dict[str, str]:
    return {} if values["grid"] else {"width": "one image is shown, not 10 x 10"}


class _Plane:
    """A frozen decoder with two latents, and a map of the encoded images."""

    def __init__(
        self, experiment: Experiment, images: Images | None, labels: Tensor | None, reach: float, side: int
    ) -> None:
        self.experiment, self.reach, self.side, self.labels = experiment, reach, side, labels
        self.means = self.map = None
        if images is not None:
            codes = experiment.encode(images)
            self.means = codes.mean
            self.map = _draw_map(codes.mean, labels, reach, side, torch.exp(0.5 * codes.logvar))

    def image(self, z1: float, z2: float) -> Pixels:
        """Return the decoded image, [h, w] or [h, w, 3]."""
        return _decode(self.experiment, torch.tensor([[z1, z2]], dtype=torch.float32))[0]

    def grid(self, z1: float, z2: float, width: float) -> Pixels:
        """Return 10 x 10 images of a square around the point; z2 grows upward."""
        steps = torch.linspace(-width / 2, width / 2, GRID)
        rows, columns = torch.meshgrid(z2 - steps, z1 + steps, indexing="ij")
        images = _decode(self.experiment, torch.stack([columns.flatten(), rows.flatten()], 1))
        return plots.tile_images([images[i : i + GRID] for i in range(0, GRID**2, GRID)])

    def picture(self, values: Values) -> bytes:
        """Return the image or the grid as PNG, beside the map with a marker."""
        z1, z2, width = values["z1"], values["z2"], values["width"]
        large = _resize(self.grid(z1, z2, width) if values["grid"] else self.image(z1, z2), self.side)
        if self.map is None:
            return png(np.asarray(large))
        canvas = Image.fromarray(plots.tile_images([[self.map, np.asarray(large.convert("RGB"))]], GAP))
        x, y = ((1 + z / self.reach) * self.side / 2 for z in (z1, -z2))
        pen = ImageDraw.Draw(canvas)
        if values["grid"]:
            half = width / self.reach * self.side / 4
            pen.rectangle((max(x - half, 0), y - half, min(x + half, self.side), y + half), outline="black", width=2)
        for radius, color in ((12, "white"), (10, "black"), (7, "white"), (4, "black")):
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)
        return png(np.asarray(canvas))

    def describe(self, values: Values) -> Readout:
        """Return the point, its distance from zero, and the nearest encoded image."""
        z = torch.tensor([values["z1"], values["z2"]])
        rows = [("z", f"({z[0]:.2f}, {z[1]:.2f})"), ("distance from the prior's mean", f"{z.norm():.2f} sigma")]
        if values["grid"]:
            rows.append(("the grid covers", f"{values['width']:.1f} x {values['width']:.1f} sigma"))
        brightness = self.image(values["z1"], values["z2"]).mean() / 255
        sentence = f"The decoder's image at z has a mean brightness of {brightness:.2f}."
        if nearest := self._nearest(z[None]):
            sentence += f" The encoded image nearest to z is a {nearest}."
        return Readout(rows, sentence)

    def filmstrip(self) -> bytes:
        """Return a row of images along z1 and one along z2, as PNG."""
        return _decode_rows(self.experiment, self._axes(), side=84, gap=6)

    def alt(self) -> str:
        """Describe the filmstrip, with the nearest labels."""
        text = f"Two rows of {len(STEPS)} decoded images each."
        z1, z2 = (self._nearest(codes) for codes in self._axes())
        return f"{text} The nearest encoded images are, along z1: {z1}; along z2: {z2}." if z1 else text

    def _axes(self) -> list[Tensor]:
        zero = torch.zeros_like(STEPS)
        return [torch.stack([STEPS, zero], 1), torch.stack([zero, STEPS], 1)]

    def _nearest(self, z: Tensor) -> str:
        """Return the labels of the encoded images nearest to z [n, 2]; empty without labels."""
        if self.means is None or self.labels is None:
            return ""
        nearest = torch.cdist(z, self.means, compute_mode="donot_use_mm_for_euclid_dist").argmin(1)
        return ", ".join(str(int(label)) for label in self.labels[nearest.to(self.labels.device)])


def _draw_map(means: Tensor, labels: Tensor | None, reach: float, side: int, sigmas: Tensor) -> Pixels:
    """Draw encoded images as dots and ellipses on a square without margins: [side, side, 3]."""
    with drawing, plots.style("notebook"):
        figure = plots.new_figure(side / 100, side / 100)
        figure.set_layout_engine("none")
        ax = figure.add_axes((0, 0, 1, 1))
        plots.latent_plane(ax, means, labels, sigmas)
        ax.spines[:].set(visible=True, color=plots.REFERENCE)
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[])
        figure.canvas.draw()
        pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()  # type: ignore[attr-defined]
        dismantle(figure)
        return pixels


def _traversal_panel(
    experiment: Experiment, images: Images | None, reach: float, side: int, style: plots.Style
) -> Panel:
    """Build a panel for a latent, its value and the image; latents by falling activity."""
    traversal = _Traversal(experiment, images, reach, side)
    last = experiment.model.latent - 1
    controls: list[Control] = [
        Slider("value", "its value", -reach, reach, 0.0, 0.05),
        Slider("latent", "latent", 0, last, 0, 1, whole=True),
    ]
    if len(traversal.codes) > 1:
        controls.append(Slider("image", "image", 0, len(traversal.codes) - 1, 0, 1, whole=True))
    ends = {"most active": 0, "least active": last}
    presets = {label: {"latent": rank, "value": 0.9 * reach} for label, rank in ends.items()}
    view = View(
        traversal.picture, traversal.size, traversal.describe, traversal.filmstrip, traversal.alt, TRAVERSAL_CAPTION
    )
    return Panel(controls, view, presets, style)


class _Traversal:
    """A frozen decoder, codes to start from, and the latents in the order of their activity."""

    def __init__(self, experiment: Experiment, images: Images | None, reach: float, side: int) -> None:
        self.experiment, self.reach, self.side = experiment, reach, side
        if images is None:
            self.codes, self.activity = torch.zeros(1, experiment.model.latent), None
            self.order = list(range(experiment.model.latent))
        else:
            means = experiment.encode(images).mean
            self.codes, self.activity = means[:MAX_IMAGES], means.var(0, correction=0)
            self.order = self.activity.argsort(descending=True).tolist()
        self.tile = (side + TILE_GAP) // 4
        self.size = (COLUMNS * (self.tile + TILE_GAP) - TILE_GAP, side + TILE_GAP + self.tile)

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

    def picture(self, values: Values) -> bytes:
        """Return the decoded code as PNG, above the traversal with a mark at the value."""
        latent, z = self._code(values)
        width, top = self.size[0], self.side + TILE_GAP
        canvas = Image.new("RGB", self.size, "white")
        large = _resize(_decode(self.experiment, z[None])[0], self.side)
        canvas.paste(large, ((width - self.side) // 2, 0))
        for i, image in enumerate(_decode(self.experiment, self._row(z, latent))):
            canvas.paste(_resize(image, self.tile), (i * (self.tile + TILE_GAP), top))
        x = self.tile / 2 + (width - self.tile) * (1 + values["value"] / self.reach) / 2
        ImageDraw.Draw(canvas).polygon([(x - 8, top - 16), (x + 8, top - 16), (x, top - 2)], plots.P)
        return png(np.asarray(canvas))

    def describe(self, values: Values) -> Readout:
        """Return the latent, its value, and how much a pixel changes along it."""
        latent, z = self._code(values)
        rows = [("latent", f"{latent}"), ("its value", f"{values['value']:.2f} sigma"), ("|z|", f"{z.norm():.2f}")]
        if self.activity is not None:
            rows.append(("variance of its means", f"{float(self.activity[latent]):.3f}"))
        images = np.stack(_decode(self.experiment, self._row(z, latent))).astype(float)
        change = images.std(0).mean() / 255
        sentence = f"Along latent {latent} a pixel changes by {change:.3f} on average (standard deviation)."
        return Readout(rows, sentence)

    def filmstrip(self) -> bytes:
        """Return one row per latent from the first image's code, as PNG."""
        rows = [self._row(self.codes[0], latent) for latent in self.order[:MAX_ROWS]]
        return _decode_rows(self.experiment, rows, side=56, gap=TILE_GAP)

    def alt(self) -> str:
        """Describe the filmstrip."""
        latents = ", ".join(map(str, self.order[:MAX_ROWS]))
        return (
            f"{min(MAX_ROWS, len(self.order))} rows of {COLUMNS} decoded images: latents {latents} from "
            f"-{self.reach:g} to {self.reach:g}, one row each."
        )


def _decode(experiment: Experiment, z: Tensor) -> list[Pixels]:
    """Decode codes [n, latent] to mean images, each [h, w] or [h, w, 3]."""
    images = to_uint8(experiment.decode(z)).numpy()
    return [image[0] if len(image) == 1 else image.transpose(1, 2, 0) for image in images]


def _resize(pixels: Pixels, side: int) -> Image.Image:
    return Image.fromarray(pixels).resize((side, side), Image.Resampling.NEAREST)


def _decode_rows(experiment: Experiment, rows: Sequence[Tensor], side: int, gap: int) -> bytes:
    """Decode rows of codes to one PNG, each image enlarged to at most `side` pixels."""
    images = [_decode(experiment, codes) for codes in rows]
    factor = max(1, side // len(images[0][0]))
    enlarged = [[image.repeat(factor, 0).repeat(factor, 1) for image in row] for row in images]
    return png(plots.tile_images(enlarged, gap), small=True)
