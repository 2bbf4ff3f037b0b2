"""A provider that speaks one dialect as its vendor does: it checks each request as the vendor would, refuses what is
wrong in the vendor's words and form, and lets a scripted model answer the rest.

`refused` has what it found wrong, so that a test can hold that nothing was. It is a script of a ScriptedUpstream."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec
from stage.upstream import Peer, Received
from stage.vendors.model import Asked, Plan, decide

KEY = "sk-provider"


class RefusedError(Exception):
    """The vendor refuses the request, in these words."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Vendor:
    """`row` are settings of the gateway's provider, `model` is one that the vendor has."""

    name: ClassVar[str]
    host: ClassVar[str]
    row: ClassVar[Mapping[str, Any]]
    model: ClassVar[str]

    def __init__(self, *, gap: float = 0.0) -> None:
        """`gap`: seconds between the events of a stream."""
        self._gap = gap
        self._broken: set[str] = set()
        self._number = itertools.count(1)
        self.refused: list[str] = []
        self.bodies: list[Any] = []
        """Of all requests, as they came."""

    # What a dialect says for itself.

    def path_is_known(self, path: str) -> bool:
        raise NotImplementedError

    def key(self, request: Received) -> str:
        """The key that the request brings, "" for none."""
        return request.headers.get("authorization", "").removeprefix("Bearer ")

    def check(self, request: Received, body: Any) -> None:
        """Raises RefusedError."""
        raise NotImplementedError

    def asked(self, body: Any) -> Asked:
        raise NotImplementedError

    def streams(self, request: Received, body: Any) -> bool:
        return bool(body.get("stream"))

    def whole(self, plan: Plan, body: Any) -> Any:
        """A plain answer."""
        raise NotImplementedError

    def events(self, plan: Plan, body: Any) -> list[bytes]:
        """A streamed answer. A plan that fails late ends with its error."""
        raise NotImplementedError

    def failure(self, kind: str) -> tuple[int, Any]:
        """The status and body with which a request is refused for one of the KINDS."""
        raise NotImplementedError

    def refusal(self, error: RefusedError) -> Any:
        """The body with which a wrong request is refused."""
        raise NotImplementedError

    def other(self, request: Received, path: str, body: Any) -> Any:
        """The answer on paths that ask no model, None for other paths."""
        return None

    # What they have in common.

    def config(self, url: str, **more: Any) -> dict[str, Any]:
        """A gateway's configuration with this vendor at `url` for all models; `more` are more of the provider's settings."""
        settings = {**self.row, "apiTokens": [KEY], "modelMapping": {"*": self.model}, **more}
        return {"services": {self.host: url}, "plugins": {"ai-proxy": {"provider": settings}}}

    def new_id(self, prefix: str) -> str:
        return f"{prefix}{next(self._number):024d}"

    async def __call__(self, peer: Peer) -> None:
        raw = await peer.body()
        body = json.loads(raw) if raw else None
        path = peer.request.target.partition("?")[0]
        try:
            self._check(peer.request, path, body)
        except RefusedError as error:
            self.refused.append(str(error))
            await self._send(peer, self.refusal(error), error.status)
            return
        if (other := self.other(peer.request, path, body)) is not None:
            await self._send(peer, other)
            return
        self.bodies.append(body)
        await self._play(peer, body, decide(self.asked(body), self.name))

    def _check(self, request: Received, path: str, body: Any) -> None:
        if not self.path_is_known(path):
            raise RefusedError(f"Not Found: {request.method} {path}", 404)
        if self.key(request) != KEY:
            raise RefusedError("The key is wrong.", 401)
        if request.method == "POST":
            if not isinstance(body, dict):
                raise RefusedError("The body is no JSON object.")
            self.check(request, body)

    async def _play(self, peer: Peer, body: Any, plan: Plan) -> None:
        if plan.fails and not plan.late:
            await self.fail(peer, body, plan.fails)
        elif plan.breaks and self._breaks(plan, body):
            await self._break_off(peer, body, plan)
        elif self.streams(peer.request, body):
            await self._answer_events(peer, body, plan)
        elif plan.fails:
            await self.fail(peer, body, plan.fails)
        else:
            await self._send(peer, self.whole(plan, body))

    async def _answer_events(self, peer: Peer, body: Any, plan: Plan) -> None:
        await peer.begin(headers=self.stream_headers)
        for event in self.events(plan, body):
            await peer.piece(event)
            if self._gap:
                await asyncio.sleep(self._gap)
        await peer.end()

    stream_headers: ClassVar[dict[str, str]] = {}

    async def fail(self, peer: Peer, body: Any, kind: str) -> None:
        status, answer = self.failure(kind)
        await self._send(peer, answer, status, {"retry-after": "1"} if status == 429 else None)

    def _breaks(self, plan: Plan, body: Any) -> bool:
        prompt = self.asked(body).prompt
        again = prompt in self._broken
        self._broken.add(prompt)
        return not (plan.once and again)

    async def _break_off(self, peer: Peer, body: Any, plan: Plan) -> None:
        """The half of a stream, or nothing of a plain answer, and then the end of the connection."""
        if self.streams(peer.request, body):
            await peer.begin(headers=self.stream_headers)
            events = self.events(plan, body)
            for event in events[: self.kept_of(events)]:
                await peer.piece(event)
        raise ConnectionError  # closes the connection, after what was sent

    def kept_of(self, events: Sequence[bytes]) -> int:
        """How many events come before the end: the middle of a text."""
        return len(events) // 2

    async def _send(self, peer: Peer, answer: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        await peer.answer(json.dumps(answer, ensure_ascii=False).encode(), status, headers)


def fits(body: Any, kind: Any) -> Any:
    """The body as one of its dialect. Raises RefusedError for what does not belong there, with its place."""
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise RefusedError(str(error)) from None


def texts(content: Any) -> str:
    """The text of a content that is a string or parts."""
    if isinstance(content, str) or content is None:
        return content or ""
    return "\n".join(part.get("text", "") for part in content if isinstance(part, dict) and part.get("text"))
