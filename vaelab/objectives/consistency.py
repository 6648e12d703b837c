"""Consistency: an image and a view of it should have one posterior (Sinha & Dieng 2021).

    loss(x) = L(x) + L(x~) + lambda KL(q(z|x~)‖q(z|x)),   x~ = a random transformation of x

Both losses are whole: each image is encoded, and decoded against itself.  L is any bound with any divergence and any
gamma; lambda is in nats.  Nothing is detached: the encoder is reached through both posteriors.  R can always be lowered
by widening both, so it pulls the rate down.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from vaelab._utils import checks
from vaelab._utils.errors import InvalidType, InvalidValue, suggest
from vaelab.data import augment
from vaelab.data.augment import Augment
from vaelab.divergences.gaussian import Gaussian, diagonal_kl, sum_latents
from vaelab.models.vae import VAE, ForwardPass
from vaelab.objectives.objective import Experiment, LossTerms, Objective

Views = Callable[[Tensor], Tensor]
VIEWS: dict[str, Callable[[], Augment]] = {"simple": augment.simple, "large": augment.large}
Groups = tuple[Gaussian, ...]


class PosteriorKL(nn.Module):
    """R = KL(q(z|x~)‖q(z|x)), summed over latent groups: [b], nats.

    reverse: KL(q(z|x)‖q(z|x~)), another method.  detach: no gradient through the posterior of the "image", or of the
    "view".  Groups whose posteriors depend on other draws are compared along the paths that were drawn.
    Source: Sinha & Dieng 2021 (arXiv 2105.14859), eq. 3; the direction is that of the authors'
    code, sinhasam/CRVAE, which detaches nothing.
    """

    def __init__(self, *, reverse: bool = False, detach: Literal["image", "view"] | None = None) -> None:
        super().__init__()
        if detach not in (None, "image", "view"):
            raise InvalidValue(f"detach must be None, 'image' or 'view', got {detach!r}; None is the method.")
        self.reverse, self.detach = reverse, detach

    def forward(self, views: Groups, images: Groups) -> Tensor:
        views = _cut(views) if self.detach == "view" else views
        images = _cut(images) if self.detach == "image" else images
        first, second = (images, views) if self.reverse else (views, images)
        return torch.stack([diagonal_kl(a, b) for a, b in zip(first, second, strict=True)]).sum(0)


class Triplet(nn.Module):
    """max(0, ‖m(x) - m(x~)‖² - ‖m(x) - m(x')‖² + margin), m the posterior's mean, x' the next image of the batch: [b].

    A contrastive baseline in the place of R; no nats.  Raises InvalidValue for more than one group of latents.
    Source: Schroff et al. 2015 for the loss.
    """

    def __init__(self, margin: float = 1.0) -> None:
        super().__init__()
        self.margin = checks.positive("margin", margin)

    def forward(self, views: Groups, images: Groups) -> Tensor:
        if len(images) != 1:
            raise InvalidValue(f"Triplet compares one group of latents, got {len(images)}; use PosteriorKL.")
        (view,), (image,) = views, images
        near_, far = (sum_latents((image.mean - m).square()) for m in (view.mean, image.mean.roll(1, 0)))
        return torch.relu(near_ - far + self.margin)


class ConsistentExperiment(Experiment):
    """An experiment that is shown every image with a view of it.

    joint_batch: both pass through the network as one batch, and batch normalization sees them as one; otherwise one after
    the other, each with statistics of its own, which then move twice per step.
    """

    def __init__(
        self, model: VAE, objective: Objective, shape: tuple[int, ...], views: Views, *, joint_batch: bool = True
    ) -> None:
        super().__init__(model, objective, shape)
        if joint_batch and getattr(objective, "gradient", None) == "dreg":
            raise InvalidValue("the doubly reparameterized gradient needs passes of its own; set joint_batch=False.")
        self.views, self.joint_batch = views, joint_batch

    def forward(self, x: Tensor, view: Tensor | None = None) -> LossTerms:
        """Images [b, *shape], and their views, made here where they are not given -> LossTerms."""
        assert self.views is not None
        x = self.as_input(x)
        view = self.views(x) if view is None else self.as_input(view)
        result, other = self._passes(x, alike(view, x))
        return self.objective(x, result, (view, other))

    def _passes(self, x: Tensor, view: Tensor) -> tuple[ForwardPass, ForwardPass]:
        samples = self.objective.samples
        if not self.joint_batch:
            return self.model(x, samples), self.model(view, samples)
        both = self.model(torch.cat([x, view]), samples)
        return _half(both, 0, samples), _half(both, 1, samples)


def consistent(
    experiment: Experiment,
    consistency: float = 1.0,
    views: str | Views = "simple",
    *,
    distance: nn.Module | None = None,
    joint_batch: bool = True,
) -> ConsistentExperiment:
    """`experiment`, whatever its bound, divergence and gamma, with consistency: its model and objective, not copies.

    consistency: lambda, in nats; 0 is training on images and views alike.  views: "simple", "large", an `Augment`, or
    any function of images [b, c, h, w] in [0, 1], or of such data as the experiment is of.
    distance: `PosteriorKL` (default), `Triplet`, or a module of one's own.  joint_batch: see
    `ConsistentExperiment`.

    Raises InvalidType or InvalidValue for a lambda or views that cannot be, or an experiment with a way of its own to
    see images, such as `DenoisingExperiment`; InvalidValue for views of ours on data outside [0, 1].
    """
    if type(experiment) is not Experiment:
        raise InvalidType(f"only a plain Experiment can be made consistent, got {type(experiment).__name__}.")
    if isinstance(views, str):
        if views not in VIEWS:
            raise InvalidValue(f"there are no views {views!r}; {suggest(views, VIEWS)}")
        views = VIEWS[views]()
    augment.check_domain("views", views, experiment.domain)
    if not callable(views):
        raise InvalidType(f"views must be a name or a function of images, got {views!r}; {suggest('', VIEWS)}")
    if distance is not None and not callable(distance):
        raise InvalidType(f"distance must be a module such as PosteriorKL(), got {distance!r:.60}.")
    experiment.objective.add_consistency(distance or PosteriorKL(), consistency)
    return ConsistentExperiment(
        experiment.model, experiment.objective, experiment.shape, views, joint_batch=joint_batch
    )


def alike(view: Tensor, x: Tensor) -> Tensor:
    """`view` itself, if it has the shape of the images x."""
    if view.shape != x.shape:
        raise InvalidValue(f"views must be of the shape of the images, {list(x.shape)}, got {list(view.shape)}.")
    return view


def _half(both: ForwardPass, which: int, samples: int) -> ForwardPass:
    """The images' or the views' part of a pass over [images, views]."""

    def part(t: Tensor) -> Tensor:
        return t.unflatten(0, (samples, 2, -1))[:, which].flatten(0, 1) if t.dim() else t  # a standard prior is 0-d

    q, p = (tuple(Gaussian(*map(part, g)) for g in groups) for groups in (both.q, both.p))
    return ForwardPass(q, p, tuple(map(part, both.z)), part(both.out))


def _cut(groups: Groups) -> Groups:
    return tuple(Gaussian(g.mean.detach(), g.logvar.detach()) for g in groups)
