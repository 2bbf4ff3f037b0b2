"""What a request will probably use, before it is sent: how much of a limit is set aside for it.

Rule: it costs microseconds. A prompt is counted only if it is short, the vocabulary is there, and a few tokens more or
less matter to the limit; any other is taken by its size. An estimate decides how many may go at the same time, never
what is charged."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

from aigw.core.env import Tokens
from aigw.core.model import Request

log = logging.getLogger("aigw")

COUNTED_BYTES = 512
"""Bodies up to this size are counted (20 us), larger ones estimated."""
COUNTED_SHARE = 100
"""A prompt that is less than such a part of the limit is estimated as well."""
BYTES_PER_TOKEN = 4
TOKENS_PER_MEDIUM = 1000
"""An image, a sound or a file that stands in a request as base64."""
FIRST_OUTPUT = 1024
"""What a call without `max_tokens` is thought to make before any has been seen."""
FORGETTING = 0.75
"""By how much that falls with every call that made less, so that a burst after a few short answers is not held up."""
LARGEST = 10_000_000

_PROMPTS = ("messages", "prompt", "input", "contents")
_MOST = ("max_completion_tokens", "max_tokens", "max_output_tokens")


class Estimate(NamedTuple):
    """Tokens. `bounded`: the client itself said how many may come back (of each of its choices)."""

    input: int
    output: int
    bounded: bool = True

    @property
    def total(self) -> int:
        return self.input + self.output


NOTHING = Estimate(0, 0)


class Estimator:
    """`estimate` a request before it is sent, and let it `learn` what it used. One for each plugin configuration."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._output = float(FIRST_OUTPUT)
        self._loading: threading.Thread | None = None

    def estimate(self, request: Request, limit: int = 0) -> Estimate:
        """Of a request that may use up to `limit` tokens (0: it is not known how many). NOTHING for what is no prompt:
        a GET, an upload, a body that is not JSON."""
        if not request.body or not request.is_json:
            return NOTHING
        try:
            document = request.document
            name = next((name for name in _PROMPTS if name in document), None)
            if name is None:
                return NOTHING
            spent = self._count(request, name, limit)
            if request.path.endswith("/embeddings"):
                return Estimate(spent, 0)
            most = next((_natural(document.get(each)) for each in _MOST if each in document), 0)
            choices = min(_natural(document.get("n")) or 1, 128)
        except ValueError:
            return NOTHING  # it is for the provider to say what is wrong with it
        return Estimate(spent, min((most or round(self._output)) * choices, LARGEST), bounded=bool(most))

    def learn(self, estimate: Estimate, tokens: int) -> None:
        """The request used so many tokens, input and output."""
        if not estimate.bounded and tokens:
            self._output = max(tokens - estimate.input, self._output * FORGETTING)

    def _count(self, request: Request, name: str, limit: int) -> int:
        body = request.body
        matters = not limit or len(body) * COUNTED_SHARE > limit * BYTES_PER_TOKEN
        if matters and len(body) <= COUNTED_BYTES and self._is_ready():
            prompt = request.document.get(name)
            if isinstance(prompt, str):
                return self._tokens.count(prompt)
            if isinstance(prompt, list) and all(isinstance(message, dict) for message in prompt):
                return self._tokens.count_chat(prompt)
        media = body.count(b"base64")
        if not media:
            return len(body) // BYTES_PER_TOKEN
        size = sum(map(len, _texts(request.document.get(name))))
        return size // BYTES_PER_TOKEN + media * TOKENS_PER_MEDIUM

    def _is_ready(self) -> bool:
        """Whether counting can start at once. If not, the vocabulary is loaded meanwhile."""
        if self._tokens.ready():
            return True
        if self._loading is None:
            self._loading = threading.Thread(target=_load, args=(self._tokens,), daemon=True)
            self._loading.start()
        return False


def _load(tokens: Tokens) -> None:
    try:
        tokens.count("")
    except (ImportError, OSError, ValueError):
        log.exception("the vocabulary cannot be loaded; prompts are estimated by their size")


def _natural(value: Any) -> int:
    return min(value, LARGEST) if type(value) is int and value > 0 else 0


def _texts(value: Any) -> Iterator[str]:
    """The texts of a prompt, without what is text only to be sent: a data URL, base64."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += [value.get("content"), value.get("text"), value.get("parts")]
        elif isinstance(value, str) and not value.startswith("data:"):
            yield value
