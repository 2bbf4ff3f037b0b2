"""Shows templates and what becomes of them, for `aigw template`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from aigw.cli.sources.template_render import Rendered
from aigw.cli.sources.templates import FoundTemplate, TemplateCall
from aigw.cli.terminal.columns import columns
from aigw.cli.terminal.figures import count, money
from aigw.cli.terminal.output import say_text
from aigw.config.load import Loaded
from aigw.config.services import parse_listen
from aigw.core.plain import plain_json
from aigw.dialects.template_call import api_of, model_in
from aigw.server.gateway import base_url


def data(found: FoundTemplate) -> dict[str, Any]:
    fields = found.template.fields
    return {
        "name": found.name,
        "properties": found.template.properties,
        "model": model_in(fields),
        "api": api_of(fields),
        "routes": found.routes,
    }


def listing(found: Sequence[FoundTemplate]) -> Iterator[str]:
    if not found:
        yield "There is no template; `aigw recipes ai-prompt-template` shows one."
        return
    rows = [("template", "properties", "model", "routes")]
    for each in found:
        properties, model = ", ".join(each.template.properties), model_in(each.template.fields)
        rows.append((each.name, properties or "-", model or "the client's", ", ".join(each.routes) or "-"))
    yield from columns(rows)


def facts_of(found: FoundTemplate) -> list[str]:
    properties = ", ".join(found.template.properties) or "none"
    return [f"properties: {properties}; routes: {', '.join(found.routes) or 'none here'}"]


def print_json(value: Any) -> None:
    print_body(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def print_body(body: bytes) -> None:
    """Prints a body: as it is in a pipe, and in colours on a terminal. What is no JSON is printed as text."""
    text = plain_json(body.decode("utf-8", "replace"))
    try:
        value = json.loads(text)
    except ValueError:
        say_text(body.decode("utf-8", "replace"))
        return
    if not sys.stdout.isatty():
        sys.stdout.write(f"{text}\n")
        return
    from rich.console import Console
    from rich.json import JSON

    shown = plain_json(json.dumps(value, indent=2, ensure_ascii=False))
    Console(emoji=False, markup=False).print(JSON(shown, ensure_ascii=False), soft_wrap=True)


def plain_rendered(found: Rendered) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(found.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = found.body.decode("utf-8", "replace")
    return {**found._asdict(), "body": body}


def beside(found: Rendered) -> list[str]:
    """Returns what is said about a request that would go upstream."""
    mapped = f"{found.asked} -> {found.model}" if found.asked not in ("", found.model) else found.model or "no model"
    at = f" at {found.provider}" if found.provider else ""
    usd = "price not known" if found.usd is None else f"${money(found.usd)}"
    lines = [f"{mapped}{at}: {count(found.tokens, exact=True)} tokens in, {usd}", f"{found.method} {found.url}"]
    return [*lines, *(f"note: {note}" for note in found.notes)]


def curl(loaded: Loaded, call: TemplateCall) -> str:
    """The command that asks the gateway of this configuration."""
    host, port = parse_listen(loaded.config.listen)
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return call.call.curl(base_url(local, port), indent="")
