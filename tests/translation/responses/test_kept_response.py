"""What clients read of responses that are kept."""

import pytest

from aigw.translation.responses.kept_response import KeptResponse, input_items, own_items, with_items

ITEMS = [
    {"role": "user", "content": "a"},
    {"type": "function_call_output", "call_id": "c", "output": "b"},
    {"role": "assistant", "content": "c", "id": "msg_x"},
]
KEPT = KeptResponse({"id": "resp_1", "output": [{"type": "message"}]}, [{"old": 1}, *ITEMS], 3)


def page(query=""):
    found = input_items(KEPT, query)
    return [item["id"] for item in found["data"]], found["has_more"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", (["msg_x", "item_1_in1", "msg_1_in0"], False)),
        ("order=asc", (["msg_1_in0", "item_1_in1", "msg_x"], False)),
        ("limit=2", (["msg_x", "item_1_in1"], True)),
        ("limit=2&after=msg_x", (["item_1_in1", "msg_1_in0"], False)),
        ("limit=" + "9" * 5000, (["msg_x", "item_1_in1", "msg_1_in0"], False)),
        ("limit=x&after=other", (["msg_x", "item_1_in1", "msg_1_in0"], False)),
    ],
)
def test_pages_of_the_input(query, expected):
    assert page(query) == expected


def test_items_have_parts():
    last, _, first = input_items(KEPT, "")["data"]
    assert (first["type"], first["content"]) == ("message", [{"type": "input_text", "text": "a"}])
    assert last["content"] == [{"type": "output_text", "text": "c"}]


def test_a_request_has_all_that_was_said_in_it():
    body = {"model": "m", "input": "hi", "store": True, "previous_response_id": "resp_1"}
    own = own_items(body)
    assert KEPT.said == [{"old": 1}, *ITEMS, {"type": "message"}]
    assert with_items(body, [*KEPT.said, *own]) == {
        "model": "m", "input": [*KEPT.said, {"type": "message", "role": "user", "content": "hi"}],
    }  # fmt: skip
    assert own_items({"input": 7}) == [{"type": "message", "role": "user", "content": 7}] and own_items({}) == []
