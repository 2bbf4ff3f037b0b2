"""OpenAI, with a model that takes tools at its Responses API only: requests without tools may be chat completions, too."""

from __future__ import annotations

from typing import Any

from stage.upstream import Peer, Received
from stage.vendors import openai_check
from stage.vendors.chat import Chat
from stage.vendors.model import Asked, Plan
from stage.vendors.responses import CHAT, Responses


class _ChatCompletions(Chat):
    name = "OpenAI"

    def check(self, request: Received, body: Any) -> None:
        openai_check.check(body)


class OpenAI(Responses):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._chat = _ChatCompletions(**options)

    def check(self, request: Received, body: Any) -> None:
        if request.target.partition("?")[0] == CHAT:
            self._chat.check(request, body)
        else:
            super().check(request, body)

    def asked(self, body: Any) -> Asked:
        return self._chat.asked(body) if "messages" in body else super().asked(body)

    def whole(self, plan: Plan, body: Any) -> Any:
        return self._chat.whole(plan, body) if "messages" in body else super().whole(plan, body)

    def events(self, plan: Plan, body: Any) -> list[bytes]:
        return self._chat.events(plan, body) if "messages" in body else super().events(plan, body)

    async def fail(self, peer: Peer, body: Any, kind: str) -> None:
        if "messages" in body:
            status, answer = self.failure(kind)
            await self._send(peer, answer, status)
        else:
            await super().fail(peer, body, kind)
