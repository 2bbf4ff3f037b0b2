"""A request for vectors in one format at a provider that has another, and its answer back again. It has what a
`translation.translation.Translation` has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Never

from aigw.core.dialect import Asked
from aigw.core.errors import GatewayError
from aigw.core.model import Request
from aigw.dialects import apis
from aigw.dialects.json_values import encoded, object_of
from aigw.dialects.table import dialect_of
from aigw.translation.embeddings.gemini_client import answer_of, request_of
from aigw.translation.notes import Notes
from aigw.translation.rules import Rules
from aigw.translation.vendor_request import request_for

TARGETS = {apis.EMBED_CONTENT: apis.EMBEDDINGS, apis.BATCH_EMBED_CONTENTS: apis.EMBEDDINGS}
"""The API of a client -> the one of a provider."""
_TAKE_PURPOSES = ("builtin", "vertex")


class EmbeddingsTranslation:
    """One request to one provider. Raises GatewayError for a request that would get wrong vectors."""

    def __init__(self, source: Request, asked: Asked, api: str, rules: Rules) -> None:
        self.api = TARGETS[api]
        self.dialect = dialect_of(self.api)
        self._batch = api == apis.BATCH_EMBED_CONTENTS
        self._notes = Notes()
        try:
            body = object_of(source.document.encode())
        except ValueError as error:
            raise GatewayError(400, f"the request body cannot be used: {error}", code="invalid_body") from None
        purposes = rules.maker in _TAKE_PURPOSES
        made = request_of(body, batch=self._batch, model=asked.model, purposes=purposes, notes=self._notes)
        self._count = len(made["input"])
        self.request = request_for(source, apis.PATHS[self.api], "", made)
        self.asked = self.dialect.asked(self.request, self.api)

    @property
    def lost(self) -> list[str]:
        return self._notes.lost

    def decoder(self, error_event: Callable[[GatewayError], bytes]) -> Never:
        raise ValueError("vectors are not streamed")

    def whole(self, body: bytes) -> bytes:
        """Returns the answer in the client's format. Raises ValueError if the body is no such answer."""
        return encoded(answer_of(body, batch=self._batch, count=self._count))
