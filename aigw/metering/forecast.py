"""Forecasts how many tokens a request will use, before it is sent. So much of a limit is reserved for it.

Rule: it takes microseconds. The tokens of a prompt are counted only if it is short, the vocabulary is loaded, and a few
tokens matter for the limit. Otherwise they are estimated from its size. A forecast decides how many requests may run at
the same time, but never what is charged."""

from __future__ import annotations

import logging
import threading
from typing import NamedTuple

from aigw.core.dialect import Asked
from aigw.core.env import Tokenizer

log = logging.getLogger("aigw")

COUNTED_BYTES = 512
"""The tokens of a prompt up to this size are counted (in 20 us). Those of a larger one are estimated."""
COUNTED_SHARE = 100
"""The tokens of a prompt that is smaller than the limit divided by this number are estimated as well."""
BYTES_PER_TOKEN = 4
TOKENS_PER_MEDIUM = 1000
"""The assumed tokens of an image, a sound or a file that a request contains as base64."""
FIRST_OUTPUT = 1024
"""The assumed output tokens of a call without `max_tokens`, before the first such call has ended."""
FORGETTING = 0.75
"""The assumed output tokens are multiplied by this after each call that made fewer. So they fall within a few short
answers, and a burst of calls after them is not held up."""
LARGEST = 10_000_000
"""The most output tokens that a forecast may have, whatever the client asks for."""
MOST_CHOICES = 128
"""The most choices of a request that a forecast takes into account."""


class Forecast(NamedTuple):
    """The forecast tokens of a request. `bounded` is true if the client itself limited the output (`max_tokens`)."""

    input: int
    output: int
    bounded: bool = True

    @property
    def total(self) -> int:
        return self.input + self.output


NOTHING = Forecast(0, 0)


class Forecaster:
    """Makes the forecasts of one plugin configuration, and learns from what requests really used."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._output = float(FIRST_OUTPUT)
        self._loading: threading.Thread | None = None

    def forecast(self, asked: Asked, limit: int = 0) -> Forecast:
        """Returns the forecast of a request. `limit` is the smallest limit that it counts against, in tokens (0 if it
        is not known). Returns NOTHING for a request without a prompt: a GET, an upload, a body that is not JSON."""
        size = asked.size
        if not size:
            return NOTHING
        spent = self._count(asked, size, limit)
        if not asked.generates:
            return Forecast(spent, 0)
        most, choices = asked.max_tokens, min(asked.choices, MOST_CHOICES)
        return Forecast(spent, min((most or round(self._output)) * choices, LARGEST), bounded=bool(most))

    def learn(self, forecast: Forecast, tokens: int) -> None:
        """Call it when a request has ended. `tokens` is its input and output together."""
        if not forecast.bounded and tokens:
            self._output = max(tokens - forecast.input, self._output * FORGETTING)

    def _count(self, asked: Asked, size: int, limit: int) -> int:
        media = asked.media
        matters = not limit or size * COUNTED_SHARE > limit * BYTES_PER_TOKEN
        if matters and not media and size <= COUNTED_BYTES and self._is_ready():
            return self._tokenizer.count_turns(asked.turns)
        return size // BYTES_PER_TOKEN + media * TOKENS_PER_MEDIUM

    def _is_ready(self) -> bool:
        """Whether counting can start at once. If not, starts a thread that loads the vocabulary."""
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
