"""Gamma policies, annealing schedules and free bits: identities, equivalences and messages.

The identities i1, i3, ... in the tests' names are derived here: i1 the optimum of gamma, i3 the
gradient there, i5 the balance, i6 what scaling a latent costs, i9 the linear VAE, i14 the ratchet.
"""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from tests.objectives.balances import BALANCES, CONFIG, POLICIES, SHAPE, balanced, linear
from vaelab import Train, fit, fit_many, recipes, train
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.divergences import KL, FreeBits, Gaussian
from vaelab.models.vae import VAE, ForwardPass
from vaelab.objectives.annealing import Cyclical, Linear, PIController
from vaelab.objectives.gamma import Computed, Fixed, Geco, Learned, Optimal, PerImage, policy
from vaelab.objectives.likelihoods import Laplace, Normal
from vaelab.objectives.objective import Objective
from vaelab.training.loop import TrainStep


def double(*shape):
    return torch.rand(*shape, dtype=torch.float64)


# --- identities


def test_i1_the_optimum_of_gamma_and_its_value():
    torch.manual_seed(0)
    out, x = torch.randn(50, 1, 8, 8, dtype=torch.float64), double(50, 1, 8, 8)
    m = float((x - torch.sigmoid(out)).square().mean())
    likelihood = Normal(Learned()).double()
    with torch.no_grad():
        likelihood.gamma.log_gamma.fill_(0.5 * math.log(m))
    value = likelihood.nll(out, x).mean()
    (slope,) = torch.autograd.grad(value, likelihood.gamma.log_gamma)
    assert float(value.detach()) == pytest.approx(32 * (1 + math.log(2 * math.pi * m)), abs=1e-10)
    assert float(slope) == pytest.approx(0, abs=1e-10)
    assert float(Normal(Optimal()).double().nll_and_mse(out, x)[0].mean()) == pytest.approx(
        float(value.detach()), abs=1e-10
    )
    each = (x - torch.sigmoid(out)).square().flatten(1).mean(1)
    expected = 32 * (1 + torch.log(2 * math.pi * each))
    torch.testing.assert_close(Normal(PerImage()).double().nll_and_mse(out, x)[0], expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("each", [False, True])
def test_i3_the_gradient_is_that_of_the_logarithm_of_the_error(each):
    """With and without a gradient through gamma; and the mean of the logarithms for one gamma per image."""
    torch.manual_seed(0)
    out, x = torch.randn(20, 1, 4, 4, dtype=torch.float64, requires_grad=True), double(20, 1, 4, 4)
    squares = (x - torch.sigmoid(out)).square().flatten(1).mean(1)
    logarithm = squares.log().mean() if each else squares.mean().log()
    (expected,) = torch.autograd.grad(16 / 2 * logarithm, out)
    likelihood = Normal(PerImage() if each else Optimal()).double()
    (found,) = torch.autograd.grad(likelihood.nll_and_mse(out, x)[0].mean(), out)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("k", [1.0, 2.7, 4.0])
@pytest.mark.parametrize("gamma", POLICIES)
def test_i6_the_scaling_identity_holds_in_every_minibatch(gamma, k):
    torch.manual_seed(0)
    experiment = recipes.balanced_vae(SHAPE, 3, k=k, hidden=(16,), gamma=POLICIES[gamma]()).double()
    head, first = linear(experiment.model.encoder)[-1], linear(experiment.model.decoder)[0]
    assert (head.out_features, first.in_features) == (6, 3)
    x = double(30, *SHAPE)
    q = experiment.encode(x)
    experiment(x).loss.backward()
    moved = (head.weight * head.weight.grad).sum(1) + head.bias * head.bias.grad
    scaling = moved[:3] + 2 * head.bias.grad[3:] - (first.weight * first.weight.grad).sum(0)
    expected = k * ((q.mean**2 + q.logvar.exp()).mean(0) - 1)
    torch.testing.assert_close(scaling, expected, rtol=0, atol=1e-10)
    assert float(expected.abs().max()) > 0.1


def eval_mode(model, values, axes, noise):
    """The weights at which a linear VAE is at rest: noise = k gamma², values and axes of the kept latents."""
    decoder = axes * (values - noise).sqrt()
    with torch.no_grad():
        model.encoder.weight.copy_(torch.cat([decoder.T / values[:, None], torch.zeros_like(decoder.T)]))
        model.encoder.bias.copy_(torch.cat([torch.zeros_like(values), (noise / values).log()]))
        model.decoder.weight.copy_(decoder)
        model.decoder.bias.zero_()


@pytest.mark.parametrize("rule", ["capped_ema", "ema"])
@pytest.mark.parametrize("k", [1.0, 1.5])
def test_i9_computed_gamma_on_a_linear_vae_is_the_noise_of_probabilistic_pca(k, rule):
    """z is integrated out by 2 d points, which is exact for a linear decoder, so the errors are those of the objective.

    k = 1: gamma² is the mean of the discarded eigenvalues, the maximum-likelihood noise."""
    torch.manual_seed(0)
    n, pixels, d = 40, 6, 2
    x = torch.randn(n, pixels, dtype=torch.float64) * torch.tensor([3, 2, 0.5, 0.4, 0.3, 0.3], dtype=torch.float64)
    x = (x - x.mean(0)) @ torch.linalg.qr(torch.randn(pixels, pixels, dtype=torch.float64)).Q
    values, axes = torch.linalg.eigh(x.T @ x / n)
    model = VAE(nn.Linear(pixels, 2 * d), nn.Linear(d, pixels), d).double()
    gamma = Computed(rate=0.5, rule=rule).double()
    gamma.init_from_data(x)
    objective = Objective(Normal(gamma, squash=False), KL(), k).double()
    points = math.sqrt(d) * torch.cat([torch.eye(d), -torch.eye(d)]).double()
    for _ in range(80):
        eval_mode(model, values[-d:], axes[:, -d:], k * gamma.logvar.exp())
        wide = Gaussian(*(part.repeat_interleave(2 * d, 0) for part in model.posterior(x)))
        z = wide.mean + torch.exp(0.5 * wide.logvar) * points.repeat(n, 1)
        result = ForwardPass((wide,), (Gaussian.standard(z),), (z,), model.decoder(z))
        terms = objective(x.repeat_interleave(2 * d, 0), result)
        slopes = torch.autograd.grad(terms.loss, list(model.parameters()))
        assert max(float(slope.abs().max()) for slope in slopes) < 1e-8, "the weights are at rest"
        gamma.update(terms.mse, terms.divergence)
    discarded = values[:-d]
    assert float(gamma.gamma) ** 2 == pytest.approx(float(discarded.sum()) / (pixels - k * d), abs=1e-6)
    if k == 1:
        assert float(gamma.gamma) ** 2 == pytest.approx(float(discarded.mean()), abs=1e-6)


def test_i14_rule_a_is_a_ratchet():
    """Errors of mean 1 and 10 % variation: A falls far, B a little, C not; values by simulation."""
    torch.manual_seed(0)
    rules = {rule: Computed(start=1.0, rule=rule) for rule in ("running_min", "capped_ema", "ema")}
    ends = dict.fromkeys(rules, 0.0)
    for number, error in enumerate(1 + 0.1 * torch.randn(10_000)):
        for rule, gamma in rules.items():
            gamma.update(error, error[None])
            ends[rule] += float(gamma.gamma) ** 2 / 1000 if number >= 9000 else 0
    assert ends["running_min"] < ends["capped_ema"] <= ends["ema"]
    assert tuple(ends.values()) == pytest.approx((0.793, 0.983, 1.0), abs=0.03)


def test_i5_the_reconstruction_part_stays_at_half_a_nat_per_pixel(digits):
    """Rule B: SE / (2 gamma²) within 5 % of D/2, the mean over the last quarter of a training."""
    experiment, ratios = balanced("B"), []
    gamma = experiment.objective.likelihood.gamma
    for progress in train(experiment, digits, replace(CONFIG, steps=1600)):
        if progress.step > 1200:
            ratios.append(float(progress.terms.mse) / float(gamma.gamma) ** 2)
    assert sum(ratios) / len(ratios) == pytest.approx(1, abs=0.05)


def test_a_fixed_gamma_of_one_closes_every_latent_of_the_digits_and_a_computed_one_does_not(digits):
    config, rates = replace(CONFIG, steps=600), {}
    for name, gamma in {"one": 1.0, "computed": "computed"}.items():
        torch.manual_seed(0)
        experiment = recipes.vae(SHAPE, 8, hidden=(64,), gamma=gamma)
        rates[name] = fit(experiment, digits, config)["divergence"][-1]
    assert rates["one"] < 0.1
    assert rates["computed"] > 5


def test_the_balanced_vae_weighs_its_kl_and_computes_gamma_unless_it_is_given():
    experiment = recipes.balanced_vae(SHAPE, 4, k=3.0)
    assert float(experiment.objective.weight) == 3
    assert isinstance(experiment.objective.likelihood.gamma, Computed)
    given = recipes.balanced_vae(SHAPE, 4, gamma=Computed(1.0, rule="running_min"))
    assert given.objective.likelihood.gamma.rule == "running_min"


def test_a_given_gamma_is_exact_in_float64():
    assert Fixed(0.3).double().logvar.item() == 2 * math.log(0.3)
    gamma = Fixed(0.3)
    gamma.logvar.fill_(0.7)
    assert gamma.double().logvar.item() == torch.tensor(0.7).item()


# --- the others reach what they are set to


def test_geco_moves_gamma_until_the_error_is_the_tolerated_one():
    """On a made-up VAE whose error per pixel is gamma to the 1/2, whatever the start."""
    gamma = Geco(kappa=0.4, step_size=0.02, rate=0.1)
    gamma.init_from_data(torch.rand(50, 1, 4, 4))
    for _ in range(3000):
        gamma.update(gamma.gamma.sqrt(), torch.zeros(1))
    assert float(gamma.gamma) == pytest.approx(0.4**4, rel=1e-3)
    assert float(gamma.running) == pytest.approx(0.4**2, rel=1e-3)


def test_a_learned_gamma_has_its_own_pace_and_no_decay(digits):
    """Under Adam ln gamma moves by about its learning rate per step, that of the schedule too."""
    moved = {}
    for lr_scale in (1.0, 10.0):
        for decay in (0.0, 1e4):
            torch.manual_seed(0)
            experiment = recipes.vae(SHAPE, 3, hidden=(16,), gamma=Learned(1.0, lr_scale))
            fit(experiment, digits, replace(CONFIG, steps=20, lr=1e-3, weight_decay=decay))
            moved[lr_scale, decay] = -float(experiment.objective.likelihood.gamma.log_gamma.detach())
    assert moved[1.0, 0.0] == pytest.approx(0.02, rel=0.02)
    assert moved[10.0, 0.0] == pytest.approx(0.2, rel=0.05)
    assert moved[10.0, 1e4] == pytest.approx(moved[10.0, 0.0], rel=0.05)


# --- errors and names


@pytest.mark.parametrize("likelihood", [Normal, Laplace])
@pytest.mark.parametrize("gamma", [Optimal, PerImage])
def test_only_the_training_step_sees_the_gamma_of_its_batch(likelihood, gamma):
    """nll is pure: an image is worth the same in every company."""
    torch.manual_seed(0)
    out, x = torch.randn(6, *SHAPE), torch.rand(6, *SHAPE)
    made = likelihood(gamma())
    made.gamma.init_from_data(x)
    assert float(made.gamma.gamma) == pytest.approx(float(x.var(0, correction=0).mean()) ** 0.5, rel=1e-5)
    torch.testing.assert_close(made.nll(out, x)[:3], made.nll(out[:3], x[:3]))
    whole, part = made.nll_and_mse(out, x)[0][:3], made.nll_and_mse(out[:3], x[:3])[0]
    assert torch.allclose(whole, part) == (gamma is PerImage)
    made.gamma.update(torch.tensor(0.04), torch.zeros(6))
    assert float(made.gamma.gamma) == pytest.approx(0.2)


COMBINATIONS = {
    "plain": {},
    "micro_batches": {"micro_batches": 3},
    "clip and decay": {"grad_clip": 0.5, "weight_decay": 0.01},
    "ema_decay": {"ema_decay": 0.9, "binarize": "dynamic"},
    "cosine": {"lr_schedule": "cosine"},
    "bf16": {"precision": "bf16"},
}


@pytest.mark.parametrize("options", COMBINATIONS.values(), ids=COMBINATIONS)
@pytest.mark.parametrize("balance", ["B", "optimal", "GECO", "controlled"])
def test_it_moves_once_per_optimizer_step(digits, monkeypatch, balance, options):
    experiment, moves = balanced(balance), []
    (mover,) = [m for m in experiment.objective.schedules if not isinstance(m, Fixed)]
    move = type(mover).update

    def counted(self, mse, divergence):
        assert mse.shape == ()
        assert divergence.shape == (100,)
        assert not mse.requires_grad
        assert not divergence.requires_grad
        moves.append(self)
        move(self, mse, divergence)

    monkeypatch.setattr(type(mover), "update", counted)
    fit(experiment, digits, replace(CONFIG, **options))
    assert len(moves) == CONFIG.steps
    assert all(m is mover for m in moves)
    before = [b.clone() for b in mover.buffers()]
    experiment.encode(digits.images)
    experiment.objective.likelihood.nll(torch.zeros(2, *SHAPE), torch.zeros(2, *SHAPE))
    experiment(digits.images)
    assert all(torch.equal(a, b) for a, b in zip(before, mover.buffers(), strict=True))
    many = [balanced(balance, seed=seed) for seed in range(3)]
    moves.clear()
    trained = fit_many(lambda index: many[index], [{"index": i} for i in range(3)], digits, replace(CONFIG, **options))
    stacked = not options or "grad_clip" in options or "lr_schedule" in options
    assert trained.method.startswith("stacked") == stacked
    assert len(moves) == (1 if stacked else 3) * CONFIG.steps  # a stack moves all of its members at once


SEEING = {
    "views": lambda gamma, annealing: recipes.cr_vae(SHAPE, 3, hidden=(16,), gamma=gamma, annealing=annealing),
    "several draws": lambda gamma, annealing: recipes.iwae(
        SHAPE, 3, samples=3, hidden=(16,), gamma=gamma, annealing=annealing
    ),
    "both": lambda gamma, annealing: recipes.cr_iwae(
        SHAPE, 3, samples=3, hidden=(16,), gamma=gamma, annealing=annealing
    ),
}


@pytest.mark.parametrize("micro_batches", [1, 3])
@pytest.mark.parametrize("make", SEEING.values(), ids=SEEING)
def test_both_movers_move_once_per_step_whatever_the_objective_sees(digits, monkeypatch, make, micro_batches):
    moves = []
    for kind in (Computed, Linear):
        move = kind.update

        def counted(self, mse, divergence, move=move):
            assert mse.shape == ()
            assert divergence.shape == (100,)
            moves.append(type(self))
            move(self, mse, divergence)

        monkeypatch.setattr(kind, "update", counted)
    experiment = make(Computed(), Linear(12))
    fit(experiment, digits, replace(CONFIG, steps=6, micro_batches=micro_batches))
    assert moves == 6 * [Computed, Linear]
    assert float(experiment.objective.divergence_weight) == pytest.approx(7 / 12)


def test_a_batch_is_split_into_even_micro_batches(digits):
    sizes = []
    experiment = balanced("B")
    step = TrainStep(experiment, digits.images, Train(batch_size=5, micro_batches=4), None, None)
    step.forward = lambda x: sizes.append(len(x)) or experiment(x)
    step.backward(torch.arange(5))
    assert sizes == [2, 1, 1, 1]
    sizes.clear()
    step.backward(torch.arange(2))
    assert sizes == [1, 1]


def test_a_batch_in_micro_batches_is_the_batch(digits):
    """Without noise in z, so that both see the same; unequal micro_batches count by their size."""
    ends, histories = [], []
    for micro_batches in (1, 3):
        experiment = balanced("B")
        with torch.no_grad():
            head = linear(experiment.model.encoder)[-1]
            head.weight[3:] = 0
            head.bias[3:] = -40.0
        histories.append(
            fit(experiment.double(), digits, replace(CONFIG, steps=10, lr=1e-4, micro_batches=micro_batches))
        )
        ends.append(torch.cat([v.double().flatten() for v in experiment.state_dict().values()]))
    torch.testing.assert_close(*ends, rtol=1e-7, atol=1e-9)
    for name in ("loss", "nll", "divergence", "mse", "gamma"):
        assert histories[0][name] == pytest.approx(histories[1][name], rel=1e-6)


@pytest.mark.parametrize("balance", BALANCES)
def test_resume_is_bit_for_bit(digits, tmp_path, balance):
    reference = balanced(balance)
    fit(reference, digits, CONFIG)
    config = replace(CONFIG, checkpoints=tmp_path, checkpoint_minutes=1e-9)
    for progress in train(balanced(balance), digits, config):
        if progress.step == 13:
            break
    again = balanced(balance)
    fit(again, digits, config, resume=True)
    pairs = zip(again.state_dict().items(), reference.state_dict().values(), strict=True)
    assert all(torch.equal(mine, theirs) for (_, mine), theirs in pairs)


@pytest.mark.parametrize("likelihood", [Normal, Laplace])
@pytest.mark.parametrize("balance", [*BALANCES, "free bits"])
def test_stacked_equals_the_loop(digits, balance, likelihood):
    def make(index, seed):
        divergence = (lambda: FreeBits(0.2 + 0.1 * index)) if balance == "free bits" else KL
        return balanced("B" if balance == "free bits" else balance, divergence, likelihood, seed=index).double()

    settings = [{"index": i, "seed": i} for i in range(3)]
    many = fit_many(make, settings, digits, CONFIG)
    assert many.method.startswith("stacked")
    for setting, one, history in zip(settings, many.experiments, many, strict=True):
        alone = make(**setting)
        expected = fit(alone, digits, replace(CONFIG, seed=setting["seed"]))
        for column in set(expected.columns) - {"seconds"}:
            assert history[column] == pytest.approx(expected[column], rel=1e-6), column
        for (name, a), b in zip(one.state_dict().items(), alone.state_dict().values(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6, msg=name)


NUMBERED = [
    lambda d: recipes.balanced_vae(SHAPE, 3, gamma=Computed(1.0, rule="running_min"), **d),
    lambda d: recipes.geco_vae(SHAPE, 3, kappa=0.2, **d),
    lambda d: recipes.control_vae(SHAPE, 3, target=4.0, **d),
    lambda d: recipes.annealed_vae(SHAPE, 3, steps=9, **d),
    lambda d: recipes.annealed_vae(SHAPE, 3, steps=9, cyclical=True, **d),
    lambda d: recipes.free_bits_vae(SHAPE, 3, nats=0.3, **d),
]


@pytest.mark.parametrize("make", NUMBERED)
def test_every_recipe_trains_and_traces_as_one_graph(digits, make):
    torch.manual_seed(0)
    experiment = make({"hidden": (16,)})
    history = fit(experiment, digits, replace(CONFIG, steps=64))
    assert history["nll"][-1] < history["nll"][0]
    assert torch._dynamo.explain(experiment)(digits.images[:10]).graph_break_count == 0


def test_policies_by_name():
    assert [type(policy(name)) for name in ("optimal", "per-image")] == [Optimal, PerImage]
    assert "rule='running_min'" in repr(Computed(rule="running_min"))
    assert "kappa=0.2" in repr(Geco(0.2))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: policy("optimum"), InvalidType, "optimum.*optimal"),
        (lambda: Computed(rule="D"), InvalidValue, "rule must be.*got 'D'"),
        (lambda: Computed(rate=2.0), InvalidValue, "2"),
        (lambda: Learned(lr_scale=0.0), InvalidValue, "lr_scale.*0"),
        (lambda: Geco(-0.1), InvalidValue, r"kappa.*-0\.1"),
        (lambda: Geco(0.1, rate=2.0), InvalidValue, r"rate.*\(0, 1\].*2"),
        (lambda: Computed().init_from_data(torch.ones(9, *SHAPE)), InvalidValue, "training data must differ.*start"),
        (lambda: Geco(0.1).init_from_data(torch.rand(1, *SHAPE)), InvalidValue, "training data must differ"),
        (
            lambda: recipes.geco_vae(SHAPE, kappa=0.2, gamma=0.1),
            InvalidValue,
            r"geco_vae sets gamma itself; remove gamma=0\.1",
        ),
        (lambda: recipes.control_vae(SHAPE, annealing=Linear(3)), InvalidValue, "sets annealing itself"),
        (lambda: recipes.annealed_vae(SHAPE, annealing=None), InvalidValue, "sets annealing itself"),
        (lambda: recipes.vae(SHAPE, annealing="linear"), InvalidType, "annealing.*'linear'"),
        (lambda: recipes.iwae(SHAPE, annealing=Linear), InvalidType, "annealing"),
        (lambda: recipes.beta_vae(SHAPE, annealin=None), InvalidType, "got annealin; did you mean annealing"),
        (lambda: PIController(0.0), InvalidValue, "target.*0"),
        (lambda: Linear(0), InvalidValue, "steps.*0"),
        (lambda: Linear(1.5), InvalidType, r"steps.*1\.5"),
        (lambda: Cyclical(10, rise=1.5), InvalidValue, r"1\.5"),
        (lambda: FreeBits(0.0), InvalidValue, "nats.*0"),
        (lambda: recipes.balanced_vae(SHAPE, 0), InvalidValue, "latent.*0"),
        (lambda: Train(micro_batches=0), InvalidValue, "micro_batches.*0"),
        (
            lambda: Train(batch_size=2, micro_batches=3),
            InvalidValue,
            "micro_batches must be at most batch_size=2, got 3",
        ),
    ],
)
def test_bad_input_gets_one_sentence(call, error, words):
    with pytest.raises(error, match=words):
        call()
