"""JSON: lists of objects are records."""

import pytest

from aigw.rag.document import Block
from aigw.rag.readers.json import read


def test_a_list_of_objects_is_records():
    assert read(b'[{"a": 1}, {"a": {"b": 2}}]').blocks == [Block("paragraph", "a: 1"), Block("paragraph", "a.b: 2")]


@pytest.mark.parametrize("text", ['{\n "a": 1\n}', "[1, 2]", "[]", "{no json", "[" * 200_000])
def test_anything_else_is_code(text):
    assert read(text.encode()).blocks == [Block("code", text, 1, text.count("\n") + 1)]
