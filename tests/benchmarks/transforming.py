"""What the rules of ai-transformer cost: the message of its demonstration, and bodies of two sizes."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import convert
from multidict import CIMultiDict

from aigw.plugins.ai_transformer.config import Part
from aigw.plugins.ai_transformer.message import Message
from aigw.plugins.ai_transformer.rules import Rules

if TYPE_CHECKING:
    from tests.benchmarks.measure import Effort, Figures

SLIDESHOW = Path(__file__).parents[2] / "recipes" / "ai-transformer" / "slideshow.xml"
ROWS = (8, 800)
"""How many rows of about 0.12 KB a body has."""
RULES: Mapping[str, Sequence[Any]] = {
    "xmlToJson": ["xmlToJson"],
    "jsonToXml": ["jsonToXml"],
    "jsonToYaml": ["jsonToYaml"],
    "yamlToJson": ["yamlToJson"],
    "set": [{"set": {"rows.0.name": "x"}}],
    "setHeader": [{"setHeader": {"x-a": "1"}}],
}
BATCH_SECONDS = 0.05


def transforming(effort: Effort) -> Figures:
    """Microseconds of processor time a message, medians. The first row is the demonstration."""
    found = {"demonstration_us": _cost(["xmlToJson"], SLIDESHOW.read_bytes(), effort)}
    for rows in ROWS:
        bodies = _bodies(rows)
        for name, rules in RULES.items():
            body = bodies.get(name.partition("To")[0], bodies["json"])
            found[f"{name}_{len(body) / 1024:.0f}kb_us"] = _cost(rules, body, effort)
    return found


def _bodies(rows: int) -> dict[str, bytes]:
    values = {"rows": [{"id": each, "name": f"row {each}", "text": "the quick brown fox " * 4} for each in range(rows)]}
    body = json.dumps(values).encode()
    return {"json": body, "xml": _made(body, "jsonToXml"), "yaml": _made(body, "jsonToYaml")}


def _made(body: bytes, rule: str) -> bytes:
    return _rules([rule]).apply(_message(body)).body


def _rules(given: Sequence[Any]) -> Rules:
    return Rules(convert({"rules": given}, Part).rules)


def _message(body: bytes) -> Message:
    return Message({":status": "200"}, CIMultiDict({"content-type": "application/json"}), body)


def _cost(given: Sequence[Any], body: bytes, effort: Effort) -> float:
    rules, message = _rules(given), _message(body)
    times = []
    for _ in range(max(3, effort.rounds * 3)):
        began, count = time.process_time(), 0
        while (spent := time.process_time() - began) < BATCH_SECONDS:
            rules.apply(message)
            count += 1
        times.append(spent / count * 1e6)
    return round(statistics.median(times), 1)
