"""What a type does not know is taken out, wherever it stands."""

from typing import Annotated

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct, to_builtins

from aigw.resources.unknown import prune


class Inner(Struct, kw_only=True):
    a: int = 0
    apiTokens: list[str] = []  # noqa: N815
    serviceHost: str = ""  # noqa: N815


class Whole(Struct, kw_only=True):
    one: Annotated[Inner | None, Meta(description="x")] = None
    many: list[Inner] = []
    named: dict[str, Inner] = {}
    either: Inner | str = ""
    free: dict[str, object] = {}


def test_unknown_keys_at_any_depth():
    value = {
        "one": {"a": 1, "x": 1}, "many": [{"a": 2}, {"y": 2}], "named": {"k": {"z": 3}}, "free": {"any": {"thing": 1}},
        "new": {"w": 4},
    }  # fmt: skip
    found = prune(value, Whole, ("at",))
    assert found.value == {"one": {"a": 1}, "many": [{"a": 2}, {}], "named": {"k": {}}, "free": {"any": {"thing": 1}}}
    assert found.unknown == [
        (("at", "one", "x"), 1), (("at", "many", 1, "y"), 2), (("at", "named", "k", "z"), 3), (("at", "new"), {"w": 4}),
    ]  # fmt: skip


def test_a_union_is_read_as_the_member_that_is_meant():
    assert prune({"either": {"a": 1, "c": 1}}, Whole).unknown == [(("either", "c"), 1)]
    assert prune({"either": "text"}, Whole).value == {"either": "text"}


def test_other_names_are_read_as_what_they_mean():
    found = prune({"apiToken": "sk", "domain": "h"}, Inner)
    assert found.value == {"apiTokens": ["sk"], "serviceHost": "h"}
    assert found.renamed == [(("apiToken",), "apiTokens"), (("domain",), "serviceHost")]
    both = prune({"apiToken": "sk", "apiTokens": ["a"]}, Inner)
    assert both.value == {"apiTokens": ["a"]}
    assert both.unknown == [(("apiToken",), "sk")]


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_value_can_be_read(value):
    prune(value, Whole)


@given(st.builds(Whole, one=st.none() | st.builds(Inner), many=st.lists(st.builds(Inner))))
def test_what_a_type_knows_stays(whole):
    value = to_builtins(whole)
    assert prune(value, Whole) == (value, [], [])
