"""Go's Sprintf for texts: what it makes of templates that fit, and of others."""

import pytest

from aigw.higress.go_format import sprintf


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("'%s' of %s", "'a%s' of b"),
        ("%v%%%s", "a%s%b"),
        ("none", "none%!(EXTRA string=a%s, string=b)"),
        ("%s", "a%s%!(EXTRA string=b)"),
        ("%s %s %s", "a%s b %!s(MISSING)"),
        ("%d %s", "%!d(string=a%s) b"),
        ("%s %s 5%", "a%s b 5%!(NOVERB)"),
    ],
)
def test_what_becomes_of_a_template(template, filled):
    assert sprintf(template, "a%s", "b") == filled
