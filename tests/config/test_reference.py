"""What is said about keys: every one of them has a meaning, and none is missing."""

from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta, Struct

from aigw.config.model import Duration, GatewayConfig, Size
from aigw.config.plugins import find_plugin, installed_plugins
from aigw.config.reference import Key, keys, paragraphs


class Inner(Struct, frozen=True):
    """An inner one.

    It is spelled out
    only once."""

    here: Annotated[int, Meta(ge=1, description="a number")] = 1


class Outer(Struct, rename="camel"):
    must_be: Annotated[str, Meta(description="a text")]
    some: Inner = Inner()
    others: Annotated[list[Inner], Meta(description="more of them")] = []
    by_name: dict[str, Inner] = {}
    colour: Literal["", "red", "blue"] = "red"
    wait: Annotated[Duration, Meta(description="how long")] = 90.0
    room: Annotated[Size | None, Meta(description="how much")] = None
    either: Annotated[int | list[str] | None, Meta(description="a number, or texts")] = None
    share: Annotated[float, Meta(ge=0, le=1, description="a part")] = 0.5


def test_keys_are_read_from_the_types_that_check_them():
    assert keys(Outer) == [
        Key("mustBe", "text", "a text", required=True),
        Key("some", "mapping", "An inner one."),
        Key("some.here", "integer from 1", "a number", default=1),
        Key("others", "list of mappings", "more of them", same_as="some"),
        Key("byName", "mapping of text to mapping", "An inner one.", same_as="some"),
        Key("colour", "one of blue, red", "", default="red"),
        Key("wait", 'seconds, or text such as "10m"', "how long", default="90s"),
        Key("room", 'bytes, or text such as "100MiB"', "how much"),
        Key("either", "integer or list of text", "a number, or texts"),
        Key("share", "number 0 to 1", "a part", default=0.5),
    ]


def test_paragraphs_are_lines():
    assert paragraphs(Inner) == ["An inner one.", "It is spelled out only once."]
    assert paragraphs(Outer) == [""]


@pytest.mark.parametrize("config", [GatewayConfig, *(find_plugin(name).config for name in installed_plugins())])
def test_every_key_has_a_meaning(config):
    assert paragraphs(config)[0]
    assert [key.path for key in keys(config) if not key.meaning] == []


@pytest.mark.parametrize("name", installed_plugins())
def test_no_key_is_missing(name):
    config = find_plugin(name).config
    top = {key.path for key in keys(config) if "." not in key.path}
    assert top == {field.encode_name for field in msgspec.structs.fields(config)}
