"""Judges bodies of status 200 of APIs of which only the outer shape is known: lists of models, files, batches,
moderations, pictures, speech.

Rule: JSON has failed if it is empty, cut off, or an error in the shape of any vendor. So has a web page, anything but
JSON from an API that answers only JSON, and a body without a result. A batch or a job that reports its own failure is a
valid answer. Data that a client has stored passes as it is, and so does an empty answer of a path that only a route
names."""

from __future__ import annotations

import re

from aigw.core.aside import aside
from aigw.core.coded_body import uncoded
from aigw.core.content_coding import Decoding, is_known
from aigw.core.exchange import Exchange
from aigw.core.model import Batch, Chunk, raw_of
from aigw.core.reply import Reply
from aigw.dialects import apis
from aigw.dialects.failures import failure_in_any, failure_of, is_resource
from aigw.dialects.model_list import tells_models
from aigw.dialects.reader import MAX_PLAIN
from aigw.dialects.result_check import failed_state, is_nothing
from aigw.providers.failed_answer import failed, unusable

_LINES = ("event-stream", "ndjson", "jsonl", "json-seq")
"""Parts of the content types of bodies with several values in a row."""
_PAGE = re.compile(rb"[\xef\xbb\xbf\s]*<(?:!doctype html|html|head|body|title|h1|center)\b", re.IGNORECASE)
_JSON = re.compile(rb"[\xef\xbb\xbf\s]*[\[{]")


async def check_body(exchange: Exchange, reply: Reply) -> None:
    """Raises UpstreamError if the body has failed. Reads as much of it as is necessary: all of it, or its first
    piece."""
    request, kind = exchange.request, reply.headers.get("content-type", "").lower()
    coding = reply.headers.get("content-encoding", "")
    if reply.status != 200 or request.method == "HEAD" or any(name in kind for name in _LINES) or not is_known(coding):
        return
    if apis.is_content(exchange.api, exchange.original.path):
        return
    strict = exchange.api != "" and exchange.api not in apis.OPAQUE
    if "json" not in kind and not (strict and (not kind or kind.startswith("text/"))):
        decoding, begun = Decoding(coding, MAX_PLAIN), bytearray()

        def begins(batch: Batch) -> bool:
            begun.extend(_decoded(decoding, raw_of(batch)))
            return len(begun) > 0

        await reply.first(begins)
        if exchange.api and _PAGE.match(begun):
            raise unusable(exchange, reply, bytes(begun))
        if not _JSON.match(begun):
            return
    whole = await reply.whole(MAX_PLAIN)
    if whole is not None:
        data = await _without_coding(whole.raw, coding)
        await aside(len(data), _check_json, exchange, reply, Chunk(data, data))


async def _without_coding(body: bytes, coding: str) -> bytes:
    try:
        return (await uncoded(body, coding, MAX_PLAIN))[0] if coding else body
    except ValueError:
        return b""


def _decoded(decoding: Decoding, data: bytes) -> bytes:
    try:
        return decoding.feed(data)
    except ValueError:
        return b""


def _check_json(exchange: Exchange, reply: Reply, body: Chunk) -> None:
    value = body.json()
    if exchange.request.method == "DELETE" and (value == {} or not body.raw.strip()):
        return
    kept = not exchange.asked.metered and is_resource(value)
    told = None if kept else failure_in_any(value) or _own_failure(exchange, value)
    if told is not None:
        raise failed(exchange, failure_of(told))
    if exchange.api and (_is_nothing(exchange, value) or not value):
        raise unusable(exchange, reply, body.raw)


def _own_failure(exchange: Exchange, value: object) -> dict[str, object] | None:
    """Returns the failure of what the request made. One that ends a job is answered with the job's state."""
    made = exchange.api and exchange.request.method == "POST" and not exchange.original.path.endswith("/cancel")
    return failed_state(value) if made and isinstance(value, dict) else None


def _is_nothing(exchange: Exchange, value: object) -> bool:
    """Whether no client could use the value. The answer to a deletion is always usable."""
    api, method = exchange.api, exchange.request.method
    if api in apis.LISTS:
        return method == "GET" and not tells_models(value)
    return api not in apis.OPAQUE and method != "DELETE" and is_nothing(api, value)
