"""Remembers which of the fields that the gateway adds to requests a provider refuses, by model.

Rule: a field that the gateway adds for its own books never makes a request fail. Fields of the client or the
configuration are never taken out."""

from __future__ import annotations

import logging
import re

from msgspec import Raw

from aigw.core.document import Document
from aigw.dialects.openai_chat_request import ADDED
from aigw.providers.call import Call
from aigw.providers.provider import Provider

log = logging.getLogger("aigw")

STATUSES = (400, 415, 422, 500, 501)
"""An answer with another status is no refusal of a field, so its text is not read."""
MOST_MODELS = 1024
"""How many models are remembered, because clients can make names up."""


class Refusals:
    """The refused fields of one provider. `name` is that of the provider, for the log."""

    def __init__(self, name: str, row: Provider) -> None:
        self._name = name
        self._row = row
        self.by_model: dict[str, set[str]] = {}
        """The refused fields, by model."""

    def undo(self, document: Document, model: str, given: Document) -> None:
        """Gives the fields that are refused for this model back the values that the client `given` them."""
        for name in self.by_model.get(model, ()):
            if (value := given.raw(name)) is None:
                document.drop(name)
            else:
                document.set(name, Raw(value))

    def added(self, call: Call, given: Document) -> list[str]:
        """Returns the fields that the gateway has added to this call."""
        if self._row.dialect != "openai":
            return []
        sent = call.request.document
        names = (*ADDED, *self._row.defaults.get(call.api or "", ()))
        return [name for name in names if name in sent and sent.raw(name) != given.raw(name)]

    def learn(self, call: Call, added: list[str], said: str) -> list[str]:
        """Remembers and returns those of the `added` fields that the provider's error names."""
        letters = _letters(said)
        found = [name for name in added if any(text in letters for text in ADDED.get(name, (_letters(name),)))]
        if found:
            if len(self.by_model) >= MOST_MODELS:
                self.by_model.clear()
            self.by_model.setdefault(call.model, set()).update(found)
        return found

    def confirm(self, call: Call, found: list[str], *, works: bool) -> None:
        """Call it with the fields that `learn` returned, when the call was repeated. If it does not work without them
        either, they were not the reason."""
        if works:
            said = "the provider '%s' refuses %s for %s: asked again without, as from now on"
            log.warning(said, self._name, ", ".join(found), call.model or "any model")
        else:
            self.by_model.get(call.model, set()).difference_update(found)


def _letters(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower())
