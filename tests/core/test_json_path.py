"""How a place in a configuration is written for people."""

import pytest

from aigw.core.json_path import format_path


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("plugins", "ai-proxy", "_rules_", 0, "a"), "plugins.ai-proxy._rules_[0].a"),
        (("services", "a.b:1"), "services['a.b:1']"),
        (("a", "", "b c"), "a['']['b c']"),
        ((3, "x"), "[3].x"),
        (("it's",), '["it\'s"]'),
    ],
)
def test_a_path_is_written(path, text):
    assert format_path(path) == text
