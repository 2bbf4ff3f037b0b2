"""Sends a filled template through the gateway that runs with a configuration or, if none runs, through one that is
started for it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec

from aigw.books.books import Books
from aigw.cli.sources.address_probe import aigw_at
from aigw.cli.sources.completed_names import in_source
from aigw.cli.sources.gateway_client import (
    AnswerSummary,
    UnreadableAnswerError,
    answer_of,
    configuration_of,
    place_of,
    refusal,
    stream_of,
)
from aigw.cli.sources.templates import TemplateCall
from aigw.cli.terminal.figures import count
from aigw.config.load import Loaded
from aigw.config.services import parse_listen
from aigw.core.errors import ConfigError
from aigw.server.gateway import base_url, run
from aigw.upstream.proxied import upstream_for

LOCAL = "127.0.0.1"
Say = Callable[[str], None]


class SendError(Exception):
    """`lines` say what went wrong."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Says of what fails on the way to a gateway that it is the gateway that does not answer. Raises SendError."""
    try:
        yield
    except BrokenPipeError:
        raise SendError(f"the gateway at {url} broke off") from None
    except UnreadableAnswerError as error:
        raise SendError(f"the gateway at {url} answered, but {error}") from None
    except OSError as error:
        raise SendError(f"the gateway at {url} does not answer: {error}") from None


class SentTemplate(NamedTuple):
    """The answer to a template that was sent. `answer` is the whole answer as JSON, if nobody read it piece by piece.
    `facts` are lines about it."""

    answer: Any
    facts: list[str]


def sent(loaded: Loaded, call: TemplateCall, *, url: str, key: str, say: Say | None) -> SentTemplate:
    """Passes the text of the answer to `say` as it is written; without it, reads the whole answer. Raises SendError."""
    key = key or os.environ.get(call.call.key.variable, "")
    place = place_of(url) if url else running(loaded, call)
    try:
        if place:
            return _read(place, f"the gateway at {place}", call, key, say)
        return asyncio.run(_alone(loaded, call, key, say))
    except ConfigError as error:
        raise SendError(*error.findings) from None
    except OSError as error:
        raise SendError(f"{place or 'the gateway'} does not answer: {error}") from None


def running(loaded: Loaded, call: TemplateCall) -> str:
    """The address of the gateway that runs with this configuration, "" if none does. One at its address that does not
    have the template was started with another."""
    host, port = parse_listen(loaded.config.listen)
    if not port or not aigw_at(host, port):
        return ""
    place = base_url({"0.0.0.0": LOCAL, "::": "::1"}.get(host, host), port)  # noqa: S104
    shown = configuration_of(place)
    has = shown is None or any(name == call.template for name, _ in in_source(shown))
    return place if has else ""


async def _alone(loaded: Loaded, call: TemplateCall, key: str, say: Say | None) -> SentTemplate:
    alone = replace(loaded, config=msgspec.structs.replace(loaded.config, listen=f"{LOCAL}:0"))
    books = Books(loaded.state_dir, shared=loaded.config.usage)
    through = f"a gateway of its own, because none with this template runs at {loaded.config.listen}"
    async with run(alone, upstream_for(os.environ), grace=0.0, books=books) as own:
        return await asyncio.to_thread(_read, own.url, through, call, key, say)


def _read(place: str, through: str, call: TemplateCall, key: str, say: Say | None) -> SentTemplate:
    if say is None:
        status, body = answer_of(place, call, key)
        return SentTemplate(_answer(status, body), [])
    told = stream_of(place, call.streamed(), say, key)
    if told.status != 200:
        raise SendError(refusal(told.status, told.error.encode()))
    if told.error:
        raise SendError(f"the answer failed: {told.error}")
    return SentTemplate(None, [_facts(told, through)])


def _facts(told: AnswerSummary, through: str) -> str:
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
