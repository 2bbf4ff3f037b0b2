"""A completion as a body and as a stream: nothing is lost on the way from one to the other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.dialects.openai_chat_whole import pieces, usage_chunk, whole

TEXT = st.text(max_size=8)
LOGPROBS = st.none() | st.fixed_dictionaries(
    {"content": st.lists(st.fixed_dictionaries({"token": TEXT, "logprob": st.integers(-9, 0)}), max_size=3)}
)
CALL = st.fixed_dictionaries(
    {
        "id": TEXT,
        "type": st.just("function"),
        "function": st.fixed_dictionaries({"name": st.text(min_size=1, max_size=4), "arguments": TEXT}),
    }
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": st.none() | TEXT},
    optional={
        "reasoning_content": TEXT,
        "refusal": st.none() | TEXT,
        "tool_calls": st.lists(CALL, max_size=3),
        "annotations": st.lists(st.fixed_dictionaries({"type": TEXT}), max_size=2),
        "audio": st.fixed_dictionaries({"id": TEXT, "data": TEXT, "expires_at": st.integers()}),
    },
)
FINISH = st.sampled_from(["stop", "length", "tool_calls"])
HEAD = {"id": "c", "created": 1, "model": "m", "system_fingerprint": "fp"}


def choices(draw_one):
    return st.lists(draw_one, min_size=1, max_size=3).map(
        lambda found: [{"index": index, **choice} for index, choice in enumerate(found)]
    )


CHAT = choices(
    st.fixed_dictionaries({"message": MESSAGE, "finish_reason": FINISH}, optional={"logprobs": LOGPROBS})
).map(lambda found: {**HEAD, "object": "chat.completion", "choices": found})
COMPLETION = choices(st.fixed_dictionaries({"text": TEXT, "logprobs": LOGPROBS, "finish_reason": FINISH})).map(
    lambda found: {**HEAD, "object": "text_completion", "choices": found}
)


@given(CHAT | COMPLETION)
def test_a_body_survives_being_streamed(body):
    chunks = list(pieces(body))
    assert whole(chunks) == body
    assert {chunk["object"] for chunk in chunks} <= {"chat.completion.chunk", "text_completion"}


def delta(index=0, finish=None, logprobs=None, **members):
    choice = {"index": index, "delta": members, "finish_reason": finish}
    if logprobs is not None:
        choice["logprobs"] = {"content": logprobs}
    return {**HEAD, "object": "chat.completion.chunk", "choices": [choice], "usage": None, "obfuscation": "xyz"}


def call(index, **members):
    function = {name: members.pop(name) for name in ("name", "arguments") if name in members}
    return delta(tool_calls=[{"index": index, **members, "function": function}])


def test_what_providers_stream():
    chunks = [
        delta(role="assistant", content="", refusal=None),
        delta(reasoning_content="let "),
        delta(reasoning_content="me"),
        delta(content="Hel", logprobs=[{"token": "Hel"}]),
        delta(index=1, role="assistant", content="other"),
        delta(content="lo", logprobs=[{"token": "lo"}]),
        call(0, id="a", type="function", name="f", arguments=""),
        call(1, id="b", type="function", name="g", arguments="{}"),
        call(0, arguments='{"x":'),
        call(0, id="a", name="f", arguments="1}"),  # some repeat who they are
        delta(index=1, finish="length"),
        delta(finish="tool_calls"),
        usage_chunk(delta(), {"prompt_tokens": 1}),
    ]
    assert whole(chunks) == {
        **HEAD,
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "Hello",
                    "refusal": None,
                    "reasoning_content": "let me",
                    "tool_calls": [
                        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
                        {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
                    ],
                },
                "finish_reason": "tool_calls",
                "logprobs": {"content": [{"token": "Hel"}, {"token": "lo"}]},
            },
            {"index": 1, "message": {"role": "assistant", "content": "other"}, "finish_reason": "length"},
        ],
        "usage": {"prompt_tokens": 1},
    }


def test_the_chunks_are_left_as_they_are():
    chunks = [delta(content="a", logprobs=[{"token": "a"}]), delta(content="b", logprobs=[{"token": "b"}])]
    whole(chunks)
    assert chunks[0]["choices"][0]["logprobs"] == {"content": [{"token": "a"}]}


@pytest.mark.parametrize("chunks", [[], [{"id": "x"}], [{"choices": ["no"]}], [{"choices": [{"delta": "no"}]}], ["no"]])
def test_what_is_no_stream_is_refused(chunks):
    with pytest.raises(ValueError, match=r"choices|chunks"):
        whole(chunks)


@pytest.mark.parametrize("odd", [{"a": "b"}, "x", 5, [None]])
def test_what_is_no_piece_of_a_call_is_left_out(odd):
    chunks = [call(0, name="f", arguments="{"), delta(tool_calls=odd), call(0, arguments="}")]
    (made,) = whole([delta(tool_calls=odd), *chunks])["choices"]
    assert made["message"]["tool_calls"] == [{"function": {"name": "f", "arguments": "{}"}}]


@pytest.mark.parametrize("calls", ["x", 5, {"a": "b"}, [None], ["x"], [[]]])
def test_a_completion_whose_calls_are_none_is_refused(calls):
    with pytest.raises(ValueError, match="tool calls"):
        list(pieces({"choices": [{"message": {"content": "a", "tool_calls": calls}}]}))


@pytest.mark.parametrize("body", [{}, {"choices": None}, {"choices": ["no"]}, {"choices": [{"message": "no"}]}])
def test_what_is_no_completion_is_refused(body):
    with pytest.raises(ValueError, match="choice"):
        list(pieces(body))
