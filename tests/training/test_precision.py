"""Precision: TF32 within the steps and nowhere else, and autocast for networks only."""

import threading

import pytest
import torch

from vaelab import Experiment, FullGaussian, Gaussian, Train, fit, fit_many, geometric_js, kl, load, mmd, recipes, train
from vaelab._utils.precision import tf32
from vaelab.data import augment
from vaelab.divergences import KL
from vaelab.divergences.kernel_mmd import MMD
from vaelab.divergences.modules import FreeBits, GeometricJS
from vaelab.objectives.consistency import PosteriorKL, Triplet, consistent
from vaelab.objectives.likelihoods import Bernoulli, Laplace, Normal
from vaelab.objectives.objective import Objective
from vaelab.posterior.two_stage import SecondStage

SHAPE = (1, 8, 8)
SHORT = {"steps": 3, "batch_size": 50, "progress": False, "device": "cpu"}


@pytest.fixture(scope="module")
def digits():
    return load("digits").images[:100]


def switches():
    return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32


@pytest.fixture(params=[("highest", True), ("high", True), ("medium", False)])
def before(request):
    default = switches()
    torch.set_float32_matmul_precision(request.param[0])
    torch.backends.cudnn.allow_tf32 = request.param[1]
    yield request.param
    torch.set_float32_matmul_precision(default[0])
    torch.backends.cudnn.allow_tf32 = default[1]


def watched(seen, **options):
    experiment = recipes.vae(SHAPE, 2, hidden=(4,), **options)
    experiment.model.decoder.register_forward_hook(lambda *_: seen.append(switches()))
    return experiment


@pytest.mark.parametrize(
    ("precision", "inside"), [("fp32", ("highest", False)), ("bf16", ("highest", False)), ("tf32", ("high", True))]
)
def test_both_switches_are_set_in_the_steps_and_restored(digits, before, precision, inside):
    seen = []
    for _ in train(watched(seen), digits, Train(**SHORT, precision=precision)):
        assert switches() == before
    assert seen == [inside] * 3
    assert switches() == before


def test_the_switches_are_restored_when_the_iterator_is_closed_or_dropped_or_fails(digits, before):
    steps = train(watched([]), digits, Train(**SHORT, precision="tf32"))
    next(steps)
    steps.close()
    assert switches() == before
    steps = train(watched([]), digits, Train(**SHORT, precision="tf32"))
    next(steps)
    del steps
    assert switches() == before

    def fail(*_):
        raise KeyboardInterrupt

    experiment = watched([])
    experiment.model.decoder.register_forward_hook(fail)
    with pytest.raises(KeyboardInterrupt):
        fit(experiment, digits, Train(**SHORT, precision="tf32"))
    assert switches() == before


def test_two_trainings_in_turn_do_not_mix(digits, before):
    one, other = [], []
    pair = (
        train(watched(one), digits, Train(**SHORT, precision="tf32")),
        train(watched(other), digits, Train(**SHORT)),
    )
    for _ in range(3):
        for steps in pair:
            next(steps)
    assert one == [("high", True)] * 3
    assert other == [("highest", False)] * 3
    assert switches() == before


@pytest.mark.parametrize("precision", ["fp32", "tf32"])
def test_ensembles_set_and_restore_both(digits, before, precision, monkeypatch):
    seen, calls = [], recipes.vae(SHAPE, 2, hidden=(4,)).model.__class__.posterior
    monkeypatch.setattr("vaelab.models.vae.VAE.posterior", lambda self, x: (seen.append(switches()), calls(self, x))[1])
    settings = [{"gamma": gamma} for gamma in (0.1, 0.3, 0.5)]
    config = Train(**SHORT, precision=precision)
    method = fit_many(lambda gamma: recipes.vae(SHAPE, 2, hidden=(4,), gamma=gamma), settings, digits, config).method
    assert method.startswith("stacked" if precision == "fp32" else "one by one")
    assert set(seen) == {("high", True) if precision == "tf32" else ("highest", False)}
    assert switches() == before


def test_the_second_stage_sets_and_restores_both(before, monkeypatch):
    seen = []
    experiment = SecondStage._experiment

    def build(self, d):
        made = experiment(self, d)
        made[0].model.decoder.register_forward_hook(lambda module, *_: seen.append((module.training, switches())))
        return made

    monkeypatch.setattr(SecondStage, "_experiment", build)
    torch.manual_seed(0)
    SecondStage(width=8, steps=4, batch_size=20, device="cpu").fit(torch.randn(60, 3))
    assert [state for training, state in seen if training] == [("highest", False)] * 4
    assert switches() == before


def test_blocks_of_two_threads_end_in_the_state_before(before):
    inside, release = threading.Event(), threading.Event()

    def other():
        with tf32(True):
            inside.set()
            release.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait(10)
    with tf32(False):
        assert switches() == ("highest", False)
        release.set()
        thread.join()
        assert switches() == ("highest", False)
    assert switches() == before


def gaussians():
    generator = torch.Generator().manual_seed(0)
    return [Gaussian(*(torch.randn(6, 3, generator=generator) for _ in range(2))) for _ in range(2)]


def full(g):
    return FullGaussian(g.mean, torch.diag_embed(g.logvar.exp()))


Q, P = gaussians()
OUT, X = torch.randn(6, 1, 4, 4, generator=torch.Generator().manual_seed(1)), torch.full((6, 1, 4, 4), 0.3)
FORMULAS = {
    "kl": lambda: kl(Q, P),
    "kl by name": lambda: kl(q=Q, p=P),
    "kl of full covariances": lambda: kl(full(Q), full(P)),
    "geometric js of full covariances": lambda: geometric_js(full(Q), full(P), 0.3),
    "mmd": lambda: mmd(Q.mean, P.mean),
    "KL": lambda: KL()(Q, P),
    "GeometricJS": lambda: GeometricJS(0.3)(Q, P),
    "FreeBits": lambda: FreeBits(0.1)(Q, P),
    "MMD": lambda: MMD()(Q, P),
    "PosteriorKL": lambda: PosteriorKL()((Q,), (P,)),
    "Triplet": lambda: Triplet()((Q,), (P,)),
    "log_prob": lambda: Q.log_prob(P.mean),
    "views": lambda: augment.large(flip=True, jitter=True)(X),
    **{
        f"{make.__name__}.{name}": lambda make=make, name=name: getattr(make(), name)(OUT, X)
        for make in (Bernoulli, Normal, Laplace)
        for name in ("nll", "nll_and_mse")
    },
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas_do_not_see_autocast(name):
    values = []
    for enabled in (False, True):
        torch.manual_seed(0)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            values.append(FORMULAS[name]())
    torch.testing.assert_close(values[1], values[0], rtol=0, atol=0)


def test_formulas_widen_what_autocast_has_narrowed():
    with torch.autocast("cpu", torch.bfloat16):
        narrow = KL()(Gaussian(Q.mean.bfloat16(), Q.logvar.bfloat16()), P)
    assert narrow.dtype == torch.float32


class Projected(KL):
    """A user's divergence with a matrix product."""

    def forward(self, q, p):
        return super().forward(q, p) + (q.mean @ q.mean.T).diagonal()


def inputs_and_terms(digits, make, **options):
    torch.manual_seed(0)
    experiment, received = make(), []
    experiment.model.encoder.register_forward_hook(lambda module, inputs, output: received.append(inputs[0].clone()))
    terms = [step.terms for step in train(experiment, digits, Train(**{**SHORT, "steps": 1}), **options)]
    return received[0], terms[0]


def test_views_and_augmentation_of_a_bf16_training_are_those_of_fp32(digits, monkeypatch):
    def rotate(x):  # a user's function with a matrix product
        return (x.flatten(1) @ torch.eye(64)).reshape(x.shape).clamp(0, 1)

    for views in (augment.large(flip=True), rotate):
        images = []
        for precision in ("fp32", "bf16"):
            monkeypatch.setitem(SHORT, "precision", precision)
            received, _ = inputs_and_terms(
                digits,
                lambda views=views: consistent(recipes.vae(SHAPE, 2, hidden=(4,)), 1.0, views),
                augment=augment.simple(fill=0.0),
            )
            images.append(received)
        assert torch.equal(*images)


@pytest.mark.parametrize("compile", [False, True])
def test_a_divergence_of_a_bf16_training_is_in_fp32(digits, monkeypatch, compile):
    torch_compile = torch.compile
    monkeypatch.setattr(
        torch, "compile", lambda function, **options: torch_compile(function, backend="eager", **options)
    )
    seen = {}

    def make():
        plain = recipes.vae(SHAPE, 2, hidden=(4,))
        experiment = Experiment(plain.model, Objective(plain.objective.likelihood, Projected()), SHAPE)
        experiment.objective.divergence.register_forward_hook(lambda m, inputs, output: seen.update(q=inputs[0]))
        return experiment

    for options in ({"precision": "bf16", "compile": compile},):
        for name, value in options.items():
            monkeypatch.setitem(SHORT, name, value)
        _, terms = inputs_and_terms(digits, make)
    assert terms.divergence.dtype == torch.float32
    q = Gaussian(*(part.detach() for part in seen["q"]))
    assert torch.equal(terms.divergence.detach(), Projected()(q, Gaussian.standard()))
