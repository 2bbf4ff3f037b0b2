"""Whether what a client got is what the script means."""

from __future__ import annotations

import json

from tests.soak.clients import Seen
from tests.soak.script import BLUEBIRD, NAME, Case

_REFUSED = {"429": 429, "400": 400}
_REWRITTEN = {"good": "response transformed", "slow": "response transformed", "framing": "response transformed"}


def problem(case: Case, seen: Seen) -> str:
    """Says what is wrong with an answer, "" if nothing is."""
    said = _mixed(case, seen) or _wrong(case, seen)
    if not said:
        return ""
    told = f"{seen.ended}, {seen.status}, {seen.raw[-300:]!r}, {dict(seen.headers)} {seen.said}"
    return f"{said}: {case} got {told}"


def _mixed(case: Case, seen: Seen) -> str:
    shown = seen.raw.decode(errors="replace") + str(dict(seen.headers))
    others = set(NAME.findall(shown)) - {case.name}
    if others:
        return f"has something of {sorted(others)}"
    if BLUEBIRD.lower() in shown.lower():
        return "has what is denied"
    return "has what is to be masked" if case.mail in shown else ""


def _wrong(case: Case, seen: Seen) -> str:
    if seen.ended == "never":
        return "never ended"
    if case.kind == "left":
        return _of_one_who_left(case, seen)
    if case.kind == "fault" and case.detail != "slow":
        return _of_a_fault(case, seen)
    if case.kind == "wrong body":
        return "" if seen.ended == "whole" and 400 <= seen.status < 500 else "a wrong body is not refused"
    if case.kind == "denied" or (case.kind == "denied answer" and not case.streamed):
        denied = seen.status == 403 and json.loads(seen.raw)["Code"] == 403
        return "" if seen.ended == "whole" and denied else "is not denied"
    if case.kind == "denied answer":
        right = case.expected().partition(BLUEBIRD)[0].startswith(seen.text)
        return "" if right and (seen.ended == "error" or seen.status == 403) else "is not denied in the stream"
    if case.kind == "limited" and seen.status == 429:
        return ""
    return _of_an_answer(case, seen)


def _of_an_answer(case: Case, seen: Seen) -> str:
    if (seen.ended, seen.status) != ("whole", 200):
        return "is no whole answer"
    if seen.text != case.expected():
        return "is another answer"
    if seen.cached:
        return "" if case.kind == "popular" else "was in the cache"
    if case.streamed:
        wanted = case.usage if case.wants_usage else None
        return "" if case.kind == "popular" or seen.usage == wanted else "has another usage"
    if seen.usage != case.usage:
        return "has another usage"
    told = seen.headers.get("x-aigw-transformer", "")
    if case.rewriting not in _REWRITTEN:
        return "" if told.startswith("response unchanged") else "was transformed"
    made = seen.headers.get("x-made")
    return "" if (told, made) == (_REWRITTEN[case.rewriting], case.name) else "was not transformed"


def _of_a_fault(case: Case, seen: Seen) -> str:
    """Whatever the provider does, its client never takes half an answer for a whole one."""
    if case.detail in _REFUSED:
        return "" if seen.status == _REFUSED[case.detail] else "hides what the provider says"
    failed = seen.status >= 500 or (seen.status in (0, 200) and seen.ended in ("error", "broken"))
    if not failed:
        return "hides a fault"
    return "" if case.expected().startswith(seen.text) else "has another text before the fault"


def _of_one_who_left(case: Case, seen: Seen) -> str:
    """An answer that was there before its client left is a whole one."""
    if seen.status >= 500:
        return "has failed"
    if seen.ended == "whole" and not case.streamed:
        return _of_an_answer(case, seen)
    return "" if case.expected().startswith(seen.text) else "has another text"
