"""Embeddings in the format that was asked for, and answers that cannot be brought into it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.dialects.embedding_format import in_format, pack

floats = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=5)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["data", "embedding"]), inner),
)


def answer(*vectors):
    return json.dumps({"data": [{"index": 0, "embedding": vector} for vector in vectors]}).encode()


@given(floats)
def test_there_and_back(vector):
    packed = in_format(answer(vector), "base64")
    assert json.loads(packed)["data"][0]["embedding"] == pack(vector)
    assert json.loads(in_format(packed, "float"))["data"][0]["embedding"] == vector


@pytest.mark.parametrize("asked", ["", "base64", "hex"])
def test_what_is_as_it_was_asked_for_keeps_its_bytes(asked):
    body = answer("AACAPw==")
    assert in_format(body, asked) is body


@pytest.mark.parametrize(
    "body",
    [answer([1.0], [None, 1.0]), answer([[1.0], [2.0]]), answer([1e39]), answer([10**400]), answer(["a"]),
     b'{"data":5}', b'{"data":[{"embedding":[1.0],"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}", b"\xff", b"[]"],
)  # fmt: skip
def test_what_is_no_vector_keeps_its_bytes(body):
    assert in_format(body, "base64") is body


@pytest.mark.parametrize("text", ["AAA", "AACAP", "é", "AACAPw=", "AAAA", "AACA!Pw=="])
def test_what_is_no_base64_of_floats_keeps_its_bytes(text):
    body = answer("AACAPw==", text)
    assert in_format(body, "float") is body


@given(anything, st.sampled_from(["base64", "float"]))
def test_any_json_is_taken(value, asked):
    in_format(json.dumps({"data": value}).encode(), asked)
    in_format(json.dumps({"data": [{"embedding": value}]}).encode(), asked)
