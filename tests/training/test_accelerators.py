"""On an accelerator, no float64 tensor is born, no step waits, and a resumed training is the same."""

import pytest
import torch

import vaelab
from tests.emulated_device import EmulatedDevice, Violation
from vaelab import Gaussian, Train, fit, fit_many, metrics, plots, recipes, train
from vaelab.data import augment
from vaelab.metrics.frechet import frechet_distance
from vaelab.metrics.log_likelihood import bootstrap, log_evidence, mean_of
from vaelab.metrics.sample_quality import memorization, precision_recall
from vaelab.objectives.annealing import Linear
from vaelab.objectives.denoising import DenoisingExperiment
from vaelab.posterior.marginal import MarginalPosterior
from vaelab.posterior.moments import moments
from vaelab.posterior.rescaling import rescale
from vaelab.posterior.samplers import GMMSampler
from vaelab.posterior.two_stage import SecondStage
from vaelab.training.ensemble import Stack
from vaelab.training.loop import TrainStep

SHAPE = (1, 8, 8)
TINY = {"latent": 2, "hidden": (8,)}
X = (torch.rand(60, *SHAPE, generator=torch.Generator().manual_seed(7)) * 255).to(torch.uint8)
LABELS = torch.arange(60) % 3


def make(name, **options):
    return lambda: getattr(recipes, name)(SHAPE, **TINY, **options)


def denoising():
    plain = recipes.vae(SHAPE, **TINY)
    return DenoisingExperiment(plain.model, plain.objective, SHAPE, 0.1)


GROUPS = {"groups": ((2, 1), (4, 1)), "width": 4}
EXPERIMENTS = {
    "vae": make("vae"),
    "bernoulli": make("vae", likelihood="bernoulli"),
    "laplace": make("vae", likelihood="laplace", gamma="learned"),
    "fixed": make("vae", gamma=0.3),
    "learned": make("vae", gamma="learned"),
    "computed": make("vae", gamma="computed"),
    "optimal": make("vae", gamma="optimal"),
    "per-image": make("vae", gamma="per-image"),
    "beta": make("beta_vae"),
    "reverse": make("reverse_kl_vae"),
    "gjs": make("gjs_vae"),
    "gjs dual": make("gjs_vae", dual=True),
    "gjs trainable": make("gjs_vae", trainable=True),
    "mmd": make("mmd_vae"),
    "balanced": make("balanced_vae"),
    "geco": make("geco_vae"),
    "control": make("control_vae"),
    "annealed": make("annealed_vae"),
    "cyclical": make("annealed_vae", cyclical=True),
    "free bits": make("free_bits_vae"),
    "iwae": make("iwae"),
    "iwae stl": make("iwae", gradient="stl"),
    "iwae dreg": make("iwae", gradient="dreg"),
    "two layers": lambda: recipes.two_layer_iwae(SHAPE, 2, top=2, samples=2),
    "cr": make("cr_vae"),
    "cr large": make("cr_vae", views="large"),
    "cr beta": make("cr_beta_vae"),
    "cr iwae": make("cr_iwae"),
    "triplet": make("triplet_vae"),
    "denoising": denoising,
    "conv": lambda: recipes.vae(SHAPE, 2, network="conv", hidden=(4,)),
    "hierarchy": lambda: recipes.hierarchical_vae(SHAPE, 1, balance=True, annealing=Linear(9), **GROUPS),
    "hierarchy nvae": lambda: recipes.hierarchical_vae(SHAPE, 1, cells="nvae", spectral=0.01, **GROUPS),
    "cr hierarchy": lambda: recipes.cr_hierarchical_vae(SHAPE, 1, shared_noise=True, **GROUPS),
}
OPTIONS = (
    {"ema_decay": 0.9, "grad_clip": 1.0, "micro_batches": 2, "lr_schedule": "cosine"},
    {"binarize": "static", "precision": "tf32", "weight_decay": 0.1},
    {"binarize": "dynamic", "precision": "bf16"},
    {"guard": 1e6, "ema_decay": 0.9},
)


def config(**options):
    return Train(**{"epochs": 2, "batch_size": 20, "device": "mps", "progress": False, **options})


@pytest.fixture
def device(monkeypatch):
    with EmulatedDevice() as device:
        forbid_waiting(monkeypatch, device, TrainStep, "__call__")
        for name in ("__call__", "update", "clip"):
            forbid_waiting(monkeypatch, device, Stack, name)
        yield device


def forbid_waiting(monkeypatch, device, owner, name):
    function = getattr(owner, name)

    def without_waiting(*arguments):
        with device.no_waiting():
            return function(*arguments)

    monkeypatch.setattr(owner, name, without_waiting)


def test_the_emulated_device_finds_what_an_accelerator_cannot_do(device):
    on, off = torch.ones(3, device="mps"), torch.ones(3)
    assert (on.device, on[0].device, (on + 1).device) == (device.device,) * 3
    assert (off.device, on.cpu().device, (on.cpu() + off).device) == (torch.device("cpu"),) * 3
    assert (on * torch.tensor(2.0)).tolist() == [2.0, 2.0, 2.0]  # tensors without axes may be elsewhere
    for wrong in (
        lambda: on.double(),
        lambda: torch.zeros(3, dtype=torch.float64, device="mps"),
        lambda: off.double().to("mps"),
        lambda: on + off,
        lambda: on * off.double().sum().expand(3),
    ):
        with pytest.raises(Violation):
            wrong()
    with pytest.raises(TypeError):
        on.numpy()
    with pytest.raises(RuntimeError):
        torch.randn(3, device="mps", generator=torch.Generator())
    float(on[0])
    with device.no_waiting():
        for waiting in (
            lambda: float(on[0]),
            lambda: bool(on[0] > 0),
            lambda: on[on > 0],
            lambda: on.tolist(),
            lambda: on.cpu(),
            lambda: on.to("cpu"),
            lambda: off.to(on),
            lambda: on.nonzero(),
            lambda: on.copy_(off),
        ):
            with pytest.raises(Violation):
                waiting()


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_is_trained_and_measured_on_an_accelerator(device, name):
    torch.manual_seed(0)
    e = EXPERIMENTS[name]()
    history = fit(e, X, config())
    assert len(history) == 2
    assert {tensor.device for tensor in e.state_dict().values()} == {device.device}
    assert e.encode(X).mean.device == e.sample(3).device == e.rate(X).device == device.device
    assert e.encode_in_chunks(X).mean.device == e.reconstruct(X).cpu().device == torch.device("cpu")
    assert metrics.rate_distortion(e, X).rate > 0
    assert metrics.evaluate(e, X)["rate"] > 0
    assert log_evidence(e, X[:5], samples=4).dtype == metrics.bound(e, X[:5]).rate.dtype == torch.float64
    if name in ("vae", "bernoulli", "two layers", "cr"):
        metrics.report(e, ((X, LABELS), (X, LABELS)), samples=2, samplers={}, nll_images=4, small_probe_labels=9)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", ["computed", "cr", "conv", "hierarchy nvae"])
def test_options_of_a_training_work_on_an_accelerator(device, name, options):
    assert len(fit(EXPERIMENTS[name](), X, config(epochs=1, **options))) == 1


def test_posteriors_on_an_accelerator_are_measured_on_the_cpu(device):
    e = make("vae")()
    fit(e, X, config())
    q = e.encode(X)
    mixture, on_cpu = MarginalPosterior(*q), MarginalPosterior(*(t.cpu() for t in q))
    assert mixture.log_prob(q.mean).equal(on_cpu.log_prob(q.mean.cpu()))
    assert mixture.density_1d(q.mean[:, 0], 0).dtype == torch.float64
    assert mixture.mutual_information(10) == on_cpu.mutual_information(10)
    assert mixture.total_correlation(10) == on_cpu.total_correlation(10)
    assert mixture.kl_to_prior(10) == on_cpu.kl_to_prior(10)
    assert mixture.dimension_wise_kl(10).value.device == moments(*q).variance.device == torch.device("cpu")
    assert mixture.compress(2, samples=50).n_components == 2
    assert GMMSampler(2).fit(q).sample(5).shape == SecondStage(width=8, steps=5, device="mps").fit(q).sample(5).shape
    assert metrics.probe((q.mean, LABELS), (q.mean, LABELS), q.mean, small_probe_labels=9).transformed is not None
    assert metrics.posterior_shift(q, q).rho == 0
    assert frechet_distance(q.mean, q.mean) == pytest.approx(0, abs=1e-6)
    assert precision_recall(q.mean, q.mean) == (1, 1)
    assert memorization(e.sample(3), X[:9], X[9:]) > 0
    assert mean_of(e.rate(X)).value > 0
    assert bootstrap(e.rate(X))[0] > 0
    assert metrics.activity_histogram(q.mean.var(0)).counts.sum() == 2
    assert rescale(e, X).variance.shape == (2,)
    assert bool((vaelab.geometric_js(q, Gaussian.standard(), 0.3) > 0).all())


@pytest.mark.parametrize("name", ["gjs", "bernoulli"])
def test_images_on_an_accelerator_are_taken_as_those_on_the_cpu(device, name):
    torch.manual_seed(0)
    e, images, labels = EXPERIMENTS[name](), X.to("mps"), LABELS.to("mps")
    fit(e, images, config())
    x = images.float() / 255
    assert metrics.nll(e, images, 3).by_images == metrics.nll(e, X, 3).by_images
    assert metrics.rate_distortion(e, x).rate == pytest.approx(metrics.rate_distortion(e, X).rate)
    assert MarginalPosterior.from_model(e, images).mean.equal(MarginalPosterior.from_model(e, X).mean)
    options = {"samples": 2, "samplers": {"mixture": GMMSampler(2)}, "nll_images": 4, "small_probe_labels": 9}
    there, here = (metrics.report(e, ((a, b), (a, b)), **options) for a, b in ((images, labels), (X, LABELS)))
    assert metrics.to_json(there) == metrics.to_json(here)


def test_plots_take_tensors_of_an_accelerator(device):
    images = torch.rand(2, 3, 8, 8, device="mps", requires_grad=True)
    pictures = (
        plots.tile_images(x, gap=1) for x in (images, [[*row] for row in images], images.detach().cpu().numpy())
    )
    first, *others = pictures
    assert all((picture == first).all() for picture in others)
    axes = plots.new_figure(3, 2).subplots()
    plots.latent_plane(axes, images[0, 0, :, :2], LABELS[:8].to("mps"), images[0, 0, :, 2:4])
    assert len(axes.texts) == 3


@pytest.mark.parametrize("fill", ["edge", "reflect", 0.3])
def test_views_on_an_accelerator_are_those_on_the_cpu(device, fill):
    x = torch.rand(50, 2, 7, 10, generator=torch.Generator().manual_seed(7))
    warp = augment.affine(
        torch.linspace(-180, 180, 50),
        torch.linspace(-20, 20, 100).reshape(50, 2),
        torch.linspace(0.3, 2, 50),
        x[:, 0, 0, 0],
    )
    images, there = x.to("mps"), augment.Warp(*(part.to("mps") for part in warp))
    with device.no_waiting():
        moved = augment.resample(images, there, fill)
    torch.testing.assert_close(moved.cpu(), augment.resample(x, warp, fill), rtol=0, atol=1e-5)


@pytest.mark.parametrize("options", [{"gamma": 0.5}, {"gamma": "computed"}], ids=str)
def test_an_ensemble_is_stacked_on_an_accelerator(device, options):
    def member(alpha, seed):
        return make("gjs_vae", alpha=alpha, **options)()

    settings = [{"alpha": alpha, "seed": seed} for seed, alpha in enumerate((0.1, 0.5, 0.9))]
    histories = fit_many(member, settings, X, config(grad_clip=1.0))
    assert histories.method == "stacked: 3 dense networks"
    assert [len(history) for history in histories] == [2, 2, 2]


@pytest.mark.parametrize("kind", ["mps", "xpu", "cuda"])
def test_a_training_on_an_accelerator_resumes_bit_for_bit(tmp_path, kind):
    def options(**more):
        return config(device=kind, binarize="dynamic", **more)

    with EmulatedDevice(kind):
        reference, stopped, resumed = (make("gjs_vae")() for _ in range(3))
        for e in (stopped, resumed):
            e.load_state_dict(reference.state_dict())
        fit(reference, X, options())
        for progress in train(stopped, X, options(checkpoints=tmp_path, checkpoint_minutes=1e-9)):
            if progress.step == 4:
                break
        fit(resumed, X, options(checkpoints=tmp_path), resume=True)
        for a, b in zip(reference.parameters(), resumed.parameters(), strict=True):
            assert torch.equal(a.cpu(), b.cpu())


def test_a_checkpoint_of_an_accelerator_resumes_on_the_cpu(tmp_path):
    with EmulatedDevice("xpu"):
        fit(make("vae")(), X, config(device="xpu", epochs=1, checkpoints=tmp_path))
    assert len(fit(make("vae")(), X, config(device="cpu", checkpoints=tmp_path), resume=True)) == 2
