"""The screen: looks at a text with all rules, and masks what is to be masked.

Rule: positions are those of the text as it was given, whatever form of it a rule looked at; and nothing that is masked
is found again in the masked text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from aigw.guard import attacks, credentials, personal
from aigw.guard.encoded import decoded, turned
from aigw.guard.finding import ACTIONS, LEVELS, PERSONAL, SECRET, Action, Finding
from aigw.guard.open_end import open_end
from aigw.guard.plain_form import normal
from aigw.guard.rule import Find, Rule
from aigw.guard.settings import GuardSettings
from aigw.guard.users import UserRules
from aigw.guard.view import Piece, View, joined, kept, same, seen_through

BUILTIN: tuple[Rule, ...] = (*credentials.RULES, *personal.RULES, *attacks.RULES)
"""The built-in rules. If two of them find the same text, it gets the name of the first."""
_KEY, _NEXT = re.compile(r"(\\{0,3}\")\s*:\s*\Z"), re.compile(r"\s*[,}]")
"""The text before and behind a value of a JSON object."""
_ROUNDS = 8
"""How often a masked text is screened again, because what stood beside a secret may now look like one."""


class Screened(NamedTuple):
    """The result for a text. `findings` are in the order of their places. In `masked`, `[rule]` stands for each of them
    whose action is mask: a model that reads it still knows what stood there, and the brackets keep what is beside it
    apart."""

    findings: Sequence[Finding]
    masked: str


class Screen:
    """The screen with its rules. `rules` are those that are used, by name, with their actions. `reach` is the greatest
    number of characters of a finding, as rules read it: what `pending` says is never more."""

    def __init__(self, settings: GuardSettings) -> None:
        self._users = UserRules(settings.rules)
        rules = (*(rule for rule in BUILTIN if rule.name not in settings.off), *self._users.rules)
        self.rules = {rule.name: _decided(rule, settings) for rule in rules}
        self._order = {name: place for place, name in enumerate(self.rules)}
        self.reach = max((rule.reach for rule in self.rules.values()), default=0)
        self._data: list[Find] = [partial(each.find, strict=settings.strict) for each in (credentials, personal)]
        attack, hidden = (partial(attacks.find, strict=settings.strict, hidden=each) for each in (False, True))
        self._open: list[Find] = [*self._data, attack, self._users.find]
        self._hidden: list[Find] = [hidden, self._users.find]
        self._seen = "", same("")
        self._held = max((each.reach for each in self.rules.values() if _is_held(each)), default=0)

    def screen(self, text: str) -> Screened:
        findings = self._findings(same(text))
        masked = [each for each in findings if each.action == "mask"]
        if not masked:
            return Screened(findings, text)
        for _ in range(_ROUNDS):
            view = joined(pieces(text, masked))
            more = [each for each in self._findings(view) if each.action == "mask"]
            if not more:
                break
            findings = sorted({*findings, *more}, key=self._place)
            masked = [each for each in findings if each.action == "mask"]
        else:
            view = View(f"[{masked[0].rule}]", same(text).place)
        return Screened(findings, view.text)

    def pending(self, text: str) -> int:
        """Returns how many characters at the end of an unfinished text may be the beginning of a finding that is masked
        or blocked. Whoever passes the text on piece by piece holds these back."""
        view = self._normal(text)
        held = min(max(open_end(view.text), self._held), self.reach, len(view.text))
        return len(text) - view.place(len(view.text) - held, len(view.text))[0] if held else 0

    def _findings(self, given: View) -> list[Finding]:
        found = set()
        for view, finds in self._looks(given):
            for hit in (hit for find in finds for hit in find(view.text)):
                if rule := self.rules.get(hit.rule):
                    place = view.place(hit.start, hit.end)
                    found.add(Finding(rule.name, rule.label, hit.level or rule.level, rule.action, *place))
        return list(_outer(sorted(found, key=self._place)))

    def _looks(self, given: View) -> Iterator[tuple[View, Sequence[Find]]]:
        """Yields the forms of a text, each with the searches to run on it."""
        view = seen_through(given, self._normal(given.text))
        yield view, self._open
        if inner := decoded(view.text):
            yield seen_through(view, seen_through(inner, normal(inner.text))), [*self._data, *self._hidden]
        for other in turned(view.text):
            yield seen_through(view, other), self._hidden

    def _normal(self, text: str) -> View:
        """Returns the plain form of a text. It remembers the last one, because `pending` is called right after a text
        is screened."""
        known, view = self._seen
        if known is not text:
            view = normal(text)
            self._seen = text, view
        return view

    def _place(self, finding: Finding) -> tuple[int, int, int, int]:
        return finding.start, -finding.end, -LEVELS.index(finding.level), self._order[finding.rule]


def _is_held(rule: Rule) -> bool:
    """Whether the end of a text is kept back for this rule whatever stands there: its findings have blanks in them."""
    return rule.action != "report" and rule.label not in (PERSONAL, SECRET)


def pieces(text: str, masked: Iterable[Finding]) -> Iterator[Piece]:
    """The text, with one mask for each group of findings that overlap."""
    at = 0
    for rule, start, end in _groups(masked):
        yield kept(text, at, start)
        yield Piece(_mask(rule, text, start, end), start, end)
        at = end
    yield kept(text, at, len(text))


def _mask(rule: str, text: str, start: int, end: int) -> str:
    """Returns the text that replaces a finding. For a number behind a key of JSON it is in the same quotes as the key,
    so that the text stays valid JSON."""
    key = _KEY.search(text[max(start - 8, 0) : start]) if text[start:end].isdigit() else None
    quote = key[1] if key and _NEXT.match(text, end) else ""
    return f"{quote}[{rule}]{quote}"


def _groups(findings: Iterable[Finding]) -> Iterator[tuple[str, int, int]]:
    """Name, start and end of each group of findings that overlap; its first one names it."""
    group: tuple[str, int, int] | None = None
    for each in findings:
        if group and each.start < group[2]:
            group = group[0], group[1], max(group[2], each.end)
            continue
        if group:
            yield group
        group = each.rule, each.start, each.end
    if group:
        yield group


def _outer(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yields the findings without those within another one of the same label and an action that is at least as
    strict."""
    widest: dict[str, Finding] = {}
    for each in findings:
        other = widest.get(each.label)
        if other and each.end <= other.end and ACTIONS.index(each.action) <= ACTIONS.index(other.action):
            continue
        widest[each.label] = each
        yield each


def _decided(rule: Rule, settings: GuardSettings) -> Rule:
    """The rule with the action that the settings give it: by its name, by its label, or its own."""
    action: Action = settings.actions.get(rule.name) or settings.actions.get(rule.label) or rule.action
    return rule._replace(action=action)
