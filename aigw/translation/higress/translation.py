"""A request of Anthropic's clients for a provider that knows only chat completions, and its answer back again, as
Higress does it."""

from __future__ import annotations

from collections.abc import Callable

from aigw.core.dialect import Asked, Dialect
from aigw.core.errors import GatewayError
from aigw.core.model import Request
from aigw.dialects import apis
from aigw.dialects.json_values import encoded, object_of
from aigw.dialects.table import dialect_of
from aigw.translation.higress.messages_answer import MessageStream, message_of
from aigw.translation.higress.messages_request import read_request


class HigressTranslation:
    """One request to one provider. `request` is what the provider gets, before its own edits; `asked` is a view of it,
    `dialect` and `api` are its format. Raises ValueError for a request that cannot be translated."""

    api = apis.CHAT

    def __init__(self, source: Request, *, keeps_reasoning: bool, asks_for_usage: bool) -> None:
        body = object_of(source.document.encode())
        read = read_request(body, keeps_reasoning=keeps_reasoning, asks_for_usage=asks_for_usage)
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
