"""Chooses the API token of a provider for a request. Tokens that fail are not used for a while (Higress's
`failover`)."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Sequence

from aigw.providers.config import Failover


class StatusMatcher:
    """Matches statuses with regular expressions such as `4.*` or `429`. A pattern may match any part of a status."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """Raises ValueError if a pattern is not a regular expression. The message names the pattern."""
        try:
            self._patterns = [re.compile(pattern) for pattern in patterns]
        except re.error as error:
            raise ValueError(f"'{error.pattern!s}' is not a regular expression: {error}") from None

    def __call__(self, status: int) -> bool:
        return any(pattern.search(str(status)) for pattern in self._patterns)


class TokenPool:
    """The tokens of one provider. If a token has failed `failureThreshold` times in a row, it is only used if there is
    no other. It is used again after `cooldownDuration`, or after `successThreshold` successful probes. `now` returns
    seconds."""

    def __init__(
        self, tokens: Sequence[str], failover: Failover, *, rng: random.Random, now: Callable[[], float]
    ) -> None:
        self._tokens = tuple(tokens)
        self._failover = failover
        self._counts_as_failure = StatusMatcher(failover.failover_on_status)
        self._rng = rng
        self._now = now
        self._failures: dict[str, int] = {}
        self._successes: dict[str, int] = {}
        self._removed: dict[str, float] = {}

    def pick(self, *, without: Iterable[str] = (), pin: str = "") -> str | None:
        """Returns a random token that is not in `without`, None if there is none. With `pin`, the name of a consumer,
        the same consumer always gets the same token."""
        if len(self._tokens) < 2 and not without:
            return self._tokens[0] if self._tokens else None
        self._return_cooled()
        left = [token for token in self._tokens if token not in without]
        usable = [token for token in left if token not in self._removed] or left
        if not usable:
            return None
        if pin:
            return usable[fnv1a_32(pin.encode(errors="surrogatepass")) % len(usable)]
        return usable[0] if len(usable) == 1 else self._rng.choice(usable)

    def has_more(self, tried: Iterable[str]) -> bool:
        """Whether there is a token that is not in `tried`."""
        return not set(self._tokens) <= set(tried)

    def report(self, token: str, status: int) -> None:
        """Call it with the status of each call. 200 resets the number of failures. Only a status that matches
        `failoverOnStatus` is a failure."""
        if not self._failover.enabled:
            return
        if status == 200:
            self._failures.pop(token, None)
        elif self._counts_as_failure(status):
            count = self._failures[token] = self._failures.get(token, 0) + 1
            if count >= self._failover.failure_threshold and token not in self._removed:
                self._removed[token] = self._now()
                self._successes.pop(token, None)

    def probed(self, token: str, ok: bool) -> None:
        """Call it with the result of each probe of a removed token."""
        count = self._successes[token] = self._successes.get(token, 0) + 1 if ok else 0
        if count >= self._failover.success_threshold:
            self._restore(token)

    @property
    def removed(self) -> tuple[str, ...]:
        """The tokens that are not used at present."""
        return tuple(self._removed)

    def _return_cooled(self) -> None:
        cooldown = self._failover.cooldown_duration / 1000
        if self._removed and cooldown:
            for token in [token for token, since in self._removed.items() if self._now() - since >= cooldown]:
                self._restore(token)

    def _restore(self, token: str) -> None:
        self._removed.pop(token, None)
        self._failures.pop(token, None)
        self._successes.pop(token, None)


def fnv1a_32(data: bytes) -> int:
    """Returns the hash that chooses the token of a consumer, as in Higress.
    http://www.isthe.com/chongo/tech/comp/fnv/"""
    value = 0x811C9DC5
    for byte in data:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value
