"""Texts that a Gemini client wants as vectors, in OpenAI's format, and the vectors back in its own."""

import json

import pytest
from any_json import anything, fields
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.errors import GatewayError
from aigw.dialects.embedding_format import pack
from aigw.translation.embeddings.gemini_client import answer_of, request_of
from aigw.translation.notes import Notes


def content(*texts):
    return {"parts": [{"text": text} for text in texts]}


def asked(body, *, batch=True, purposes=False):
    """The body for OpenAI's format, and what was lost."""
    notes = Notes()
    return request_of(body, batch=batch, model="m", purposes=purposes, notes=notes), notes.lost


def batch(*requests):
    return {"requests": list(requests)}


def test_one_text():
    assert asked({"content": content("a", "b")}, batch=False) == ({"model": "m", "input": ["a\nb"]}, [])


def test_several_texts_keep_their_order():
    body = batch(*({"model": "models/m", "content": content(text)} for text in "cab"))
    assert asked(body) == ({"model": "m", "input": ["c", "a", "b"]}, [])


@pytest.mark.parametrize("name", ["outputDimensionality", "output_dimensionality"])
def test_dimensions(name):
    assert asked({"content": content("a"), name: 8}, batch=False)[0]["dimensions"] == 8
    assert asked(batch(*[{"content": content("a"), name: 8}] * 2))[0]["dimensions"] == 8


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (
            batch({"content": content("a"), "outputDimensionality": 8}, {"content": content("b")}),
            "outputDimensionality",
        ),
        (batch({"content": {"parts": [{"inlineData": {"data": "aGk=", "mimeType": "image/png"}}]}}), "content.parts"),
        (batch({"content": content("a")}, {"content": {"parts": [{"text": "a"}, {"fileData": {}}]}}), "content.parts"),
        (batch({"content": content("")}), "content"),
        (batch({"content": content("a")}, {}), "content"),
        (batch(), "requests"),
        ({}, "requests"),
    ],
)
def test_what_would_get_wrong_vectors_is_refused(body, field):
    with pytest.raises(GatewayError) as caught:
        asked(body)
    assert (caught.value.status, caught.value.param) == (400, field)


def test_what_is_lost_is_named():
    one = {"content": content("a"), "taskType": "RETRIEVAL_QUERY", "title": "T"}
    assert asked(batch(one, {"content": content("b")})) == ({"model": "m", "input": ["a", "b"]}, ["title", "taskType"])
    assert asked(batch({"content": content("a"), "task_type": "TASK_TYPE_UNSPECIFIED"}))[1] == []


@pytest.mark.parametrize(
    ("tasks", "purpose", "lost"),
    [
        (["RETRIEVAL_QUERY"], "query", []),
        (["RETRIEVAL_DOCUMENT", "RETRIEVAL_DOCUMENT"], "passage", []),
        (["RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT"], None, ["taskType"]),
        (["CLUSTERING"], None, ["taskType"]),
    ],
)
def test_an_embedder_that_knows_purposes_is_told(tasks, purpose, lost):
    body = batch(*({"content": content("a"), "taskType": task} for task in tasks))
    made, said = asked(body, purposes=True)
    assert (made.get("input_type"), said) == (purpose, lost)


def rows(*vectors):
    return json.dumps({"data": [{"index": index, "embedding": vector} for index, vector in vectors]}).encode()


def test_vectors_stand_in_the_order_of_the_texts():
    answer = answer_of(rows((1, [0.5]), (0, pack([1.0, -2.0]))), batch=True, count=2)
    assert answer == {"embeddings": [{"values": [1.0, -2.0]}, {"values": [0.5]}]}
    assert answer_of(rows((0, [0.5])), batch=False, count=1) == {"embedding": {"values": [0.5]}}


@pytest.mark.parametrize(
    "body",
    [
        b"{}", b"[]", b"{", rows(), rows((0, [1])), rows((0, [1]), (0, [1])), rows((0, [1]), (2, [1])),
        rows((0, [1]), (1, None)), rows((0, [1]), (1, [])), rows((0, [1]), (1, "*")), rows((0, [1]), (1, {})),
    ],
)  # fmt: skip
def test_an_answer_without_all_vectors_is_none(body):
    with pytest.raises(ValueError, match=r".+"):
        answer_of(body, batch=True, count=2)


TEXTS = st.sampled_from(["", "a", "RETRIEVAL_QUERY"])
REQUEST = fields(content=fields(parts=st.lists(fields(text=TEXTS) | anything, max_size=3) | anything), taskType=TEXTS,
                 outputDimensionality=anything, title=anything)  # fmt: skip


@given(fields(requests=st.lists(REQUEST | anything, max_size=3) | anything, content=anything), st.booleans())
def test_no_request_is_a_bug(body, several):
    try:
        made, _ = asked(body, batch=several)
    except GatewayError as refusal:
        assert refusal.status == 400
    else:
        assert made["input"] and all(made["input"])
