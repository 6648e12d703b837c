"""Consistency regularization: an image and a view of it should have one posterior.

    loss(x) = L(x) + L(x~) + lambda KL(q(z|x~)‖q(z|x)),   x~ = a random transformation of x

Both losses are whole: each image is encoded and decoded against itself. L is any bound with any
divergence and gamma. Nothing is detached: the gradient reaches the encoder through both posteriors.
Widening both lowers the KL, so the term lowers the rate (Sinha & Dieng 2021).
"""

import copy
import inspect
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from vaelab._utils import checks, rng
from vaelab._utils.errors import InvalidType, InvalidValue, suggest
from vaelab._utils.precision import without_autocast
from vaelab._utils.typed import typed
from vaelab.data import augment
from vaelab.data.augment import Augment
from vaelab.divergences.gaussian import Gaussian, diagonal_kl, require_gaussians, sum_latents
from vaelab.models.vae import VAE, ForwardPass
from vaelab.objectives.iwae import detach
from vaelab.objectives.objective import Experiment, LossTerms, Objective

Views = Callable[[Tensor], Tensor]
VIEWS: dict[str, Callable[[], Augment]] = {"simple": augment.simple, "large": augment.large}
Groups = tuple[Gaussian, ...]


def _check_groups(views: Groups, images: Groups) -> None:
    for name, groups in (("views", views), ("images", images)):
        if not isinstance(groups, tuple | list) or not groups:
            raise InvalidType(f"{name} must be a tuple of Gaussians, got {checks.shown(groups)}.")
    if len(views) != len(images):
        raise InvalidValue(
            f"views must have the {len(images)} latent groups of images, got {len(views)} ({checks.shown(views)})."
        )
    for pair in zip(views, images, strict=True):
        require_gaussians(*pair)


class PosteriorKL(nn.Module):
    """KL(q(z|x~)‖q(z|x)), summed over latent groups.

    Groups whose posteriors depend on other draws are compared along the paths that were drawn.

    Args:
        reverse: Whether to take KL(q(z|x)‖q(z|x~)) instead, another method.
        detach: Posterior through which no gradient flows: that of the "image", or of the "view".

    Returns:
        [b], nats.

    Raises:
        InvalidValue: For another `detach`.

    Example:
        >>> view, image = (Gaussian(torch.full((1, 2), m), torch.zeros(1, 2)) for m in (1.0, 0.0))
        >>> PosteriorKL()((view,), (image,)).item()
        1.0

    References:
        Sinha & Dieng (2021), https://arxiv.org/abs/2105.14859, eq. 3, in the direction of the
        authors' code, https://github.com/sinhasam/CRVAE.
    """

    @typed
    def __init__(self, *, reverse: bool = False, detach: Literal["image", "view"] | None = None) -> None:
        super().__init__()
        self.reverse, self.detach = reverse, detach

    @without_autocast
    def forward(self, views: Groups, images: Groups) -> Tensor:
        _check_groups(views, images)
        views = detach(views) if self.detach == "view" else views
        images = detach(images) if self.detach == "image" else images
        q, p = (images, views) if self.reverse else (views, images)
        return torch.stack([diagonal_kl(a, b) for a, b in zip(q, p, strict=True)]).sum(0)


class Triplet(nn.Module):
    """A contrastive baseline: max(0, ‖m(x) - m(x~)‖² - ‖m(x) - m(x')‖² + margin).

    m is the posterior mean of one latent group, x' the next image of the batch.

    Args:
        margin: By how much farther the other image should be.

    Returns:
        [b], not in nats.

    Raises:
        InvalidValue: For a margin that is not positive, or more than one group of latents.

    References:
        Schroff et al. (2015), https://arxiv.org/abs/1503.03832.
    """

    def __init__(self, margin: float = 1.0) -> None:
        super().__init__()
        self.margin = checks.positive("margin", margin)

    @without_autocast
    def forward(self, views: Groups, images: Groups) -> Tensor:
        _check_groups(views, images)
        if len(images) != 1:
            raise InvalidValue(f"Triplet needs one group of latents, got {len(images)}; use PosteriorKL.")
        (view,), (image,) = views, images
        to_view, to_other = (sum_latents((image.mean - m).square()) for m in (view.mean, image.mean.roll(1, 0)))
        return torch.relu(to_view - to_other + self.margin)


class ConsistentExperiment(Experiment):
    """An experiment that is trained on every image together with a view of it.

    Args:
        model: Encoder and decoder.
        objective: The loss, with its consistency term.
        shape: Shape of one datum.
        views: Random transformation of [b, *shape].
        joint_batch: Whether both pass through the network as one batch, which batch normalization
            sees as one; else one after the other, each with its own statistics, which then move
            twice.
        shared_noise: Whether the draws for image and view have the same N(0, 1) noise in every group of
            latents. In a hierarchy the posteriors of later groups depend on the draws before, so that with
            noise of their own they are compared along two paths: then the KL is positive even for equal
            images.

    Returns:
        `LossTerms` of a batch x [b, *shape], and of its views if they are not to be made here.

    Raises:
        InvalidValue: For the dreg gradient with `joint_batch`, or a model that does not take noise.
    """

    shared_noise = False  # set if True only: checkpoints from before this option have no value of it

    @typed
    def __init__(
        self,
        model: VAE,
        objective: Objective,
        shape: tuple[int, ...],
        views: Views,
        *,
        joint_batch: bool = True,
        shared_noise: bool = False,
    ) -> None:
        super().__init__(model, objective, shape)
        if joint_batch and getattr(objective, "gradient", None) == "dreg":
            raise InvalidValue("joint_batch must be False for gradient='dreg', got True.")
        if shared_noise and "noise" not in inspect.signature(model.forward).parameters:
            raise InvalidValue(f"shared_noise needs a model whose forward takes noise, got {type(model).__name__}.")
        self.views, self.joint_batch = copy.deepcopy(views), joint_batch
        if shared_noise:
            self.shared_noise = True

    def forward(self, x: Tensor, view: Tensor | None = None) -> LossTerms:
        x = self.as_input(x)
        view = check_same_shape(self._make_views(x) if view is None else self.as_input(view), x)
        result, view_result = self._passes(x, view)
        return self.objective(x, result, (view, view_result))

    @without_autocast
    def _make_views(self, x: Tensor) -> Tensor:
        assert self.views is not None
        return self.views(x)

    def _passes(self, x: Tensor, view: Tensor) -> tuple[ForwardPass, ForwardPass]:
        samples = self.objective.samples
        options: dict[str, Tensor] = {}
        if self.shared_noise:
            copies = 2 if self.joint_batch else 1
            noise = rng.normal_like(x.new_empty(samples, 1, len(x), sum(self.model.sizes)))
            options["noise"] = noise.expand(-1, copies, -1, -1).flatten(0, 2)
        if not self.joint_batch:
            return self.model(x, samples, **options), self.model(view, samples, **options)
        result = self.model(torch.cat([x, view]), samples, **options)
        return _half(result, 0, samples), _half(result, 1, samples)


@typed
def consistent(
    experiment: Experiment,
    consistency: float = 1.0,
    views: str | Views = "simple",
    *,
    distance: nn.Module | None = None,
    joint_batch: bool = True,
    shared_noise: bool = False,
) -> ConsistentExperiment:
    """Add consistency to an experiment, whatever its bound, divergence and gamma.

    Args:
        experiment: Its model is taken; its objective is copied.
        consistency: lambda, in nats; 0 trains on images and views alike.
        views: "simple", "large", an `Augment`, or any function of images [b, c, h, w] in [0, 1], or
            of such data as the experiment is of; an object with a state is copied.
        distance: `PosteriorKL`, the default, `Triplet`, or a module of the same arguments.
        joint_batch, shared_noise: See `ConsistentExperiment`.

    Returns:
        The experiment with views.

    Raises:
        InvalidType: For another lambda, views or experiment than these, such as
            `DenoisingExperiment`.
        InvalidValue: For a negative lambda, or augmentations of images on data outside [0, 1].

    Example:
        >>> from vaelab import recipes
        >>> experiment = consistent(recipes.beta_vae((1, 8, 8), 2, beta=4.0), consistency=0.5)
        >>> experiment.objective.consistency_weight.item()
        0.5
    """
    if type(experiment) is not Experiment:
        name = type(experiment).__name__
        raise InvalidType(f"experiment must be a plain Experiment, got {name}, which has its own inputs.")
    if isinstance(views, str):
        if views not in VIEWS:
            raise InvalidValue(f"views must be a known name, got {views!r}; {suggest(views, VIEWS)}")
        views = VIEWS[views]()
    augment.check_domain("views", views, experiment.domain)
    if not callable(views):
        raise InvalidType(f"views must be a name or a function of images, got {views!r}; {suggest('', VIEWS)}")
    plain = Experiment(experiment.model, experiment.objective, experiment.shape)
    plain.objective.add_consistency(distance or PosteriorKL(), consistency)
    options = {"joint_batch": joint_batch, "shared_noise": shared_noise}
    return ConsistentExperiment(plain.model, plain.objective, plain.shape, views, **options)


def check_same_shape(view: Tensor, x: Tensor) -> Tensor:
    """Return `view` if it has the shape of the data x.

    Args:
        view: [b, *shape].
        x: [b, *shape].

    Returns:
        The view.
    """
    checks.tensors(view=view, x=x)
    if view.shape != x.shape:
        raise InvalidValue(f"views must have the shape of the images, {list(x.shape)}, got {list(view.shape)}.")
    return view


def _half(result: ForwardPass, which: int, samples: int) -> ForwardPass:
    """Return the images' or the views' part of a pass over [images, views]."""

    def part(t: Tensor) -> Tensor:
        if not t.dim():  # a standard prior
            return t
        return t.unflatten(0, (samples, 2, -1))[:, which].flatten(0, 1)

    def gaussian(g: Any) -> Any:
        return Gaussian(*map(part, g)) if isinstance(g, Gaussian) else g  # a learned prior is of all data

    q, p = (tuple(map(gaussian, groups)) for groups in (result.q, result.p))
    return ForwardPass(q, p, tuple(map(part, result.z)), part(result.out))
