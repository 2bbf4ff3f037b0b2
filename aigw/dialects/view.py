"""What the views of requests of all dialects have in common: a request is looked at as it stands at that moment.

Rule: of a field that is missing, malformed or of another type the view says what stands for "not said"; it is for the
provider to say what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from aigw.core.dialect import TextPlace, Tool, Turn
from aigw.core.document import Document
from aigw.core.model import Request
from aigw.higress.values import truthy

LARGEST = 10_000_000
"""A client's number of tokens or choices is not taken for more."""


class RequestView:
    """A `core.dialect.Asked` without the conversation, which the dialects have in different places."""

    PROMPTS: ClassVar[tuple[str, ...]] = ()
    """The fields in which the prompt may stand; the first that is there counts."""
    LIMITS: ClassVar[tuple[str, ...]] = ("max_tokens",)
    """The fields that say how many tokens an answer may have; the first that is there counts."""
    IMMATERIAL: ClassVar[tuple[str, ...]] = (
        "stream", "stream_options", "user", "metadata", "safety_identifier", "prompt_cache_key",
        "prompt_cache_retention", "store",
    )  # fmt: skip
    """Fields that cannot change an answer."""
    STATEFUL: ClassVar[tuple[str, ...]] = ("store", "previous_response_id", "conversation", "background")
    """Fields by which a request refers to what the provider keeps, or lets it keep something."""

    __slots__ = ("_request", "api")

    def __init__(self, request: Request, api: str) -> None:
        self._request = request
        self.api = api

    @property
    def document(self) -> Document | None:
        """The body, None where it is no JSON object."""
        request = self._request
        if request.parsed is None:
            request.parse()
        return request.parsed

    def get(self, name: str) -> Any:
        """The decoded value of a field, None where there is none that can be read."""
        document = self._request.parsed or self.document
        try:
            return None if document is None else document.get(name)
        except ValueError:
            return None

    @property
    def model(self) -> str:
        return text_of(self.get("model"))

    @property
    def stream(self) -> bool:
        return truthy(self.get("stream"))

    @property
    def max_tokens(self) -> int:
        document = self.document
        for name in self.LIMITS if document is not None else ():
            if document is not None and name in document:
                return natural(self.get(name))
        return 0

    @property
    def generates(self) -> bool:
        return True

    @property
    def metered(self) -> bool:
        return True

    @property
    def wants_usage(self) -> bool:
        return True

    @property
    def choices(self) -> int:
        return 1

    @property
    def tools(self) -> Sequence[Tool]:
        return ()

    @property
    def tool_choice(self) -> str:
        return ""

    @property
    def turns(self) -> Sequence[Turn]:
        return ()

    @property
    def question(self) -> str:
        return next((turn.text for turn in reversed(self.turns) if turn.role == "user" and not turn.results), "")

    @property
    def places(self) -> Sequence[TextPlace]:
        return ()

    @property
    def size(self) -> int:
        if self._prompt is None:
            return 0
        if not self.media:
            return len(self._request.body)
        return sum(len(text) for text in _texts([self.get(name) for name in self.PROMPTS]))

    @property
    def media(self) -> int:
        return 0 if self._prompt is None else self._request.body.count(b"base64")

    @property
    def _prompt(self) -> str | None:
        """The field that holds the prompt."""
        document = self.document
        return None if document is None else next((name for name in self.PROMPTS if name in document), None)

    @property
    def unrepeatable(self) -> str:
        for name in self.STATEFUL:
            if self.get(name):
                return name
        return "" if isinstance(self.get("stream"), bool | None) else "stream"

    def material(self) -> dict[str, Any]:
        document = self._request.document
        return {name: document.get(name) for name in document.names() if name not in self.IMMATERIAL}


class PromptView(RequestView):
    """A view of an API without turns: one field, the first of PROMPTS, is a text, a list of texts, or tokens."""

    @property
    def turns(self) -> Sequence[Turn]:
        return [Turn("", (place.text,)) for place in self.places]

    @property
    def question(self) -> str:
        turns = self.turns
        return turns[-1].text if turns else ""

    @property
    def places(self) -> Sequence[TextPlace]:
        name = self.PROMPTS[0]
        given = self.get(name)
        if isinstance(given, str):
            return [TextPlace((name,), given, "")]
        texts = enumerate(given if isinstance(given, list) else ())
        return [TextPlace((name, index), text, "") for index, text in texts if isinstance(text, str)]


def text_of(value: Any) -> str:
    """The text, "" for anything else."""
    return value if isinstance(value, str) else ""


def natural(value: Any) -> int:
    """A positive whole number up to LARGEST, 0 for anything else."""
    return min(value, LARGEST) if type(value) is int and value > 0 else 0


def index_of(value: dict[str, Any], position: int) -> int:
    """The index that an element of a list says it has, otherwise its position."""
    index = value.get("index")
    return index if isinstance(index, int) else position


def rows_of(value: Any) -> list[dict[str, Any]]:
    """The objects of a list, none for anything else."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _texts(value: Any) -> Iterator[str]:
    """The texts of a prompt, without what is text only to be sent: a data URL, base64."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += [value.get("content"), value.get("text"), value.get("parts"), value.get("input")]
        elif isinstance(value, str) and not value.startswith("data:"):
            yield value
