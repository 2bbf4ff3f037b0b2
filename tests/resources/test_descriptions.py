"""Keys are found by what their descriptions say."""

from typing import Annotated

from msgspec import Meta, Struct

from aigw.resources.descriptions import OWN, SAFE, UNUSED, keys_that_say


class Inner(Struct):
    own: Annotated[int, Meta(description="aigw: ours")] = 0
    old: Annotated[str, Meta(description="x: not used by this version")] = ""


class Whole(Struct):
    many: list[Inner] = []
    named: dict[str, Inner | None] = {}
    safe: Annotated[bool, Meta(description="safe: ours")] = False


VALUE = {"many": [{"own": 1}, {"old": "x"}], "named": {"k": {"own": 2}, "l": None}, "safe": True, "other": 1}


def test_keys_that_are_set():
    assert keys_that_say(Whole, VALUE, begin=[OWN]) == ["many[0].own", "named.k.own"]
    assert keys_that_say(Whole, VALUE, begin=[OWN, SAFE], path=("at",)) == [
        "at.many[0].own",
        "at.named.k.own",
        "at.safe",
    ]
    assert keys_that_say(Whole, VALUE, contain=UNUSED) == ["many[1].old"]


def test_values_of_another_kind_have_none():
    for value in (None, [], "x", {"many": {"own": 1}, "named": [1]}):
        assert keys_that_say(Whole, value, begin=[OWN], contain=UNUSED) == []
