"""The values that travel: an edited request is written back, a copy is a copy, a chunk is decoded once."""

import json

import pytest
from fakes import chat
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from aigw.core.model import Burst, Chunk, Origin, Request, joined, raw_of, without


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
    ("content_type", "upload", "expected"),
    [("application/json; charset=utf-8", None, True), ("Application/Problem+JSON", None, True),
     ("text/plain", None, False), ("application/json", iter(()), False)],
)  # fmt: skip
def test_which_bodies_may_be_read(content_type, upload, expected):
    assert request(content_type=content_type, upload=upload).is_json is expected


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


def test_a_chunk_with_half_an_emoji_is_read():
    assert Chunk(b"raw", b'{"a": "cut \\ud83d", "b": 2}').json() == {"a": "cut \ud83d", "b": 2}


def test_a_chunk_is_decoded_once():
    chunk = Chunk(b"raw", b'{"a": 1}')
    assert chunk.json() is chunk.json()


def lines(data: bytes) -> list[Chunk]:
    return [Chunk(line) for line in data.splitlines(keepends=True)]


PIECES = st.lists(st.sampled_from([b"\n", b"a\n", b"bc\n"]), min_size=1, max_size=6)


@given(PIECES)
def test_the_bytes_of_a_batch_are_those_of_its_chunks(pieces):
    raw = b"".join(pieces)
    assert raw_of(lines(raw)) == raw_of(Burst(raw, lines)) == raw


@given(PIECES, st.lists(st.integers(0, 6), max_size=3))
def test_a_burst_that_is_cut_anywhere_is_the_same_list(pieces, places):
    raw = b"".join(pieces)
    burst = Burst(raw, lines)
    seen = [chunk for place in places for chunk in burst.behind(len(b"".join(pieces[:place])))]
    assert [chunk.raw for chunk in burst] == pieces
    assert all(chunk in burst and any(chunk is each for each in list(burst)) for chunk in seen)
    assert list(reversed(burst)) == list(burst)[::-1]
    assert (len(burst), burst[0].raw, burst[-1].raw) == (len(pieces), pieces[0], pieces[-1])


@given(PIECES, st.integers(0, 5), st.sets(st.integers(0, 5)))
def test_a_burst_without_some_chunks(pieces, place, hidden):
    raw = b"".join(pieces)
    burst = Burst(raw, lines)
    behind = burst.behind(len(b"".join(pieces[:place])))
    gone = [chunk for number, chunk in enumerate(behind) if number in hidden]
    rest = without(burst, gone)
    kept = [chunk for chunk in burst if chunk not in gone]
    assert raw_of(rest) == raw_of(kept)
    assert [chunk.raw for chunk in rest] == [chunk.raw for chunk in kept]
    assert bool(rest) == bool(kept)


def test_the_last_chunks_of_a_burst_are_found_from_its_end():
    burst = Burst(b"a\nb\nc\n", lines)
    last = next(iter(reversed(burst.behind(4))))
    assert [chunk.raw for chunk in reversed(burst)] == [b"c\n", b"b\n", b"a\n"]
    assert next(iter(reversed(burst))) is last


def test_a_burst_has_the_bytes_of_a_changed_chunk():
    burst = Burst(b"a\nb\n", lines)
    burst.behind(2)[0].raw = b"***\n"
    burst.changed()
    assert (burst.raw, [chunk.raw for chunk in burst]) == (b"a\n***\n", [b"a\n", b"***\n"])


def test_a_batch_without_a_chunk():
    first, second = lines(b"a\nb\n")
    assert list(without((first, second), (first,))) == [second]


@given(st.lists(PIECES, min_size=1, max_size=3))
def test_several_bursts_are_one_with_the_same_chunks(bursts):
    several = [Burst(b"".join(pieces), lines) for pieces in bursts]
    whole = joined(several)
    assert type(whole) is Burst and whole.raw == b"".join(burst.raw for burst in several)
    assert list(whole) == list(joined([*several, []])) == [chunk for burst in several for chunk in burst]
