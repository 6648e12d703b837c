"""The loop learns, is reproducible, can be left at any step, and rejects invalid input."""

import ast
import csv
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import vaelab.training
from vaelab import History, Train, fit, fit_many, load, recipes, train
from vaelab._utils.errors import InvalidType, InvalidValue, StorageError, TrainingError

FAST = Train(epochs=2, batch_size=50, progress=False, device="cpu")


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def experiment(shape=(1, 8, 8), **options):
    torch.manual_seed(0)
    return recipes.vae(shape, 4, hidden=(32,), **options)


def test_it_learns(digits):
    history = fit(
        experiment(gamma="computed"),
        digits,
        Train(epochs=8, batch_size=50, lr=3e-3, progress=False, device="cpu"),
    )
    assert len(history) == 8
    assert history.columns == ["epoch", "loss", "nll", "divergence", "mse", "gamma", "seconds"]
    assert history["loss"][-1] < history["loss"][0]
    assert history["mse"][-1] < 0.8 * history["mse"][0]
    assert history["gamma"][-1] < history["gamma"][0]
    row = history.rows[-1]
    assert row["loss"] == pytest.approx(row["nll"] + row["divergence"], rel=1e-5)


def test_the_same_seed_gives_the_same_weights(digits):
    first, second, other = experiment(), experiment(), experiment()
    for e, seed in ((first, 3), (second, 3), (other, 4)):
        fit(e, digits, Train(epochs=1, batch_size=50, seed=seed, progress=False, device="cpu"))
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    assert any(not torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))


def test_train_can_be_read_and_left_at_any_step(digits):
    e = experiment()
    for progress in train(e, digits, FAST):
        assert progress.terms.nll.shape == (50,)
        assert (progress.row is None) == (progress.step % (len(digits) // 50) != 0)
        if progress.step == 3:
            break
    assert (progress.step, progress.epoch, progress.steps) == (3, 1, 2 * (len(digits) // 50))


def test_every_image_is_used_at_most_once_per_epoch():
    marked = torch.arange(100, dtype=torch.float32).reshape(100, 1, 1, 1).expand(100, 1, 8, 8) / 100
    received = []
    e = experiment()
    e.model.encoder.register_forward_hook(
        lambda module, inputs, output: received.extend((inputs[0][:, 0, 0, 0] * 100).round().int().tolist())
    )
    fit(e, marked.contiguous(), Train(epochs=1, batch_size=30, progress=False, device="cpu"))
    assert len(received) == 90 == len(set(received))


@pytest.mark.parametrize(
    "kind",
    [
        lambda d: d,
        lambda d: d.images,
        lambda d: d.images.numpy(),
        lambda d: d.images.float() / 255,
        lambda d: d.images[:, 0],
    ],
)
def test_all_kinds_of_images_are_accepted(digits, kind):
    reference, e = experiment(), experiment()
    fit(reference, digits, FAST)
    fit(e, kind(digits), FAST)
    for a, b in zip(reference.parameters(), e.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_the_bar_shows_the_terms(digits, capsys):
    fit(experiment(), digits, Train(epochs=2, batch_size=50, device="cpu"))
    shown = capsys.readouterr().err
    assert all(word in shown for word in ("loss=", "nll=", "divergence=", "gamma=", "100%"))


def test_history_is_a_table(digits, tmp_path):
    history = fit(experiment(), digits, FAST)
    history.save(tmp_path / "history.csv")
    with (tmp_path / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["loss"]) for row in rows] == history["loss"]
    assert "divergence" in repr(history)
    assert repr(History()) == "History: no epoch yet"
    with pytest.raises(InvalidValue, match=r"loss.*'elbo'"):
        history["elbo"]
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="folder"):
        history.save(tmp_path / "file" / "history.csv")


def test_bernoulli_has_no_gamma(digits):
    history = fit(experiment(likelihood="bernoulli"), digits, FAST)
    assert all(math.isnan(value) for value in history["gamma"])


def test_a_non_finite_loss_stops_training(digits):
    e = experiment()
    with torch.no_grad():
        e.model.decoder[0][0].weight.fill_(math.nan)
    with pytest.raises(TrainingError, match=r"nll became nan in epoch 1.*lr"):
        fit(e, digits, FAST)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Train(epochs=0), InvalidValue, "epochs.*0"),
        (lambda: Train(batch_size=2.5), InvalidType, "2.5"),
        (lambda: Train(lr=-1), InvalidValue, "lr.*-1"),
        (lambda: Train(lr=math.nan), InvalidValue, "nan"),
        (lambda: Train(ema_decay=1.5), InvalidValue, r"ema_decay.*1\.5"),
        (
            lambda: fit(experiment(), torch.zeros(10, 1, 8, 8), FAST),
            InvalidValue,
            "batch_size must be at most 10.*got 50",
        ),
        (
            lambda: fit(experiment(), torch.zeros(60, 1, 9, 8), FAST),
            InvalidValue,
            r"\(1, 8, 8\).*\(1, 9, 8\)",
        ),
        (lambda: fit(experiment(), torch.full((60, 1, 8, 8), 7.0), FAST), InvalidValue, r"\[0, 1\].*7"),
        (lambda: fit(experiment(), torch.full((60, 1, 8, 8), math.nan), FAST), InvalidValue, "nan"),
        (lambda: fit(experiment(), np.zeros((60, 1, 8, 8), dtype=np.int64), FAST), InvalidType, "int64"),
        (lambda: fit(experiment(), "mnist", FAST), InvalidType, "str"),
        (
            lambda: fit(experiment(), torch.zeros(60, 1, 8, 8), Train(device="abacus", progress=False)),
            InvalidValue,
            "abacus",
        ),
    ],
)
def test_invalid_input_is_rejected(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_averaged_weights_follow_the_weights(digits):
    e = experiment(gamma="computed")
    config = Train(steps=100, batch_size=50, progress=False, device="cpu", ema_decay=0.9)
    mean = torch.zeros(())
    for progress in train(e, digits, config):
        decay = min(0.9, (progress.step - 1) / (progress.step + 9))
        mean = decay * mean + (1 - decay) * e.model.decoder[0][0].weight.detach()
    average = progress.history.average
    torch.testing.assert_close(average.model.decoder[0][0].weight.detach(), mean)
    assert float(average.objective.likelihood.gamma.gamma) == float(e.objective.likelihood.gamma.gamma)


def test_averaged_weights_are_near_the_trained_ones_after_few_epochs(digits):
    e, start = experiment(), experiment()
    config = Train(epochs=5, batch_size=50, lr=3e-3, progress=False, device="cpu", ema_decay=0.999)
    average = fit(e, digits, config).average
    errors = [float((digits.images / 255 - x.reconstruct(digits.images)).square().mean()) for x in (e, average, start)]
    assert errors[1] == pytest.approx(errors[0], rel=0.05)
    assert errors[1] < 0.7 * errors[2]
    for first, last, mean in zip(start.parameters(), e.parameters(), average.parameters(), strict=True):
        assert float((mean - last).detach().norm()) < 0.15 * float((first - last).detach().norm())


def encoder_inputs(config, images):
    e, received = experiment(), []
    e.model.encoder.register_forward_hook(lambda module, inputs, output: received.append(inputs[0].clone()))
    fit(e, images, config)
    return torch.cat(received)


def test_binarization_is_static_or_dynamic(digits):
    gray = digits.images[:100]
    config = {"epochs": 3, "batch_size": 100, "progress": False, "device": "cpu"}
    static, dynamic = (
        encoder_inputs(Train(**config, binarize=kind), gray).reshape(3, 100, 64) for kind in ("static", "dynamic")
    )
    for received in (static, dynamic):
        assert set(received.unique().tolist()) <= {0.0, 1.0}
        assert float(received.mean()) == pytest.approx(float(gray.float().mean() / 255), abs=0.02)

    def sums(received):
        return [sorted(map(tuple, epoch.tolist())) for epoch in received]

    assert sums(static)[0] == sums(static)[1] == sums(static)[2]
    assert sums(dynamic)[0] != sums(dynamic)[1]


def test_images_are_augmented_on_their_way_in(digits):
    e, received = experiment(), []
    e.model.encoder.register_forward_hook(lambda module, inputs, output: received.append(inputs[0].clone()))
    fit(e, digits.images[:50], Train(epochs=1, batch_size=50, progress=False, device="cpu"), augment=lambda x: 1 - x)
    assert float(received[0].sum()) == pytest.approx(float((255 - digits.images[:50].float()).sum() / 255), rel=1e-5)


def test_bf16_trains_networks_and_leaves_the_terms_in_fp32(digits):
    e = experiment()
    for progress in train(e, digits, Train(epochs=3, batch_size=50, progress=False, device="cpu", precision="bf16")):
        assert progress.terms.loss.dtype == progress.terms.divergence.dtype == torch.float32
    assert progress.history["loss"][-1] < progress.history["loss"][0]
    assert all(p.dtype == torch.float32 for p in e.parameters())


def test_a_cuda_graph_falls_back_with_a_line_in_the_log(digits, caplog):
    reference, e = experiment(), experiment()
    fit(reference, digits, FAST)
    fit(e, digits, Train(epochs=2, batch_size=50, progress=False, device="cpu", cuda_graph=True))
    assert "cuda_graph=True has no effect on cpu" in caplog.text
    for a, b in zip(reference.parameters(), e.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("micro_batches", [1, 2])
@pytest.mark.parametrize("mode", [True, "default", "reduce-overhead", "max-autotune"])
def test_compiled_training_is_eager_training(digits, monkeypatch, mode, micro_batches):
    real, graphs = torch.compile, []

    def compile_in_python(module, **options):
        graphs.append(options)
        return real(module, fullgraph=True, backend="eager")

    monkeypatch.setattr(torch, "compile", compile_in_python)
    config = Train(epochs=2, batch_size=50, progress=False, device="cpu", compile=mode, micro_batches=micro_batches)
    reference, e = experiment(), experiment()
    expected = [progress.terms for progress in train(reference, digits, replace(config, compile=False))]
    terms = [progress.terms for progress in train(e, digits, config)]
    assert graphs == [{"fullgraph": True, "mode": None if mode is True else mode}]
    for a, b in zip(reference.parameters(), e.parameters(), strict=True):
        torch.testing.assert_close(a, b)
    for a, b in zip(terms[-1], expected[-1], strict=True):
        torch.testing.assert_close(a, b)


def test_channels_last_changes_only_the_layout():
    trained, x = {}, torch.rand(80, 1, 16, 16, generator=torch.Generator().manual_seed(7))
    for channels_last in (False, True):
        torch.manual_seed(0)
        e = recipes.vae((1, 16, 16), 2, network="conv", hidden=(4, 8))
        options = {"steps": 8, "batch_size": 20, "progress": False, "device": "cpu", "ema_decay": 0.9}
        trained[channels_last] = e, fit(e, x, Train(**options, channels_last=channels_last))
    for experiments in zip(*((e, history.average) for e, history in trained.values()), strict=True):
        for a, b in zip(*(e.parameters() for e in experiments), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
    weights = [p for p in trained[True][0].parameters() if p.dim() == 4 and min(p.shape[:2]) > 1]
    assert weights
    assert all(p.is_contiguous(memory_format=torch.channels_last) for p in weights)


def code_lines(path):
    """Count the lines of a file that are neither blank, nor comments, nor docstrings."""
    tree, lines = ast.parse(path.read_text(encoding="utf-8")), set()
    texts = [
        node.value for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    ]
    docstrings = {number for text in texts for number in range(text.lineno, text.end_lineno + 1)}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip() and not line.strip().startswith("#") and number not in docstrings:
            lines.add(number)
    return len(lines)


def test_one_step_is_read_in_five_files_and_700_lines():
    """From `fit` to `optimizer.step`, and what computes the loss in between."""
    package = Path(vaelab.__file__).parent
    files = re.findall(r"`(\w+/\w+\.py)`", vaelab.training.__doc__)
    assert len(files) == 5
    assert sum(code_lines(package / name) for name in files) <= 700


@pytest.mark.parametrize("stacked", [False, True])
def test_gradients_are_enabled_for_a_training_inside_no_grad(stacked):
    config, x = Train(steps=3, batch_size=4, progress=False), torch.rand(8, 1, 4, 4)

    def make(beta=1.0):
        torch.manual_seed(0)
        return recipes.beta_vae((1, 4, 4), 2, hidden=(8,), beta=beta)

    def rows():
        settings = [{"beta": 1.0}, {"beta": 2.0}, {"beta": 3.0}]
        return fit_many(make, settings, x, config)[0].rows if stacked else fit(make(), x, config).rows

    with torch.no_grad():
        inside = rows()
        assert not torch.is_grad_enabled()
    assert inside[-1]["loss"] == rows()[-1]["loss"]
