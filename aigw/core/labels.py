"""What is told about an exchange to those who look at it: the usage row, the log, the line that people read, spans.

Rule: nothing that decides about a request or its answer reads it; plugins do not speak to each other here."""

from __future__ import annotations

from typing import Any, Literal

CacheStatus = Literal["", "hit", "miss", "bypass"]
"""What a cache did with a request, "" if none looked at it."""


class Labels:
    """The dicts are made when somebody first needs them."""

    __slots__ = ("_ai_log", "_log_properties", "_remarks", "_span_tags", "cache")

    def __init__(self) -> None:
        self.cache: CacheStatus = ""
        self._ai_log: dict[str, Any] | None = None
        self._span_tags: dict[str, str] | None = None
        self._log_properties: dict[str, str] | None = None
        self._remarks: dict[str, str] | None = None

    @property
    def ai_log(self) -> dict[str, Any]:
        """Higress's ai_log, for the access log."""
        if self._ai_log is None:
            self._ai_log = {}
        return self._ai_log

    @property
    def span_tags(self) -> dict[str, str]:
        """Higress's tags of the span."""
        if self._span_tags is None:
            self._span_tags = {}
        return self._span_tags

    @property
    def log_properties(self) -> dict[str, str]:
        """What has a field of its own in the access log."""
        if self._log_properties is None:
            self._log_properties = {}
        return self._log_properties

    @property
    def remarks(self) -> dict[str, str]:
        """By a plugin's name what people should know of it in a few words, such as why it refused."""
        if self._remarks is None:
            self._remarks = {}
        return self._remarks
