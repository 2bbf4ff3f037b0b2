"""Attempts to give a model other instructions, by wording that is known. New wording is not found."""

from __future__ import annotations

from aigw.guard.engine import spans
from aigw.guard.finding import ATTACK
from aigw.guard.rule import Rule

_OVERRIDE = (
    r"(?i)\b(?:ignore|disregard|forget)\b(?: \w+){0,4} (?:previous|prior|above|earlier|before)\b(?: \w+){0,2}"
    r" (?:instructions?|rules?|prompts?|guidelines?)\b"
    r"|(?:忽略|忘掉|忘记|无视)[^。！？\n]{0,8}(?:之前|以上|上面|所有)[^。！？\n]{0,10}(?:指令|规则|规定|提示词)"
)

RULES = (
    Rule(
        "override",
        ATTACK,
        "high",
        "report",
        120,
        "tells the model to drop its instructions",
        lambda text: spans(_OVERRIDE, text),
    ),
)
