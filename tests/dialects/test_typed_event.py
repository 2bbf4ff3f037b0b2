"""Events that say their type twice."""

import pytest

from aigw.core.model import Chunk
from aigw.dialects.typed_event import type_of, typed_event


@pytest.mark.parametrize(
    ("body", "raw"),
    [
        ({"type": "ping"}, b'event: ping\ndata: {"type":"ping"}\n\n'),
        ({"type": "a\nevent: b"}, b'data: {"type":"a\\nevent: b"}\n\n'),
        ({"type": 5}, b'data: {"type":5}\n\n'),
        ({}, b"data: {}\n\n"),
    ],
)
def test_a_type_that_can_stand_in_a_line_does(body, raw):
    event = typed_event(body)
    assert event.raw == raw
    assert event.json() == body


@pytest.mark.parametrize(
    ("data", "kind"), [(b'{"type": "a"}', "a"), (b'{"type": 5}', ""), (b"[]", ""), (b"[DONE]", ""), (None, "")]
)
def test_the_type_of_an_event(data, kind):
    assert type_of(Chunk(b"raw", data)) == kind
