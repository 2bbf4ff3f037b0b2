"""What became of the calls of a run that was recorded or replayed, as text."""

from __future__ import annotations

from aigw.cli.views.served import many
from aigw.traffic.recordings import Recordings
from aigw.traffic.replay.report import Report

MOST_NAMED = 5
"""How many recordings that were not used are named."""


def summary(recordings: Recordings) -> str:
    """Returns a line such as `recordings: 12 replayed, 1 missed, 3 written`."""
    report = recordings.report
    said = ", ".join(facts(report)) or "no calls"
    return f"{recordings.path}: {said}" + (f"; stopped: {report.failure}" if report.failure else "")


def facts(report: Report) -> list[str]:
    """Returns how many calls were replayed, missed and so on, without those of which there were none."""
    found = [
        (report.hits, "replayed"),
        (report.repeats, "of them again"),
        (len(report.missed), "missed"),
        (len(report.diverged), "diverged"),
        (report.written, "written"),
        (len(report.unused) if report.hits else 0, "unused"),
    ]
    return [f"{count:,} {what}" for count, what in found if count]


def problems(report: Report, *, all_used: bool) -> list[str]:
    """Returns why a run has failed, whatever its program made of that: a line each. With `all_used`, a recording that
    was not played is a reason, too."""
    said = []
    if report.missed:
        said.append(f"{many(len(report.missed), 'call')} had no recording")
    if report.refused:
        said.append(f"not written, as said above: {many(report.refused, 'recording')}")
    if report.failure:
        said.append(f"recording has stopped: {report.failure}")
    if all_used and report.unused:
        names = ", ".join(report.unused[:MOST_NAMED]) + (", ..." if len(report.unused) > MOST_NAMED else "")
        said.append(f"{many(len(report.unused), 'recording')} not used: {names}")
    return said


def misses(report: Report) -> list[str]:
    """Returns what there is to say about each miss, once."""
    return list(dict.fromkeys(missed.text for missed in report.missed))
