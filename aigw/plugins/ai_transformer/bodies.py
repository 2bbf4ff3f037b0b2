"""Decides which bodies are transformed: those that are present as a whole, are text, and are not too long.

Rule: streams and uploads are not touched, and nothing waits for them."""

from __future__ import annotations

from collections.abc import Iterable

from multidict import CIMultiDict

from aigw.core.coded_body import uncoded
from aigw.core.exchange import Exchange
from aigw.core.reply import Reply
from aigw.plugins.ai_transformer.message import UnchangedError

_LIVE = ("event-stream", "ndjson", "jsonl", "json-seq", "multipart/")
"""Parts of the content types of bodies that are sent piece by piece while they are made."""
_PARTIAL = ("range", "if-range")


def check_request(exchange: Exchange, limit: int) -> None:
    """Raises UnchangedError for a body that is not here as a whole, or too long."""
    request = exchange.request
    if request.upload is not None or "content-encoding" in request.headers:
        raise UnchangedError("the body is passed on piece by piece", passing=True)
    if len(request.body) > limit:
        raise UnchangedError(_too_long(limit), passing=True)


async def body_of(exchange: Exchange, reply: Reply, limit: int) -> bytes:
    """Returns the whole body, without its content coding. Raises UnchangedError for a body that must pass as it is."""
    kind = reply.headers.get("content-type", "").lower()
    if exchange.request.method == "HEAD" or reply.status in (204, 205, 304):
        raise UnchangedError("there is no body", passing=True)
    if reply.streaming or any(name in kind for name in _LIVE):
        raise UnchangedError("it is a stream of events", passing=True)
    if reply.status == 206:
        raise UnchangedError("it is a part of an answer", passing=True)
    chunk = await reply.whole(limit)
    if chunk is None or len(chunk.raw) > limit:
        raise UnchangedError(_too_long(limit), passing=True)
    coding = ",".join(reply.headers.getall("content-encoding", ()))
    if not coding:
        return chunk.raw
    try:
        body, whole = await uncoded(chunk.raw, coding, limit)
    except (ValueError, ImportError) as error:
        raise UnchangedError(f"the body cannot be decoded: {error}", passing=True) from None
    if not whole:
        raise UnchangedError("the body cannot be decoded: it is cut off", passing=True)
    return body


def ask_for_whole(headers: CIMultiDict[str]) -> None:
    """Makes the server answer with a whole body without a content coding."""
    if "accept-encoding" in headers:
        headers["accept-encoding"] = "identity"
    drop(headers, _PARTIAL)


def drop(headers: CIMultiDict[str], names: Iterable[str]) -> None:
    for name in names:
        headers.popall(name, None)


def _too_long(limit: int) -> str:
    return f"the body has more than {limit} bytes (maxBody)"
