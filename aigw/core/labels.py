"""What plugins report about an exchange, for the usage row, the access log, the terminal and spans.

Rule: labels are only reported. No decision about a request or its answer reads them, and plugins do not use them to
exchange data."""

from __future__ import annotations

from typing import Any, Literal

CacheStatus = Literal["", "hit", "miss", "bypass"]
"""What a cache did with a request, "" if no cache handled it."""


class Labels:
    """`ai_log` is Higress's field of that name in the access log. `log_properties` become fields of their own in the
    access log. `span_tags` are the tags that Higress puts on the span. `remarks` has, under the name of a plugin, a few
    words for users, such as why the plugin refused the request."""

    __slots__ = ("ai_log", "cache", "log_properties", "remarks", "span_tags")

    def __init__(self) -> None:
        self.cache: CacheStatus = ""
        self.ai_log: dict[str, Any] = {}
        self.span_tags: dict[str, str] = {}
        self.log_properties: dict[str, str] = {}
        self.remarks: dict[str, str] = {}
