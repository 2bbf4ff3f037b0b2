"""Reads the path of a client's request: its plain form and its API. All spellings of a path are one path here: escapes,
doubled slashes and one at the end, dot segments, parameters (`;x`), blanks at the end of a segment, capitals in the
words of an API, and a version that the client's base URL does not have.

Rule: a path that can be read in several ways is refused. Routes and plugins compare the plain form, which is also sent.
Parts that only name something (an id, a model) keep their meaning, and are always escaped in the same way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote

from aigw.dialects import apis


class Place(NamedTuple):
    """A path in its plain form. `api` is "" if it belongs to no API. `given` is the plain path without the version that
    was added, "" if none was added."""

    path: str
    api: str
    given: str = ""


class _Step(NamedTuple):
    """A segment: what servers compare, and the escaped text."""

    word: str
    text: str


_KEPT = "!$&'()*+,;=:@~"
"""The characters that need not be escaped in a segment (RFC 3986 3.3)."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_VERSION = re.compile(r"v\d+(alpha|beta)?\d*")
_DOTS = (".", "..")
_ORDINARY = re.compile(r"[\w-][\w.~:@-]*", re.ASCII)
"""Matches segments that have only one spelling."""
_ROUNDS = 4
"""A path that is still escaped after it has been decoded this many times is refused."""

_FIXED = {tuple(path.split("/")[2:]): api for api, path in {**apis.PATHS, **apis.OWN_PATHS}.items() if "{" not in path}
_SHAPED = [(path.split("/")[2:], api) for api, path in apis.PATHS.items() if "{" in path]
_BEGINNINGS = {tuple(path.split("/")[2:-1]): api for api, path in apis.OWN_PATHS.items() if path.endswith("/{rest}")}
_VERBS = {verb.lower(): (verb, api) for verb, api in apis.VERBS.items()}
_PLAIN = {path: Place(path, api) for path, api in (("/v1/" + "/".join(words), api) for words, api in _FIXED.items())}
_ARKS = frozenset((apis.CHAT, apis.EMBEDDINGS, apis.RESPONSES, apis.IMAGE_GENERATION))
_BASES: dict[tuple[str, ...], frozenset[str]] = {
    ("api", "coding", "paas", "v4"): frozenset(apis.PATHS), ("api", "paas", "v4"): frozenset(apis.PATHS),
    ("v1beta", "openai"): frozenset((*apis.PATHS, apis.RETRIEVE_MODEL)), ("api", "v3"): _ARKS,
}  # fmt: skip
"""What stands in the place of /v1 in the base URLs that makers' SDKs for OpenAI's APIs have, and which APIs: Zhipu's,
Google's compatible endpoint, and Ark's, where other words may belong to any web site."""
_MOST = 24
"""How many segments at the end of a path may belong to an API. An id may have slashes."""


def read(path: str) -> Place:
    """Raises ValueError for a path that servers read in several ways: with control characters, or with dots that hide
    in an escaped slash."""
    return _PLAIN.get(path) or (_read_short(path) if len(path) <= 200 else _read(path))


def _read(path: str) -> Place:
    if path == "*":
        return Place(path, "")
    steps = _steps(path)
    found = _find(steps) or _find(_split(steps))
    if found is not None:
        return found
    end = "/" if steps and path.endswith("/") else ""
    return Place(f"/{'/'.join(step.text for step in steps)}{end}", "")


_read_short = lru_cache(maxsize=512)(_read)


def _steps(path: str) -> list[_Step]:
    kept: list[_Step] = []
    for piece in path.partition("#")[0].replace("\\", "/").split("/"):
        if _ORDINARY.fullmatch(piece):
            kept.append(_Step(piece.lower(), piece))
            continue
        text = unquote(piece, errors="surrogateescape")
        name = text.partition(";")[0].strip()
        if _CONTROL.search(text) or _hides_dots(text):
            raise ValueError("has a control character, or dots in an escape")
        if name == "..":
            del kept[-1:]
        elif name not in ("", "."):
            kept.append(_Step(name.lower(), quote(text, safe=_KEPT, errors="surrogateescape")))
    return kept


def _hides_dots(text: str) -> bool:
    """Whether a segment has dot segments for a server that takes an escaped slash as a slash, or decodes twice."""
    if "%" not in text and "/" not in text and "\\" not in text:
        return False
    for _ in range(_ROUNDS):
        before, text = text, unquote(text)
        if text == before:
            break
    else:
        return True
    parts = re.split(r"[/\\]", text)
    return len(parts) > 1 and any(part.partition(";")[0].strip() in _DOTS for part in parts)


def _split(steps: Sequence[_Step]) -> list[_Step]:
    """The segments for a server that takes an escaped slash as a slash."""
    return _steps("/".join(unquote(step.text, errors="surrogateescape") for step in steps))


def _find(steps: Sequence[_Step]) -> Place | None:
    words = [step.word for step in steps]
    if found := _gemini(steps, words) or _deployment(steps, words):
        return found
    for index in range(len(words) - 2, max(len(words) - _MOST, 0) - 1, -1):
        if words[index] == "v1" and (tail := _tail(steps[index + 1 :])):
            return Place(f"{_joined(steps[:index])}/v1{tail[0]}", tail[1])
    tail = _tail(steps)
    return Place(f"/v1{tail[0]}", tail[1], tail[0]) if tail else _of_maker(steps, words)


def _of_maker(steps: Sequence[_Step], words: Sequence[str]) -> Place | None:
    """Recognizes what follows the base URL of another maker as if it followed /v1."""
    for base, known in _BASES.items():
        for index in range(len(words) - len(base)):
            end = index + len(base)
            if tuple(words[index:end]) == base and (tail := _tail(steps[end:])) and tail[1] in known:
                before = _joined(steps[:index])
                return Place(f"{before}/v1{tail[0]}", tail[1], f"{before}/{'/'.join(base)}{tail[0]}")
    return None


def _tail(steps: Sequence[_Step]) -> tuple[str, str] | None:
    """Returns what follows the version, in its plain form, and the API."""
    words = tuple(step.word for step in steps)
    if api := _FIXED.get(words):
        return "".join(f"/{word}" for word in words), api
    for shape, api in _SHAPED:
        if len(shape) == len(words) and all(map(_fits, shape, words)):
            return _shaped(shape, steps), api
    for size in range(min(len(words), 2), 0, -1):
        if api := _BEGINNINGS.get(words[:size]):
            return _shaped(words[:size], steps) + _joined(steps[size:]), api
    return None


def _fits(expected: str, word: str) -> bool:
    return expected.startswith("{") or expected == word


def _shaped(shape: Sequence[str], steps: Sequence[_Step]) -> str:
    return "".join(
        f"/{step.text if expected.startswith('{') else expected}" for expected, step in zip(shape, steps, strict=False)
    )


def _joined(steps: Sequence[_Step]) -> str:
    return "".join(f"/{step.text}" for step in steps)


def _gemini(steps: Sequence[_Step], words: Sequence[str]) -> Place | None:
    """Recognizes /{version}/models, and {model}:{verb} behind it. Without a verb, /v1/models is not Gemini's alone."""
    if "models" not in words:
        return None
    place = len(words) - 1 - words[::-1].index("models")
    version = words[place - 1] if place else "v1beta"
    if not _VERSION.fullmatch(version):
        return None
    before = f"{_joined(steps[: max(place - 1, 0)])}/{version}/models"
    rest = "/".join(unquote(step.text, errors="surrogateescape") for step in steps[place + 1 :])
    model, _, verb = rest.rpartition(":")
    verb, api = _VERBS.get(verb.partition(";")[0].strip().lower(), ("", ""))
    if api and model:
        path = f"{before}/{quote(model, safe='', errors='surrogateescape')}:{verb}"
        return Place(path, api, "" if place else path.removeprefix("/v1beta"))
    if not place or version == "v1" or ":" in rest:
        return None
    return Place(before + _joined(steps[place + 1 :]), apis.GEMINI_MODELS)


def _deployment(steps: Sequence[_Step], words: Sequence[str]) -> Place | None:
    """Recognizes /openai/deployments/{model}/ before what follows the version elsewhere."""
    for index in range(len(words) - 3):
        if words[index : index + 2] == ["openai", "deployments"]:
            tail = tuple(words[index + 3 :])
            if (api := _FIXED.get(tail, "")) in apis.DEPLOYED:
                before = _joined(steps[:index]) + apis.DEPLOYMENTS
                return Place("/".join([before + steps[index + 2].text, *tail]), api)
    return None
