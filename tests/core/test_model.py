"""The values that travel: an edited request is written back, a copy is a copy, a chunk is decoded once."""

import json

import pytest
from fakes import chat
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from aigw.core.model import Chunk, Origin, ReadBatch, Request, raw_of


@pytest.mark.parametrize(
    ("origin", "text"),
    [
        (Origin("https", "up", 443, "up"), "https://up:443"),
        (Origin("http", "::1", 80), "http://[::1]:80"),
        (Origin("builtin", "echo", 0), "builtin://echo"),
    ],
)
def test_an_origin_as_people_read_it(origin, text):
    assert str(origin) == text


def request(body=b'{"a": 1.0,  "b": 2}', content_type="application/json", **more):
    return Request("POST", "/v1/x", "", CIMultiDict({"content-type": content_type}), body, **more)


def test_the_query_stands_in_the_request_line():
    found = request()
    assert found.target == "/v1/x"
    found.query = "a=1"
    assert found.target == "/v1/x?a=1"


@pytest.mark.parametrize(
    ("content_type", "stream", "expected"),
    [("application/json; charset=utf-8", None, True), ("Application/Problem+JSON", None, True),
     ("text/plain", None, False), ("application/json", iter(()), False)],
)  # fmt: skip
def test_which_bodies_may_be_read(content_type, stream, expected):
    assert request(content_type=content_type, stream=stream).is_json is expected


def test_what_was_edited_is_written_back_and_the_rest_keeps_its_bytes():
    found = request()
    found.document.set("b", 3)
    assert found.body == b'{"a": 1.0,  "b": 2}'
    found.seal()
    assert found.body == b'{"a":1.0,"b":3}'


def test_a_body_in_place_of_an_edited_one_is_the_body():
    found = request()
    found.document.set("b", 3)
    found.replace_body(b'{"c": 1}')
    found.seal()
    assert (found.body, found.document.get("c")) == (b'{"c": 1}', 1)


def test_a_copy_leaves_the_original_as_it_was():
    first = chat({"model": "a"})
    first.parse()
    second = first.copy()
    second.headers["x"] = "1"
    second.document.set("model", "b")
    second.seal()
    assert "x" not in first.headers
    assert (first.document.get("model"), json.loads(second.body)) == ("a", {"model": "b"})


@pytest.mark.parametrize("body", [b"[]", b"{", b""])
def test_what_is_no_object_is_told_to_who_asks(body):
    found = request(body)
    found.parse()
    assert found.parsed is None
    with pytest.raises(ValueError):
        assert found.document


@pytest.mark.parametrize("data", [None, b"", b"[DONE]", b"\xff", b"[" * 100_000])
def test_a_chunk_without_json(data):
    assert Chunk(b"raw", data).json() is None


def test_a_chunk_is_decoded_once():
    chunk = Chunk(b"raw", b'{"a": 1}')
    assert chunk.json() is chunk.json()


@given(st.lists(st.binary(), max_size=4))
def test_the_bytes_of_a_batch_are_those_of_its_chunks(pieces):
    chunks, raw = [Chunk(piece) for piece in pieces], b"".join(pieces)
    assert raw_of(chunks) == raw_of(ReadBatch(chunks, raw)) == raw
