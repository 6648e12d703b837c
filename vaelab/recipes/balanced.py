"""VAEs that differ in who sets the balance of reconstruction and KL."""

from collections.abc import Sequence
from typing import Unpack

from vaelab.divergences import KL
from vaelab.errors import InvalidValue
from vaelab.free_bits import FreeBits
from vaelab.gamma import Computed, Geco
from vaelab.heating import Controlled, Cyclical, Linear
from vaelab.objective import Experiment
from vaelab.recipes.design import Design, build, checked


def balanced_vae(
    shape: Sequence[int], latent: int = 10, *, k: float = 1.0, published: bool = False, **design: Unpack[Design]
) -> Experiment:
    """Reconstruction + k KL(q‖p) with gamma computed from the running error (Asperti & Trentin 2020).

    published: as in the authors' repository, where k is `hidden_factor(shape, latent)` times the one given, and gamma
    follows rule A from 1.
    """
    design.setdefault("gamma", Computed(1.0, rule="A") if published else Computed())
    return build(shape, latent, KL(), k * hidden_factor(shape, latent) if published else k, **design)


def hidden_factor(shape: Sequence[int], latent: int) -> float:
    """k = (2 side / latent)², which the authors' repository multiplies KL with: 1 for 32 pixels and 64 latents, 4 for
    64 and 64.

    Raises InvalidValue for no shape or number of latents, or images that are not square.
    Source: balancing sheet, section 1.2 and T3.
    """
    *_, height, width = (0, 0, *checked(shape, latent))
    if height != width:
        raise InvalidValue(
            f"the hidden factor is for square images (channels, side, side), got {tuple(shape)}; set k, for example 1."
        )
    return (2 * width / latent) ** 2


def geco_vae(shape: Sequence[int], latent: int = 10, *, kappa: float = 0.1, **design: Unpack[Design]) -> Experiment:
    """The least KL(q‖p) at which the error per pixel has the root `kappa` (Rezende & Viola 2018)."""
    _leaves("gamma", design)
    design["gamma"] = Geco(kappa)
    return build(shape, latent, KL(), **design)


def control_vae(
    shape: Sequence[int], latent: int = 10, *, target: float = 10.0, **design: Unpack[Design]
) -> Experiment:
    """Reconstruction + beta KL(q‖p), beta in [0, 1] moved until KL(q‖p) is `target` nats (Shao et al. 2020)."""
    _leaves("heating", design)
    design["heating"] = Controlled(target)
    return build(shape, latent, KL(), **design)


def annealed_vae(
    shape: Sequence[int], latent: int = 10, *, steps: int = 1000, cyclical: bool = False, **design: Unpack[Design]
) -> Experiment:
    """Reconstruction + beta KL(q‖p), beta from 0 to 1 over so many steps (Bowman et al. 2016); cyclical: over the first
    half of them, at 1 for the other half, and anew (Fu et al. 2019)."""
    _leaves("heating", design)
    design["heating"] = Cyclical(steps) if cyclical else Linear(steps)
    return build(shape, latent, KL(), **design)


def free_bits_vae(
    shape: Sequence[int], latent: int = 10, *, nats: float = 0.25, **design: Unpack[Design]
) -> Experiment:
    """Reconstruction + KL(q‖p), of which every latent has so many nats for nothing (Kingma et al. 2016)."""
    return build(shape, latent, FreeBits(nats), **design)


def _leaves(name: str, design: Design) -> None:
    """Raises InvalidValue where the reader sets what the recipe is there to set."""
    if name in design:
        raise InvalidValue(f"this recipe sets {name} itself, got {dict(design)[name]!r}; leave it out, or take vae().")
