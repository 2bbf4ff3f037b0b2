"""Findings as lines, and suggestions."""

import pytest

from aigw.config.report import Report, suggest
from aigw.core.json_path import format_path


def test_a_finding_is_a_complete_line():
    report = Report("conf/aigw.yaml", {(): 1, ("plugins",): 3, ("plugins", "a"): 4})
    report.error(("plugins", "a", "b", 0), "is wrong")
    report.error((), "is empty", 2)
    report.error((), "is empty", 2)
    assert report.format_all(report.errors) == [
        "conf/aigw.yaml:2: is empty",
        "conf/aigw.yaml:4 plugins.a.b[0]: is wrong",
    ]
    assert Report("x").format_all([]) == []


def test_without_lines_the_name_stands_alone():
    report = Report("x.yaml")
    report.error(("a",), "b")
    assert report.format_all(report.errors) == ["x.yaml a: b"]


def test_paths():
    assert format_path(("plugins", "ai-proxy", "_rules_", 0, "a")) == "plugins.ai-proxy._rules_[0].a"
    assert format_path(("services", "a.b:1")) == "services['a.b:1']"


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("ttl", ["cacheTTL", "cacheKeyStrategy"], "; did you mean 'cacheTTL'?"),
        ("service_name", ["serviceName", "servicePort"], "; did you mean 'serviceName'?"),
        ("apitoken", ["apiTokens", "type"], "; did you mean 'apiTokens'?"),
        ("zzz", ["a", "b"], "; known: a, b"),
        ("zzz", [], ""),
        ("zzz", [f"key{i}" for i in range(20)], ""),
    ],
)
def test_suggestions(name, known, found):
    assert suggest(name, known) == found


def test_values_in_messages_are_short_and_not_secret():
    report = Report("x", hidden={("a",)})
    assert report.say(("a",), "secret") == "***"
    assert report.say(("password",), "secret") == "***"
    assert len(report.say(("b",), "x" * 1000)) == 60


def test_a_value_that_looks_like_a_key_is_not_shown():
    key = "sk-proj-" + "aB3dE5gH" * 5
    assert key[:20] not in Report("x.yaml").say(("plugins", "a"), key)
    assert key[:20] not in Report("x.yaml").say(("plugins", "a"), [f"https://host/?key={key}"])
