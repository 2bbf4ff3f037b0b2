"""What `aigw run` says at its end, for people, for scripts and for GitHub."""

from __future__ import annotations

from typing import Any

from aigw.cli.sources.run_calls import ProgramCall, ProgramCalls
from aigw.cli.terminal.figures import money
from aigw.cli.views.recordings import facts, misses
from aigw.cli.views.recordings import problems as unplayed
from aigw.cli.views.served import many
from aigw.core.plain import plain, plain_lines
from aigw.traffic.replay.report import Missed, Report

MOST_ANNOTATIONS = 10
"""GitHub shows so many errors of a step."""
LONGEST = 4000
"""How many characters of a text an annotation has."""


def problems(calls: ProgramCalls, report: Report, *, all_used: bool) -> list[str]:
    """Returns why the run has failed, whatever the command made of that: a line each."""
    refused = calls.over_budget
    said = [f"{many(refused, 'call')} {'was' if refused == 1 else 'were'} refused by a budget"] if refused else []
    return [*said, *unplayed(report, all_used=all_used)]


def line(calls: ProgramCalls, report: Report) -> str:
    """Returns a line such as `12 calls (10 replayed, 2 missed): 1,204 tokens in, 310 out, $0.0039, $0.02 saved`."""
    sent, replayed = calls.sent, calls.replayed
    failed = [f"{len(calls.failed):,} failed"] if calls.failed else []
    cached = [f"{sent.cached:,} from the cache"] if sent.cached else []
    what = ", ".join([*facts(report), *cached, *failed])
    spent = f"${money(sent.cost, sent.unpriced)}"
    saved = f", ${money(replayed.cost, replayed.unpriced)} saved" if replayed.requests else ""
    tokens = f"{sent.read + replayed.read:,} tokens in, {sent.written + replayed.written:,} out"
    return f"{many(len(calls.each), 'call')}{f' ({what})' if what else ''}: {tokens}, {spent}{saved}"


def as_data(calls: ProgramCalls, report: Report, why: list[str], command: int, code: int) -> dict[str, Any]:
    """Returns the result as plain data, for scripts. `command` is the exit status of the command, `code` that of `aigw
    run`, and `why` says why they differ."""
    sent, replayed = calls.sent, calls.replayed
    return {
        "calls": len(calls.each),
        "replayed": report.hits,
        "missed": [_missed(each) for each in report.missed],
        "diverged": [_missed(each) for each in report.diverged],
        "over_budget": calls.over_budget,
        "failed": len(calls.failed),
        "cached": sent.cached,
        "written": report.written,
        "unused": report.unused,
        "tokens": {"in": sent.read + replayed.read, "out": sent.written + replayed.written},
        "usd": {"spent": sent.cost, "saved": replayed.cost, "calls_of_unknown_price": sent.unpriced},
        "problems": why,
        "command_exit": command,
        "exit": code,
    }


def _missed(missed: Missed) -> dict[str, str]:
    return {"request": missed.request, "text": missed.text}


def workflow_errors(report: Report, why: list[str]) -> list[str]:
    """Returns workflow commands of GitHub, one line each, which show the misses beside a pull request."""
    texts = [*misses(report), *(each for each in why if not report.missed or "no recording" not in each)]
    return [f"::error title=aigw run::{_escaped(plain_lines(text)[:LONGEST])}" for text in texts[:MOST_ANNOTATIONS]]


def _escaped(text: str) -> str:
    """Escapes a text for a command of GitHub Actions. Source:
    https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts"""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def said(calls: ProgramCalls, report: Report, why: list[str]) -> list[str]:
    """Returns what people read: the line, the last failure, why the run has failed, and what there is to say of each
    miss."""
    lines = [line(calls, report), *map(_failure, calls.failed[-1:]), *why]
    if report.written and report.earlier:
        had = f"{many(report.earlier, 'recording')} of before"
        lines.append(f"{had} in this folder stay and are played first; --refresh records in their place")
    return [*(f"aigw run: {plain(each)}" for each in lines), *misses(report)]


def _failure(call: ProgramCall) -> str:
    model = f" for {call.model}" if call.model else ""
    how = str(call.status) if call.status >= 400 else "broke off:"
    return f"the last call that failed: {call.request}{model}: {how} {call.error}".rstrip(" :")
