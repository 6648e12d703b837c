"""`vaelab train`.  Nothing heavy is imported before the command is known."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

if TYPE_CHECKING:
    from vaelab.runs.run import Run

Name = Annotated[str, tyro.conf.Positional]
OneLayer = Literal[
    "vae",
    "beta_vae",
    "reverse_kl_vae",
    "gjs_vae",
    "mmd_vae",
    "balanced_vae",
    "iwae",
    "cr_vae",
    "cr_beta_vae",
    "cr_iwae",
    "triplet_vae",
    "annealed_vae",
    "control_vae",
    "free_bits_vae",
    "geco_vae",
]
Recipe = Literal[OneLayer, "two_layer_iwae"]
Network = Literal["mlp", "conv", "burgess", "burda", "resnet", "infogan"]
Likelihood = Literal["normal", "bernoulli", "laplace"]


def train(
    data: Name = "mnist-mini",
    recipe: Recipe = "vae",
    latent: int = 10,
    network: Network = "mlp",
    hidden: tuple[int, ...] | None = None,
    alpha: float | None = None,
    dual: bool = False,
    trainable: bool = False,
    beta: float | None = None,
    likelihood: Likelihood | None = None,
    gamma: str | None = None,
    consistency: float | None = None,
    views: Literal["simple", "large"] | None = None,
    samples: int | None = None,
    gradient: Literal["plain", "stl", "dreg"] | None = None,
    margin: float | None = None,
    weight: float | None = None,
    epochs: int = 10,
    batch_size: int = 128,
    lr: float = 1e-3,
    seed: int = 0,
    device: str = "auto",
    out: Path = Path("trained"),
) -> None:
    """Train one VAE; the same command again goes on where a killed one was, or adds epochs.

    Args:
        data: As in `vaelab data list`, or folder:PATH.
        recipe: Which divergence.
        latent: The number of latents.
        network: Of encoder and decoder.
        hidden: Its widths, such as 400 200; the network's own if left out.
        alpha: The skew of gjs_vae.
        dual: The dual of gjs_vae.
        trainable: Train alpha too, from the value given.
        beta: The weight of beta_vae.
        likelihood: Of a pixel; for bernoulli each is drawn black or white, anew whenever an image is shown.
        gamma: The decoder's standard deviation: a number, learned, computed, optimal, or per-image.
        consistency: lambda of the cr_ recipes, in nats.
        views: Their transformations.
        samples: Draws per image of iwae, cr_iwae and two_layer_iwae.
        gradient: Of iwae.
        margin: Of triplet_vae.
        weight: Of the triplets of triplet_vae.
        epochs: How often to go through the data.
        batch_size: Images per step.
        lr: Learning rate of Adam.
        seed: Of weights, order and noise.
        device: auto, cpu, cuda, ...
        out: The folder for checkpoints, history.csv and settings.json.
    """
    from vaelab.data.loading import load
    from vaelab.runs.run import Run
    from vaelab.training import checkpoints
    from vaelab.training.config import Train
    from vaelab.training.history import History
    from vaelab.training.loop import fit

    switches = {"dual": dual or None, "trainable": trainable or None}
    options = given(alpha=alpha, **switches, beta=beta, gamma=gamma_of(gamma))
    options |= given(likelihood=likelihood, consistency=consistency, views=views, samples=samples)
    options |= given(gradient=gradient, margin=margin, weight=weight)
    run = Run(recipe, options, data, latent, network, hidden, epochs, batch_size, lr, seed)
    images = load(data, "train")
    config = Train(epochs, batch_size, lr, seed, device, binarize=run.binarize, checkpoints=out / "checkpoints")
    experiment = run.experiment(images.shape)
    _claim(out, run)
    fit(experiment, images, config, resume=True)
    if kept := checkpoints.load_latest(out / "checkpoints"):
        History(kept["rows"]).save(out / "history.csv")
    print(f"{epochs} epochs of {recipe} on {data}: checkpoints/, history.csv and settings.json are in {out}")


def given(**options: Any) -> dict[str, Any]:
    """Those that were given."""
    return {name: value for name, value in options.items() if value is not None}


def gamma_of(text: str | None) -> float | str | None:
    """As `recipes.Design` has it: a number, or the name of a policy."""
    try:
        return float(text) if text is not None else None
    except ValueError:
        return text


def _claim(out: Path, run: "Run") -> None:
    """Write settings.json.  Raises InvalidValue when the folder belongs to a training with other settings."""
    from dataclasses import asdict

    from vaelab._utils.errors import InvalidValue
    from vaelab._utils.files import atomic_write

    ours = json.loads(json.dumps(asdict(run)))
    path = out / "settings.json"
    if path.is_file():
        theirs = json.loads(path.read_text(encoding="utf-8"))
        other = [f"{name}={theirs.get(name)!r}" for name in ours if name != "epochs" and theirs.get(name) != ours[name]]
        if other:
            raise InvalidValue(f"{out} holds a training with {', '.join(other)}; choose another folder with --out.")
    with atomic_write(path) as part:
        part.write_text(json.dumps(ours, indent=1) + "\n", encoding="utf-8")
