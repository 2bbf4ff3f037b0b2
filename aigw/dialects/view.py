"""The common parts of the views of requests of all dialects. A view always reads the current state of the request.

Rule: a missing or malformed field reads as if the client had left it out. The provider will report the error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, TypeVar
from urllib.parse import unquote

from aigw.core.dialect import TextPlace, Tool, Turn
from aigw.core.document import Document
from aigw.core.large_json import occurrences
from aigw.core.model import Request
from aigw.dialects import apis
from aigw.dialects.images import images_in
from aigw.dialects.request_texts import other_texts
from aigw.higress.template import TEMPLATE
from aigw.higress.values import truthy

Json = dict[str, Any]
_T = TypeVar("_T")

LARGEST = 10_000_000
"""Larger numbers of tokens or choices in a request are replaced by this one."""


class RequestView:
    """A `core.dialect.Asked`, except for the conversation, which subclasses read."""

    PROMPTS: ClassVar[tuple[str, ...]] = ()
    """The fields that may have the prompt. The first one that is present counts."""
    LIMITS: ClassVar[tuple[str, ...]] = ("max_tokens",)
    """The fields that limit the tokens of an answer. The first one that is present counts."""
    IMMATERIAL: ClassVar[tuple[str, ...]] = (
        "stream", "stream_options", "user", "metadata", "safety_identifier", "prompt_cache_key",
        "prompt_cache_retention", "store",
    )  # fmt: skip
    """The fields that cannot change an answer."""
    STATEFUL: ClassVar[tuple[str, ...]] = ("store", "previous_response_id", "conversation", "background")
    """The fields with which a request refers to data that the provider keeps, or makes it keep data."""

    array: bool = False
    metered: bool = True

    __slots__ = ("_request", "api")

    def __init__(self, request: Request, api: str) -> None:
        self._request = request
        self.api = api

    @property
    def document(self) -> Document | None:
        """The body, None if it is not a JSON object."""
        request = self._request
        if request.parsed is None:
            request.parse()
        return request.parsed

    def get(self, name: str) -> Any:
        """Returns the decoded value of a field, None if it is missing or cannot be decoded."""
        document = self._request.parsed or self.document
        try:
            return None if document is None else document.get(name)
        except ValueError:
            return None

    def objects(self, name: str, make: Callable[[Json], _T], before: Sequence[_T] = ()) -> Sequence[_T]:
        """Returns what `make` makes of each object in an array, with `before` in front of it."""
        document = self._request.parsed or self.document
        if document is not None and (large := document.objects(name, make, before)) is not None:
            return large
        return [*before, *map(make, rows_of(self.get(name)))]

    @property
    def model(self) -> str:
        """The one in the path, as Azure and Gemini have it, else the one in the body."""
        named = apis.model_of(self._request.path)
        if named:
            return unquote(named)
        model = self.get("model")
        return model if isinstance(model, str) else ""

    @property
    def stream(self) -> bool:
        asked = self.get("stream")
        return asked is not None and truthy(asked)

    @property
    def max_tokens(self) -> int:
        name = self._first_of(self.LIMITS)
        return 0 if name is None else natural(self.get(name))

    @property
    def generates(self) -> bool:
        return True

    @property
    def wants_usage(self) -> bool:
        return True

    @property
    def session(self) -> str:
        return ""

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

    def other_places(self, places: Sequence[TextPlace]) -> Sequence[TextPlace]:
        document = self.document
        names = [] if document is None else [name for name in document.names() if name not in self.IMMATERIAL]
        known = {place.path for place in places}
        return list(other_texts(((name, RequestView.get(self, name)) for name in names), known))

    @property
    def images(self) -> Sequence[str]:
        return list(images_in([self.get(name) for name in self.PROMPTS]))

    @property
    def size(self) -> int:
        if self._prompt is None:
            return 0
        if not self.media:
            return len(self._request.body)
        return sum(len(text) for text in texts_in([self.get(name) for name in self.PROMPTS]))

    @property
    def media(self) -> int:
        return 0 if self._prompt is None else occurrences(self._request.body, b"base64")

    @property
    def _prompt(self) -> str | None:
        """Returns the name of the field with the prompt, None if there is none. The name of a template counts as a
        prompt, too, because limits apply to such a request."""
        return self._first_of((*self.PROMPTS, TEMPLATE))

    def _first_of(self, names: Sequence[str]) -> str | None:
        document = self._request.parsed or self.document
        return None if document is None else document.first_of(names)

    @property
    def unrepeatable(self) -> str:
        if self._first_of(self.STATEFUL) is not None:
            for name in self.STATEFUL:
                if self.get(name):
                    return name
        return "" if isinstance(self.get("stream"), bool | None) else "stream"

    @property
    def address(self) -> tuple[str, str]:
        return self._request.path, self._request.query

    def material(self) -> dict[str, Any]:
        return self._request.document.all_exact(self.IMMATERIAL)


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
    """Returns the value if it is a text, else ""."""
    return value if isinstance(value, str) else ""


def natural(value: Any) -> int:
    """Returns the value if it is a positive whole number (at most LARGEST), else 0."""
    return min(value, LARGEST) if type(value) is int and value > 0 else 0


def index_of(value: dict[str, Any], position: int) -> int:
    """The index that an element of a list says it has, otherwise its position."""
    index = value.get("index")
    return index if isinstance(index, int) else position


def rows_of(value: Any) -> list[dict[str, Any]]:
    """Returns the objects in a list, an empty list if the value is not a list."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def texts_in(value: Any) -> Iterator[str]:
    """Yields the texts of a prompt, without data URLs and base64."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += [value.get("content"), value.get("text"), value.get("parts"), value.get("input")]
        elif isinstance(value, str) and not value.startswith("data:"):
            yield value
