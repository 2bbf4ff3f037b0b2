"""Shows stored answers, for `aigw cache`.

Rule: everything that is printed is made plain before, and what looks like a secret is hidden: people paste keys into
prompts."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from aigw.books.summary import UsageLine
from aigw.cli.terminal.columns import fitted
from aigw.cli.terminal.figures import counted
from aigw.cli.terminal.output import say_sentence, say_text, width
from aigw.core.plain import plain, plain_json
from aigw.core.plugin import COLLECTION
from aigw.core.redaction import shown, value_without_secrets, without_secrets
from aigw.dialects.table import dialect_of
from aigw.plugins.ai_cache.contents import Item
from aigw.plugins.ai_cache.entry import Entry
from aigw.plugins.ai_cache.explain import KeyDifference
from aigw.plugins.ai_cache.replay import body_of
from aigw.plugins.ai_cache.trial import Explanation

KEY_WIDTH = 16
MOST_DIFFERENCES = 10


def plain_stats(items: list[Item], total: UsageLine | None) -> dict[str, Any]:
    """`total` is the sum over all requests in the state folder."""
    models: dict[str, dict[str, int]] = {}
    unreadable = 0
    for item in items:
        if item.entry is None and item.text is None:
            unreadable += 1
            continue
        name = without_secrets(item.entry.model) if item.entry is not None else "(any: fidelity higress)"
        line = models.setdefault(name, {"entries": 0, "bytes": 0})
        line["entries"] += 1
        line["bytes"] += len(item.value)
    created = [item.entry.created for item in items if item.entry is not None]
    return {
        "entries": len(items) - unreadable,
        "bytes": sum(line["bytes"] for line in models.values()),
        "of_another_version": unreadable,
        "oldest": min(created, default=None),
        "newest": max(created, default=None),
        "models": models,
        "requests": total.requests if total is not None else None,
        "hits": total.cache_hits if total is not None else None,
    }


def print_stats(found: dict[str, Any]) -> None:
    if found["requests"]:
        say_text(f"{found['hits']:,} of {found['requests']:,} requests were answered from the cache.")
    if found["of_another_version"]:
        say_text(f"{found['of_another_version']} values were written by another version and are ignored.")
    if not found["entries"]:
        say_text("Nothing is stored.")
        return
    _table(
        [("model", "answers", "bytes")]
        + [(name or "-", f"{m['entries']:,}", f"{m['bytes']:,}") for name, m in found["models"].items()]
        + [("total", f"{found['entries']:,}", f"{found['bytes']:,}")]
    )
    if found["oldest"]:
        say_text(f"The oldest is {_ago(found['oldest'])} old, the newest {_ago(found['newest'])}.")


def plain_item(item: Item, *, whole: bool = False) -> dict[str, Any]:
    """Returns a stored answer as plain data, for `--json`. With `whole`, the request and the answer are in it."""
    entry = item.entry
    told: dict[str, Any] = {"key": item.key, "bytes": len(item.value), "asked": item.asked}
    if entry is not None:
        told |= {
            "created": entry.created,
            "ttl": entry.ttl,
            "api": entry.api,
            "model": entry.model,
            "streamed": entry.streamed,
        }
    if whole:
        told["request"] = msgspec.json.decode(entry.parts) if entry is not None else None
        told["answer"] = _answer(item)
    return {name: value_without_secrets(value) for name, value in told.items()}


def _answer(item: Item) -> Any:
    """The plain answer as JSON. A stream without a plain form, and an answer that is not JSON, are text."""
    if item.entry is None:
        return item.text
    try:
        return msgspec.json.decode(body_of(item.entry, dialect_of(item.entry.api)))
    except (ValueError, msgspec.DecodeError):
        return item.entry.body.decode("utf-8", "replace")


def print_list(items: list[Item]) -> None:
    if not items:
        say_text("Nothing is stored.")
        return
    rows = [("key", "age", "expires", "bytes", "model", "form", "asked")]
    for item in items:
        asked = shown(item.asked)[:60]
        if (entry := item.entry) is None:
            rows.append(("-", "-", "-", str(len(item.value)), "-", "text", asked))
            continue
        left = _expiry(entry)
        form = "stream" if entry.streamed else "plain"
        rows.append(
            (item.key[:KEY_WIDTH], _ago(entry.created), left, str(len(item.value)), shown(entry.model), form, asked)
        )
    _table(rows)


def print_item(item: Item) -> None:
    for name, value in plain_item(item, whole=True).items():
        if isinstance(value, dict | list):
            text = json.dumps(value, indent=2, ensure_ascii=False)
            say_text(f"{name}:\n{plain_json(text)}")
        elif name == "ttl":
            say_text(f"expires: {_expiry(item.entry)}")
        elif name == "created":
            say_text(f"{name}: {_ago(value)} ago")
        else:
            say_text(f"{name}: {plain(str(value))}")


def print_explanation(found: Explanation, *, from_file: bool) -> None:
    key = found.key[:KEY_WIDTH]
    if found.status == "bypass":
        say_sentence(f"bypass: {found.reason}")
        return
    if found.status == "hit" or found.reason:
        left = f", expires in {_span(found.created + found.ttl - time.time())}" if found.ttl and found.created else ""
        because = f"; {found.reason}" if found.reason else ""
        say_sentence(f"{found.status}: {key}, stored {_ago(found.created)} ago{left}{because}")
        return
    when = "" if from_file else f", asked and stored {_ago(found.created)} ago"
    if found.nearest is None:
        say_sentence(f"miss: {key}{when}: nothing else is stored that it could be compared with")
        return
    near = found.nearest
    say_text(f"miss: {key}{when}")
    say_sentence(f"nearest: {near.key[:KEY_WIDTH]}, stored {_ago(near.created)} ago; it differs in")
    for difference in near.differences[:MOST_DIFFERENCES]:
        say_text(f"  {plain(difference.where)}")
        say_text(f"    stored: {_value(difference, difference.stored)}")
        say_text(f"    asked:  {_value(difference, difference.asked)}")
    if (more := len(near.differences) - MOST_DIFFERENCES) > 0:
        say_text(f"  and in {counted(more, 'more place')}")


def _value(difference: KeyDifference, value: Any) -> str:
    if value is None:
        return "-"
    text = plain_json(json.dumps(value, ensure_ascii=False))
    if difference.where.startswith(f"after.{COLLECTION}"):
        return f"another state of its passages ({text})"
    if difference.where.startswith("after."):
        return f"another configuration ({text})"
    return text if len(text) <= 200 else f"{text[:199]}…"


def _expiry(entry: Entry | None) -> str:
    """Says when an entry expires."""
    return f"in {_span(entry.created + entry.ttl - time.time())}" if entry is not None and entry.ttl else "never"


def _ago(at: float | None) -> str:
    return "?" if at is None else _span(time.time() - at)


def _span(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"


def _table(rows: Sequence[tuple[str, ...]]) -> None:
    for line in fitted(rows, width()):
        say_text(line)
