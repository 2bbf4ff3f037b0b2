"""What is told about an exchange to those who look at it: the usage row, the log, the line that people read, spans.

Rule: nothing that decides about a request or its answer reads it; plugins do not speak to each other here."""

from __future__ import annotations

from typing import Any, Literal

CacheStatus = Literal["", "hit", "miss", "bypass"]
"""What a cache did with a request, "" if none looked at it."""


class Labels:
    """`ai_log` is Higress's, for the access log, `span_tags` are Higress's tags of the span, and what is in
    `log_properties` has a field of its own in the access log. `remarks` say by a plugin's name in a few words what
    people should know of it, such as why it refused."""

    __slots__ = ("ai_log", "cache", "log_properties", "remarks", "span_tags")

    def __init__(self) -> None:
        self.cache: CacheStatus = ""
        self.ai_log: dict[str, Any] = {}
        self.span_tags: dict[str, str] = {}
        self.log_properties: dict[str, str] = {}
        self.remarks: dict[str, str] = {}
