"""A request of Anthropic's clients for a provider that knows only chat completions, and its answer back again, as
Higress does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from aigw.core.dialect import Asked, Dialect
from aigw.core.errors import GatewayError
from aigw.core.model import Request
from aigw.dialects import apis
from aigw.dialects.json_values import encoded, object_of
from aigw.dialects.table import dialect_of
from aigw.higress.fields import mapping, whole
from aigw.higress.go_json import filled
from aigw.translation.higress.messages_answer import MessageStream, message_of
from aigw.translation.higress.messages_request import read_request


class Taken(NamedTuple):
    """What the provider takes: the reasoning of earlier turns, a question for the usage of a stream, whether to think
    (which it does unless it is told), and a budget for that."""

    reasoning: bool = False
    usage: bool = True
    switch: bool = False
    budget: bool = False


class HigressTranslation:
    """One request to one provider. `request` is what the provider gets, before its own edits; `asked` is a view of it,
    `dialect` and `api` are its format. Raises ValueError for a request that cannot be translated."""

    api = apis.CHAT

    def __init__(self, source: Request, taken: Taken) -> None:
        body = object_of(source.document.encode())
        read = read_request(body, keeps_reasoning=taken.reasoning, asks_for_usage=taken.usage)
        if taken.switch and "reasoning_effort" not in read:
            read["thinking"] = {"type": "disabled"}
        if taken.budget and "reasoning_effort" in read:
            read |= filled({"reasoning_max_tokens": whole(mapping(body, "thinking") or {}, "budget_tokens")})
        path = source.path.replace(apis.PATHS[apis.MESSAGES], apis.PATHS[apis.CHAT], 1)
        self.request = Request("POST", path, "", source.headers, encoded(read))
        self.dialect: Dialect = dialect_of(self.api)
        self.asked: Asked = self.dialect.asked(self.request, self.api)

    @property
    def lost(self) -> list[str]:
        """Returns nothing, because Higress does not say what it loses."""
        return []

    def decoder(self, error_event: Callable[[GatewayError], bytes]) -> MessageStream:
        """Returns what translates the events of a stream. `error_event` makes the client's event of an error."""
        return MessageStream(error_event)

    def whole(self, body: bytes) -> bytes:
        """Returns a plain answer in the client's format. Raises ValueError if the body is no answer."""
        return encoded(message_of(object_of(body)))
