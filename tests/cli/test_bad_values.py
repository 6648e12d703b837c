"""Every option of every command with values that make no sense: one sentence, and nothing written.

Options are read from the signatures of the commands and recipes: a new one is tried as well.
"""

import functools
import inspect
import io
import os
import sys
import types
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal, Union, get_args, get_origin, get_type_hints

import pytest

from vaelab.cli import commands, options

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
    for words in (("trian",), (), ("figures",), ("figures", "lits"), ("data",), ("--nonsense",), (BYTES,), ("x" * 5000,)):
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
    status, output, errors = outcome
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
    value = value.removeprefix("folder:").removesuffix("/x")
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in value)[:20].rstrip()
    if not (shown in lines[0] if value.strip() else "''" in lines[0] or "' '" in lines[0] or "empty" in lines[0]):
        return "does not name the value"
    return ""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a training; what computes for long, or downloads, is replaced."""
    from figures import build
    from vaelab import metrics
    from vaelab.data import inventory
    from vaelab._utils.files import require_writable
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


def count(place, cases):
    """The faults of cases, as {(kind of fault): [what was tried]}."""
    found = {}
    before = files(place)
    for title, arguments, value in cases:
        outcome = run(arguments)
        kind = fault(outcome, value)
        after = files(place)
        if not kind and after != before:
            kind = f"wrote {sorted(map(str, set(after) ^ set(before)))[:2]}"
        if set(after) - set(before):
            for path in sorted(set(after) - set(before), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
        before = files(place)
        if kind:
            found.setdefault(kind.split(" (")[0].split(" [")[0], []).append((title, value[:30], kind[:150], outcome[2][-300:]))
    return found
