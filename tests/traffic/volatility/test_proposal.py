"""Which rule is proposed for a difference, and for which there is none."""

import msgspec
import pytest

from aigw.core.difference import Change
from aigw.traffic.volatility.proposal import proposed, yaml_of
from aigw.traffic.volatility.rules import VolatileRule


def for_change(old, new, *path, op="replace"):
    return proposed(Change(op, path, old, new))


@pytest.mark.parametrize(
    ("path", "old", "new", "rule"),
    [
        (
            ("body", "messages", 3, "content"),
            "is CASE-1",
            "is CASE-2",
            {"regex": r"CASE-\d+", "where": "/messages/*/content"},
        ),
        (("form", "prompt"), "is CASE-1", "is CASE-2", {"regex": r"CASE-\d+", "where": "/prompt"}),
        (("text",), "is CASE-1", "is CASE-2", {"regex": r"CASE-\d+"}),
        (("path",), "/v1/runs/7", "/v1/runs/8", {"regex": r"v\d+/runs/\d+"}),
        (("query", "a"), "run 1", "run 2", {"regex": r"run \d+"}),
        (("body", "metadata", "run"), "nightly", "daily", {"pointer": "/metadata/run"}),
        (("body", "metadata", "run"), 1.5, 2, {"pointer": "/metadata/run"}),
        (("body", "messages", 0, "at"), 1, 2, {"pointer": "/messages/*/at"}),
        (("body", "a/b", "c~d"), "x", "y", {"pointer": "/a~1b/c~0d"}),
    ],
)
def test_a_proposal(path, old, new, rule):
    assert for_change(old, new, *path) == VolatileRule(**rule)


def test_a_field_that_is_not_always_there():
    for op, old, new in (("add", None, 1), ("remove", 1, None)):
        assert for_change(old, new, "body", "metadata", "run", op=op) == VolatileRule(pointer="/metadata")
        assert for_change(old, new, "body", "run", op=op) is None
        assert for_change(old, new, "body", "messages", 0, "at", op=op) is None
        assert for_change(old, new, "body", "messages", 0, op=op) is None


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (("body", "messages", 0, "content"), "the cat", "the dog"),
        (("body", "messages", 0, "content"), "cat", "dog"),
        (("body", "prompt"), "the cat", "the dog"),
        (("body", "a"), True, False),
        (("body", "a"), "1", 1),
        (("body", "a"), [1], {"b": 1}),
        (("body", "api_key"), "CASE-1", "CASE-2"),
        (("body",), [1], [2]),
        (("service",), "a1", "a2"),
        (("headers", "openai-beta"), "a=v1", "a=v2"),
        (("sha256",), "1" * 64, "2" * 64),
        (("body", "text"), "a1 b " * 200, "a2 b " * 200),
    ],
)
def test_no_proposal(path, old, new):
    assert for_change(old, new, *path) is None


@pytest.mark.parametrize("rule", [{"regex": r"it's \d+: \\", "where": "/a, b/*"}, {"pointer": "/a#b/{c}"}])
def test_yaml(rule):
    import yaml

    rule = VolatileRule(**rule)
    assert msgspec.convert(yaml.safe_load(yaml_of(rule)), VolatileRule) == rule
