"""The latent panel: the images that a trained VAE decodes from points of its latent space.

Decoded images become PNG without matplotlib, beside a map of the plane that is drawn once.
"""

import copy
from functools import partial

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from vaelab import plots
from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import typed
from vaelab.data.images import Images, as_images
from vaelab.live.controls import Slider, Switch
from vaelab.live.figure import Painting, Pixels, Values, dismantle, png
from vaelab.live.panel import Panel
from vaelab.live.panels.plane import draw_prior, plane_limit
from vaelab.live.panels.traversal import SIDES, Traversal, decode, decode_rows, resize
from vaelab.live.spec import PanelSpec, Readout
from vaelab.live.worker import drawing
from vaelab.objectives.objective import Experiment

STEPS = torch.linspace(-2, 2, 9)
GRID, GAP = 10, 12
MORE = " Run the cell for the sliders."


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
    if experiment.model.latent != 2:
        return Panel(_traversal_spec(Traversal(frozen, images, reach)), style)
    return Panel(_plane_spec(_Plane(frozen, images, labels, reach)), style)


def _plane_spec(plane: "_Plane") -> PanelSpec:
    """Declare the panel of two latents: a point of the plane, and its image."""
    reach = plane.reach
    width, edge = min(3.0, 2 * reach), 0.9 * reach
    beside = (
        ""
        if plane.means is None
        else " In the live panel, the codes of the data with a mark at the point, and circles: one, two and three σ of "
        "the prior."
    )
    return PanelSpec(
        picture=plane.open,
        controls=[
            Slider("z1", "latent z1", -reach, reach, 0.0, 0.05),
            Slider("z2", "latent z2", -reach, reach, 0.0, 0.05),
            Switch("grid", "one image", "10 x 10"),
            Slider("width", "grid's width", min(0.2, reach), 2 * reach, width, 0.1),
        ],
        presets={
            "center": {"z1": 0.0, "z2": 0.0, "grid": False},
            "edge": {"z1": edge, "z2": 0.0, "grid": False},
            "corner": {"z1": -edge, "z2": edge, "grid": False},
            "all of the plane": {"z1": 0.0, "z2": 0.0, "grid": True, "width": 2 * reach},
        },
        readout=plane.describe,
        alt=plane.alt,
        filmstrip=plane.filmstrip,
        filmstrip_alt=plane.filmstrip_alt,
        caption=f"Each point of the latent plane decodes to an image.{beside}",
        still=f"Filmstrip: z1 from -2 to 2 at z2 = 0 (top row), z2 from -2 to 2 at z1 = 0 (bottom row).{MORE}",
        unused=_unused,
    )


def _traversal_spec(traversal: Traversal) -> PanelSpec:
    """Declare the panel of more latents: a latent by falling activity, its value, and the image."""
    last, reach = traversal.experiment.model.latent - 1, traversal.reach
    controls = [
        Slider("value", "its value", -reach, reach, 0.0, 0.05),
        Slider("latent", "latent", 0, last, 0, whole=True),
    ]
    if len(traversal.codes) > 1:
        controls.append(Slider("image", "image", 0, len(traversal.codes) - 1, 0, whole=True))
    ends = {"most active": 0, "least active": last}
    return PanelSpec(
        picture=traversal.open,
        controls=controls,
        presets={label: {"latent": rank, "value": 0.9 * reach} for label, rank in ends.items()},
        readout=traversal.describe,
        alt=traversal.alt,
        filmstrip=traversal.filmstrip,
        filmstrip_alt=traversal.filmstrip_alt,
        caption="A code and its image. The live panel also shows one latent over its range, the others fixed.",
        still=f"Filmstrip: one row per latent, the most active first.{MORE}",
    )


def _unused(values: Values) -> dict[str, str]:
    return {} if values["grid"] else {"width": "one image is shown, not 10 x 10"}


class _Plane:
    """A frozen decoder with two latents, and a map of the encoded images."""

    def __init__(self, experiment: Experiment, images: Images | None, labels: Tensor | None, reach: float) -> None:
        self.experiment, self.reach, self.labels = experiment, reach, labels
        self.means = self.sigmas = None
        self.limit = reach  # of the map
        if images is not None:
            codes = experiment.encode(images)
            self.means, self.sigmas = codes.mean, torch.exp(0.5 * codes.logvar)
            self.limit = plane_limit(self.means.numpy(), least=reach)

    def open(self, style: plots.Style, dark: bool) -> Painting:
        """Return the picture: the image or the grid, beside the map with a marker if there are codes."""
        side = plots.size_for(SIDES, style)
        with plots.style("notebook", dark=dark):
            colors = plots.palette()
        if self.means is None:
            return Painting(lambda values: png(np.asarray(self._large(values, side))), (side, side))
        canvas = Image.new("RGB", (2 * side + GAP, side), colors.paper)
        canvas.paste(Image.fromarray(_draw_map(self, side, dark)), (0, 0))
        return Painting(partial(self._beside_map, canvas, colors.ink), canvas.size)

    def _large(self, values: Values, side: int) -> Image.Image:
        z1, z2 = values["z1"], values["z2"]
        return resize(self.grid(z1, z2, values["width"]) if values["grid"] else self.image(z1, z2), side)

    def _beside_map(self, background: Image.Image, ink: str, values: Values) -> bytes:
        """Return the map with a marker, and the image beside it, as PNG."""
        z1, z2, width, side = values["z1"], values["z2"], values["width"], background.height
        canvas = background.copy()
        canvas.paste(self._large(values, side).convert("RGB"), (side + GAP, 0))
        x, y = ((1 + z / self.limit) * side / 2 for z in (z1, -z2))
        pen = ImageDraw.Draw(canvas)
        if values["grid"]:
            half = width / self.limit * side / 4
            pen.rectangle((max(x - half, 0), y - half, min(x + half, side), y + half), outline=ink, width=2)
        for radius, color in ((12, "white"), (10, "black"), (7, "white"), (4, "black")):  # seen on any background
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)
        return png(np.asarray(canvas))

    def image(self, z1: float, z2: float) -> Pixels:
        """Return the decoded image, [h, w] or [h, w, 3]."""
        return decode(self.experiment, torch.tensor([[z1, z2]], dtype=torch.float32))[0]

    def grid(self, z1: float, z2: float, width: float) -> Pixels:
        """Return 10 x 10 images of a square around the point; z2 grows upward."""
        steps = torch.linspace(-width / 2, width / 2, GRID)
        rows, columns = torch.meshgrid(z2 - steps, z1 + steps, indexing="ij")
        images = decode(self.experiment, torch.stack([columns.flatten(), rows.flatten()], 1))
        return plots.tile_images([images[i : i + GRID] for i in range(0, GRID**2, GRID)])

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
        return decode_rows(self.experiment, self._axes(), side=84, gap=6)

    def alt(self, values: Values) -> str:
        """Describe the image or the grid, and the place of the point."""
        z1, z2 = values["z1"], values["z2"]
        pixels = self.grid(z1, z2, values["width"]) if values["grid"] else self.image(z1, z2)
        what = (
            f"{GRID} x {GRID} images decoded from a square of {values['width']:.1f}"
            if values["grid"]
            else "An image decoded"
        )
        text = f"{what} at z = ({z1:.2f}, {z2:.2f}), with a mean brightness of {pixels.mean() / 255:.2f}."
        if self.means is None:
            return text
        inside = float((self.means - torch.tensor([z1, z2])).norm(dim=1).lt(1).float().mean())
        return f"{text} On the map beside it {inside:.0%} of the {len(self.means)} codes lie within 1 of the point."

    def filmstrip_alt(self) -> str:
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


def _draw_map(plane: _Plane, side: int, dark: bool) -> Pixels:
    """Draw encoded images as dots and ellipses on a square without margins: [side, side, 3]."""
    with drawing, plots.style("notebook", dark=dark):
        figure = plots.new_figure(side / 100, side / 100)
        figure.set_layout_engine("none")
        ax = figure.add_axes((0, 0, 1, 1))
        assert plane.means is not None
        limits = -plane.limit, plane.limit
        draw_prior(ax)
        means = plane.means.clip(*limits)  # a code far outside is on the edge
        plots.latent_plane(ax, means, plane.labels, plane.sigmas)
        ax.spines[:].set(visible=True, color=plots.palette().REFERENCE)
        ax.set(xlim=limits, ylim=limits, xticks=[], yticks=[])
        figure.canvas.draw()
        pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()  # type: ignore[attr-defined]
        dismantle(figure)
        return pixels
