"""`vaelab report` as a user meets it: train, then evaluate the folder."""

import json
import math
from dataclasses import replace

import pytest
import torch

from vaelab import metrics
from vaelab._utils.errors import DataError
from vaelab.runs.run import Run, read_settings, write_settings

SMALL = ("digits", "--hidden", "16", "--latent", "3", "--device", "cpu", "--epochs", "2")
QUICK = ("--samples", "10", "--nll-images", "20", "--small-probe-labels", "100", "--device", "cpu", "--samplers")


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr("vaelab.metrics.classifier.STEPS", 20)
        yield


def test_a_training_is_evaluated_by_its_folder(vaelab, tmp_path):
    assert vaelab("train", *SMALL, "--recipe", "gjs_vae", "--alpha", "0.3", "--gamma", "computed")[0] == 0
    status, out, err = vaelab("report", *QUICK)
    assert status == 0, err
    assert out.startswith("gjs_vae on digits at step 24\n")
    assert "NLL, 10 samples, 20 test images" in out
    assert all((tmp_path / "trained" / f"report.{kind}").is_file() for kind in ("txt", "json", "png", "pdf"))
    numbers = json.loads((tmp_path / "trained" / "report.json").read_text())["numbers"]

    found = Run.load("trained")
    assert (found.run.recipe, found.step) == ("gjs_vae", 24)
    history = (tmp_path / "trained" / "history.csv").read_text().splitlines()
    gamma = float(history[-1].split(",")[history[0].split(",").index("gamma")])
    assert float(found.experiment.objective.likelihood.gamma.gamma) == pytest.approx(gamma), "the trained gamma is kept"
    again = metrics.report(found.experiment, "digits", samples=10, nll_images=20, small_probe_labels=100)
    assert {row.name: row.value for row in metrics.rows(again)}["nll"] == pytest.approx(numbers["nll"]["value"])

    status, out, _ = vaelab("report", "trained", *QUICK, "--seed", "1", "--out", "elsewhere")
    assert status == 0
    assert (tmp_path / "elsewhere" / "report.json").is_file()
    assert json.loads((tmp_path / "elsewhere" / "report.json").read_text())["settings"]["seed"] == 1


def test_samplers_have_names_and_a_bernoulli_is_evaluated_on_binary_images(vaelab, tmp_path):
    assert vaelab("train", *SMALL, "--likelihood", "bernoulli")[0] == 0
    status, out, err = vaelab("report", *QUICK, "second-stage", "mixture")
    assert status == 0, err
    found = out[out.index("Fréchet distance") :]
    assert found.index("prior") < found.index("second stage") < found.index("mixture")
    assert "no likelihood" not in out
    content = json.loads((tmp_path / "trained" / "report.json").read_text())
    assert content["settings"]["binarized"]
    assert content["numbers"]["nll"]["value"] < 64 * math.log(2), "better than a coin for each pixel"


def test_the_weights_are_those_of_the_last_step(vaelab, tmp_path):
    assert vaelab("train", *SMALL)[0] == 0
    x = torch.rand(4, 1, 8, 8)
    two = Run.load("trained").experiment.encode(x).mean
    assert vaelab("train", *SMALL[:-1], "3")[0] == 0
    three = Run.load(tmp_path / "trained")
    assert three.step == 36
    assert not torch.equal(two, three.experiment.encode(x).mean)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere",), "nowhere has no settings.json"),
        (("half",), "half has no checkpoint"),
        (("strange",), "strange has no settings.json that this version can read"),
        (("broken",), "no checkpoint in broken/checkpoints is intact"),
    ],
)
def test_a_folder_without_a_training_gets_one_sentence(vaelab, tmp_path, arguments, words):
    for name, text in {"half": '{"recipe": "vae"}', "strange": '{"recipe": "vae", "teeth": 32}'}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "settings.json").write_text(text)
    broken = tmp_path / "broken" / "checkpoints"
    broken.mkdir(parents=True)
    (broken.parent / "settings.json").write_text('{"recipe": "vae"}')
    (broken / "step-0000000001.ckpt").write_text("{")
    status, _, err = vaelab("report", *arguments)
    assert status == 2
    assert words in err.splitlines()[-1]
    assert "Traceback" not in err


def test_samples_must_be_some(vaelab):
    assert vaelab("train", *SMALL)[0] == 0
    status, _, err = vaelab("report", "trained", "--samples", "0")
    assert status == 2
    assert "samples must be at least 2, got 0" in err


def test_a_checkpoint_of_another_model_is_named(vaelab, tmp_path):
    assert vaelab("train", *SMALL)[0] == 0
    folder = tmp_path / "trained"
    write_settings(replace(read_settings(folder), latent=5), folder)
    with pytest.raises(DataError, match=r"does not fit the model in its settings\.json"):
        Run.load("trained")
