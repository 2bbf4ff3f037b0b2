"""What the page asks for: its data, as JSON, and the requests as they pass.

Rule: nothing here changes anything. Who may read it, `server/admin.py` has looked at before; that no page of another
origin reads it, `refuse_others` looks at, as the data shows prompts and answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec

from aigw.core.errors import GatewayError
from aigw.core.plain import plain_json_line
from aigw.core.retrieval import RetrievalError
from aigw.core.stores import StoreError
from aigw.dialects.openai_error import JSON
from aigw.server.bodies import Bounds, read
from aigw.server.guard import is_same_origin
from aigw.server.http1.connection import Response
from aigw.server.http1.request import HttpRequest
from aigw.server.http1.response import PlainResponse
from aigw.server.page.details import Details
from aigw.server.page.events import Events
from aigw.server.page.passages import with_texts
from aigw.server.page.requests import MOST, Requests, readable
from aigw.server.page.views import Inside, Views
from aigw.server.page.watch import Watch

TEXT = "text/plain; charset=utf-8"
_NO_STORE: Mapping[str, str] = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_USUAL = 500

TRY = "try"
_WITH_PARTS = ("requests", "collections")
"""The data whose parts have names of their own."""
LARGEST = 1024 * 1024
_SECONDS = 30.0
"""How long the client may take to send a body."""

Query = Mapping[str, list[str]]


class Page:
    """The data of one configuration. `views` are what it has beside requests."""

    def __init__(
        self,
        requests: Requests,
        details: Details,
        events: Events,
        watch: Watch,
        views: Views,
        inside: Inside,
        note: str = "",
    ) -> None:
        self._requests = requests
        self._details = details
        self._events = events
        self._watch = watch
        self._views = views
        self._inside = inside
        self._note = note

    def methods(self, name: str) -> tuple[str, ...]:
        """Returns the methods by which this data may be requested, empty if there is no such data."""
        first, slash, rest = name.partition("/")
        if first == TRY and rest in self._views.tried:
            return ("POST",)
        known = first in _WITH_PARTS or (not slash and first in ("events", *self._views.shown))
        return ("GET", "HEAD") if known else ()

    async def answer(self, http: HttpRequest, name: str, query: str) -> Response:
        """Raises GatewayError."""
        refuse_others(http.headers)
        asked = parse_qs(query)
        try:
            if name == "events":
                return await self._events.answer(http, _number(asked, "after", None), {})
            if name == "requests":
                return _json(await self._list(asked))
            if name.startswith("requests/"):
                return await self._one(http, name.removeprefix("requests/"))
            inside = self._inside._replace(url=_own_url(http))
            first, _, rest = name.partition("/")
            if first == TRY:
                return _json(await self._views.tried[rest](inside, await _body(http)))
            return await asyncio.to_thread(_json, await self._views.shown[first](inside, unquote(rest) or query))
        except (StoreError, RetrievalError) as error:
            raise GatewayError(503, readable(str(error)), kind="api_error", code="unreadable") from None
        except ValueError as error:
            raise GatewayError(400, readable(str(error)), code="invalid_request") from None

    async def _list(self, asked: Query) -> Any:
        self._watch.look()
        after, most = _number(asked, "after", 0) or 0, _number(asked, "limit", _USUAL) or _USUAL
        return await asyncio.to_thread(self._listed, after, min(most, MOST))

    def _listed(self, after: int, most: int) -> Any:
        found = self._requests.newer(after, most)
        requests = [self._requests.summary(number, row) for number, row in found.rows]
        return {"seq": found.last, "requests": requests, "skipped": found.left_out, "note": self._note}

    async def _one(self, http: HttpRequest, name: str) -> PlainResponse:
        self._watch.look()
        id_, _, part = name.partition("/")
        readers = {"request": self._details.request_body, "answer": self._details.answer_body}
        if part in readers:
            text = await asyncio.to_thread(readers[part], id_)
            if text is not None:
                headers = {**_NO_STORE, "Content-Type": TEXT, "Content-Security-Policy": "default-src 'none'; sandbox"}
                return PlainResponse(body=text.encode("utf-8", "replace"), headers=headers)
        elif not part:
            found = await asyncio.to_thread(self._details.of, id_, _own_url(http))
            if found is not None:
                passages = await with_texts(found["passages"], self._inside)
                return _json({**found, "passages": passages})
        raise GatewayError(404, "there is nothing kept of this request", code="unknown_request")


def refuse_others(headers: Mapping[str, str]) -> None:
    """Raises GatewayError 403 for what a page of another origin sends, also one that may use the API: the details of
    requests are for the gateway's own page."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is not None and not is_same_origin(origin, headers.get("host", "")):
        raise _for_own_page(f"a page of {origin}")
    if site not in (None, "same-origin", "none"):
        raise _for_own_page("another page")


def _for_own_page(who: str) -> GatewayError:
    message = f"this is for the gateway's own page, not for {who}"
    return GatewayError(403, message, kind="permission_error", code="origin_not_allowed")


def _number(asked: Query, name: str, default: int | None) -> int | None:
    """Raises GatewayError 400."""
    text = asked.get(name, [""])[-1]
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise GatewayError(400, f"{name} must be a number", code="invalid_query")
    return int(text)


async def _body(http: HttpRequest) -> Mapping[str, Any]:
    """Raises GatewayError 413, 408 or 400."""
    if http.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise GatewayError(415, f"send {JSON}", code="unsupported_media_type")
    http.let_body_come()
    try:
        raw = await read(http, Bounds(LARGEST, _SECONDS))
    except GatewayError as error:
        if error.status != HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            raise
        message = f"a question of the page has at most {LARGEST} bytes"
        raise GatewayError(413, message, code="request_too_large") from None
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise GatewayError(400, "the body must be a JSON object", code="invalid_body")
    return found


def _own_url(http: HttpRequest) -> str:
    return f"http://{http.headers.get('host', '')}"


def _json(value: Any) -> PlainResponse:
    body = plain_json_line(msgspec.json.encode(value))
    return PlainResponse(body=body, headers={**_NO_STORE, "Content-Type": JSON})
