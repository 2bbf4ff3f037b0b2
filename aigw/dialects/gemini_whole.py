"""Converts an answer of Gemini from a stream of objects into one object, and back. Sans-io.

Rule: nothing is lost. In each candidate, neighbouring texts are joined into one part, and so are neighbouring thoughts.
Empty ones are dropped. A part with anything else (a signature, a call) is kept, because a signature belongs to the part
with which it came. Citations and log probabilities are joined; of all other fields the last value wins. So
`whole(pieces(body))` is the body with its texts joined in this way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from aigw.dialects.reader import Json

_JOINED = frozenset(("citationMetadata", "logprobsResult"))
"""Objects whose lists have only the new elements in each event."""
_HEAD = ("modelVersion", "responseId", "createTime")
"""The fields that every event of a stream repeats."""


def whole(objects: Iterable[Json]) -> Json:
    """Returns the plain answer with the same content as the objects of a stream. Raises ValueError if there is none."""
    body: Json = {}
    candidates: dict[int, Json] = {}
    for each in objects:
        for name, value in each.items():
            if name == "candidates":
                for index, candidate in _numbered(value):
                    _add(candidates.setdefault(index, {}), candidate)
            elif name == "usageMetadata" and _is_object(value) and _is_object(body.get(name)):
                body[name] = {**body[name], **value}
            elif value is not None:
                body[name] = value
    if "error" in body or not (candidates or "promptFeedback" in body):
        raise ValueError("a stream without candidates")
    if not candidates:
        return body
    return {"candidates": [candidates[index] for index in sorted(candidates)], **body}


def pieces(body: Json) -> Iterator[Json]:
    """Yields the objects of a stream with the same content as the body, one for each part. Raises ValueError if the
    body is not an answer."""
    if "error" in body or not isinstance(body.get("candidates", []), list):
        raise ValueError("a body without candidates")
    if not ("candidates" in body or "promptFeedback" in body):
        raise ValueError("a body without candidates")
    events = [piece for index, each in _numbered(body.get("candidates")) for piece in _events(index, each)]
    head = {name: body[name] for name in _HEAD if name in body}
    rest = {name: value for name, value in body.items() if name != "candidates"}
    for candidate in events[:-1]:
        yield {"candidates": [candidate], **head}
    yield {"candidates": events[-1:], **rest} if events else rest


def _numbered(candidates: Any) -> Iterator[tuple[int, Json]]:
    """Yields the candidates with their numbers. Raises ValueError if they are not candidates."""
    if not isinstance(candidates, list | None) or not all(isinstance(each, dict) for each in candidates or ()):
        raise ValueError("these are no candidates of an answer")
    for position, candidate in enumerate(candidates or ()):
        index = candidate.get("index", position)
        if type(index) is not int:
            raise ValueError("a candidate whose index is no number")
        yield index, candidate


def _parts(content: Json) -> list[Json]:
    """Returns the parts of a content. Raises ValueError if they are not parts."""
    parts = content.get("parts")
    if not isinstance(parts, list | None) or not all(isinstance(part, dict) for part in parts or ()):
        raise ValueError("a candidate whose parts are no objects")
    return parts or []


def _content(candidate: Json) -> Json | None:
    """Returns the content of a candidate, None if it has none. Raises ValueError if it is not a content."""
    content = candidate.get("content")
    if not isinstance(content, dict | None):
        raise ValueError("a candidate whose content is no object")
    return content


def _events(index: int, candidate: Json) -> list[Json]:
    """Returns the events of a candidate. The last one also has the reason why it ended."""
    content = _content(candidate) or {}
    parts = _parts(content)
    numbered = {"index": index} if index or "index" in candidate else {}
    if len(parts) < 2:
        return [{**candidate, **numbered}]
    first = [{"content": {**content, "parts": [part]}, **numbered} for part in parts[:-1]]
    return [*first, {**candidate, "content": {**content, "parts": parts[-1:]}, **numbered}]


def _add(candidate: Json, piece: Json) -> None:
    for name, value in piece.items():
        have = candidate.get(name)
        if name == "content":
            _add_content(candidate, piece)
        elif isinstance(have, dict) and isinstance(value, dict):
            candidate[name] = {**have, **(_longer(have, value) if name in _JOINED else value)}
        elif value is not None or name not in candidate:
            candidate[name] = value


def _add_content(candidate: Json, piece: Json) -> None:
    content = _content(piece)
    if content is None:
        candidate.setdefault("content", None)
        return
    have = candidate.get("content") or {}
    made: Json = {**have, **content}
    if "parts" in made:
        made["parts"] = _joined([*(have.get("parts") or ()), *_parts(content)])
    candidate["content"] = made


def _joined(parts: list[Json]) -> list[Json]:
    made: list[Json] = []
    for part in parts:
        if made and _plain(part) and _plain(made[-1]) and _thinks(part) == _thinks(made[-1]):
            made[-1] = {**made[-1], "text": made[-1]["text"] + part["text"]}
        elif not _plain(part) or part["text"]:
            made.append(part)
    return made


def _plain(part: Json) -> bool:
    """Whether the part is only a text or a thought, and has no other field."""
    return isinstance(part.get("text"), str) and part.keys() <= {"text", "thought"}


def _thinks(part: Json) -> bool:
    return part.get("thought") is True


def _longer(have: Json, more: Json) -> Json:
    """Returns the fields of `more`, with their lists appended to those of `have`."""
    return {
        name: have[name] + value if isinstance(value, list) and isinstance(have.get(name), list) else value
        for name, value in more.items()
    }


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)
