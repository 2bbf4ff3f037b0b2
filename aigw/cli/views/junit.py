"""What became of the calls of a run, as JUnit's XML, which CI systems show: a test case a call.

Rule: a call without a recording is a failure, and so are one that a budget refused and a recording that should have
been used. A request that differs where `--match sequence` allows that is told, but no failure, because the run has not
failed."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, tostring

from aigw.cli.sources.run_calls import ProgramCall, ProgramCalls
from aigw.core.plain import plain, plain_lines
from aigw.traffic.replay.report import Missed, Report

SUITE = "aigw run"


def junit(calls: ProgramCalls, report: Report, why: list[str], *, all_used: bool) -> bytes:
    """`why` says why the run has failed. With `all_used`, each recording that was not used is a case."""
    missed = {each.exchange: each for each in report.missed if each.exchange}
    diverged = {each.exchange: each for each in report.diverged if each.exchange}
    suite = Element("testsuite", name=SUITE)
    for number, call in enumerate(calls.each, 1):
        _case(suite, _name(number, call), call, missed.get(call.id), diverged.get(call.id))
    known = {call.id for call in calls.each}
    for each in report.missed:
        if each.exchange not in known:
            _failure(_plain_case(suite, each.request), each.text)
    for name in report.unused if all_used else ():
        _failure(_plain_case(suite, f"recording {name}"), "the recording was not used")
    if report.failure or report.refused:
        _failure(_plain_case(suite, "recording"), "\n".join(why))
    cases = suite.findall("testcase")
    failures = sum(each.find("failure") is not None for each in cases)
    suite.attrib |= {"tests": str(len(cases)), "failures": str(failures), "errors": "0", "skipped": "0"}
    suite.set("time", f"{sum(call.seconds for call in calls.each):.3f}")
    root = Element("testsuites")
    root.append(suite)
    text: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _name(number: int, call: ProgramCall) -> str:
    return f"{number:03} {call.request} {call.model}".rstrip()


def _case(suite: Element, name: str, call: ProgramCall, missed: Missed | None, diverged: Missed | None) -> None:
    case = _plain_case(suite, name, call.seconds)
    if missed is not None:
        _failure(case, missed.text)
        return
    if call.over_budget:
        _failure(case, f"refused by a budget: {call.error}")
        return
    answered = f"status {call.status}" + (f", {call.error}" if call.error else "")
    told = [answered, *([call.recording] if call.recording else []), *([diverged.text] if diverged else [])]
    SubElement(case, "system-out").text = plain_lines("\n".join(told))


def _plain_case(suite: Element, name: str, seconds: float = 0.0) -> Element:
    return SubElement(suite, "testcase", classname=SUITE, name=plain(name), time=f"{seconds:.3f}")


def _failure(case: Element, text: str) -> None:
    failure = SubElement(case, "failure", message=plain(text.partition("\n")[0]), type="miss")
    failure.text = plain_lines(text)
