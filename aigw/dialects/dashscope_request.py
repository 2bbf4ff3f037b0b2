"""Reads and edits requests of DashScope's native API.

Rules of the wire: `input` has messages, or a prompt with an optional history, or texts or other media to embed.
`parameters` has everything else, including tools. The fields are those of OpenAI, but one level deeper."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from aigw.core.dialect import Role, Said, TextPlace, Turn, Where
from aigw.core.document import Document
from aigw.dialects.dashscope_writer import Form
from aigw.dialects.json_edit import place_of
from aigw.dialects.json_values import encoded
from aigw.dialects.openai_chat import ChatView, content_places
from aigw.dialects.openai_chat_request import messages_of, set_messages
from aigw.dialects.view import natural, rows_of
from aigw.higress.values import truthy


class DashScopeView(ChatView):
    PROMPTS = ("input",)

    def get(self, name: str) -> Any:
        """Returns a field of the request, of `input` or of `parameters`. No two of them have the same name."""
        if name in ("model", "input", "parameters"):
            return super().get(name)
        places = (super().get("input"), super().get("parameters"))
        return next((place[name] for place in places if isinstance(place, dict) and name in place), None)

    @property
    def stream(self) -> bool:
        headers = self._request.headers
        asks = headers.get("x-dashscope-sse", "").lower() == "enable"
        return asks or "text/event-stream" in headers.get("accept", "")

    @property
    def incremental(self) -> bool:
        """Whether each event of the stream shall have only the new text."""
        return truthy(self.get("incremental_output"))

    @property
    def form(self) -> Form:
        """The form in which the client expects the texts of the answer."""
        contents = [message.get("content") for message in rows_of(self.get("messages"))]
        if any(isinstance(content, list) for content in contents):
            return "parts"
        return "message" if self.get("result_format") == "message" else "text"

    @property
    def generates(self) -> bool:
        return self.get("texts") is None and self.get("contents") is None

    @property
    def wants_usage(self) -> bool:
        return True

    @property
    def max_tokens(self) -> int:
        return natural(self.get("max_tokens"))

    @property
    def turns(self) -> Sequence[Turn]:
        return [*super().turns, *(Turn(place.role, (place.text,)) for place in self._prompts())]

    @property
    def question(self) -> str:
        prompts = [place.text for place in self._prompts() if not place.role]
        return prompts[-1] if prompts else super().question

    @property
    def places(self) -> Sequence[TextPlace]:
        return [*(place._replace(path=("input", *place.path)) for place in super().places), *self._prompts()]

    def _prompts(self) -> Iterator[TextPlace]:
        """Yields the texts outside of messages."""
        for index, turn in enumerate(rows_of(self.get("history"))):
            said: tuple[tuple[str, Role], ...] = (("user", "user"), ("bot", "assistant"))
            for name, role in said:
                yield from content_places(("input", "history", index, name), turn.get(name), role)
        if isinstance(prompt := self.get("prompt"), str):
            yield TextPlace(("input", "prompt"), prompt, "")
        texts = self.get("texts")
        for index, text in enumerate(texts if isinstance(texts, list) else ()):
            if isinstance(text, str):
                yield TextPlace(("input", "texts", index), text, "")
        yield from content_places(("input", "texts"), texts if isinstance(texts, str) else None, "")
        contents = self.get("contents")
        yield from content_places(("input", "contents"), contents if isinstance(contents, list) else None, "")

    @property
    def size(self) -> int:
        return sum(len(place.text) for place in self.places) if self.media else super().size


def insert(document: Document, turns: Iterable[tuple[Said, str]], where: Where) -> None:
    """Inserts texts as messages, or before or after a prompt with a blank line between. Raises ValueError if there are
    neither messages nor a prompt."""
    given = Document(document.raw("input") or b"{}")
    if "messages" in given:
        _insert_messages(given, turns, where)
    else:
        prompt, texts = given.get("prompt"), [text for _, text in turns]
        if not isinstance(prompt, str):
            raise ValueError("input: there are neither messages nor a prompt")
        given.set("prompt", "\n\n".join([prompt, *texts] if where == "behind" else [*texts, prompt]))
    document.set("input", msgspec.Raw(given.encode()))


def _insert_messages(given: Document, turns: Iterable[tuple[Said, str]], where: Where) -> None:
    messages = messages_of(given)
    place = place_of(where, [message.get("role") for message in messages])
    parts = any(isinstance(message.get("content"), list) for message in messages)
    added = [Document(encoded({"role": role, "content": [{"text": text}] if parts else text})) for role, text in turns]
    set_messages(given, [*messages[:place], *added, *messages[place:]])
