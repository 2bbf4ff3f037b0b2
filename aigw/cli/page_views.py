"""What the page of `aigw serve` shows of models, templates, knowledge, recordings and the machine, and what can be
tried there: the same as the commands print with --json.

Rule: everything here only reads. What takes long runs in a thread. What only a page needs is imported when one asks, as
the gateway has started by then."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Any

import msgspec
from multidict import CIMultiDict

from aigw.core.errors import GatewayError
from aigw.core.model import Request
from aigw.core.retrieval import LocalCollections, NoCollectionError
from aigw.dialects.table import dialect_for
from aigw.server.page.views import Inside, Views
from aigw.traffic.format.folder import Folder
from aigw.traffic.recordings import Recordings
from aigw.traffic.replay.report import Missed

MOST_SOURCES = 5000
MOST_MISSED = 200
MOST_CALLS = 2000
MOST_PASSAGES = 50
LONGEST_TEXT = 200_000
"""How many characters the page may let the screen look at."""
_VERDICTS = {"mask": "mask", "block": "deny"}


def page_views(recordings: Recordings | None) -> Views:
    """`recordings` are those that the gateway writes or plays."""

    async def recorded(inside: Inside, rest: str) -> Any:
        return [await asyncio.to_thread(_recorded, recordings)] if recordings is not None else []

    shown = {
        "models": models,
        "templates": templates,
        "collections": collections,
        "recordings": recorded,
        "doctor": doctor,
    }
    return Views(shown, {"template": try_template, "search": try_search, "guard": try_guard})


async def models(inside: Inside, rest: str) -> Any:
    from aigw.cli.sources.models import models_of
    from aigw.cli.views.models import data

    return data(await models_of(inside.loaded, os.environ, None, live=False))


async def templates(inside: Inside, rest: str) -> Any:
    from aigw.cli.sources.templates import all_templates

    return [
        {
            "name": found.name,
            "route": found.route.name if found.route is not None else (found.routes or [""])[0],
            "routes": found.routes,
            "fields": list(found.template.properties),
            "template": found.template.fields,
        }
        for found in all_templates(inside.loaded)
    ]


async def collections(inside: Inside, name: str) -> Any:
    from aigw.cli.views.rag import plain_collection, plain_source

    there = _collections(inside)
    if not name:
        found = [await there.get(each) for each in await there.names()]
        return [plain_collection(each.info, await each.stats()) for each in found]
    try:
        collection = await there.get(name)
    except NoCollectionError as error:
        raise GatewayError(404, str(error), code="unknown_collection") from None
    return [plain_source(each) for each in sorted((await collection.sources()).values())[:MOST_SOURCES]]


async def doctor(inside: Inside, rest: str) -> Any:
    from aigw.cli.doctor.running import examine_running

    checks = await examine_running(inside.loaded, dict(os.environ), inside.knowledge)
    return [{"name": each.name, "level": each.level, "what": each.message, "remedy": each.remedy} for each in checks]


async def try_template(inside: Inside, asked: Mapping[str, Any]) -> Any:
    from aigw.cli.sources.templates import filled, find
    from aigw.server.page.conversation import asked_of

    name, route, values = _text(asked, "name"), _text(asked, "route"), asked.get("values", {})
    if not isinstance(values, dict):
        raise ValueError("values must be an object")
    api, body = filled(find(inside.loaded, name, route or None), values)
    headers = CIMultiDict({"content-type": "application/json"})
    request = Request("POST", "/", "", headers, msgspec.json.encode(body))
    parts = asked_of(dialect_for(api, headers, "/"), request, api)
    return {"messages": [{"role": each["role"], "content": each["text"]} for each in parts], "api": api, "body": body}


async def try_search(inside: Inside, asked: Mapping[str, Any]) -> Any:
    from aigw.cli.views.rag import plain_hit

    if inside.env.retrieval is None:
        raise GatewayError(404, "this gateway keeps no collections", code="no_collections")
    top = asked.get("limit", 5)
    if not isinstance(top, int) or not 1 <= top <= MOST_PASSAGES:
        raise ValueError(f"limit must be a number from 1 to {MOST_PASSAGES}")
    collection = _text(asked, "collection") or inside.loaded.config.rag.collection
    try:
        hits = await inside.env.retrieval.search(collection, _text(asked, "question"), top)
    except NoCollectionError as error:
        raise GatewayError(404, str(error), code="unknown_collection") from None
    return {"collection": collection, "passages": [plain_hit(each) for each in hits]}


async def try_guard(inside: Inside, asked: Mapping[str, Any]) -> Any:
    from aigw.cli.views.guard import action_of, excerpt

    text = _text(asked, "text")
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"text may have at most {LONGEST_TEXT} characters here; `aigw guard test FILE` takes more")
    screened = await asyncio.to_thread(inside.screening.screen().screen, text)
    found = [{**each._asdict(), "text": excerpt(text, each)} for each in screened.findings]
    verdict = _VERDICTS.get(action_of(screened.findings), "pass")
    return {"verdict": verdict, "findings": found, "masked": screened.masked}


def _recorded(recordings: Recordings) -> dict[str, Any]:
    report, folder = recordings.report, Folder(recordings.path)
    entries = folder.entries()
    return {
        "folder": str(recordings.path),
        "mode": recordings.settings.mode,
        "match": recordings.settings.match,
        "recordings": len(entries),
        "hits": report.hits,
        "misses": len(report.missed),
        "diverged": [_miss(each) for each in report.diverged[-MOST_MISSED:]],
        "missed": [_miss(each) for each in report.missed[-MOST_MISSED:]],
        "written": report.written,
        "failure": report.failure,
        "calls": [
            {"file": each.name, "api": each.api, "service": each.service, "hits": int(each.name in report.used)}
            for each in entries[:MOST_CALLS]
        ],
    }


def _miss(missed: Missed) -> dict[str, Any]:
    reason, _, _ = missed.text.partition("\n")
    differences = [each._asdict() for each in missed.differences]
    return {
        "id": missed.exchange,
        "asked": missed.request,
        "reason": reason,
        "text": missed.text,
        "nearest": missed.nearest,
        "difference": differences,
    }


def _collections(inside: Inside) -> LocalCollections:
    if inside.knowledge.collections is None:
        raise GatewayError(404, "this gateway keeps no collections", code="no_collections")
    return inside.knowledge.collections


def _text(asked: Mapping[str, Any], name: str) -> str:
    value = asked.get(name, "")
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text")
    return value.encode("utf-8", "replace").decode()
