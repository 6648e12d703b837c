"""The hierarchy panel: what the groups of a trained hierarchy add, and what a temperature takes away."""

import copy
from functools import partial

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vaelab import plots
from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import typed
from vaelab.data.images import Images, as_images
from vaelab.live.controls import Slider
from vaelab.live.figure import Painting, Pixels, Values, png
from vaelab.live.panel import Panel
from vaelab.live.panels.traversal import SIDES, decode, decode_rows, resize, to_pixels
from vaelab.live.spec import PanelSpec, Readout
from vaelab.models.hierarchical import Hierarchy
from vaelab.objectives.objective import Experiment

ROWS, COLUMNS, GAP = 3, 6, 12
MAX_IMAGES, N_DRAWS, START = 20, 10, 0.7


@typed
def hierarchy_panel(experiment: Experiment, images: Images, *, style: plots.Style = "notebook") -> Panel:
    """Build a panel on the groups of a trained hierarchy.

    An image fixes the latents of the first groups; those of the groups below are sampled again and
    again, with a temperature: a factor on their noise.

    Args:
        experiment: A trained `recipes.hierarchical_vae`; it is copied, so that training may continue.
        images: [n, *shape], of which the first twenty can be selected.
        style: "notebook", "paper" or "talk".

    Returns:
        The panel.

    Raises:
        InvalidType, InvalidValue: If an argument is of another type, the model has no groups on scales, or
            there are no images.

    Example:
        >>> from vaelab import recipes
        >>> hierarchy = recipes.hierarchical_vae((1, 8, 8), 2, groups=((2, 1), (4, 1)), width=4)
        >>> panel = hierarchy_panel(hierarchy, torch.rand(2, 1, 8, 8))
        >>> panel.set(fixed=2)
        >>> panel.settle(), "a pixel varies by <b>0.000" in panel.readout.value
        (True, True)
    """
    if not isinstance(experiment.model, Hierarchy):
        name = type(experiment.model).__name__
        raise InvalidValue(f"experiment must have groups on scales, as hierarchical_vae, got one with a {name}.")
    images = as_images(images, experiment.shape, experiment.domain)
    if not len(images):
        raise InvalidValue("images must have at least one image, got 0.")
    levels = _Levels(copy.deepcopy(experiment).cpu().eval(), images)
    groups, last = experiment.model.groups, len(levels.codes) - 1
    controls = [
        Slider("fixed", "groups of the image", 0, groups, 1, whole=True),
        Slider("temperature", "temperature", 0.0, 1.2, START, 0.05),
        Slider("draw", "draw", 0, N_DRAWS - 1, 0, whole=True),
    ]
    if last:
        controls.append(Slider("image", "image", 0, last, 0, whole=True))
    spec = PanelSpec(
        picture=levels.open,
        controls=controls,
        presets={
            "all groups sampled": {"fixed": 0, "temperature": 1.0},
            "colder": {"fixed": 0, "temperature": 0.5},
            "last group sampled": {"fixed": groups - 1, "temperature": 1.0},
        },
        readout=levels.describe,
        alt=levels.alt,
        filmstrip=levels.filmstrip,
        filmstrip_alt=levels.filmstrip_alt,
        caption="Left: an image above its reconstruction. Right: the first groups have the latents of this image, the "
        "others are samples. Which groups decide what all the images on the right have in common?",
        still=f"Filmstrip: samples at temperature {START:g}; from row to row one more group has the latents of the "
        "first image. Run the cell for the sliders.",
        unused=lambda values: _unused(values, groups),
    )
    return Panel(spec, style)


def _unused(values: Values, groups: int) -> dict[str, str]:
    if values["fixed"] == groups:
        reason = "no group is sampled"
    elif values["temperature"] == 0:
        return {"draw": "at temperature 0 all draws are equal"}
    else:
        return {}
    return dict.fromkeys(("temperature", "draw"), reason)


class _Levels:
    """A frozen hierarchy, the noise that encodes some images, and noise to replace it group by group."""

    def __init__(self, experiment: Experiment, images: Tensor) -> None:
        assert isinstance(experiment.model, Hierarchy)
        self.experiment, self.sizes = experiment, experiment.model.sizes
        self.pixels = to_pixels(experiment.as_input(images[:MAX_IMAGES]))
        self.codes = experiment.encode(images[:MAX_IMAGES]).mean
        generator = torch.Generator().manual_seed(0)
        self.noise = torch.randn(N_DRAWS, ROWS * COLUMNS, experiment.model.latent, generator=generator)
        self._last: tuple[Values | None, list[Pixels]] = None, []

    def _noise(self, fixed: int, temperature: float, draw: int = 0, image: int = 0) -> Tensor:
        """Return the noise of the samples [rows * columns, latent]: of the image in the first groups."""
        z, known = temperature * self.noise[draw], sum(self.sizes[:fixed])
        z[:, :known] = self.codes[image, :known]
        return z

    def _samples(self, values: Values) -> list[Pixels]:
        """Return the samples of some values, decoded once for picture, readout and alt text."""
        chosen, samples = self._last
        if chosen != values:
            samples = decode(self.experiment, self._noise(**{"image": 0, **values}))
            self._last = dict(values), samples
        return samples

    def open(self, style: plots.Style, dark: bool) -> Painting:
        """Return the picture: the image above its reconstruction, beside the samples."""
        side = plots.size_for(SIDES, style)
        tile = side // ROWS
        with plots.style("notebook", dark=dark):
            paper = plots.palette().paper
        size = (side // 2 + GAP + COLUMNS * tile, ROWS * tile)
        return Painting(partial(self._paint, Image.new("RGB", size, paper), side // 2, tile), size)

    def _paint(self, background: Image.Image, side: int, tile: int, values: Values) -> bytes:
        canvas, image = background.copy(), values.get("image", 0)
        reconstruction = decode(self.experiment, self.codes[image : image + 1])[0]
        for k, pixels in enumerate((self.pixels[image], reconstruction)):
            canvas.paste(resize(pixels, side - 2), (0, k * side))
        for k, pixels in enumerate(self._samples(values)):
            row, column = divmod(k, COLUMNS)
            canvas.paste(resize(pixels, tile - 2), (side + GAP + column * tile, row * tile))
        return png(np.asarray(canvas))

    def _numbers(self, values: Values) -> tuple[float, float]:
        """Return by how much a pixel varies among the samples, and their distance from the image, rms per pixel."""
        samples = np.stack(self._samples(values)).astype(float) / 255
        image = self.pixels[values.get("image", 0)] / 255
        return float(samples.std(0).mean()), float(np.sqrt(((samples - image) ** 2).mean()))

    def describe(self, values: Values) -> Readout:
        """Return which groups are sampled, and how much the samples vary."""
        fixed, groups = values["fixed"], len(self.sizes)
        known, (spread, distance) = sum(self.sizes[:fixed]), self._numbers(values)
        rows = [
            ("latents of the image", f"{known} of {sum(self.sizes)}"),
            ("temperature", f"{values['temperature']:.2f}"),
            ("draw", f"{values['draw']}"),
            ("a pixel varies by", f"{spread:.3f}"),
            ("distance from the image", f"{distance:.3f}"),
        ]
        if fixed == groups:
            return Readout(rows, f"All {groups} groups are those of the image: every sample is its reconstruction.")
        which = f"group {groups}" if fixed == groups - 1 else f"groups {fixed + 1} to {groups}"
        return Readout(rows, f"Sampled: {which}. The standard deviation of a pixel among the samples is {spread:.3f}.")

    def alt(self, values: Values) -> str:
        """Describe the samples."""
        spread, distance = self._numbers(values)
        return (
            f"Image {values.get('image', 0)} above its reconstruction, and {ROWS * COLUMNS} samples with its latents "
            f"in the first {values['fixed']} of {len(self.sizes)} groups, draw {values['draw']} at temperature "
            f"{values['temperature']:.2f}: a pixel varies by {spread:.3f} among them, and differs from the image by "
            f"{distance:.3f} (root mean square)."
        )

    def filmstrip(self) -> bytes:
        """Return a row of samples for every number of fixed groups, as PNG."""
        rows = [self._noise(fixed, START)[: 2 * COLUMNS] for fixed in range(len(self.sizes) + 1)]
        return decode_rows(self.experiment, rows, side=56, gap=4)

    def filmstrip_alt(self) -> str:
        """Describe the filmstrip, with the variation in every row."""
        spreads = []
        for fixed in range(len(self.sizes) + 1):
            samples = np.stack(decode(self.experiment, self._noise(fixed, START)[: 2 * COLUMNS])).astype(float) / 255
            spreads.append(f"{fixed}: {samples.std(0).mean():.3f}")
        return (
            f"{len(spreads)} rows of {2 * COLUMNS} samples at temperature {START:g}. Standard deviation of a pixel by "
            f"the number of groups with the latents of the image: {', '.join(spreads)}."
        )
