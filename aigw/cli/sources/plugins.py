"""Collects what plugins say about themselves, for `aigw plugins`: their types, their ABOUT and their recipes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from aigw.cli.sources import recipe
from aigw.config.plugins import find_plugin, installed_plugins
from aigw.config.reference import Key, keys, paragraphs
from aigw.config.report import suggest
from aigw.core.plugin import Difference, Place
from aigw.higress.other_plugins import OTHER_PLUGINS, why_missing
from aigw.higress.places import sort


class Described(NamedTuple):
    """A plugin as it describes itself. `about` are paragraphs. `inherits`: a rule starts as a copy of the global
    configuration. `recipe` is the name of the recipe, `configuration` its YAML."""

    name: str
    summary: str
    about: list[str]
    place: Place
    inherits: bool
    keys: list[Key]
    differences: Sequence[Difference]
    recipe: str
    configuration: str


def all_plugins() -> list[Described]:
    """Returns all plugins, in the order in which they see a request."""
    found = {name: _described(name) for name in installed_plugins()}
    return [found[name] for name in sort({name: each.place for name, each in found.items()})]


def one_plugin(name: str) -> Described:
    """Raises ValueError if aigw has no plugin of this name."""
    known = installed_plugins()
    if name in known:
        return _described(name)
    if name in OTHER_PLUGINS:
        raise ValueError(why_missing(name))
    raise ValueError(f"there is no plugin {name!r}{suggest(name, known) or '; there are ' + ', '.join(known)}")


def _described(name: str) -> Described:
    about = find_plugin(name)
    assert about is not None
    summary, *rest = paragraphs(about.config)
    return Described(
        name,
        summary,
        rest,
        about.place,
        about.inherits,
        keys(about.config),
        about.differences,
        about.recipe,
        recipe.body(recipe.text_of(about.recipe)),
    )
