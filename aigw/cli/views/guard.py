"""Shows what the screen found in a text, and its rules.

Rule: personal data and secrets are never printed in full, not even to those who typed them: terminals are recorded and
shared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aigw.cli.terminal.columns import fitted
from aigw.cli.terminal.figures import counted
from aigw.cli.terminal.output import say_text, width
from aigw.core.plain import plain
from aigw.core.redaction import without_secrets
from aigw.guard.finding import ACTIONS, PERSONAL, SECRET, Finding
from aigw.guard.rule import Rule
from aigw.guard.screen import Screened

_SHOWN = 2
"""How many characters of a hidden value are shown, if it has many more."""
_EXCERPT = 60


def plain_screened(text: str, screened: Screened) -> dict[str, Any]:
    """`action` is what the findings come to: pass, mask or block."""
    return {
        "action": action_of(screened.findings),
        "findings": [{**each._asdict(), "excerpt": excerpt(text, each)} for each in screened.findings],
        "masked": screened.masked,
    }


def action_of(findings: Sequence[Finding]) -> str:
    strictest = max((ACTIONS.index(each.action) for each in findings), default=0)
    return ACTIONS[strictest] if strictest else "pass"


def excerpt(text: str, finding: Finding) -> str:
    """Writes a finding as one line."""
    found = text[finding.start : finding.end]
    if finding.label in (PERSONAL, SECRET):
        begins = found[:_SHOWN] if len(found) > 4 * _SHOWN else ""
        return f"{plain(begins)}*** ({counted(len(found), 'character')})"
    shown = plain(without_secrets(found[: 2 * _EXCERPT]))
    return shown if len(shown) <= _EXCERPT else f"{shown[: _EXCERPT - 1]}…"


def print_screened(text: str, screened: Screened) -> None:
    action = action_of(screened.findings)
    if not screened.findings:
        say_text(f"{action}: nothing was found")
        return
    say_text(f"{action}: {counted(len(screened.findings), 'finding')}")
    rows = [("rule", "level", "action", "at", "found")]
    rows += [
        (each.rule, each.level, each.action, _at(text, each.start), excerpt(text, each)) for each in screened.findings
    ]
    for line in fitted(rows, width()):
        say_text(line)
    hidden = [each for each in screened.findings if each.label in (PERSONAL, SECRET)]
    if screened.masked != text and all(each.action == "mask" for each in hidden):
        say_text("")
        say_text(screened.masked)


def plain_rule(rule: Rule, used: bool) -> dict[str, Any]:
    action = rule.action if used else "off"
    return {"rule": rule.name, "label": rule.label, "level": rule.level, "action": action, "finds": rule.about}


def print_rules(rules: Sequence[tuple[Rule, bool]]) -> None:
    rows = [("rule", "label", "level", "action", "finds")]
    rows += [(rule.name, rule.label, rule.level, rule.action if used else "off", rule.about) for rule, used in rules]
    for line in fitted(rows, width()):
        say_text(line)


def _at(text: str, start: int) -> str:
    """The place as line and column, both from 1."""
    return f"{text.count(chr(10), 0, start) + 1}:{start - text.rfind(chr(10), 0, start)}"
