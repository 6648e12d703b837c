"""A reader's answer, whatever it is, gets one sentence; nbgrader gets an error for what is not right."""

import sys
from fractions import Fraction

import numpy as np
import pytest
import torch

from vaelab import live
from vaelab._utils.errors import UserError
from vaelab.teach import fast


class Odd:
    def __float__(self):
        raise RuntimeError("no number")


class WithoutText:
    def __repr__(self):
        raise RuntimeError("no text")


class WithoutList:
    def tolist(self):
        raise RuntimeError("no list")


class Word(str):
    def lower(self):
        raise RuntimeError("no lower case")


class Failure(Exception):
    def __str__(self):
        raise RuntimeError("no message")


def broken():
    raise KeyError("at_0")


def fails():
    raise Failure


def endless():
    return endless()


itself = []
itself.append(itself)


ODD = [
    "two",
    "2.0",
    float("nan"),
    float("inf"),
    True,
    [],
    [2.0, 2.0],
    [[2.0]],
    {"a": 2.0},
    {2.0},
    torch.zeros(2, 3),
    torch.ones(1, 1),
    torch.ones(1).to_sparse(),
    torch.tensor(1j),
    np.zeros((2, 2)),
    np.array("two"),
    np.array([object()]),
    Odd(),
    object(),
    float,
    broken,
    lambda: 1 / 0,
    lambda: torch.ones(2) @ torch.ones(3),
    lambda x: x,
    b"2",
    10**400,
    10**5000,
    -(10**5000),
    [10**5000, "x"],
    "x" * 10**6,
    "two\nwords and\nmore",
    list(range(10**5)),
    itself,
    [[None]],
    [2.0, float("nan")],
    ["two", "words"],
    (number for number in (2.0, 3.0)),
    torch.tensor(3.0, requires_grad=True),
    torch.tensor([3.0, 1.0], requires_grad=True),
    torch.tensor([2.0, float("nan")]),
    torch.tensor(True),
    torch.empty(2, device="meta"),
    torch.nn.Linear(2, 2),
    np.array([3.0, np.nan]),
    np.array(["two", "x"]),
    np.bool_(True),
    np.datetime64("2020-01-01"),
    WithoutText(),
    [WithoutText(), WithoutText()],
    WithoutList(),
    Word("three"),
    fails,
    endless,
    lambda: sys.exit("bye"),
    lambda: None + 1,
]


@pytest.mark.parametrize("answer", ODD, ids=lambda answer: type(answer).__name__)
@pytest.mark.parametrize("truth", [2.0, "two words", [2.0, "x"], [2.0, 1.0]], ids=str)
@pytest.mark.parametrize("sure", ["none", "the answer"])
def test_no_answer_raises_an_error_and_none_of_these_is_right(answer, truth, sure, tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_STATE", str(tmp_path))
    question = {"question": "02.odd", "sure": answer} if sure == "the answer" else {}
    hints = {lambda a: a > 1: "Smaller.", lambda a: a.missing: "None.", "two": "No.", (2, 4.0): "Four."}
    verdict = live.check(answer, truth, hint="Count.", hints=hints, **question)
    assert not verdict.right
    assert verdict.sentence.startswith("Not yet")
    assert "\n" not in verdict.sentence
    assert len(verdict.sentence) < 350
    assert verdict._repr_html_()


@pytest.mark.parametrize(
    "answer",
    [
        2,
        2.004,
        np.float32(2),
        np.array(2.0),
        torch.tensor(2.0, requires_grad=True),
        torch.tensor([2.0]),
        torch.tensor(2, dtype=torch.uint8),
        torch.tensor(2.0, dtype=torch.bfloat16),
        Fraction(2),
        (2.0,),
        lambda: 2.0,
        lambda: torch.tensor([2.0]),
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_a_right_number_is_right_in_any_form(answer):
    assert live.check(answer, 2.0).right


EMPTY = [None, ..., [None, 1.0], [1.0, None], lambda: None, lambda: [1.0, None]]


@pytest.mark.parametrize("answer", EMPTY, ids=range(len(EMPTY)))
def test_an_empty_answer_is_not_answered_yet(answer):
    assert live.check(answer, [1.0, 2.0]).sentence.startswith("Not answered yet: replace None")


def test_an_error_in_the_reader_s_code_is_named():
    assert live.check(broken, 1.0).sentence == "Not yet: your code raised KeyError: 'at_0'."
    assert live.check(lambda: 0.5, 0.5).right


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("middle", "Equal variances only."),
        (" Middle ", "Equal variances only."),
        ("p", "Think."),
    ],
)
def test_a_word_gets_its_own_hint(answer, sentence):
    verdict = live.check(answer, "q", hint="Think.", hints={"middle": "Equal variances only."})
    assert verdict.sentence == f"Not yet. {sentence}"


def test_a_number_gets_its_own_hint_by_value_place_or_property():
    hints = {4.0: "That is the variance.", (2, -1.0): "A width.", lambda a: a > 100: "Far too large."}
    assert live.check(4.001, 2.0, hints=hints).sentence == "Not yet. That is the variance."
    assert live.check(1e6, 2.0, hints=hints).sentence == "Not yet. Far too large."
    assert live.check(-1.0, 2.0, hint="Think.", hints=hints).sentence == "Not yet. Think."
    assert live.check([2.0, -1.0], [2.0, 1.0], hints=hints).sentence == "Not yet (look again at number 2). A width."
    assert live.check([2.0, "x"], [2.0, "y"], hint="Think.", hints=hints).sentence.endswith("number 2). Think.")


@pytest.mark.parametrize(
    "wrong",
    [{"hint": 3}, {"hints": ["a"]}, {"question": 2}, {"question": "larger"}, {"trained": 1}, {"tolerance": -1.0}],
    ids=str,
)
def test_mistakes_of_the_author_are_errors(wrong):
    with pytest.raises(UserError):
        live.check(1.0, 1.0, **wrong)


@pytest.mark.parametrize("truth", [float("nan"), None, [], [None]], ids=str)
def test_a_solution_that_is_none_is_an_error(truth):
    with pytest.raises(UserError):
        live.check(1.0, truth)


@pytest.mark.parametrize("execution", ["autograde", "validate"])
def test_nbgrader_sees_an_error_for_what_is_not_right(execution, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", execution)
    assert live.check(1.0, 1.0).right
    for answer in (2.0, None, "two", broken):
        with pytest.raises(AssertionError, match="Not "):
            live.check(answer, 1.0)


def test_the_fast_mode_shortens_trainings_and_checks_none(monkeypatch):
    monkeypatch.delenv("VAELAB_FAST", raising=False)
    assert (live.budget(30, fast=2), live.check(1.0, 2.0, trained=True).sentence) == (30, "Not yet.")
    monkeypatch.setenv("VAELAB_FAST", "1")
    assert live.budget(30, fast=2) == 2
    assert "fast mode" in live.check(1.0, 2.0, trained=True).sentence
    assert live.check(1.0, 1.0).right
    assert live.check(None, 1.0, trained=True).sentence.startswith("Not answered yet")
    monkeypatch.setenv("VAELAB_FAST", "0")
    assert not fast.enabled()
