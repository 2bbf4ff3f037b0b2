"""Requests of clients as they were recorded (`tests/dialects/wire`), sent to a gateway."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from stage.answers import answers, streams
from stage.gateway import Gateway
from stage.upstream import Peer

WIRE = Path(__file__).parents[2] / "dialects" / "wire"
_OF_THE_CONNECTION = ("host", "connection", "accept-encoding", "content-length")


def wire(name: str) -> Any:
    return json.loads((WIRE / f"{name}.json").read_text())


def chunks(name: str) -> list[bytes]:
    """The pieces of a stream that the real client took."""
    return [piece.encode() for piece in wire(name)["chunks"]]


async def agents(peer: Peer) -> None:
    """A provider that answers Claude Code, Codex and Gemini's clients with streams that they took, and others with a
    chat."""
    if "/messages" in peer.request.target:
        await streams(*chunks("answer-anthropic-text"))(peer)
    elif "/responses" in peer.request.target:
        await streams(*chunks("answer-responses-text"))(peer)
    elif "GenerateContent" in peer.request.target:
        await streams(*chunks("answer-gemini-text"))(peer)
    else:
        await answers()(peer)


async def send(running: Gateway, name: str, body: Any = None, path: str = "", **headers: str) -> Any:
    """Sends the recorded request, with another body and other headers if they are given. Underscores in their names
    stand for hyphens."""
    recorded = wire(name)
    fields = {key.lower(): value for key, value in recorded["headers"] if key.lower() not in _OF_THE_CONNECTION}
    if recorded["method"] == "GET" and "upgrade" in fields:
        fields["connection"] = "Upgrade"
    fields |= {key.replace("_", "-"): value for key, value in headers.items()}
    body = recorded["body"] if body is None else body
    raw = b"" if body is None else json.dumps(body).encode()
    return await running.request(recorded["method"], path or recorded["path"], raw, **fields)


def changed(name: str, *path: Any, to: Any) -> Any:
    """The recorded body with another value at this path."""
    body = copy.deepcopy(wire(name)["body"])
    inner = body
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = to
    return body
