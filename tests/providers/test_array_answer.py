"""The events of a stream as a JSON array."""

import json

import pytest

from aigw.dialects.sse import Event, json_event
from aigw.providers.array_answer import Elements


@pytest.mark.parametrize("bodies", [[], [{"a": 1}], [{"a": 1}, {"b": [2]}, {"c": "]"}]])
def test_elements(bodies):
    elements = Elements()
    batches = [elements.feed([json_event(body), Event(b": comment\n\n")]) for body in bodies]
    raw = b"".join(chunk.raw for batch in [*batches, elements.end()] for chunk in batch)
    assert json.loads(raw) == bodies


def test_an_element_can_follow_any_batch():
    elements = Elements()
    (first,) = elements.feed([json_event({"a": 1})])
    assert json.loads(first.raw + b",{}]") == [{"a": 1}, {}]
