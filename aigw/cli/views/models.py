"""Shows the models that clients can ask for: a table for each provider that fits the terminal, and plain data.

Prices are USD per million tokens."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from aigw.cli.sources.models import Model, Models
from aigw.cli.terminal.columns import shorten
from aigw.cli.terminal.figures import count
from aigw.core.plain import plain
from aigw.core.redaction import shown
from aigw.pricing.prices import Price

SHORT = 8
"""How many models of a provider are shown where several providers are."""
WIDEST, NARROWEST = 44, 5
_FIGURES = ("context", "$ in", "$ out")
_CELL = 8


def tables(found: Sequence[Models], width: int, *, whole: bool) -> Iterator[str]:
    """`whole`: all models of each provider, however many there are."""
    longest = max((len(each.name) for one in found for each in _listed(one, whole=whole)), default=NARROWEST)
    name = min(max(longest, NARROWEST), WIDEST)
    for index, each in enumerate(found):
        if index:
            yield ""
        yield from _head(each, width)
        rows = _listed(each, whole=whole)
        if rows:
            yield "  " + "model".ljust(name) + "".join(title.rjust(_CELL) for title in _FIGURES)
        for model in rows:
            yield from _row(model, name, width)
        if left := len(each.models) - len(rows):
            yield f"  and {left} more: aigw models --provider {plain(each.offer.name)}"
        if not each.models and not each.fault:
            yield "  its models are not known here: --live asks for them"
    if found:
        yield ""
        yield from textwrap.wrap(
            "Prices are USD per million tokens; ? is unknown, + more for long prompts. `<-` are names that clients may "
            "use, too.",
            width,
        )


def _listed(found: Models, *, whole: bool) -> list[Model]:
    named = sum(model.named for model in found.models)
    return found.models if whole else found.models[: max(SHORT, named)]


def _head(found: Models, width: int) -> Iterator[str]:
    offer = found.offer
    parts = [
        offer.type if offer.type != offer.name else "",
        offer.role,
        f"for {', '.join(offer.patterns)}" if offer.patterns else "",
        "clients send its key" if offer.lacks_key else "",
        shown(found.fault),
    ]
    text = ": ".join(filter(None, [offer.name, "; ".join(filter(None, parts))]))
    yield from textwrap.wrap(plain(text), width, subsequent_indent="  ", break_on_hyphens=False)


def _row(model: Model, name: int, width: int) -> Iterator[str]:
    context = count(model.context) if model.context is not None else "?"
    figures = (context, _usd(model.price, "input"), _usd(model.price, "output"))
    line = "  " + shorten(plain(model.name), name).ljust(name) + "".join(each.rjust(_CELL) for each in figures)
    if not model.aliases:
        yield line
        return
    indent = " " * (len(line) + 2)
    aliases = plain(f"<- {', '.join(model.aliases)}")
    if width - len(indent) < len("<- ") + 12:
        yield line
        indent = "      "
        yield from textwrap.wrap(aliases, width, initial_indent=indent, subsequent_indent=f"{indent}   ")
    else:
        first, *rest = textwrap.wrap(aliases, width - len(indent), subsequent_indent="   ", break_on_hyphens=False)
        yield f"{line}  {first}"
        yield from (indent + each for each in rest)


def _usd(price: Price | None, bucket: str) -> str:
    steps = price.steps.get(bucket) if price is not None else None
    if not steps:
        return "?" if price is None or bucket == "input" else "-"
    return f"{steps[0][1]:.4g}{'+' if len(steps) > 1 else ''}"


def data(found: Sequence[Models]) -> list[dict[str, Any]]:
    """Returns all models as plain data, for `--json`."""
    return [
        {
            "provider": each.offer.name,
            "type": each.offer.type,
            "role": each.offer.role,
            "takes": each.offer.patterns,
            "clients_send_key": each.offer.lacks_key,
            "fault": shown(each.fault),
            "models": [_data(model) for model in each.models],
        }
        for each in found
    ]


def _data(model: Model) -> dict[str, Any]:
    return {
        "model": model.name,
        "aliases": list(model.aliases),
        "configured": model.named,
        "context": model.context,
        "usd_per_million": _steps(model.price),
    }


def _steps(price: Price | None) -> dict[str, list[dict[str, float]]] | None:
    """Returns the prices of each kind of token. Each price holds above a number of input tokens."""
    if price is None:
        return None
    return {kind: [{"above": max(start, 0), "usd": usd} for start, usd in steps] for kind, steps in price.steps.items()}
