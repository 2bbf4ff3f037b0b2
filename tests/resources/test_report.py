"""Entries of a report."""

from aigw.resources.report import Findings


def test_the_same_is_told_once_and_what_is_lost_is_known():
    findings = Findings()
    for _ in range(2):
        findings.add("none", "a", "b", "c")
    findings.add("exact", "a", "")
    findings.add("unknown", "a", "d")
    findings.add("approximate", "a", "e")
    assert [entry.field for entry in findings] == ["b", "", "d", "e"]
    assert [entry.field for entry in findings.lost] == ["b", "d"]
    assert [entry.field for entry in findings.of("exact", "approximate")] == ["", "e"]
