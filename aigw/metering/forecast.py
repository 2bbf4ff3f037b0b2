"""What a request will probably use, before it is sent: how much of a limit is set aside for it.

Rule: it costs microseconds. A prompt is counted only if it is short, the vocabulary is there, and a few tokens more or
less matter to the limit; any other is taken by its size. A forecast decides how many may go at the same time, never
what is charged."""

from __future__ import annotations

import logging
import threading
from typing import NamedTuple

from aigw.core.dialect import Asked
from aigw.core.env import Tokenizer

log = logging.getLogger("aigw")

COUNTED_BYTES = 512
"""Prompts up to this size are counted (20 us), larger ones estimated."""
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
MOST_CHOICES = 128


class Forecast(NamedTuple):
    """Tokens. `bounded`: the client itself said how many may come back (of each of its choices)."""

    input: int
    output: int
    bounded: bool = True

    @property
    def total(self) -> int:
        return self.input + self.output


NOTHING = Forecast(0, 0)


class Forecaster:
    """Makes a `forecast` of a request before it is sent, and `learn`s what it used. One for each plugin
    configuration."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._output = float(FIRST_OUTPUT)
        self._loading: threading.Thread | None = None

    def forecast(self, asked: Asked, limit: int = 0) -> Forecast:
        """Of a request that may use up to `limit` tokens (0: it is not known how many). NOTHING for what is no prompt:
        a GET, an upload, a body that is not JSON."""
        size = asked.size
        if not size:
            return NOTHING
        spent = self._count(asked, size, limit)
        if not asked.generates:
            return Forecast(spent, 0)
        most, choices = asked.max_tokens, min(asked.choices, MOST_CHOICES)
        return Forecast(spent, min((most or round(self._output)) * choices, LARGEST), bounded=bool(most))

    def learn(self, forecast: Forecast, tokens: int) -> None:
        """The request used so many tokens, input and output."""
        if not forecast.bounded and tokens:
            self._output = max(tokens - forecast.input, self._output * FORGETTING)

    def _count(self, asked: Asked, size: int, limit: int) -> int:
        media = asked.media
        matters = not limit or size * COUNTED_SHARE > limit * BYTES_PER_TOKEN
        if matters and not media and size <= COUNTED_BYTES and self._is_ready():
            return self._tokenizer.count_turns(asked.turns)
        return size // BYTES_PER_TOKEN + media * TOKENS_PER_MEDIUM

    def _is_ready(self) -> bool:
        """Whether counting can start at once. If not, the vocabulary is loaded meanwhile."""
        if self._tokenizer.ready():
            return True
        if self._loading is None:
            self._loading = threading.Thread(target=_load, args=(self._tokenizer,), daemon=True)
            self._loading.start()
        return False


def _load(tokenizer: Tokenizer) -> None:
    try:
        tokenizer.count("")
    except (ImportError, OSError, ValueError):
        log.exception("the vocabulary cannot be loaded; prompts are estimated by their size")
