"""The place of a value in JSON or YAML: the keys and indices that lead to it from the top."""

from __future__ import annotations

import re

JsonPath = tuple[str | int, ...]

_PLAIN_KEY = re.compile(r"[\w-]+")


def format_path(path: JsonPath) -> str:
    """Returns a path as text, such as `plugins.ai-proxy._rules_[0].provider`. Keys with other characters are quoted:
    `services['a.b:1']`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{step!r}]"
    return text
