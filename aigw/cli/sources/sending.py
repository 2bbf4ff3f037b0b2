"""Sends a filled template through the gateway that runs with a configuration or, if none runs, through one that is
started for it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec

from aigw.books.books import Books
from aigw.cli.sources.asking import Told, answer_of, refusal, stream_of
from aigw.cli.sources.neighbour import aigw_at
from aigw.cli.sources.templates import Call
from aigw.cli.views.figures import count
from aigw.config.load import Loaded
from aigw.config.services import parse_listen
from aigw.core.errors import ConfigError
from aigw.server.gateway import base_url, run
from aigw.upstream.proxied import upstream_for

LOCAL = "127.0.0.1"


class SendError(Exception):
    """`lines` say what went wrong."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class Sent(NamedTuple):
    """`answer` is the whole answer as JSON, if nobody read it piece by piece. `facts` are lines about it."""

    answer: Any
    facts: list[str]


def sent(loaded: Loaded, call: Call, *, url: str, key: str, say: Callable[[str], None] | None) -> Sent:
    """Passes the text of the answer to `say` as it is written; without it, reads the whole answer. Raises SendError."""
    return asyncio.run(_sent(loaded, call, url, key, say))


async def _sent(loaded: Loaded, call: Call, url: str, key: str, say: Callable[[str], None] | None) -> Sent:
    key = key or os.environ.get(call.call.key.variable, "")
    try:
        async with _gateway(loaded, url) as (place, through):
            if say is None:
                status, body = await asyncio.to_thread(answer_of, place, call, key)
                return Sent(_answer(status, body), [])
            told = await asyncio.to_thread(stream_of, place, call.streamed(), say, key)
    except ConfigError as error:
        raise SendError(*error.findings) from None
    except OSError as error:
        raise SendError(f"{url or 'the gateway'} does not answer: {error}") from None
    if told.status != 200:
        raise SendError(refusal(told.status, told.error.encode()))
    if told.error:
        raise SendError(f"the answer failed: {told.error}")
    return Sent(None, [_facts(told, through)])


@asynccontextmanager
async def _gateway(loaded: Loaded, url: str) -> AsyncIterator[tuple[str, str]]:
    """The address of a gateway, and how it is called."""
    if url:
        place = url if "://" in url else f"http://{url}"
        yield place.removesuffix("/").removesuffix("/v1"), place
        return
    host, port = parse_listen(loaded.config.listen)
    running = await asyncio.to_thread(aigw_at, host, port) if port else ""
    if running:
        place = base_url({"0.0.0.0": LOCAL, "::": "::1"}.get(host, host), port)  # noqa: S104
        yield place, f"the gateway at {place}"
        return
    alone = replace(loaded, config=msgspec.structs.replace(loaded.config, listen=f"{LOCAL}:0"))
    books = Books(loaded.state_dir, shared=loaded.config.usage)
    async with run(alone, upstream_for(os.environ), books=books) as own:
        yield own.url, f"a gateway of its own, because none runs at {loaded.config.listen}"


def _facts(told: Told, through: str) -> str:
    prompt, made = told.tokens.prompt, told.tokens.output
    tokens = f"{'?' if prompt is None else count(prompt)} tokens in, {'?' if made is None else count(made)} out"
    return f"{told.model or '?'}: {tokens}; through {through}"


def _answer(status: int, body: bytes) -> Any:
    if status != 200:
        raise SendError(refusal(status, body))
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise SendError("the answer is no JSON") from None
