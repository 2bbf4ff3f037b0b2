"""What became of the calls of a run that was recorded or replayed, as text."""

from __future__ import annotations

from aigw.traffic.recordings import Recordings


def summary(recordings: Recordings) -> str:
    """Returns a line such as `recordings: 12 replayed, 1 missed, 3 written`."""
    report = recordings.report
    facts = [
        (report.hits, "replayed"),
        (report.repeats, "of them again"),
        (len(report.missed), "missed"),
        (len(report.diverged), "diverged"),
        (report.written, "written"),
        (len(report.unused) if report.hits else 0, "unused"),
    ]
    said = ", ".join(f"{count} {what}" for count, what in facts if count) or "no calls"
    return f"{recordings.path}: {said}" + (f"; stopped: {report.failure}" if report.failure else "")
