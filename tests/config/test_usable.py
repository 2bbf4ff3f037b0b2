"""What is usable of a value with mistakes, and that mistakes beside each other are all named."""

from typing import Annotated

import msgspec
import pytest

from aigw.config.load import examine
from aigw.config.usable import touches, usable


class Part(msgspec.Struct):
    name: str
    size: int = 0
    tags: list[str] = []


class Whole(msgspec.Struct):
    part: Part | None = None
    parts: list[Part] = []
    sizes: dict[str, int] = {}


@pytest.mark.parametrize(
    ("value", "expected", "left_out"),
    [
        ({"part": {"name": "a", "size": "x"}}, Whole(Part("a")), [("part", "size")]),
        ({"parts": [{"name": "a", "tags": "x"}]}, Whole(None, [Part("a")]), [("parts", 0, "tags")]),
        ({"parts": [{"name": "a", "tags": [1]}]}, Whole(None, [Part("a")]), [("parts", 0, "tags")]),
        ({"sizes": {"a": "x"}}, Whole(), [("sizes",)]),
        ({"part": {"size": 1}}, Whole(Part("", 1)), [("part", "name")]),
        ({"parts": [{"name": "a"}, {}]}, Whole(None, [Part("a"), Part("")]), [("parts", 1, "name")]),
        ([], None, []),
    ],
)
def test_wrong_fields_are_left_out(value, expected, left_out):
    assert usable(value, Whole) == (expected, left_out)


class Needy(msgspec.Struct):
    count: int
    tags: list[str]
    part: Part
    never: Annotated[int, msgspec.Meta(gt=0)] | None


def test_required_fields_of_any_kind_are_stood_in_for():
    right, left_out = usable({"never": None}, Needy)
    assert right == Needy(0, [], Part(""), None)
    assert set(left_out) == {("count",), ("tags",), ("part",), ("part", "name")}


def test_what_nothing_stands_in_for():
    assert usable({"count": 1, "tags": [], "part": {"name": "a"}, "never": 0}, Needy) == (None, [])
    assert usable({"part": 3, "parts": {}}, Whole)[1] == [("part",), ("parts",)]


def test_places_that_touch():
    assert touches(("a", "b"), [("a",)])
    assert touches(("a",), [("a", "b")])
    assert not touches(("a", "b"), [("a", "c")])


def said(provider):
    text = f"plugins: {{ai-proxy: {{provider: {provider}}}}}".encode()
    _, report = examine(None, {}, text=text)
    return [line.partition("provider.")[2] for line in report.format_all(report.errors)]


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        ("{type: opnai, apiTokens: sk-1}",
         ['apiTokens: must be a list, got ***; write apiTokens: ["${NAME}"]',
          "type: unknown provider type: opnai; did you mean 'openai'?"]),
        ("{type: deepseek, apiTokens: 3, failover: true, protocol: x}",
         ['apiTokens: must be a list, got ***; write apiTokens: ["${NAME}"]',
          "failover: must be a mapping, got True; write failover: {enabled: ...}",
          "protocol: invalid protocol in config: 'x'; use openai or original"]),
        ("{type: azure, apiTokens: [k], retryOnFailure: {enabled: maybe}, modelMapping: {'~(': x}}",
         ["retryOnFailure.enabled: must be true or false, got 'maybe'",
          "azureServiceUrl: missing azureServiceUrl in provider config", "modelMapping: '~('"]),
        ("{type: nothing, contextCleanupCommands: x, failover: {enabled: true}, modelMapping: {'~(': x}}",
         ["contextCleanupCommands: must be a list, got 'x'; write contextCleanupCommands: ['x']",
          "type: unknown provider type: nothing; there are", "failover: either", "modelMapping: '~('"]),
    ],
)  # fmt: skip
def test_every_mistake_of_a_provider_is_named_at_once(provider, expected):
    found = said(provider)
    assert len(found) == len(expected)
    for line, start in zip(sorted(found), sorted(expected), strict=True):
        assert line.startswith(start)
