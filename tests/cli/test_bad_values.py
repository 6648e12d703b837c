"""Every option of every command with values that make no sense: one sentence, and nothing written.

Options are read from the signatures of the commands and recipes: a new one is tried as well.
"""

import functools
import inspect
import io
import sys
import types
from pathlib import Path
from typing import Annotated, Literal, Union, get_args, get_origin, get_type_hints

import pytest

from vaelab._utils import memory
from vaelab._utils.errors import InvalidValue
from vaelab.cli import commands, options
from vaelab.cli.output import show
from vaelab.cli.values import MAY_BE_EMPTY, Refused, checked
from vaelab.runs.run import Run

ROOT = Path(__file__).parents[2]
TRAINING = ("--epochs", "1", "--batch-size", "1000", "--hidden", "4", "--latent", "2", "--device", "cpu")
BASE = {  # what every try of a command has besides the bad value
    "train": ("train", "digits", *TRAINING),
    "sweep": ("sweep", "digits", *TRAINING, "--recipes", "vae", "--seeds", "1"),
    "report": ("report", "run", "--device", "cpu", "--samplers", "second-stage"),
    "reproduce": ("reproduce", "--minutes", "0", "--device", "cpu", "--out", "drawn"),
    "data get": ("data", "get", "mnist"),
    "data where": ("data", "where", "mnist"),
    "figures explain": ("figures", "explain", "file"),
    "notebooks": ("notebooks", "course"),
    "figures make": ("figures", "make", "gjs-1d", "--out", "drawn"),
    "figures draw": ("figures", "draw", "gjs-1d", "--out", "drawn"),
}
LONG, BYTES = "9" * 300, "\udcff\udcfe"
NO_NUMBER = ("", " ", "x", "nan", "inf", "/tmp", "1,5", "\u00b2", BYTES, "\x1b[2J", "1_0", " 1", LONG)
BAD = {
    int: (*NO_NUMBER, "-1", "1.5", "1e3", "0x10", "9" * 23, "None "),
    float: (*NO_NUMBER, "-inf", "1e308", "-1e308", "1e-308", "-1", "0x1p3"),
    Literal: ("", " ", "nonsense", "VAE", "vae,gjs_vae", LONG, BYTES, "vae\n"),
    bool: (),
    Path: ("", " ", "~nosuchuser/x", "x" * 300, "x" * 5000, "/dev/null/x", "/proc/nothing/x"),
    "name": ("", " ", "nonsense", "folder:", "folder:nowhere", "folder:~nosuchuser", LONG, BYTES, "\x1b[2J", "a\nb"),
    "device": ("", " ", "meta", "cuda:99", "nonsense", "cpu:", "-1", LONG, BYTES, "\x1b]0;b\x07"),
    "gamma": ("", " ", "nan", "inf", "-1", "0", "1e308", "wide", "9" * 400, BYTES),
    "views": ("", " ", "huge", BYTES, LONG),
    "lines": ("", " ", "MNIST", "nonsense", BYTES, LONG),
    "scheduler": ("", " ", "nonsense", "tcp://", BYTES),
    "ids": ("", " ", "gjs-2d", "gjs-1d.png", "../gjs-1d", BYTES, LONG),
}
ZERO_IS_ONE = {"seed", "beta", "weight", "alpha", "alphas", "k", "consistency", "nats", "margin", "minutes", "target"}
HUGE = {"latent": "100000000", "hidden": "1000000000", "top": "1000000000", "samples": "1000000000000000"}
HUGE |= {"seeds": "1000000000000", "batch_size": "1000000000000"}
RUNS = {"small_probe_labels": "data", "nll_images": "data"}  # only the data say what is too large


def every_command():
    groups = {"figures ": commands.FIGURES, "data ": commands.DATA, "": commands.COMMANDS}
    return {prefix + f.__name__.split("_")[-1]: f for prefix, group in groups.items() for f in group}


def every_option(command):
    """(name, type, is positional) of every option."""
    hints = get_type_hints(command, include_extras=True)
    for name in inspect.signature(command).parameters:
        hint = hints[name]
        if name == "options":
            without = ("alpha",) if command.__name__ == "sweep" else ()
            for option, kind in get_type_hints(options.recipe_options(*without), include_extras=True).items():
                yield option, kind, False
        else:
            yield name, hint, "Positional" in str(getattr(hint, "__metadata__", ""))


def kinds_of(name, hint):
    """The kinds of bad values for an option."""
    if name in ("recipe", "recipes"):
        return [Literal]
    if name in BAD:
        return [name]
    if get_origin(hint) is Annotated:
        return kinds_of(name, get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        return [kind for part in get_args(hint) if part is not type(None) for kind in kinds_of(name, part)]
    if get_origin(hint) is tuple:
        return kinds_of(name, get_args(hint)[0])
    if get_origin(hint) is Literal:
        return [Literal]
    if hint is str:
        return [Path] if name == "folder" else ["name"]
    return [hint]


@functools.cache
def recipe_of(option):
    """A recipe that has an option of its own."""
    from vaelab.objectives.recipes import RECIPES

    return next((name for name, f in RECIPES.items() if option in inspect.signature(f).parameters), "vae")


def tries():
    """(what is tried, arguments, the value) for every option and every bad value."""
    for title, command in every_command().items():
        base = BASE.get(title, tuple(title.split()))
        yield f"{title}: unknown option", (*base, "--nonsense", "1"), "--nonsense"
        yield f"{title}: too many words", (*base, "one", "two"), "one"
        for name, hint, positional in every_option(command):
            (kind, *_) = kinds_of(name, hint)
            flag = "--" + name.replace("_", "-")
            given = base
            if title == "train" and recipe_of(name) != "vae":
                given = (*base, "--recipe", recipe_of(name))
            if title == "sweep" and recipe_of(name) != "vae":
                given = (*base[:-4], "--recipes", recipe_of(name), "--seeds", "1")
            if "hierarchical" in recipe_of(name) and "--hidden" in given:  # its networks are its own
                at = given.index("--hidden")
                given = given[:at] + given[at + 2 :]
            if name == "top":
                given = (*given, "--network", "burda")
            if name == "scheduler":
                given = (*base, "--executor", "dask")
            if flag in given:
                at = given.index(flag)
                end = next((i for i in range(at + 1, len(given)) if given[i].startswith("--")), len(given))
                given = given[:at] + given[end:]
            values = [*BAD[kind], *([] if name in ZERO_IS_ONE or kind not in (int, float) else ["0"])]
            if name == "epochs_per_round" and kind is int:
                values.append("0")
            values += [HUGE[name]] if name in HUGE else []
            for value in values:
                if positional:
                    at = len(title.split())
                    yield f"{title} {name}", (*given[:at], value, *given[at + 1 :]), value
                else:
                    yield f"{title} {flag}", (*given, f"{flag}={value}"), value
            if kind is bool:
                yield f"{title} {flag}", (*given, f"{flag}=perhaps"), "perhaps"
                yield f"{title} {flag} and its opposite", (*given, flag, f"--no-{flag[2:]}"), flag[2:]
            elif not positional:
                if flag != "--samplers":
                    yield f"{title} {flag} without a value", (*given, flag), flag
                value = "1" if kind in (int, float) else get_args(hint)[0] if kind is Literal else "x"
                yield f"{title} {flag} twice", (*given, flag, str(value), flag, str(value)), flag
                yield f"{title} {flag} misspelt", (*given, f"{flag}s", "1"), f"{flag}s"
    nothing = [("trian",), (), ("figures",), ("figures", "lits"), ("data",), ("--nonsense",), (BYTES,), ("x" * 5000,)]
    for words in nothing:
        yield "vaelab", words, words[-1] if words else "train"
    yield "figures make", ("figures", "make", "gjs-2d", "--all", "--out", "drawn"), "gjs-2d"
    yield "figures make", ("figures", "make", "gjs-1d", "--all", "--out", "drawn"), "--all"
    yield "figures make", ("figures", "make", "--preset", "paper", "--all", "nonsense", "--out", "drawn"), "nonsense"
    yield "train", (*BASE["train"], "--alpha", "0.3"), "alpha"
    yield "train", (*BASE["train"], "--likelihood", "bernoulli", "--gamma", "0.3"), "gamma"
    yield "train", (*BASE["train"], "--likelihood", "bernoulli", "--no-squash"), "squash"
    yield "train", (*BASE["train"], "--recipe", "geco_vae", "--gamma", "0.3"), "gamma"
    yield "sweep", (*BASE["sweep"], "--executor", "dask"), "--executor"
    yield "sweep", (*BASE["sweep"], "--scheduler", "tcp://127.0.0.1:1"), "--scheduler"
    yield "sweep", (*BASE["sweep"][:-4], "--recipes", "gjs_vae", "--alphas", "0.5", "1.5"), "1.5"
    for command in ("train", "sweep"):
        yield f"{command} out", (*BASE[command], "--out", "file/x"), "file"
    yield "train out", (*BASE["train"], "--out", "file"), "file"
    yield "sweep out", (*BASE["sweep"], "--out", "folder"), "folder"
    yield "report out", (*BASE["report"], "--out", "file"), "file"
    yield "report run", ("report", "file"), "file"
    yield "notebooks", ("notebooks", "file"), "file"
    yield "figures explain", ("figures", "explain", "folder"), "folder"
    yield "figures explain", ("figures", "explain", "file"), "file"
    yield "figures check", ("figures", "check", "--out", "file"), "file"
    yield "figures draw", ("figures", "draw", "gjs-1d", "--out", "file"), "file"
    yield "figures make", ("figures", "make", "gjs-1d", "--out", "file"), "file"
    yield "reproduce", (*BASE["reproduce"][:-2], "--out", "file"), "file"
    yield "data get", ("data", "get", "mnist", "--folder", "file"), "file"


def run(arguments):
    """Run a command as the interpreter would, on streams of strict UTF-8: (status, output, errors)."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
    before = sys.argv, sys.stdout, sys.stderr
    sys.argv, sys.stdout, sys.stderr = ["vaelab", *arguments], *streams
    status = 0
    try:
        commands.main()
    except SystemExit as exit:
        status = exit.code
    except BaseException as error:
        status = f"{type(error).__name__}: {error!s:.100}"
    finally:
        sys.argv, sys.stdout, sys.stderr = before
    return status, *(stream.buffer.getvalue().decode() for stream in streams)


def files(folder):
    return {path: path.stat().st_mtime_ns for path in sorted(folder.rglob("*")) if not path.name.endswith("cache")}


def fault(outcome, value):
    """What is wrong with the outcome of a bad value, or ""."""
    status, _, errors = outcome
    if isinstance(status, str):
        return f"traceback ({status})"
    lines = [line for line in errors.splitlines() if line and "\r" not in line]
    if status == 0:
        return "accepted"
    if status != 2:
        return f"status {status}"
    if len(lines) != 1 or not lines[0].startswith("vaelab: "):
        return "not one line"
    if not lines[0].isprintable():
        return "control codes"
    if len(lines[0]) > 600:
        return "too long"
    value = (value.removeprefix("folder:") or value).removesuffix("/x")
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in value)[:20].rstrip()
    if not (shown in lines[0] if value.strip() else "''" in lines[0] or "' '" in lines[0] or "empty" in lines[0]):
        return "does not name the value"
    return ""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a training; what computes for long, or downloads, is replaced."""
    from figures import build
    from vaelab import metrics
    from vaelab._utils.files import require_writable
    from vaelab.data import inventory
    from vaelab.runs import execute

    folder = tmp_path_factory.mktemp("bad-values")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("VAELAB_CACHE", str(folder / "cache"))
        patch.setattr(build, "make_one", lambda item, *_: build.Made(item.id, [], "made"))
        patch.setattr(build, "draw_one", lambda item, *_: build.Made(item.id, [], "drawn"))
        patch.setattr(inventory, "fetch", lambda entry, into, progress: require_writable(into))
        patch.setattr(execute, "run_cached", lambda *_, **__: [])
        patch.setattr(metrics, "save", lambda *_: [])
        patch.setattr("vaelab.metrics.report_numbers.prepare_inputs", lambda *_: 1 / 0)
        patch.setattr("vaelab.cli.sweep._write_table", lambda *_: None)
        (folder / "file").write_text("mine")
        (folder / "folder").mkdir()
        status, _, errors = run(("train", "digits", *TRAINING, "--out", "run"))
        assert status == 0, errors
        yield folder


def selection(title):
    """Of the tries of a command: all that are not of one value, and of every option some values, each its own."""
    positions = {}
    for what, arguments, value in tries():
        if what.removesuffix(":").split(":")[0].startswith(title) and (what.startswith("data") == (title == "data")):
            at = positions[what] = positions.get(what, -1) + 1
            special = what.count(" ") > 2 or value in HUGE.values() or not what.startswith(title + " ")
            if special or at % 9 == len(positions) % 9:
                yield what, arguments, value


@pytest.mark.parametrize(
    "title", ["train", "report", "sweep", "reproduce", "notebooks", "doctor", "figures", "data", "vaelab"]
)
def test_a_value_without_sense_gets_one_sentence_and_leaves_nothing(place, title):
    before, faults = files(place), []
    for what, arguments, value in selection(title):
        outcome = run(arguments)
        after = files(place)
        if kind := fault(outcome, value) or ("writes" if after != before else ""):
            faults.append((what, value[:30], kind, outcome[2][-300:]))
        before = after
    assert not faults
    assert before


@pytest.mark.parametrize("kind", [int, float, Path, Literal["vae", "gjs_vae"]])
def test_every_bad_value_of_a_kind_is_refused_with_the_name_of_its_option(kind):
    convert = get_args(checked("--option", kind))[1].instance_from_str
    for value in BAD[Literal if get_origin(kind) is Literal else kind]:
        if value not in ("-1", "/dev/null/x", "/proc/nothing/x"):  # for the command to refuse
            with pytest.raises(Refused, match=r"(?s)^--option.{5,250}$"):
                convert([value])


def test_an_option_without_a_value_is_refused_unless_none_has_a_meaning():
    convert = get_args(checked("--hidden", tuple[int, ...]))[1].instance_from_str
    with pytest.raises(Refused, match="--hidden needs a value"):
        convert([])
    assert get_args(checked("--samplers", Annotated[tuple[str, ...], MAY_BE_EMPTY]))[1].instance_from_str([]) == ()


@pytest.mark.parametrize("words", [(), ("figures",), ("data",), *(tuple(title.split()) for title in every_command())])
def test_help_fits_80_columns_and_says_the_defaults(words, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    status, text, errors = run((*words, "--help"))
    assert (status, errors) == (0, "")
    assert max(map(len, text.splitlines())) <= 80
    if (command := every_command().get(" ".join(words))) is not None:
        defaults = [parameter.default for parameter in inspect.signature(command).parameters.values()]
        shown = [default for default in defaults if default not in (inspect.Parameter.empty, None, ())]
        assert text.count("(default") >= len(shown)


def test_help_is_readable_where_only_ascii_can_be_shown(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["vaelab", "train", "--help"])
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    monkeypatch.setattr(sys, "stdout", stream)
    with pytest.raises(SystemExit):
        commands.main()
    assert b"MMD" in stream.buffer.getvalue()


@pytest.mark.parametrize(
    ("words", "known"), [("trian", "train?"), ("figures lits", "list?"), ("train --latnt 3", "--latent?")]
)
def test_a_misspelt_word_gets_the_nearest(words, known):
    assert f"did you mean {known}" in run(words.split())[2]


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 2, "memory is not enough"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), 2, "memory is not enough"),
    ],
)
def test_an_interrupt_and_a_lack_of_memory_are_one_line(monkeypatch, error, status, words):
    def fail():
        raise error

    monkeypatch.setattr(commands, "parse", lambda *_: fail)
    outcome = run(("doctor",))
    assert outcome[0] == status
    assert words in outcome[2]
    assert outcome[2].count("\n") == 1


def test_an_error_of_the_program_is_not_hidden(monkeypatch):
    def fail():
        raise RuntimeError("a fault")

    monkeypatch.setattr(commands, "parse", lambda *_: fail)
    assert run(("doctor",))[0] == "RuntimeError: a fault"


def test_a_network_larger_than_the_memory_is_refused_before_it_is_allocated(monkeypatch):
    monkeypatch.setattr(memory, "total_memory", lambda: 1e6)
    asked = []
    monkeypatch.setattr("torch.nn.init.kaiming_uniform_", lambda weight, **_: asked.append(weight.numel()))
    with pytest.raises(InvalidValue, match=r"latent=5, hidden=\(1000000,\), batch_size=1 must fit into the memory"):
        Run("vae", data="digits", latent=5, hidden=(1_000_000,), batch_size=1).experiment((1, 8, 8))
    assert asked == []
    assert Run("vae", data="digits", latent=5, hidden=(10,), batch_size=1).experiment((1, 8, 8)).model.latent == 5


def test_output_shows_what_a_terminal_would_obey(capsys):
    show("a\x1b[2J\nb", Path("c\u202e"))
    assert capsys.readouterr().out == "a\\x1b[2J\nb\nc\\u202e\n"
