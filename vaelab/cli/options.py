"""Types of command line options; those of the recipes follow from their signatures and docstrings.

tyro calls the factories below for the chosen command only, since they import torch. Values are
checked in `cli.values`.
"""

import functools
import inspect
import operator
import re
from collections.abc import Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypedDict, Union, get_args, get_origin

import tyro

from vaelab.cli.values import checked


@functools.cache
def recipe_names(several: bool = False) -> Any:
    """Return the type of one or several recipe names: a choice of all recipes."""
    from vaelab.objectives.recipes import RECIPES

    name: Any = Literal[tuple(RECIPES)]
    return checked("--recipes", tuple[name, ...]) if several else checked("--recipe", name)


@functools.cache
def recipe_options(*without: str) -> Any:
    """Return the type of the recipes' keyword options: a TypedDict of what the user sets.

    Args:
        without: Names of options to leave out.
    """
    from vaelab.models.networks import NETWORKS
    from vaelab.objectives.recipes import DEFAULTS, RECIPES, Design

    hints = {**inspect.get_annotations(Design), "network": Literal[tuple(NETWORKS)]}
    defaults = {name: {DEFAULTS[name]} for name in hints}
    texts: dict[str, dict[str, list[str]]]
    texts = {name: {text: []} for name, text in _documented_arguments(Design).items()}
    for recipe, function in RECIPES.items():
        documented = _documented_arguments(function)
        for name, parameter in inspect.signature(function).parameters.items():
            if parameter.kind is parameter.KEYWORD_ONLY:
                hints.setdefault(name, parameter.annotation)
                defaults.setdefault(name, set()).add(parameter.default)
                known = texts.setdefault(name, {})
                known.setdefault(documented.get(name, next(iter(known), "")), []).append(recipe)
    options = {
        name: _option(name, plain, texts[name], defaults[name])
        for name, hint in hints.items()
        if (plain := _plain(hint)) is not None and name not in without
    }
    return TypedDict("RecipeOptions", options, total=False)  # type: ignore[operator]


def _option(name: str, hint: Any, texts: dict[str, list[str]], defaults: set[Any]) -> Any:
    """Annotate a type with its default and its texts, each with its recipes unless it is of all."""
    help = " ".join(f"{text} [{', '.join(recipes)}]" if recipes else text for text, recipes in texts.items())
    default = [f"{value:.4g}" if isinstance(value, float) else str(value) for value in defaults]
    shown = f"(default: {default[0]})" if len(default) == 1 else "(default: depends on the recipe)"
    return checked(f"--{name}", Annotated[hint, tyro.conf.arg(help=help, help_behavior_hint=shown)])


def _plain(hint: Any) -> Any:
    """Return the part of a type that a command line can express, or None."""
    parts = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    plain = [part for part in parts if part in (bool, int, float, str) or get_origin(part) is Literal]
    plain += [tuple[int, ...] for part in parts if part == Sequence[int]]
    return functools.reduce(operator.or_, plain) if plain else None


def _documented_arguments(documented: Any) -> dict[str, str]:
    """Read the section `Args` of a docstring."""
    section = inspect.cleandoc(documented.__doc__ or "").partition("Args:\n")[2].partition("\n\n")[0]
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", section, re.M)
    return {name: " ".join(text.split()) for name, text in entries}


def _shown(default: str) -> str:
    return f"(default: {default.strip('[]')})".replace("'", "")


DatasetName = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
OutputFolder = Annotated[Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")]
RecipeName = Annotated[str, tyro.conf.arg(constructor_factory=recipe_names, help_behavior_hint=_shown)]
RecipeNames = Annotated[
    tuple[str, ...], tyro.conf.arg(constructor_factory=lambda: recipe_names(several=True), help_behavior_hint=_shown)
]
RecipeOptions = Annotated[dict[str, Any], tyro.conf.arg(name="", constructor_factory=recipe_options)]
