"""Forecasts how many tokens a request will use, before it is sent. So much of a limit is reserved for it.

Rule: it takes microseconds. The tokens of a prompt are counted only if it is short, the vocabulary is loaded, and a few
tokens matter for the limit. Otherwise they are estimated from its size. A forecast decides how many requests may run at
the same time, but never what is charged."""

from __future__ import annotations

import logging
import threading
from math import ceil
from typing import NamedTuple

from aigw.core.dialect import Asked
from aigw.core.env import Tokenizer
from aigw.core.exchange import Exchange
from aigw.core.model import Request
from aigw.dialects.reader import BYTES_PER_TOKEN

log = logging.getLogger("aigw")

COUNTED_BYTES = 512
"""The largest prompt, in bytes, whose tokens are counted (which takes 20 us). Tokens of a larger one are estimated."""
COUNTED_SHARE = 100
"""The tokens of a prompt that is smaller than the limit divided by this number are estimated as well."""
USUAL_BYTES = 2048
"""The size of a short conversation."""
TOKENS_PER_MEDIUM = 1000
"""The assumed tokens of an image, a sound or a file that a request contains as base64."""
FILES = ("multipart/", "audio/", "image/", "video/")
FIRST_OUTPUT = 1024
"""The assumed output tokens of a call without `max_tokens`, before the first such call has ended."""
FORGETTING = 0.75
"""The assumed output tokens are multiplied by this after each call that made fewer. So they fall within a few short
answers, and a burst of calls after them is not held up."""
EXCEEDED = 16
"""If an answer has this many tokens more than `max_tokens`, its provider ignores `max_tokens`."""
LARGEST = 10_000_000
"""The most output tokens that a forecast may have, whatever the client asks for."""
MOST_CHOICES = 128
"""The most choices of a request that a forecast takes into account."""


class Forecast(NamedTuple):
    """The forecast tokens of a request. `bounded` is true if the client itself limited the output (`max_tokens`).
    `beyond` is the part of the output that the limit of the client does not allow."""

    input: int
    output: int
    bounded: bool = True
    beyond: int = 0

    @property
    def total(self) -> int:
        return self.input + self.output


NOTHING = Forecast(0, 0)


class Forecaster:
    """Makes the forecasts of one plugin configuration, and learns from what requests really used."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._output = float(FIRST_OUTPUT)
        self._beyond = 0.0
        """The assumed output of calls with `max_tokens`, if their provider ignores them."""
        self._loading: threading.Thread | None = None

    def forecast(self, exchange: Exchange, limit: int = 0) -> Forecast:
        """Returns the forecast of a request. `limit` is the smallest limit that it counts against, in tokens (0 if it
        is not known). Returns NOTHING for a request without a body or without a prompt in its JSON."""
        asked = exchange.asked
        size = asked.size
        if not size:
            return self._unread(exchange)
        spent = self._count(asked, size, limit)
        if not asked.generates:
            return Forecast(spent, 0)
        most, choices = asked.max_tokens, min(asked.choices, MOST_CHOICES)
        if not most:
            return Forecast(spent, min(round(self._output) * choices, LARGEST), bounded=False)
        allowed = min(most * choices, LARGEST)
        output = max(allowed, round(self._beyond))
        return Forecast(spent, output, beyond=output - allowed)

    async def prepare(self, limit: int = 0) -> None:
        """Lets a thread load the vocabulary if usual prompts will be counted for this limit, so that the first one is,
        too."""
        if _matters(USUAL_BYTES, limit):
            self._is_ready()

    def learn(self, forecast: Forecast, tokens: int) -> None:
        """Call it when a request has ended. `tokens` is its input and output together."""
        made = tokens - forecast.input
        if not forecast.bounded and tokens:
            self._output = max(made, self._output * FORGETTING)
        elif tokens:
            self._beyond *= FORGETTING
            self.notice(forecast, made)

    def notice(self, forecast: Forecast, made: int) -> None:
        """Call it when an answer has outgrown its forecast, though it has not ended: the next calls may do so, too.
        `made` is its output so far."""
        if not forecast.bounded:
            self._output = max(made, self._output)
        elif made > forecast.output - forecast.beyond + EXCEEDED:
            self._beyond = max(made, self._beyond)

    def _unread(self, exchange: Exchange) -> Forecast:
        """Returns the forecast of a request whose body is no JSON, though the provider may well read it."""
        size = _unread_bytes(exchange.request) if exchange.asked.metered else 0
        output = round(self._output) if exchange.asked.generates else 0
        return Forecast(ceil(size / BYTES_PER_TOKEN), output, bounded=False) if size else NOTHING

    def _count(self, asked: Asked, size: int, limit: int) -> int:
        media = asked.media
        if _matters(size, limit) and not media and size <= COUNTED_BYTES and self._is_ready():
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


def _matters(size: int, limit: int) -> bool:
    return not limit or size * COUNTED_SHARE > limit * BYTES_PER_TOKEN


def _unread_bytes(request: Request) -> int:
    """Returns the size of a body that is no JSON. A file counts as a medium, however large it is."""
    if request.is_json or request.method != "POST":
        return 0
    medium = TOKENS_PER_MEDIUM * BYTES_PER_TOKEN
    size = len(request.body)
    if request.upload is not None:
        length = request.headers.get("content-length", "")
        size = min(int(length[:18]), LARGEST) if length.isdecimal() else medium
    kind = request.headers.get("content-type", "").lower()
    return min(size, medium) if kind.startswith(FILES) else size


def _load(tokenizer: Tokenizer) -> None:
    try:
        tokenizer.count("")
    except (ImportError, OSError, ValueError):
        log.exception("the vocabulary cannot be loaded; prompts are estimated by their size")
