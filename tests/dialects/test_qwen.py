"""DashScope's native form. Higress's own results are in tests/conformance (P51-P53b, P84, P93); here is what `safe` does."""

import json

import pytest

from aigw.core.document import Document
from aigw.core.model import Chunk
from aigw.dialects import qwen
from aigw.dialects.sse import Event


def encode(body, **options):
    return json.loads(qwen.encode_chat(Document(json.dumps(body).encode()), faithful=False, **options))


def native(content="", finish="null", **message):
    choice = {"finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}
    usage = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}
    return {"output": {"choices": [choice]}, "usage": usage, "request_id": "rid"}


def stream(*bodies, **options):
    settings = {"reasoning": "passthrough", "faithful": False, "incremental": True, "usage": False, **options}
    decoder = qwen.StreamDecoder(model="m", now=lambda: 1.0, **settings)
    events = [
        Event(b"id:1\nevent:result\n:HTTP_STATUS/200\ndata:" + json.dumps(body).encode() + b"\n\n") for body in bodies
    ]
    chunks: list[Chunk] = [*decoder.feed(events), *decoder.end()]
    wire = b"".join(chunk.raw for chunk in chunks).decode()
    return [json.loads(each[6:]) if each != "data: [DONE]" else "DONE" for each in wire.split("\n\n") if each]


HELLO = {"model": "qwen-max", "messages": [{"role": "user", "content": "hi"}]}


def test_an_absent_top_p_stays_absent_and_a_given_one_is_clamped():
    assert "top_p" not in encode(HELLO)["parameters"]
    assert encode({**HELLO, "top_p": 1})["parameters"]["top_p"] == 0.999999


def test_parameters_that_dashscope_knows_are_kept():
    asked = {
        "stop": ["x"],
        "tool_choice": "auto",
        "temperature": 0,
        "presence_penalty": 0.5,
        "max_completion_tokens": 7,
    }
    expected = {"stop": ["x"], "tool_choice": "auto", "temperature": 0, "presence_penalty": 0.5, "max_tokens": 7}
    assert encode({**HELLO, **asked})["parameters"] == {"result_format": "message", **expected}


def test_images_become_dashscopes_parts():
    content = [{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": "https://x/y.png"}}]
    body = encode({"model": "qwen-vl-max", "messages": [{"role": "user", "content": content}]})
    assert body["input"]["messages"][0]["content"] == [{"text": "what?"}, {"image": "https://x/y.png"}]
    assert qwen.generation_path("qwen-vl-max") == qwen.MULTIMODAL_PATH


@pytest.mark.parametrize(
    "model, options, inserted",
    [
        ("qwen-long", {"file_ids": ["a", "b"]}, "fileid://a,fileid://b"),
        ("qwen-max", {"context": "CTX"}, "CTX"),
    ],
)
def test_files_and_context_follow_a_system_message(model, options, inserted):
    messages = encode({**HELLO, "model": model}, **options)["input"]["messages"]
    assert [message["content"] for message in messages] == ["You are a helpful assistant.", inserted, "hi"]


def test_a_stream_as_openai_sends_it():
    first, second, finish, done = stream(native("He"), native("llo"), native("", "stop"))
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": "He"}
    assert second["choices"][0]["delta"] == {"content": "llo"}
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert done == "DONE"
    assert {first["id"], first["object"], first["model"], first["created"]} == {"rid", "chat.completion.chunk", "m", 1}


def test_usage_only_where_it_was_asked_for():
    *_, usage, _ = stream(native("a"), native("", "stop"), usage=True)
    assert usage["choices"] == []
    assert usage["usage"] == {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}


def test_cumulative_output_is_sent_piece_by_piece():
    def call(arguments):
        return [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}]

    events = stream(
        native("He"), native("Hello"), native("Hello", tool_calls=call('{"a')),
        native("Hello", "tool_calls", tool_calls=call('{"a":1}')), incremental=False,
    )  # fmt: skip
    deltas = [event["choices"][0]["delta"] for event in events[:-2]]
    assert [delta.get("content") for delta in deltas] == ["He", "llo", None, None]
    calls = [delta["tool_calls"][0] for delta in deltas[2:]]
    assert calls[0] == {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a'}}
    assert calls[1] == {"index": 0, "function": {"arguments": '":1}'}}


def test_reasoning_modes_in_a_stream():
    thinking = [native(reasoning_content="th"), native(reasoning_content="ink"), native("A"), native("", "stop")]

    def texts(mode):
        return [event["choices"][0]["delta"] for event in stream(*thinking, reasoning=mode)[:-2]]

    assert [delta.get("content") for delta in texts("concat")] == ["<think>th", "ink", "</think>\nA"]
    assert [delta.get("content") for delta in texts("ignore")] == ["A"]
    assert [delta.get("reasoning_content") for delta in texts("passthrough")] == ["th", "ink", None]


def test_an_error_event_is_an_openai_error():
    (error,) = stream({"code": "InvalidParameter", "message": "no", "request_id": "r"})
    assert error["error"]["message"] == "no"
    assert error["error"]["code"] == "InvalidParameter"


def test_a_multimodal_answer_has_its_content_as_text():
    body = json.dumps(native([{"text": "a"}, {"text": "b"}], "stop")).encode()
    answer = json.loads(qwen.decode_chat(body, model="m", created=1, reasoning="passthrough", promote=False))
    assert answer["choices"][0]["message"]["content"] == "ab"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"\xff"])
def test_what_is_no_answer_is_a_value_error(body):
    with pytest.raises(ValueError):
        qwen.decode_chat(body, model="m", created=1, reasoning="ignore", promote=False)
    with pytest.raises(ValueError):
        qwen.decode_embeddings(body, model="m")
