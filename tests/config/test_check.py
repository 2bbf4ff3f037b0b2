"""Values against types: every finding at once, each with its place and remedy; Higress's leniencies as notes."""

from enum import Enum
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from aigw.config.check import Checker
from aigw.config.model import Duration, Size
from aigw.config.source import read


class Colour(Enum):
    RED = "red"


class Inner(msgspec.Struct, rename="camel", frozen=True):
    api_tokens: list[str] = []
    port: Annotated[int, Meta(ge=1, le=65535, description="a port")] = 80


class Config(msgspec.Struct, rename="camel", frozen=True):
    inner: Inner | None = None
    cache_ttl: int = 0
    ratio: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    enabled: bool = False
    mode: Literal["auto", "raw"] = "auto"
    number: Literal[1, 2] = 1
    colour: Colour = Colour.RED
    name: Annotated[str, Meta(min_length=1, max_length=5)] = "x"
    names: dict[str, Inner] = {}
    anything: Any = None
    text_or_list: str | list[str] = ""
    number_or_text: int | str = 0
    choice_or_number: Literal["off"] | int = "off"
    pair: tuple[int, str] = (1, "a")
    many: tuple[str, ...] = ()
    unique: set[str] = set()
    wait: Duration = 1.0
    most: Size = 1
    even: Annotated[int, Meta(multiple_of=2)] = 0
    pattern: Annotated[str, Meta(pattern="^/")] = "/"
    api_key: str = ""


class Needs(msgspec.Struct, frozen=True):
    this: str
    that: int | None
    other: Inner


def convert(text, type_=Config, env=None):
    source, report = read(text.encode(), env or {})
    value = Checker(source, report).convert(source.values, type_, ())
    return value, report.format_all(report.errors), report.format_all(report.notes)


class Outer(msgspec.Struct, rename="camel", frozen=True):
    inner: Inner | None = None
    model_mapping: Annotated[dict[str, str], Meta(extra={"elsewhere": ("model",)})] = {}


def test_an_unknown_key_is_led_to_where_it_belongs():
    _, errors, _ = convert("port: 1\nMODEL: x\nmodelMaping: {}", Outer)
    assert errors == [
        "aigw.yaml:1: unknown key 'port'; it belongs below 'inner'",
        "aigw.yaml:2: unknown key 'MODEL'; write 'modelMapping'",
        "aigw.yaml:3: unknown key 'modelMaping'; did you mean 'modelMapping'?",
    ]


def test_a_right_file_is_typed():
    text = "inner: {apiTokens: [a], port: 1}\ncacheTTl: 1".replace("cacheTTl", "cacheTtl")
    assert convert(text) == (Config(inner=Inner(["a"], 1), cache_ttl=1), [], [])


def test_all_findings_are_reported_at_once_in_the_order_of_the_file():
    text = """\
inner:
  apiToken: [a]
  port: 0
cacheTtl: many
ratio: 1
enabled: perhaps
mode: row
name: ""
names: {a: {port: [1]}, b: 1}
textOrList: {a: 1}
pair: [1]
wait: soon
most: 10 XB
even: 3
pattern: v1
"""
    value, errors, _ = convert(text)
    assert value is None
    assert errors == [
        "aigw.yaml:2 inner: unknown key 'apiToken'; did you mean 'apiTokens'?",
        "aigw.yaml:3 inner.port: must be at least 1, got 0",
        "aigw.yaml:4 cacheTtl: must be a whole number, got 'many'",
        "aigw.yaml:5 ratio: must be less than 1, got 1.0",
        "aigw.yaml:6 enabled: must be true or false, got 'perhaps'",
        "aigw.yaml:7 mode: must be one of auto, raw, got 'row'; did you mean 'raw'?",
        "aigw.yaml:8 name: must not be empty",
        "aigw.yaml:9 names.a.port: must be a whole number, got a list",
        "aigw.yaml:9 names.b: must be a mapping, got 1; write b: {apiTokens: ...}",
        "aigw.yaml:10 textOrList: must be text or a list, got a mapping",
        "aigw.yaml:11 pair: must be a list of 2, got a list",
        'aigw.yaml:12 wait: is no duration such as "10s" or "500ms": \'soon\'',
        "aigw.yaml:13 most: is no size such as \"100MiB\": '10 XB'",
        "aigw.yaml:14 even: must be a multiple of 2",
        "aigw.yaml:15 pattern: must look like ^/, got 'v1'",
    ]


def test_required_keys():
    assert convert("that:", Needs)[1] == [
        "aigw.yaml:1: the required key 'this' is missing",
        "aigw.yaml:1: the required key 'other' is missing",
    ]
    assert convert("this:\nthat: 1\nother: {}", Needs)[1] == ["aigw.yaml:1 this: has no value"]


def test_a_key_without_a_value_is_as_no_key():
    assert convert("inner:\ncacheTtl:\nname:\nanything:") == (Config(), [], [])


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("cacheTtl: '6379'", "cache_ttl", 6379),
        ("cacheTtl: ' -5 '", "cache_ttl", -5),
        ("ratio: '.25'", "ratio", 0.25),
        ("enabled: 'true'", "enabled", True),
        ("enabled: '1'", "enabled", True),
        ("enabled: 1", "enabled", True),
        ("enabled: 'False'", "enabled", False),
        ("enabled: '0'", "enabled", False),
        ("name: 3.5", "name", "3.5"),
        ("name: yes", "name", "true"),
        ("many: [1]", "many", ("1",)),
        ("choiceOrNumber: '5'", "choice_or_number", 5),
    ],
)
def test_what_higress_reads_leniently_is_noted(text, field, value):
    config, errors, notes = convert(text)
    assert errors == []
    assert getattr(config, field) == value
    assert type(getattr(config, field)) is type(value)
    (note,) = notes
    assert note.startswith("aigw.yaml:1 ")
    assert "as Higress reads it" in note


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("cacheTtl: 2.0", "cache_ttl", 2),
        ("ratio: 5.0e-1", "ratio", 0.5),
        ("numberOrText: '5'", "number_or_text", "5"),
        ("numberOrText: 5", "number_or_text", 5),
        ("choiceOrNumber: 7", "choice_or_number", 7),
        ("textOrList: [a]", "text_or_list", ["a"]),
        ("pair: [2, b]", "pair", (2, "b")),
        ("unique: [a, a]", "unique", {"a"}),
        ("colour: red", "colour", Colour.RED),
        ("number: 2", "number", 2),
        ("number: '2'", "number", 2),
        ("wait: 500ms", "wait", 0.5),
        ("wait: 3", "wait", 3.0),
        ("most: 2KiB", "most", 2048),
        ("anything: {a: [1, x]}", "anything", {"a": [1, "x"]}),
    ],
)
def test_what_is_right_is_not_noted(text, field, value):
    config, errors, notes = convert(text)
    assert (errors, notes) == ([], [])
    assert getattr(config, field) == value


@pytest.mark.parametrize(
    "text", ["cacheTtl: 12x", "cacheTtl: '1.5'", "cacheTtl: 1.5", "ratio: .nan", "ratio: '0x1'", "enabled: yes please",
             "enabled: 2", "cacheTtl: true", "cacheTtl: ''", "ratio: .inf", "cacheTtl: " + "'" + "9" * 30 + "'"],
)  # fmt: skip
def test_what_higress_silently_makes_zero_is_an_error(text):
    value, errors, _ = convert(text)
    assert value is None
    assert len(errors) == 1


def test_text_from_the_environment_has_no_type_of_its_own():
    config, errors, notes = convert("cacheTtl: ${N}\nenabled: ${B:-true}\nwait: ${W}", env={"N": "5", "W": "2s"})
    assert (config, errors, notes) == (Config(cache_ttl=5, enabled=True, wait=2.0), [], [])


def test_a_missing_name_is_one_finding_and_no_second_one():
    for text in ("cacheTtl: ${GONE}", "wait: ${GONE}", "name: ${GONE}", "mode: ${GONE}", "choiceOrNumber: ${GONE}"):
        _, errors, _ = convert(text)
        assert len(errors) == 1, errors
        assert "GONE" in errors[0]


def test_findings_never_show_secrets():
    _, errors, _ = convert("cacheTtl: x${S}\napiKey: [hidden]\nmode: ${S}", env={"S": "hunter2"})
    assert len(errors) == 3
    assert "hunter2" not in str(errors)
    assert "hidden" not in str(errors)
    assert "***" in errors[0]


def test_keys_that_stand_elsewhere_keep_their_place():
    source, report = read(b"global:\n  inner: {port: 0}\nrule:\n  cacheTtl: x\n", {})
    merged = {**source.values["global"], **source.values["rule"]}
    Checker(source, report).convert(merged, Config, ("rule",), {"inner": ("global", "inner")})
    assert report.format_all(report.errors) == [
        "aigw.yaml:2 global.inner.port: must be at least 1, got 0",
        "aigw.yaml:4 rule.cacheTtl: must be a whole number, got 'x'",
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = [field.encode_name for field in msgspec.inspect.type_info(Config).fields]


@given(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5))
def test_whatever_stands_there_is_typed_or_a_finding(values):
    source, report = read(b"", {})
    config = Checker(source, report).convert(values, Config, ())
    assert isinstance(config, Config) is not bool(report.errors)
