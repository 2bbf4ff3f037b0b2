"""Edits requests of Gemini's API: inserts turns and replaces texts. Everything else keeps its bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from aigw.core.dialect import Said, TextPlace, Where
from aigw.core.document import Document
from aigw.core.json_path import JsonPath
from aigw.dialects.gemini_request import SIGNATURES
from aigw.dialects.json_edit import GONE, put
from aigw.dialects.reader import Json

_ROLES: dict[str, str] = {"assistant": "model"}


def insert(document: Document, turns: Iterable[tuple[Said, str]], where: Where) -> None:
    """Inserts turns. System turns go into `systemInstruction`; after the conversation, they become turns of the user.
    Raises ValueError if there is no conversation."""
    contents = _raw_items(document, "contents")
    if not contents:
        raise ValueError("contents: there is no conversation")
    system: list[Json] = []
    added: list[Json] = []
    for role, text in turns:
        if role in ("system", "developer") and where != "behind":
            system.append({"text": text})
        else:
            added.append({"role": _ROLES.get(role, "user"), "parts": [{"text": text}]})
    if added:
        document.set("contents", [*contents, *added] if where == "behind" else [*added, *contents])
    if system:
        _instruct(document, system, first=where == "before")


def _instruct(document: Document, parts: list[Json], *, first: bool) -> None:
    name = "system_instruction" if "system_instruction" in document else "systemInstruction"
    raw = document.raw(name) or b"null"
    instruction = Document(b"{}" if raw == b"null" else raw)
    given = _raw_items(instruction, "parts")
    instruction.set("parts", [*parts, *given] if first else [*given, *parts])
    document.set(name, msgspec.Raw(instruction.encode()))


def _raw_items(document: Document, name: str) -> list[msgspec.Raw]:
    """Returns the elements of a list as raw JSON. A single object is taken as a list of one. Raises ValueError for
    anything else."""
    raw = document.raw(name)
    if raw is None or raw == b"null":
        return []
    return [msgspec.Raw(raw)] if raw.startswith(b"{") else document.items_of(name)


def set_model(document: Document, model: str) -> None:
    """Replaces the model that some bodies name beside the one in the path, with which it must agree."""
    name = f"models/{model}"
    if isinstance(document.get("model"), str):
        document.set("model", name)
    inner = document.get("generateContentRequest")
    if isinstance(inner, dict) and "model" in inner:
        document.set("generateContentRequest", {**inner, "model": name})
    requests = document.get("requests")
    if isinstance(requests, list):
        document.set("requests", [{**each, "model": name} if isinstance(each, dict) else each for each in requests])


def replace(document: Document, texts: Iterable[tuple[TextPlace, str]]) -> None:
    """Replaces texts and drops their signatures, because Gemini refuses the signature of another text. Raises
    ValueError if there is no such place."""
    changes: list[tuple[JsonPath, Any]] = []
    for place, text in texts:
        changes.append((place.path, text))
        part = _at(document, place.path[:-1]) if place.path[-1] == "text" else None
        signed = part if isinstance(part, dict) else {}
        changes += [((*place.path[:-1], name), GONE) for name in SIGNATURES if name in signed]
    try:
        put(document, changes)
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None


def _at(document: Document, path: JsonPath) -> Any:
    try:
        value = document.get(str(path[0]))
        for step in path[1:]:
            value = value[step]
    except (LookupError, TypeError):
        return None
    return value
