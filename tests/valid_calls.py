"""One valid call of every public function, constructor and method, for `test_bad_calls`.

A call is (what is called, its arguments by keyword). An entry makes a new one, since a call may
change its arguments.
"""

import functools
import inspect
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

import vaelab
from vaelab import (
    Gaussian,
    annealing,
    augment,
    clouds,
    consistency,
    gamma,
    likelihoods,
    live,
    metrics,
    networks,
    plots,
    posterior,
    priors,
    quadrature,
    recipes,
    variance_law,
)
from vaelab import divergences as d
from vaelab.data.dataset import Dataset
from vaelab.objectives.objective import Experiment, LossTerms
from vaelab.posterior.samplers import FlowSampler, GMMSampler, PriorSampler
from vaelab.posterior.two_stage import SecondStage
from vaelab.training.interventions import Intervention

Call = tuple[Callable[..., Any], dict[str, Any]]
SHAPE = (1, 8, 8)


def vae(**design: Any) -> Experiment:
    torch.manual_seed(0)
    return recipes.vae(SHAPE, 2, hidden=(4,), **design)


def fitted(kind: Any) -> Callable[..., Any]:
    """Return a function of a sampler's settings that fits it, since `fit` checks them."""

    def fit(**settings: Any) -> Any:
        return kind(**settings).fit(codes())

    fit.__signature__ = inspect.signature(kind)  # type: ignore[attr-defined]
    return fit


def images(n: int = 6) -> torch.Tensor:
    return torch.linspace(0, 1, 64 * n).reshape(n, *SHAPE)


def dataset(n: int = 6, split: str = "train") -> Dataset:
    pixels = (images(n) * 255).round().to(torch.uint8)
    return Dataset(pixels, torch.arange(n) % 2, "ramps", split, "memory", "MIT", "nobody")


def codes(n: int = 6) -> Gaussian:
    return Gaussian(torch.linspace(-1, 1, 2 * n).reshape(n, 2), torch.zeros(n, 2))


def full() -> vaelab.FullGaussian:
    return vaelab.FullGaussian(torch.zeros(3, 2), torch.eye(2).expand(3, 2, 2))


def mixture() -> vaelab.MarginalPosterior:
    return vaelab.MarginalPosterior(*codes())


def linear() -> posterior.LinearGaussian:
    return posterior.LinearGaussian(torch.ones(3, 2).tril(), torch.zeros(3), 0.5)


def points() -> torch.Tensor:
    return torch.linspace(-1, 1, 18).reshape(6, 3).cos()


def triangle() -> clouds.Mesh:
    return clouds.Mesh(np.eye(3), np.array([[0, 1, 2]]))


@functools.cache
def off_file() -> Path:
    path = Path(tempfile.mkdtemp()) / "triangle.off"
    path.write_text("OFF 3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n", encoding="utf-8")
    return path


def spectrum() -> dict[str, Any]:
    return {"variances": torch.tensor([4.0, 1.0, 0.25]), "latent": 2}


def config(**options: Any) -> vaelab.TrainConfig:
    return vaelab.TrainConfig(**{"steps": 1, "batch_size": 3, "progress": False, "device": "cpu", **options})


def encoding(x: torch.Tensor) -> Gaussian:
    return Gaussian(x.flatten(1)[:, :2], torch.zeros(len(x), 2))


def decoding(z: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(z[:, :1]).expand(len(z), 64).reshape(-1, *SHAPE)


def adapter() -> metrics.Adapter:
    return metrics.bernoulli(encoding, decoding)


@functools.cache
def report() -> metrics.Report:
    torch.manual_seed(0)
    return metrics.report(vae(), (images(8), images(8)), samples=2, samplers={}, nll_images=4)


def make(seed: int) -> Experiment:
    return vae()


def result() -> Any:
    return vae().model(images())


def terms() -> LossTerms:
    return vae()(images())


def normal_density(z: torch.Tensor) -> torch.Tensor:
    return torch.distributions.Normal(0.0, 1.0).log_prob(z.double())


def views(x: torch.Tensor) -> torch.Tensor:
    return x.flip(-1)


def axes() -> Any:
    return plots.new_figure(1, 1).subplots()


def schedule_step() -> dict[str, Any]:
    return {"mse": torch.tensor(0.1), "divergence": torch.ones(3)}


def pair() -> dict[str, Any]:
    return {"q": codes(), "p": Gaussian.standard()}


def skewed() -> dict[str, Any]:
    return {**pair(), "alpha": 0.5, "dual": False, "primed": True}


def design() -> dict[str, Any]:
    return {
        **{"network": "mlp", "hidden": (4,), "likelihood": "normal", "squash": True, "gamma": 0.5, "annealing": None},
        **{"components": 10, "dequantize": None, "prior": "standard"},
    }


def prior(word: str) -> priors.Prior:
    return vae(prior=word).model.prior


def recipe(name: str, *without: str, **own: Any) -> Call:
    options = {key: value for key, value in design().items() if key not in without}
    return getattr(recipes, name), {"shape": SHAPE, "latent": 2, **own, **options}


def folding() -> dict[str, Any]:
    sizes = {"points": 8, "latent": 2, "hidden": (4, 4, 4), "fold": 4, "neighbors": 4}
    return {**sizes, "gamma": 0.5, "dimension": 6.0, "grid": "plane", "beta": 1.0, "annealing": None}


def hierarchy(name: str, **own: Any) -> Call:
    parts = {
        "groups": ((2, 1), (4, 1)),
        "width": 4,
        "cells": "plain",
        "scales": "softplus",
        "free_nats": 1.0,
        "balance": False,
        "alpha": 0.5,
        "divergence": "gjs",
        "weight": 1.0,
        "spectral": 0.0,
    }
    return recipe(name, "network", "hidden", "prior", **parts, **own)


def pixels() -> dict[str, Any]:
    return {"out": torch.zeros(3, *SHAPE), "x": torch.full((3, *SHAPE), 0.5)}


def warp() -> augment.Warp:
    return augment.Warp(torch.eye(2).expand(3, 2, 2), torch.zeros(3, 2))


def uniform() -> torch.Tensor:
    return torch.full((3,), 0.25)


def scene(figure: Any) -> live.Scene:
    return live.Scene([], lambda values: False)


def small_hierarchy() -> Experiment:
    return recipes.hierarchical_vae((1, 8, 8), 2, groups=((2, 1), (4, 1)), width=4)


def panel_parts() -> dict[str, Any]:
    return {
        "draw": lambda figure, *, stacked=False: scene(figure),
        "sizes": {"notebook": (2.0, 1.0), "paper": (2.0, 1.0), "talk": (2.0, 1.0)},
        "controls": [live.Switch("dual", "plain", "dual")],
        "presets": {"plain": {"dual": False}},
        "readout": lambda values: live.Readout([], "Nothing."),
        "alt": lambda values: "Nothing.",
        "frames": {"plain": {"dual": False}},
        "filmstrip_alt": lambda: "Nothing.",
        "filmstrip_size": (2.0, 1.0),
        "caption": "Nothing.",
        "still": "Nothing else.",
        "unused": lambda values: {},
    }


def spec(**parts: Any) -> live.PanelSpec:
    return live.PanelSpec(**{**panel_parts(), **parts})


def one_control(control: Any) -> live.Panel:
    return live.Panel(spec(controls=[control], presets={}))


def with_slider(
    name: str, label: str, low: float, high: float, start: float, step: float, log: bool, whole: bool
) -> live.Panel:
    return one_control(live.Slider(name, label, low, high, start, step, log, whole))


def with_switch(name: str, off: str, on: str, start: bool) -> live.Panel:
    return one_control(live.Switch(name, off, on, start))


def with_choice(name: str, label: str, options: Sequence[str], start: Literal["a", "b"]) -> live.Panel:
    return one_control(live.Choice(name, label, options, start))  # type: ignore[arg-type]


def with_choices(
    data: Literal["digits", "mnist-mini", "fashion-mini"],
    network: Literal["mlp 64", "mlp 400", "conv 8-16"],
    latent: int,
    divergence: Literal["KL(q‖p)", "KL(p‖q)", "JS", "dual JS"],
    policy: Literal["fixed", "learned", "computed"],
    views: Literal["no", "simple", "large"],
    alpha: float,
    gamma: float,
    beta: float,
    consistency: float,
    lr: float,
    epochs: int,
    batch: int,
    seed: int,
) -> Any:
    return live.TrainingChoices(**locals()).recipe(dataset())


def set_controls(alpha: float, dual: bool, which: Literal["a", "b"]) -> None:
    controls = [
        live.Slider("alpha", "alpha", 0.0, 2.0, 1.0),
        live.Switch("dual", "off", "on"),
        live.Choice("which", "which", ("a", "b"), "a"),
    ]
    live.Panel(spec(controls=controls, presets={})).set(alpha=alpha, dual=dual, which=which)


def densities() -> dict[str, Any]:
    return {"log_q": normal_density, "log_p": normal_density, "grid": quadrature.line(-10.0, 10.0, 201)}


def posteriors() -> dict[str, Any]:
    return {"mean": codes().mean, "logvar": codes().logvar}


def estimate_options() -> dict[str, Any]:
    return {"samples": 4, "seed": 0}


def training() -> dict[str, Any]:
    return {
        "experiment": vae(),
        "data": images(),
        "config": config(),
        "interventions": None,
        "augment": None,
        "resume": False,
        "changed": (),
    }


CALLS: dict[str, Callable[[], Call]] = {
    # data
    "Dataset": lambda: (Dataset, {name: getattr(dataset(), name) for name in Dataset.__dataclass_fields__}),
    "Dataset.subset": lambda: (dataset().subset, {"n": 2, "seed": 0}),
    "load": lambda: (
        vaelab.load,
        {"name": "digits", "split": "all", "folder": None, "limit": 20, "progress": False, "domain": "unit"},
    ),
    "clouds.farthest_points": lambda: (clouds.farthest_points, {"cloud": points().numpy(), "k": 2, "first": 0}),
    "clouds.read_off": lambda: (clouds.read_off, {"path": off_file()}),
    "clouds.sample_mesh": lambda: (clouds.sample_mesh, {"mesh": triangle(), "n": 4, "seed": 0}),
    "clouds.unit_ball": lambda: (clouds.unit_ball, {"clouds": points().numpy()}),
    # divergences
    "Gaussian.standard": lambda: (Gaussian.standard, {"like": torch.zeros(1)}),
    "Gaussian.sample": lambda: (codes().sample, {"noise": torch.zeros(6, 2)}),
    "Gaussian.log_prob": lambda: (codes().log_prob, {"z": codes().mean}),
    "FullGaussian.log_prob": lambda: (full().log_prob, {"z": torch.zeros(3, 2)}),
    "KL.forward": lambda: (vaelab.KL(), pair()),
    "KL.of_rate": lambda: (vaelab.KL().of_rate, {"rate": torch.ones(3)}),
    "ReverseKL.forward": lambda: (vaelab.ReverseKL(), pair()),
    "GeometricJS": lambda: (d.GeometricJS, {"alpha": 0.5, "dual": False, "primed": True, "trainable": False}),
    "GeometricJS.forward": lambda: (d.GeometricJS(0.5), pair()),
    "divergences.FreeBits": lambda: (d.FreeBits, {"nats": 0.25}),
    "divergences.FreeBits.forward": lambda: (d.FreeBits(), pair()),
    "divergences.FreeBits.of_rate": lambda: (d.FreeBits(per="group").of_rate, {"rate": torch.ones(3)}),
    "MMD": lambda: (d.MMD, {"bandwidth": 1.0}),
    "MMD.forward": lambda: (d.MMD(), pair()),
    "kl": lambda: (d.kl, pair()),
    "geometric_mean": lambda: (d.geometric_mean, {**pair(), "alpha": 0.5}),
    "geometric_js": lambda: (d.geometric_js, skewed()),
    "extended_geometric_js": lambda: (d.extended_geometric_js, skewed()),
    "mmd": lambda: (d.mmd, {"x": codes().mean, "y": codes().mean + 1, "bandwidth": 1.0, "unbiased": True}),
    "quadrature.Grid.integrate": lambda: (quadrature.line(0.0, 1.0, 3).integrate, {"values": torch.ones(3)}),
    "quadrature.line": lambda: (quadrature.line, {"low": -1.0, "high": 1.0, "n": 11}),
    "quadrature.plane": lambda: (quadrature.plane, {"low": -1.0, "high": 1.0, "n": 11}),
    "quadrature.covering": lambda: (
        functools.partial(quadrature.covering, Gaussian(torch.zeros(1), torch.zeros(1))),
        {"widths": 12.0, "per_sigma": 8},
    ),
    "quadrature.kl": lambda: (quadrature.kl, densities()),
    "quadrature.jensen_shannon": lambda: (quadrature.jensen_shannon, densities()),
    "quadrature.geometric_mean": lambda: (quadrature.geometric_mean, {**densities(), "alpha": 0.5}),
    "quadrature.geometric_js": lambda: (
        quadrature.geometric_js,
        {**densities(), "alpha": 0.5, "dual": False, "primed": True},
    ),
    # models
    **{
        f"networks.{name}": lambda network=network: (network, {"shape": SHAPE, "latent": 2, "hidden": (4, 4, 4)})
        for name, network in networks.NETWORKS.items()
        if name not in ("mlp", "resnet")
    },
    "networks.mlp": lambda: (
        networks.mlp,
        {"shape": SHAPE, "latent": 2, "hidden": (4,), "activation": nn.ReLU},
    ),
    "networks.resnet": lambda: (
        networks.resnet,
        {"shape": SHAPE, "latent": 2, "hidden": (2, 2, 2), "dense": 4, "decay": 0.1},
    ),
    "networks.folding": lambda: (
        networks.folding,
        {"shape": (8, 3), "latent": 2, "hidden": (4, 4, 4), "fold": 4, "neighbors": 4, "grid": "plane"},
    ),
    "networks.skip_mlp": lambda: (networks.skip_mlp, {"data": 3, "latent": 2, "width": 4, "depth": 1}),
    "priors.Standard": lambda: (priors.Standard, {"latent": 2}),
    "priors.Standard.sample": lambda: (priors.Standard(2).sample, {"n": 3, "like": torch.zeros(1)}),
    "priors.Mixture": lambda: (priors.Mixture, {"k": 3, "latent": 2}),
    "priors.VampPrior": lambda: (priors.VampPrior, {"k": 6, "images": images(), "shape": SHAPE}),
    "priors.Flow": lambda: (priors.Flow, {"layers": 2, "width": 4, "latent": 2}),
    **{
        f"priors.{name}": lambda name=name, word=word, arguments=arguments: (
            getattr(prior(word), name.split(".")[1]),
            arguments(),
        )
        for name, (word, arguments) in {
            "Prior.log_prob": ("mixture:3", lambda: {"z": torch.zeros(3, 2)}),
            "Prior.sample": ("mixture:3", lambda: {"n": 3}),
            "Prior.for_pass": ("mixture:3", lambda: {"like": torch.zeros(1)}),
            "Prior.rate": ("mixture:3", lambda: {"q": codes(), "z": codes().mean}),
            "Prior.sized": ("mixture:3", lambda: {"latent": 2, "shape": SHAPE, "domain": "unit"}),
            "Prior.bind": ("mixture:3", lambda: {"encode": encoding}),
            "Prior.init_from_data": ("mixture:3", lambda: {"x": images()}),
            "Standard.log_prob": ("standard", lambda: {"z": torch.zeros(3, 2)}),
            "Standard.for_pass": ("standard", lambda: {"like": torch.zeros(1)}),
            "Standard.rate": ("standard", lambda: {"q": codes(), "z": codes().mean}),
            "VampPrior.bind": ("vamp:3", lambda: {"encode": encoding}),
            "VampPrior.init_from_data": ("vamp:3", lambda: {"x": images()}),
            "VampPrior.log_prob": ("vamp:3", lambda: {"z": torch.zeros(3, 2)}),
            "VampPrior.sample": ("vamp:3", lambda: {"n": 3}),
            "Flow.log_prob": ("flow", lambda: {"z": torch.zeros(3, 2)}),
            "Flow.sample": ("flow", lambda: {"n": 3}),
        }.items()
    },
    "priors.named": lambda: (priors.named, {"prior": "vamp:3"}),
    # objectives
    "annealing.Annealing.update": lambda: (annealing.Annealing().update, schedule_step()),
    "annealing.Linear": lambda: (annealing.Linear, {"steps": 3}),
    "annealing.Linear.update": lambda: (annealing.Linear(3).update, schedule_step()),
    "annealing.Cyclical": lambda: (annealing.Cyclical, {"period": 3, "rise": 0.5}),
    "annealing.Cyclical.update": lambda: (annealing.Cyclical(3).update, schedule_step()),
    "annealing.PIController": lambda: (
        annealing.PIController,
        {"target": 1.0, "proportional": 0.01, "integral": 1e-4},
    ),
    "annealing.PIController.update": lambda: (annealing.PIController(1.0).update, schedule_step()),
    "gamma.GammaPolicy.logvar_for": lambda: (gamma.Fixed(0.5).logvar_for, {"error": torch.ones(3)}),
    "gamma.GammaPolicy.init_from_data": lambda: (gamma.Computed().init_from_data, {"x": images()}),
    "gamma.GammaPolicy.update": lambda: (gamma.Fixed(0.5).update, schedule_step()),
    "gamma.Fixed": lambda: (gamma.Fixed, {"gamma": 0.5}),
    "gamma.Learned": lambda: (gamma.Learned, {"gamma": 0.5, "lr_scale": 1.0}),
    "gamma.Computed": lambda: (gamma.Computed, {"start": 1.0, "rate": 0.01, "rule": "ema"}),
    "gamma.Computed.update": lambda: (gamma.Computed(1.0).update, schedule_step()),
    "gamma.Geco": lambda: (gamma.Geco, {"kappa": 0.1, "step_size": 0.003, "rate": 0.01}),
    "gamma.Geco.update": lambda: (gamma.Geco(0.1).update, schedule_step()),
    "gamma.Optimal.logvar_for": lambda: (gamma.Optimal().logvar_for, {"error": torch.ones(3)}),
    "gamma.Optimal.update": lambda: (gamma.Optimal().update, schedule_step()),
    "gamma.PerImage.logvar_for": lambda: (gamma.PerImage().logvar_for, {"error": torch.ones(3)}),
    "gamma.policy": lambda: (gamma.policy, {"gamma": 0.5}),
    "likelihoods.Normal": lambda: (likelihoods.Normal, {"gamma": 0.5, "squash": True, "dequantize": None}),
    "likelihoods.Laplace": lambda: (likelihoods.Laplace, {"gamma": 0.5, "squash": True, "dequantize": None}),
    "likelihoods.LogisticMixture": lambda: (likelihoods.LogisticMixture, {"components": 2}),
    "likelihoods.LogisticMixture.outputs": lambda: (likelihoods.LogisticMixture(2).outputs, {"shape": SHAPE}),
    **{
        f"likelihoods.LogisticMixture.{method}": lambda method=method: (
            getattr(likelihoods.LogisticMixture(2), method),
            {"out": torch.zeros(3, 6, 8, 8), **({"x": pixels()["x"]} if method.startswith("nll") else {})},
        )
        for method in ("nll", "nll_and_mse", "sample", "mean")
    },
    **{
        f"likelihoods.{kind.__name__}.{method}": lambda kind=kind, method=method: (
            getattr(kind(), method),
            pixels() if method.startswith("nll") else {"out": pixels()["out"]},
        )
        for kind in (likelihoods.Bernoulli, likelihoods.Normal, likelihoods.Laplace)
        for method in ("nll", "nll_and_mse", "sample", *(["mean"] if kind is likelihoods.Bernoulli else []))
    },
    **{
        f"likelihoods.{kind.__name__}.squares": lambda kind=kind: (
            kind().squares,
            {"decoded": pixels()["out"], "x": pixels()["x"]},
        )
        for kind in (likelihoods.Bernoulli, likelihoods.Normal, likelihoods.Laplace)
    },
    "likelihoods.Chamfer": lambda: (likelihoods.Chamfer, {"dimension": 6.0, "gamma": 0.5, "reduce": "mean"}),
    **{
        f"likelihoods.Chamfer.{method}": lambda method=method: (
            getattr(likelihoods.Chamfer(6.0, 0.5), method),
            {"decoded" if method == "squares" else "out": torch.zeros(3, 4, 3), "x": torch.ones(3, 4, 3)},
        )
        for method in ("nll", "nll_and_mse", "squares")
    },
    "likelihoods.Chamfer.mean": lambda: (likelihoods.Chamfer(6.0).mean, {"out": torch.zeros(3, 4, 3)}),
    "Objective": lambda: (
        vaelab.Objective,
        {"likelihood": likelihoods.Normal(), "divergence": d.KL(), "weight": 1.0, "annealing": None, "balance": False},
    ),
    "Objective.add_penalty": lambda: (vae().objective.add_penalty, {"penalty": nn.Identity()}),
    "Objective.add_consistency": lambda: (
        vae().objective.add_consistency,
        {"consistency_distance": consistency.PosteriorKL(), "consistency": 1.0},
    ),
    "Objective.forward": lambda: (
        consistency.consistent(vae()).objective,
        {"x": images(), "result": result(), "view": (images(), result())},
    ),
    "Objective.per_sample": lambda: (vae().objective.per_sample, {"x": images(), "result": result()}),
    "Objective.group_divergences": lambda: (vae().objective.group_divergences, {"result": result()}),
    "Objective.total_divergence": lambda: (vae().objective.total_divergence, {"result": result()}),
    "Experiment": lambda: (Experiment, {"model": vae().model, "objective": vae().objective, "shape": SHAPE}),
    "Experiment.forward": lambda: (vae(), {"x": images()}),
    "Experiment.as_input": lambda: (vae().as_input, {"x": images()}),
    "Experiment.as_images": lambda: (vae().as_images, {"x": images()}),
    "Experiment.init_from_data": lambda: (vae(gamma="computed").init_from_data, {"x": images()}),
    "Experiment.update": lambda: (vae().update, {"terms": terms()}),
    "Experiment.encode": lambda: (vae().encode, {"x": images(), "group": 0}),
    "Experiment.encode_in_chunks": lambda: (vae().encode_in_chunks, {"x": images(), "chunk": 4, "group": 0}),
    "Experiment.mean_pass": lambda: (vae().mean_pass, {"x": images()}),
    "Experiment.rate": lambda: (vae().rate, {"x": images()}),
    "Experiment.group_rates": lambda: (vae().group_rates, {"x": images()}),
    "Experiment.reconstruct": lambda: (vae().reconstruct, {"x": images()}),
    "Experiment.decode": lambda: (vae().decode, {"z": torch.zeros(3, 2)}),
    "Experiment.sample": lambda: (vae().sample, {"n": 2}),
    "consistency.PosteriorKL": lambda: (consistency.PosteriorKL, {"reverse": False, "detach": "image"}),
    "consistency.PosteriorKL.forward": lambda: (
        consistency.PosteriorKL(),
        {"views": (codes(),), "images": (codes(),)},
    ),
    "consistency.Triplet": lambda: (consistency.Triplet, {"margin": 1.0}),
    "consistency.Triplet.forward": lambda: (consistency.Triplet(), {"views": (codes(),), "images": (codes(),)}),
    "consistency.ConsistentExperiment": lambda: (
        consistency.ConsistentExperiment,
        {
            "model": vae().model,
            "objective": consistency.consistent(vae()).objective,
            "shape": SHAPE,
            "views": views,
            "joint_batch": True,
            "shared_noise": False,
        },
    ),
    "consistency.ConsistentExperiment.forward": lambda: (
        consistency.consistent(vae(), views=views),
        {"x": images(), "view": images()},
    ),
    "consistency.consistent": lambda: (
        consistency.consistent,
        {"experiment": vae(), "consistency": 1.0, "views": "simple", "distance": None, "joint_batch": True}
        | {"shared_noise": False},
    ),
    "consistency.check_same_shape": lambda: (consistency.check_same_shape, {"view": images(), "x": images()}),
    "recipes.vae": lambda: recipe("vae"),
    "recipes.linear_vae": lambda: (
        recipes.linear_vae,
        {"shape": (3,), "latent": 2, "gamma": 0.5, "annealing": None},
    ),
    "recipes.beta_vae": lambda: recipe("beta_vae", beta=4.0),
    "recipes.reverse_kl_vae": lambda: recipe("reverse_kl_vae", weight=1.0),
    "recipes.gjs_vae": lambda: recipe("gjs_vae", alpha=0.5, dual=False, primed=True, trainable=False, weight=1.0),
    "recipes.mmd_vae": lambda: recipe("mmd_vae", weight=500.0),
    "recipes.balanced_vae": lambda: recipe("balanced_vae", k=1.0),
    "recipes.geco_vae": lambda: recipe("geco_vae", "gamma", kappa=0.1),
    "recipes.control_vae": lambda: recipe("control_vae", "annealing", target=10.0),
    "recipes.annealed_vae": lambda: recipe("annealed_vae", "annealing", steps=1000, cyclical=False),
    "recipes.free_bits_vae": lambda: recipe("free_bits_vae", nats=0.25),
    "recipes.iwae": lambda: recipe("iwae", samples=2, gradient="plain"),
    "recipes.two_layer_iwae": lambda: recipe("two_layer_iwae", "network", top=2, samples=2),
    "recipes.hierarchical_vae": lambda: hierarchy("hierarchical_vae"),
    "recipes.folding_vae": lambda: (recipes.folding_vae, folding()),
    "recipes.cr_folding_vae": lambda: (recipes.cr_folding_vae, {**folding(), "consistency": 0.5, "views": views}),
    "recipes.cr_hierarchical_vae": lambda: hierarchy(
        "cr_hierarchical_vae", consistency=1.0, views="simple", shared_noise=True
    ),
    "recipes.cr_vae": lambda: recipe("cr_vae", consistency=1.0, views="simple"),
    "recipes.cr_beta_vae": lambda: recipe("cr_beta_vae", beta=4.0, consistency=1.0, views="simple"),
    "recipes.cr_iwae": lambda: recipe("cr_iwae", samples=2, consistency=1.0, views="simple", gradient="plain"),
    "recipes.triplet_vae": lambda: recipe("triplet_vae", margin=1.0, weight=1.0, views="simple"),
    # augmentation
    "augment.Affine": lambda: (
        augment.Affine,
        {"rotation": 5.0, "translation": 0.1, "scale": (0.9, 1.1), "shear": 1.0},
    ),
    "augment.Affine.warp": lambda: (augment.Affine().warp, {"uniform": uniform, "size": (8, 8)}),
    "augment.CloudAugment": lambda: (
        augment.CloudAugment,
        {"rotation": "full", "scale": (0.9, 1.1), "jitter": 0.01, "dropout": 0.2},
    ),
    "augment.CloudAugment.__call__": lambda: (
        augment.CloudAugment(),
        {"x": torch.ones(3, 4, 3), "generator": torch.Generator()},
    ),
    "augment.Augment": lambda: (augment.Augment, {"parts": (augment.Flip(),), "fill": "edge"}),
    "augment.Augment.__call__": lambda: (augment.simple().__call__, {"x": images(), "generator": None}),
    "augment.Flip": lambda: (augment.Flip, {"horizontal": 0.5, "vertical": 0.0}),
    "augment.Flip.warp": lambda: (augment.Flip().warp, {"uniform": uniform, "size": (8, 8)}),
    "augment.Jitter": lambda: (
        augment.Jitter,
        {"brightness": 0.1, "contrast": 0.1, "saturation": 0.1, "hue": 0.1},
    ),
    "augment.Jitter.apply": lambda: (augment.Jitter(0.1).apply, {"x": images(3), "uniform": uniform}),
    "augment.Warp.after": lambda: (warp().after, {"first": warp()}),
    "augment.affine": lambda: (
        augment.affine,
        {"rotation": torch.zeros(3), "shift": torch.zeros(3, 2), "scale": torch.ones(3), "shear": torch.zeros(3)},
    ),
    "augment.check_domain": lambda: (
        augment.check_domain,
        {"name": "views", "transformation": augment.simple(), "domain": "unit"},
    ),
    "augment.large": lambda: (augment.large, {"flip": False, "jitter": False, "fill": "edge"}),
    "augment.simple": lambda: (augment.simple, {"flip": False, "jitter": False, "fill": 0.5}),
    "augment.resample": lambda: (augment.resample, {"x": images(3), "warp": warp(), "fill": "edge"}),
    # training
    "Train": lambda: (
        vaelab.TrainConfig,
        {name: getattr(config(), name) for name in vaelab.TrainConfig.__dataclass_fields__},
    ),
    "Train.steps_per_epoch": lambda: (config().steps_per_epoch, {"n": 6}),
    "Train.total_steps": lambda: (config().total_steps, {"per_epoch": 2}),
    "Train.lr_factor": lambda: (config().lr_factor, {"step": 0, "per_epoch": 2}),
    "fit": lambda: (vaelab.fit, training()),
    "train": lambda: (vaelab.train, training()),
    "fit_many": lambda: (
        vaelab.fit_many,
        {"make": make, "settings": [{"seed": 0}], "data": images(), "config": config()},
    ),
    "History": lambda: (vaelab.History, {"rows": [{"epoch": 1.0}], "interventions": [], "average": None}),
    "History.__getitem__": lambda: (vaelab.History([{"epoch": 1.0}]).__getitem__, {"column": "epoch"}),
    "History.save": lambda: (vaelab.History([{"epoch": 1.0}]).save, {"path": "history.csv"}),
    "Interventions": lambda: (vaelab.Interventions, {"planned": [Intervention(0, "alpha", 0.5, 0.25)]}),
    "Interventions.set": lambda: (
        vaelab.Interventions().set,
        {"alpha": 0.5, "gamma": 0.5, "weight": 1.0, "consistency": 1.0, "lr": 1e-3},
    ),
    "Interventions.restrict": lambda: (vaelab.Interventions().restrict, {"names": ("alpha", "lr")}),
    "Interventions.due": lambda: (vaelab.Interventions().due, {"step": 0}),
    # posterior
    "posterior.LinearGaussian": lambda: (
        posterior.LinearGaussian,
        {"weight": torch.ones(3, 2), "bias": torch.zeros(3), "gamma": 0.5},
    ),
    "posterior.LinearGaussian.from_data": lambda: (
        posterior.LinearGaussian.from_data,
        {"x": points(), "latent": 2, "gamma": 0.5},
    ),
    "posterior.LinearGaussian.from_experiment": lambda: (
        posterior.LinearGaussian.from_experiment,
        {"experiment": linear().experiment()},
    ),
    "posterior.LinearGaussian.sample": lambda: (linear().sample, {"n": 2, "seed": 0}),
    "posterior.LinearGaussian.log_prob": lambda: (linear().log_prob, {"x": points()}),
    "posterior.LinearGaussian.posterior": lambda: (linear().posterior, {"x": points()}),
    "posterior.LinearGaussian.best_diagonal": lambda: (linear().best_diagonal, {"x": points()}),
    "posterior.LinearGaussian.bound": lambda: (linear().bound, {"x": points(), "q": codes()}),
    "posterior.principal_axes": lambda: (posterior.principal_axes, {"x": points()}),
    "posterior.active_latents": lambda: (posterior.active_latents, {**spectrum(), "gamma": 0.5}),
    "posterior.optimal_rate": lambda: (posterior.optimal_rate, {**spectrum(), "gamma": 0.5}),
    "posterior.next_gamma": lambda: (posterior.next_gamma, {**spectrum(), "gamma": 0.5}),
    "posterior.best_gamma": lambda: (posterior.best_gamma, spectrum()),
    "MarginalPosterior": lambda: (vaelab.MarginalPosterior, posteriors()),
    "MarginalPosterior.from_model": lambda: (
        vaelab.MarginalPosterior.from_model,
        {"experiment": vae(), "x": images(), "group": 0},
    ),
    "MarginalPosterior.sample": lambda: (mixture().sample, {"n": 2, "generator": None}),
    "MarginalPosterior.log_prob": lambda: (mixture().log_prob, {"z": codes().mean, "chunk": 1024}),
    "MarginalPosterior.variance_law": lambda: (mixture().variance_law, {"threshold": 0.05}),
    "MarginalPosterior.density_1d": lambda: (
        mixture().density_1d,
        {"z": torch.zeros(3), "latent": 0, "chunk": 1024},
    ),
    "MarginalPosterior.density_2d": lambda: (
        mixture().density_2d,
        {"z": torch.zeros(3, 2), "latents": (0, 1), "chunk": 1024},
    ),
    **{
        f"MarginalPosterior.{name}": lambda name=name: (getattr(mixture(), name), estimate_options())
        for name in ("kl_to_prior", "total_correlation", "dimension_wise_kl", "mutual_information")
    },
    "MarginalPosterior.compress": lambda: (mixture().compress, {"k": 1, "samples": 10, "seed": 0}),
    "rescale": lambda: (vaelab.rescale, {"experiment": vae(), "images": images()}),
    "variance_law.optimal_scale": lambda: (variance_law.optimal_scale, {"divergence": d.KL(), **posteriors()}),
    "variance_law.predicted_variance": lambda: (
        variance_law.predicted_variance,
        {"divergence": d.KL(), "ratio": 5.0},
    ),
    "variance_law.scale_gradient": lambda: (variance_law.scale_gradient, {"divergence": d.KL(), **posteriors()}),
    "variance_law.variance_law": lambda: (variance_law.variance_law, {**posteriors(), "threshold": 0.05}),
    # samplers
    "GMMSampler": lambda: (fitted(GMMSampler), {"components": 2, "seed": 0}),
    "FlowSampler": lambda: (
        fitted(FlowSampler),
        {"transforms": 1, "hidden": (2,), "steps": 1, "batch_size": 2, "lr": 1e-3, "seed": 0},
    ),
    "SecondStage": lambda: (
        fitted(SecondStage),
        {
            "width": 2,
            "depth": 1,
            "steps": 1,
            "batch_size": 2,
            "lr": 1e-3,
            "warmup": 0.5,
            "gamma": 0.5,
            "noise": False,
            "renormalize": None,
            "seed": 0,
            "device": "cpu",
        },
    ),
    **{
        f"{kind.__name__}.{method}": lambda kind=kind, method=method, settings=settings: (
            getattr(kind(**settings).fit(codes()), method),
            {"z": codes()} if method == "fit" else {"n": 2, "generator": None},
        )
        for kind, settings in (
            (PriorSampler, {}),
            (GMMSampler, {"components": 2}),
            (FlowSampler, {"transforms": 1, "hidden": (2,), "steps": 1}),
            (SecondStage, {"width": 2, "steps": 1, "device": "cpu"}),
        )
        for method in ("fit", "sample")
    },
    # metrics
    "metrics.Adapter": lambda: (
        metrics.Adapter,
        {name: getattr(adapter(), name) for name in metrics.Adapter.__dataclass_fields__},
    ),
    "metrics.Adapter.as_images": lambda: (adapter().as_images, {"x": images(), "density": False}),
    "metrics.Adapter.convert": lambda: (adapter().convert, {"x": images()}),
    "metrics.Adapter.as_input": lambda: (adapter().as_input, {"x": images()}),
    "metrics.Adapter.check": lambda: (adapter().check, {"x": images()}),
    "metrics.active_units": lambda: (metrics.active_units, {"variances": torch.rand(3), "threshold": 0.01}),
    "metrics.activity_histogram": lambda: (metrics.activity_histogram, {"variances": torch.rand(3)}),
    "metrics.bernoulli": lambda: (
        metrics.bernoulli,
        {"encode": encoding, "decode": decoding, "logits": False},
    ),
    "metrics.normal": lambda: (metrics.normal, {"encode": encoding, "decode": decoding, "gamma": 0.5}),
    "metrics.bits_per_dim": lambda: (metrics.bits_per_dim, {"nats": 100.0, "dims": 64}),
    "metrics.bound": lambda: (metrics.bound, {"model": vae(), "x": images(), "seed": 0, "chunk": 4}),
    "metrics.distances": lambda: (
        metrics.distances,
        {
            "model": adapter(),
            "train": dataset(80),
            "test": dataset(80),
            "means": codes(80).mean,
            "sources": {"noise": lambda n: torch.zeros(n, 2)},
            "seed": 0,
        },
    ),
    "metrics.encode": lambda: (metrics.encode, {"model": adapter(), "x": images(), "chunk": 4}),
    "metrics.evaluate": lambda: (
        metrics.evaluate,
        {"experiment": vae(), "x": images(), "inputs": None, "chunk": 4},
    ),
    "metrics.rate_distortion": lambda: (
        metrics.rate_distortion,
        {"experiment": vae(), "x": images(), "inputs": None, "chunk": 4},
    ),
    "metrics.nll": lambda: (
        metrics.nll,
        {"model": vae(), "x": images(), "samples": 2, "chunk": 4, "seed": 0},
    ),
    "metrics.posterior_shift": lambda: (metrics.posterior_shift, {"plain": codes(), "shifted": codes()}),
    "metrics.chamfer": lambda: (
        metrics.chamfer,
        {"a": points()[None], "b": points()[None] + 0.1, "squared": True, "reduce": "sum"},
    ),
    "metrics.linear_svm": lambda: (
        metrics.linear_svm,
        {
            "train": (codes().mean, torch.arange(6) % 2),
            "test": (codes().mean, torch.arange(6) % 2),
            "standardize": False,
            "seed": 0,
        },
    ),
    "metrics.probe": lambda: (
        metrics.probe,
        {
            "train": (codes(20).mean, torch.arange(20) % 2),
            "test": (codes(20).mean, torch.arange(20) % 2),
            "transformed": None,
            "small_probe_labels": 10,
            "seed": 0,
        },
    ),
    "metrics.report": lambda: (
        metrics.report,
        {
            "model": vae(),
            "data": (images(), images()),
            "views": None,
            "samplers": {"prior": PriorSampler()},
            "samples": 2,
            "nll_images": 2,
            "small_probe_labels": 2,
            "binarize": None,
            "seed": 0,
        },
    ),
    "metrics.rows": lambda: (metrics.rows, {"report": report()}),
    "metrics.save": lambda: (metrics.save, {"report": report(), "folder": "report"}),
    "metrics.table": lambda: (metrics.table, {"report": report()}),
    "metrics.to_json": lambda: (metrics.to_json, {"report": report()}),
    "metrics.transformed": lambda: (
        metrics.transformed,
        {"model": vae(), "images": images(), "views": views, "binary": False, "seed": 0},
    ),
    # plots
    "plots.circles": lambda: (
        plots.circles,
        {"axes": axes(), "center": (0.0, 0.0), "sigma": 1.0, "color": "red", "linestyle": "-"},
    ),
    "plots.color_steps": lambda: (plots.color_steps, {"start": "red", "end": "blue", "n": 3}),
    "plots.image_grid": lambda: (
        plots.image_grid,
        {
            "axes": axes(),
            "images": np.zeros((1, 2, 8, 8)),
            "rows": ["a"],
            "columns": ["b", "c"],
            "right": (),
            "gap": 1,
        },
    ),
    "plots.latent_plane": lambda: (
        plots.latent_plane,
        {"axes": axes(), "means": codes().mean, "labels": torch.arange(6) % 2, "sigmas": torch.ones(6, 2)},
    ),
    "plots.new_figure": lambda: (plots.new_figure, {"width": 2.0, "height": 1.0}),
    "plots.seed_band": lambda: (
        plots.seed_band,
        {"axes": axes(), "x": np.arange(3.0), "seeds": np.ones((3, 2)), "color": "red"},
    ),
    "plots.size_for": lambda: (plots.size_for, {"sizes": {"paper": (1, 1)}, "name": "paper"}),
    "plots.style": lambda: (plots.style, {"name": "paper", "dark": True}),
    "plots.tile_images": lambda: (plots.tile_images, {"images": np.zeros((1, 2, 8, 8)), "gap": 1}),
    # runs
    "sweep": lambda: (
        vaelab.sweep,
        {"function": pow, "tasks": [{"base": 2, "exp": 3}], "executor": None, "processes": 1},
    ),
}

LIVE: dict[str, Callable[[], Call]] = {
    "live.Slider": lambda: (
        with_slider,
        {"name": "x", "label": "x", "low": 0.1, "high": 2.0, "start": 1.0, "step": 0.1, "log": True, "whole": False},
    ),
    "live.Switch": lambda: (with_switch, {"name": "x", "off": "no", "on": "yes", "start": False}),
    "live.Choice": lambda: (with_choice, {"name": "x", "label": "x", "options": ("a", "b"), "start": "a"}),
    "live.Panel.set": lambda: (set_controls, {"alpha": 1.5, "dual": True, "which": "b"}),
    "live.TrainingChoices": lambda: (with_choices, live.TrainingChoices()._asdict()),
    "live.LiveFigure": lambda: (
        live.LiveFigure,
        {"draw": scene, "width": 2.0, "height": 1.0, "style": "paper", "dark": True},
    ),
    "live.LiveFigure.pixels": lambda: (live.LiveFigure(scene, 1, 1).pixels, {"values": {}}),
    "live.LiveFigure.preview": lambda: (live.LiveFigure(scene, 1, 1).preview, {"values": {}}),
    "live.LiveFigure.render": lambda: (live.LiveFigure(scene, 1, 1).render, {"values": {}}),
    "live.Panel": lambda: (live.Panel, {"spec": spec(), "style": "paper"}),
    "live.Painting": lambda: (live.Painting, {"preview": lambda values: b"", "size": (8, 8)}),
    "live.Painting.render": lambda: (live.Painting(lambda values: b"", (8, 8)).render, {"values": {}}),
    "live.Panel.say": lambda: (live.Panel(spec()).say, {"sentence": "Nothing."}),
    "live.PanelSpec.open_picture": lambda: (spec().open_picture, {"style": "paper", "dark": False}),
    "live.Panel.settle": lambda: (live.Panel(spec()).settle, {"timeout": 0.1}),
    "live.PanelSpec": lambda: (live.PanelSpec, panel_parts()),
    "live.TrainingChoices.recipe": lambda: (live.TrainingChoices().recipe, {"data": dataset()}),
    "live.balance_panel": lambda: (
        live.balance_panel,
        {"experiments": [vae(), vae()], "images": images(1000), "epochs": 1, "style": "paper"},
    ),
    "live.check": lambda: (live.check, {"answer": 0.5, "truth": 0.5, "tolerance": 0.01, "hint": "Again."}),
    "live.budget": lambda: (live.budget, {"full": 30, "fast": 2}),
    "live.calibration": lambda: (live.calibration, {"notebook": "02"}),
    "live.cloud_panel": lambda: (
        live.cloud_panel,
        {"experiments": {0.0: vae(), 1.0: vae()}, "images": images(20), "strength": 0.5, "style": "paper"},
    ),
    "live.divergence_panel": lambda: (
        live.divergence_panel,
        {"alpha": 0.3, "q": (-1.0, 1.0), "p": (1.0, 1.0), "primed": True, "dual": False, "style": "paper"},
    ),
    "live.draw_filmstrip": lambda: (
        live.draw_filmstrip,
        {"draw": scene, "frames": {"a": {}, "b": {}}, "width": 2.0, "height": 1.0},
    ),
    "live.hierarchy_panel": lambda: (
        live.hierarchy_panel,
        {"experiment": small_hierarchy(), "images": images(), "style": "paper"},
    ),
    "live.latent_panel": lambda: (
        live.latent_panel,
        {"experiment": vae(), "images": images(), "labels": torch.arange(6) % 2, "reach": 2.0, "style": "paper"},
    ),
    "live.mixture_panel": lambda: (live.mixture_panel, {"alpha": 0.3, "dual": False, "style": "paper"}),
    "live.posterior_panel": lambda: (
        live.posterior_panel,
        {"source": vae(), "images": images(), "latent": 0, "style": "paper"},
    ),
    "live.rho_panel": lambda: (live.rho_panel, {"rho": 0.5, "variance": 0.05, "style": "paper"}),
    "live.scale_panel": lambda: (
        live.scale_panel,
        {
            "experiment": vae(),
            "samplers": {"prior": PriorSampler().fit(codes()), "other": PriorSampler().fit(codes())},
            "dataset": dataset(80),
            "n": 65,
            "style": "paper",
        },
    ),
    "live.show": lambda: (live.show, {"item": plots.new_figure(1, 1), "alt": "Nothing.", "caption": "Nothing."}),
    "live.truth_panel": lambda: (
        live.truth_panel,
        {"gamma": 0.5, "angle": 45.0, "ratio": 1.0, "shift": 0.5, "style": "paper"},
    ),
    "live.training_panel": lambda: (
        live.training_panel,
        {"setup": live.TrainingChoices(), "style": "paper", "pause_at": 5},
    ),
}
assert posterior is not None
