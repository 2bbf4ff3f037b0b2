"""What Go keeps of an object that it reads into a struct."""

import json

import pytest
from any_json import anything, fields
from hypothesis import given
from hypothesis import strategies as st

from aigw.higress.chat_structs import CHAT_REQUEST, MESSAGE, TOOL
from aigw.higress.go_json import NUMBER, OMIT_EMPTY, OMIT_NULL, TEXT, Field, nested, objects, written

STRUCT = {
    "text": TEXT,
    "number": NUMBER,
    "omit": OMIT_EMPTY,
    "any": OMIT_NULL,
    "inner": nested({"a": TEXT, "b": OMIT_EMPTY}),
    "pointer": Field(empties=True, inside={"b": OMIT_EMPTY}),
    "list": objects({"a": TEXT}),
}
NOTHING = {"text": "", "number": 0, "inner": {"a": ""}}


@pytest.mark.parametrize("empty", [None, False, 0, 0.0, "", [], {}])
def test_what_is_empty(empty):
    told = {} if empty is None else {"any": empty}
    assert written({"omit": empty, "any": empty}, STRUCT) == {**NOTHING, **told}


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({}, {}),
        ({"unknown": 1, "omit": {"unknown": {}}}, {"omit": {"unknown": {}}}),
        ({"text": None, "number": None, "inner": None, "pointer": None, "list": None}, {}),
        ({"inner": {"unknown": 1, "b": []}}, {}),
        ({"inner": {"a": "x", "b": 1}}, {"inner": {"a": "x", "b": 1}}),
        ({"pointer": {}}, {"pointer": {}}),
        ({"pointer": {"b": 0, "c": 1}}, {"pointer": {}}),
        ({"list": [{"b": 1}, None, {"a": "x"}]}, {"list": [{"a": ""}, {"a": ""}, {"a": "x"}]}),
        ({"list": []}, {}),
        ({"inner": 5, "list": "x"}, {"inner": 5, "list": "x"}),
    ],
)
def test_what_is_kept(value, kept):
    assert written(value, STRUCT) == {**NOTHING, **kept}


def test_zeros_are_not_shared():
    """Whoever edits one result does not change the next."""
    first, second = written({}, CHAT_REQUEST), written({}, CHAT_REQUEST)
    assert first == second == {"messages": [], "model": ""}
    assert first["messages"] is not second["messages"]


@given(st.sampled_from([CHAT_REQUEST, MESSAGE, TOOL]), fields(messages=anything, tools=anything, function=anything))
def test_what_was_written_stays_as_it_is(struct, value):
    once = written(value, struct)
    assert once.keys() <= struct.keys()
    assert written(json.loads(json.dumps(once)), struct) == once
