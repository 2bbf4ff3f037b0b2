"""The screen: looks at a text with all rules, and masks what is to be masked.

Rule: positions are those of the text as it was given, whatever form of it a rule looked at; what is masked is not found
again in the masked text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from aigw.guard import attacks, credentials, personal
from aigw.guard.finding import Action, Finding
from aigw.guard.rule import Rule
from aigw.guard.settings import GuardSettings
from aigw.guard.users import user_rules
from aigw.guard.view import Piece

BUILTIN: tuple[Rule, ...] = (*personal.RULES, *credentials.RULES, *attacks.RULES)


class Screened(NamedTuple):
    """`findings` are in the order of their places. In `masked`, `[rule]` stands for each of them whose action is mask:
    a model that reads it still knows what stood there."""

    findings: Sequence[Finding]
    masked: str


class Screen:
    """`reach` is the greatest number of characters of a finding: of a text that goes on, the last `reach` characters
    may be the beginning of one."""

    def __init__(self, settings: GuardSettings) -> None:
        rules = [rule for rule in BUILTIN if rule.name not in settings.off]
        self.rules = [_decided(rule, settings) for rule in [*rules, *user_rules(settings.rules)]]
        self.reach = max((rule.reach for rule in self.rules), default=0)

    def screen(self, text: str) -> Screened:
        findings = sorted(self._findings(text), key=lambda each: (each.start, -each.end))
        masked = [each for each in findings if each.action == "mask"]
        return Screened(findings, "".join(piece.text for piece in pieces(text, masked)))

    def _findings(self, text: str) -> Iterator[Finding]:
        for rule in self.rules:
            for start, end in rule.find(text):
                yield Finding(rule.name, rule.label, rule.level, rule.action, start, end)


def pieces(text: str, masked: Iterable[Finding]) -> Iterator[Piece]:
    """The text, with one mask for each group of findings that touch."""
    at = 0
    for finding in masked:
        if finding.start >= at:
            yield Piece(text[at : finding.start], at, finding.start)
            yield Piece(f"[{finding.rule}]", finding.start, finding.end)
        at = max(at, finding.end)
    yield Piece(text[at:], at, len(text))


def _decided(rule: Rule, settings: GuardSettings) -> Rule:
    """The rule with the action that the settings give it: by its name, by its label, or its own."""
    action: Action = settings.actions.get(rule.name) or settings.actions.get(rule.label) or rule.action
    return rule._replace(action=action)
