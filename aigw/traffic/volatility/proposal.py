"""Proposes the rule that declares a difference of two requests volatile.

Rule: each proposal is tried, and must make the difference vanish. It declares no more than necessary: only values
within a text, and only at this place. A text of a conversation is never declared as a whole, so that no proposal hides
that a model is asked something else."""

from __future__ import annotations

from typing import Any

from aigw.core.difference import Change
from aigw.core.json_path import JsonPath
from aigw.core.secrets import is_secret
from aigw.traffic.volatility.pointer import pointer_to
from aigw.traffic.volatility.rules import VolatileRule
from aigw.traffic.volatility.shape import varying
from aigw.traffic.volatility.user_rules import user_rule

_BODIES = ("body", "form")
_TEXTS = ("text", "path", "query")
"""Parts of a canonical form in which a regex without a place finds something."""


def proposed(change: Change) -> VolatileRule | None:
    """Returns the rule that makes two canonical forms equal at the place of a change, None if there should be none."""
    part, *rest = change.path
    place = tuple(rest)
    if is_secret(place):
        return None
    if part in _BODIES and place:
        return _of_body(change, place)
    if part in (*_BODIES, *_TEXTS) and change.op == "replace":
        return _of_texts(change.old, change.new, "")
    return None


def _of_body(change: Change, place: JsonPath) -> VolatileRule | None:
    old, new = change.old, change.new
    listed = any(isinstance(step, int) for step in place)
    if change.op != "replace":  # of a field that is not always there, the object around it varies
        return None if listed else _at(place[:-1])
    if isinstance(old, str) and isinstance(new, str):
        if (rule := _of_texts(old, new, pointer_to(place))) is not None:
            return rule
        return None if listed or any(map(str.isspace, old + new)) else _at(place)
    return _at(place) if _is_number(old) and _is_number(new) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _of_texts(old: Any, new: Any, where: str) -> VolatileRule | None:
    if not isinstance(old, str) or not isinstance(new, str) or (regex := varying(old, new)) is None:
        return None
    try:
        rule = user_rule("", regex, "")
    except ValueError:  # it may take too long
        return None
    return VolatileRule(regex=regex, where=where) if rule.new(old) == rule.new(new) else None


def _at(place: JsonPath) -> VolatileRule | None:
    return VolatileRule(pointer=pointer_to(place)) if place else None


def yaml_of(rule: VolatileRule) -> str:
    """Returns a rule as one line of YAML."""
    fields = {"pointer": rule.pointer, "regex": rule.regex, "where": rule.where}
    quoted = ((name, text.replace("'", "''")) for name, text in fields.items() if text)
    return "{" + ", ".join(f"{name}: '{text}'" for name, text in quoted) + "}"
