"""DashScope's native API for texts, as Higress's plugins call it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from aigw.clients.callout import Callout, CalloutError, StatusError
from aigw.core.dialect import Said

GENERATE_PATH = "/api/v1/services/aigc/text-generation/generation"


class Generated(NamedTuple):
    """An answer of the service. `finish` is "stop", "length", ..., "" if the service does not say it."""

    text: str
    finish: str = ""


class DashScopeText:
    """Asks a model for a text."""

    def __init__(self, callout: Callout, key: str, model: str) -> None:
        self._callout = callout
        self._headers = {"authorization": f"Bearer {key}"}
        self._model = model

    async def generate(self, turns: Sequence[tuple[Said, str]]) -> Generated:
        """Raises CalloutError."""
        body = {
            "model": self._model,
            "input": {"messages": [{"role": role, "content": text} for role, text in turns]},
        }
        try:
            return generated(await self._callout.post(GENERATE_PATH, self._headers, body))
        except StatusError as error:
            raise CalloutError(f"{error}{_reason(error.said)}" if self._callout.local else str(error)) from None


def generated(answer: Any) -> Generated:
    """Raises CalloutError if there is no text in it."""
    try:
        text, finish = answer["output"]["text"], answer["output"].get("finish_reason")
    except (AttributeError, TypeError, LookupError):
        text = finish = None
    if not isinstance(text, str) or not text:
        raise CalloutError("the answer has no text")
    return Generated(text, finish if isinstance(finish, str) and finish != "null" else "")


def _reason(body: bytes) -> str:
    """Why the stand-in does not answer. A service may quote a key there, so that it is not shown."""
    try:
        said = msgspec.json.decode(body, type=dict[str, str]).get("message", "")
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = ""
    return f": {said}" if said else ""
