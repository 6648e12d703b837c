"""Predictions: the first answer is stored on this computer, whatever the folder allows."""

import json

import numpy as np
import pytest

from vaelab import live
from vaelab.live import calibration
from vaelab.teach import predictions


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(predictions, "UNSTORED", {})
    return tmp_path / "state"


@pytest.fixture
def shown(monkeypatch):
    """What the calibration displays: (alt, caption) or a sentence."""
    module = __import__("sys").modules["vaelab.live.calibration_figure"]
    seen = []
    monkeypatch.setattr(module, "show", lambda figure, alt, caption: seen.append((alt, caption)))
    monkeypatch.setattr(module, "show_sentence", seen.append)
    return seen


def ask(answer, name="larger", sure=80, truth="q"):
    return live.check(answer, truth, question=f"02.{name}", sure=sure)


def test_the_first_answer_counts_and_the_file_is_plain(state):
    assert not ask("p").right
    assert ask("q").right
    assert json.loads((state / "02.json").read_text()) == {"larger": {"answer": ["p"], "sure": 80, "right": False}}
    assert predictions.stored("02") == [("02.larger", 80, False)]
    (state / "02.json").unlink()
    ask("q")
    assert predictions.stored() == [("02.larger", 80, True)]


def test_what_is_no_answer_is_not_stored(state):
    for answer in (None, 3, float("nan"), [], lambda: 1 / 0):
        ask(answer)
    live.check("p", "q")
    assert predictions.stored() == []
    assert not state.exists()


@pytest.mark.parametrize("sure", [30, 101, "80", float("nan"), True, [80]], ids=str)
def test_a_confidence_that_is_none_gets_a_sentence_and_may_be_given_later(sure):
    verdict = ask("q", sure=sure)
    assert verdict.sentence.startswith("Not yet: your confidence must be a number from 50 to 100, got ")
    assert not verdict.right
    assert predictions.stored() == []
    assert ask("q", sure=None).sentence == "Right."
    assert predictions.stored() == [("02.larger", None, True)]


def test_a_confidence_may_be_a_number_of_numpy():
    assert ask("q", sure=np.int64(80)).right
    assert predictions.stored() == [("02.larger", 80, True)]


@pytest.mark.parametrize(
    "content", ["", "[1]", "{", '{"larger": 3}', '{"larger": {"right": "x"}}', b"\xff\xfe"], ids=repr
)
def test_a_damaged_file_counts_as_empty(state, content):
    state.mkdir()
    (state / "02.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert predictions.stored("02") == []
    ask("q")
    assert predictions.stored("02") == [("02.larger", 80, True)]


def test_a_place_that_cannot_be_written_keeps_them_until_the_kernel_ends(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("VAELAB_STATE", str(tmp_path / "file" / "state"))
    assert ask("q").sentence == "Right."
    ask("p", name="other")
    assert predictions.stored("02") == [("02.larger", 80, True), ("02.other", 80, False)]
    assert predictions.stored() == predictions.stored("02")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_nothing_stored_gets_a_sentence_that_names_the_place(shown, state):
    calibration("02")
    (sentence,) = shown
    assert "No predictions" in sentence
    assert str(state / "02.json") in sentence


def test_the_picture_says_how_sure_and_how_often_right(shown):
    for name, sure, answer in (("a", 60, "p"), ("b", 65, "q"), ("c", 100, "q"), ("d", None, "q")):
        ask(answer, name=name, sure=sure)
    calibration("02")
    calibration()
    assert shown[0][0] == shown[1][0]
    alt, caption = shown[0]
    assert "62 % sure: right in 50 % of 2; 100 % sure: right in 100 % of 1" in alt
    assert "2 of 3 right, on average 75 % sure" in caption
    assert "One answer per point" not in caption


def test_one_answer_per_point_is_said(shown):
    ask("q")
    calibration("02")
    assert "One answer per point says little" in shown[0][1]


def test_nothing_leaves_this_computer_and_the_place_is_the_user_s(monkeypatch, tmp_path):
    monkeypatch.delenv("VAELAB_STATE")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert predictions.folder() == tmp_path / "vaelab" / "predictions"
