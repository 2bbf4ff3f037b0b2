"""A stream of Gemini's made into a plain answer, and back."""

import itertools
import json

import pytest
from gemini_wire import (
    ANSWERS,
    REPORTED,
    STREAMED,
    answer,
    bare,
    candidate,
    event,
    reader,
    wire,
)
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.model import Chunk
from aigw.dialects.sse import EventSplitter
from aigw.dialects.table import GEMINI


def made_whole(*bodies):
    return json.loads(GEMINI.whole(map(event, bodies)))


def made_events(body):
    return list(GEMINI.events(json.dumps(body).encode(), usage=True))


def test_a_stream_makes_a_plain_answer():
    assert made_whole(*STREAMED) == {
        "candidates": [candidate({"text": "hm", "thought": True}, {"text": 'Hello]"'}, finish="STOP")],
        "modelVersion": "m",
        "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 3},
    }


def test_a_real_stream_makes_a_plain_answer():
    events = EventSplitter().feed("".join(wire("answer-gemini-tool")["chunks"]).encode())
    found = reader(streaming=False)
    data = GEMINI.whole(events)
    found.feed([Chunk(data, data)])
    assert (found.text, found.calls, found.finish) == ANSWERS["answer-gemini-tool"]
    assert (found.complete, found.tokens, found.model) == (True, REPORTED, "gemini-rec")
    assert b"c2lnbmF0dXJl" in data


def test_a_signature_stays_with_the_part_that_it_came_with():
    parts = [
        {"text": "a"},
        {"text": "b", "thoughtSignature": "eA=="},
        {"text": "c"},
        {"text": "d"},
        {"text": "", "thoughtSignature": "eQ=="},
    ]
    whole = made_whole(*(answer(part) for part in parts), answer(finish="STOP"))
    assert whole["candidates"][0]["content"]["parts"] == [parts[0], parts[1], {"text": "cd"}, parts[4]]


def test_candidates_are_told_apart():
    whole = made_whole({"candidates": [candidate({"text": "b1"}, index=1)]}, answer({"text": "a1"}), {"candidates": [candidate({"text": "a2"}, finish="STOP"), candidate({"text": "b2"}, finish="SAFETY", index=1)]})  # fmt: skip
    assert whole["candidates"] == [
        candidate({"text": "a1a2"}, finish="STOP"),
        candidate({"text": "b1b2"}, finish="SAFETY", index=1),
    ]


def test_metadata_is_put_together():
    def extra(sources, chunks, probability):
        return {
            "citationMetadata": {"citationSources": sources},
            "groundingMetadata": chunks,
            "logprobsResult": {"chosenCandidates": [probability]},
        }

    whole = made_whole(
        {"candidates": [candidate({"text": "a"}, **extra([1], {"groundingChunks": [1]}, 0.5))]},
        {
            "candidates": [
                candidate({"text": "b"}, **extra([2], {"groundingChunks": [1, 2], "webSearchQueries": ["q"]}, 0.7))
            ]
        },
    )
    assert whole["candidates"] == [
        candidate(
            {"text": "ab"}, citationMetadata={"citationSources": [1, 2]}, logprobsResult={"chosenCandidates": [0.5, 0.7]},
            groundingMetadata={"groundingChunks": [1, 2], "webSearchQueries": ["q"]},
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    "bodies",
    [[], [{}], [{"usageMetadata": {}}], [5], [answer({"text": "a"}), {"error": {"code": 500}}], [{"candidates": 5}],
     [{"candidates": [5]}], [{"candidates": [{"content": 5}]}], [{"candidates": [{"content": {"parts": [5]}}]}]],
)  # fmt: skip
def test_what_is_no_stream_makes_no_answer(bodies):
    with pytest.raises(ValueError):
        made_whole(*bodies)


@pytest.mark.parametrize(
    "body", [5, "x", {}, {"error": {"code": 500}}, {"candidates": 5}, {"candidates": [{"index": "x"}]}]
)
def test_what_is_no_answer_makes_no_stream(body):
    with pytest.raises(ValueError):
        made_events(body)


def test_the_last_part_comes_with_the_end():
    body = {
        **answer({"text": "a"}, {"functionCall": {"name": "f"}}, finish="STOP"),
        "usageMetadata": {"promptTokenCount": 1},
        "responseId": "r",
    }
    assert [each.json() for each in made_events(body)] == [
        {**answer({"text": "a"}), "responseId": "r"},
        {
            **answer({"functionCall": {"name": "f"}}, finish="STOP"),
            "usageMetadata": {"promptTokenCount": 1},
            "responseId": "r",
        },
    ]


def test_an_array_is_a_stream_already():
    assert [each.json() for each in made_events(STREAMED)] == STREAMED


parts = st.one_of(
    st.builds(lambda text: {"text": text}, st.text(min_size=1)),
    st.builds(lambda text: {"text": text, "thought": True}, st.text(min_size=1)),
    st.builds(lambda text: {"text": text, "thoughtSignature": "eA=="}, st.text()),
    st.builds(lambda args: {"functionCall": {"name": "f", "args": args}}, st.dictionaries(st.text(), st.integers())),
)


def unlike_neighbours(found):
    """Texts of one kind that stand side by side would become one."""
    kinds = [(set(part) <= {"text", "thought"}, part.get("thought")) for part in found]
    return all(not (one == other and one[0]) for one, other in itertools.pairwise(kinds))


candidates = st.lists(
    st.tuples(st.lists(parts, max_size=4).filter(unlike_neighbours), st.sampled_from(["STOP", "MAX_TOKENS", None])),
    min_size=1,
    max_size=3,
).map(lambda several: [candidate(*found, finish=finish, index=index) for index, (found, finish) in enumerate(several)])
whole_bodies = st.fixed_dictionaries(
    {"candidates": candidates},
    optional={"usageMetadata": st.just({"promptTokenCount": 3}), "modelVersion": st.text(), "new": st.integers()},
)


@given(whole_bodies | st.just({"promptFeedback": {"blockReason": "SAFETY"}}))
def test_a_plain_answer_survives_being_a_stream(body):
    events = made_events(body)
    assert json.loads(GEMINI.whole(events)) == body
    assert bare(b"".join(each.raw for each in events))
