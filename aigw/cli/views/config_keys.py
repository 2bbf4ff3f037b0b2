"""Shows the keys of a configuration on a terminal: each with its type and default, and below that its meaning."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

import typer

from aigw.config.reference import Key


def lines(keys: Iterable[Key], width: int) -> Iterator[str]:
    """Nested keys are indented, as in the file."""
    for key in keys:
        name = key.path.rpartition(".")[2]
        indent = "  " * len(key.path.replace(".*", "").split("."))
        first, *more = wrap(f"{name}: {_facts(key)}", width, indent, f"{indent}    ")
        yield f"{indent}{bold(name)}{first[len(indent) + len(name) :]}"
        yield from more
        yield from wrap(meaning(key), width, f"{indent}    ")


def _facts(key: Key) -> str:
    if key.required:
        return f"{key.type}, required"
    return key.type if key.default is None else f"{key.type}, default {as_json(key.default)}"


def meaning(key: Key) -> str:
    return f"{key.meaning.removesuffix('.')}; keys as in `{key.same_as}`" if key.same_as else key.meaning


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def bold(text: str) -> str:
    return typer.style(text, bold=True)


def wrap(text: str, width: int, first: str = "", rest: str | None = None) -> list[str]:
    """`first` is put before the first line, `rest` (by default the same) before the others."""
    rest = first if rest is None else rest
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
