"""DashScope's native form. Higress's own results are in tests/conformance; here is what `safe` does."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.document import Document
from aigw.core.errors import UpstreamError
from aigw.core.model import Chunk
from aigw.dialects import dashscope_higress
from aigw.dialects import dashscope_openai as qwen
from aigw.dialects.dashscope_openai_reply import decode_chat, decode_embeddings
from aigw.dialects.dashscope_openai_stream import StreamDecoder
from aigw.dialects.sse import Event, json_event


def encode(body, **options):
    return json.loads(qwen.encode_chat(Document(json.dumps(body).encode()), **options))


def native(content="", finish="null", **message):
    choice = {"finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}
    usage = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}
    return {"output": {"choices": [choice]}, "usage": usage, "request_id": "rid"}


def stream(*bodies, **options):
    settings = {"reasoning": "passthrough", "incremental": True, "usage": False, **options}
    decoder = settings.pop("kind", StreamDecoder)(model="m", now=lambda: 1.0, **settings)
    events = [
        Event(b"id:1\nevent:result\n:HTTP_STATUS/200\ndata:" + json.dumps(body).encode() + b"\n\n") for body in bodies
    ]
    chunks: list[Chunk] = [*decoder.feed(events), *decoder.end()]
    wire = b"".join(chunk.raw for chunk in chunks).decode()
    return [json.loads(each[6:]) if each != "data: [DONE]" else "DONE" for each in wire.split("\n\n") if each]


def whole(body):
    return Chunk(body, body)


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


def test_parameters_that_only_dashscope_knows_are_kept():
    asked = {"repetition_penalty": 1.1, "enable_search": True, "search_options": {"forced_search": True}, "tools": []}
    expected = {name: value for name, value in asked.items() if name != "tools"}
    assert encode({**HELLO, **asked, "stream": False})["parameters"] == {"result_format": "message", **expected}


def test_what_only_openai_knows_is_named():
    asked = {"frequency_penalty": 0.5, "user": "u", "web_search_options": {}, "metadata": {}, "modalities": ["text"]}
    body = Document(json.dumps({**HELLO, **asked}).encode())
    assert json.loads(qwen.encode_chat(body))["parameters"] == {"result_format": "message"}
    assert qwen.lost_of(body) == ["frequency_penalty", "user", "web_search_options"]
    with pytest.raises(ValueError, match="use tools"):
        encode({**HELLO, "functions": [{"name": "f"}]})


def test_images_become_dashscopes_parts():
    content = [{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": "https://x/y.png"}}]
    body = encode({"model": "qwen-vl-max", "messages": [{"role": "user", "content": content}]})
    assert body["input"]["messages"][0]["content"] == [{"text": "what?"}, {"image": "https://x/y.png"}]
    assert qwen.generation_path("qwen-vl-max") == qwen.MULTIMODAL_PATH


IMAGE = {"type": "image_url", "image_url": {"url": "https://x/y.png"}}


@pytest.mark.parametrize(
    "model",
    ["qwen-vl-max", "qwen2.5-vl-72b-instruct", "qwen3-vl-plus", "qwen-vl-ocr-latest", "qvq-max", "qvq-72b-preview",
     "qwen-audio-turbo-latest", "qwen2-audio-instruct", "qwen-omni-turbo", "qwen3-omni-flash-2025-09-15",
     "qwen2.5-omni-7b", "qwen3-asr-flash", "gui-plus", "qwen3.5-plus", "qwen3.6-flash", "qwen3.7-plus", "Qwen-VL-Max",
     "qwen3.5-397b-a17b", "ft:qwen-vl-max:me"],
)  # fmt: skip
def test_models_that_see_or_hear_have_the_multimodal_path(model):
    assert qwen.generation_path(model) == qwen.MULTIMODAL_PATH
    assert encode({**HELLO, "model": model})["input"]["messages"][0]["content"] == [{"text": "hi"}]


def saying(content):
    return Document(json.dumps({"messages": [{"role": "user", "content": content}]}).encode())


@pytest.mark.parametrize(
    "model",
    ["qwen-max", "qwen3-max", "qwen2.5-72b-instruct", "qwen-plus", "qwen3-coder-plus", "qwq-32b", "deepseek-v3.1",
     "qwen3.5-max", "qwen3.6-max-preview", "glm-4.5", "qwen-long", "qwen-flash", "evlqwen"],
)  # fmt: skip
def test_other_models_have_the_text_path_unless_they_are_shown_something(model):
    assert qwen.generation_path(model) == qwen.TEXT_PATH
    assert encode({**HELLO, "model": model})["input"]["messages"][0]["content"] == "hi"
    for part in (IMAGE, {"type": "input_audio", "input_audio": {"data": "AA"}}, {"type": "video", "video": ["a"]}):
        assert qwen.generation_path(model, saying([part])) == qwen.MULTIMODAL_PATH
    assert qwen.generation_path(model, saying(json.dumps(IMAGE))) == qwen.TEXT_PATH


@pytest.mark.parametrize(
    ("part", "native"),
    [
        ({"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
         {"audio": "data:audio/mp3;base64,AA=="}),
        ({"type": "input_audio", "input_audio": {"data": "https://x/a.wav"}}, {"audio": "https://x/a.wav"}),
        ({"type": "video_url", "video_url": {"url": "https://x/v.mp4"}, "fps": 2}, {"video": "https://x/v.mp4", "fps": 2}),
        ({"type": "video", "video": ["a", "b"]}, {"video": ["a", "b"]}),
        ({**IMAGE, "min_pixels": 9}, {"image": "https://x/y.png", "min_pixels": 9}),
        ({"text": "t"}, {"text": "t"}),
        ({"image": "u"}, {"image": "u"}),
        ({"type": "text", "text": "t", "cache_control": {"type": "ephemeral"}},
         {"text": "t", "cache_control": {"type": "ephemeral"}}),
    ],
)  # fmt: skip
def test_parts(part, native):
    body = encode({"model": "qwen3-omni-flash", "messages": [{"role": "user", "content": [part]}]})
    assert body["input"]["messages"][0]["content"] == [native]


DETAILS = {"prompt_tokens_details": {"cached_tokens": 2}, "output_tokens_details": {"reasoning_tokens": 4}}


@pytest.mark.parametrize(
    ("native_usage", "read", "made"),
    [
        (DETAILS, {"cached_tokens": 2}, {"reasoning_tokens": 4}),
        ({"cached_tokens": 2, "reasoning_tokens": 4}, {"cached_tokens": 2}, {"reasoning_tokens": 4}),
        ({"input_tokens_details": {"image_tokens": 1}, "image_tokens": 1}, {"image_tokens": 1}, None),
        ({"audio_tokens": 3, "prompt_tokens_details": None}, {"audio_tokens": 3}, None),
        ({}, None, None),
    ],
)
def test_details_of_usage(native_usage, read, made):
    body = native("a", "stop")
    body["usage"] |= native_usage
    answer = decode_chat(whole(json.dumps(body).encode()), model="m", created=1, reasoning="ignore", promote=False)
    *_, event, _ = stream(body, usage=True)
    for usage in (json.loads(answer)["usage"], event["usage"]):
        assert usage.get("prompt_tokens_details") == read
        assert usage.get("completion_tokens_details") == made
    higress = dashscope_higress.decode_chat(
        whole(json.dumps(body).encode()), model="m", created=1, reasoning="ignore", promote=False
    )
    assert json.loads(higress)["usage"] == {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}


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


def several(*texts, finish="null", indexed=True):
    """An event with a choice for each text; None: this one is not in it."""
    made = [
        (index, native(text, finish)["output"]["choices"][0]) for index, text in enumerate(texts) if text is not None
    ]
    choices = [{"index": index, **choice} if indexed else choice for index, choice in made]
    return {**native(), "output": {"choices": choices}}


@pytest.mark.parametrize(
    "events",
    [
        [several("A", None), several(None, "B"), several("a", None, finish="stop"), several(None, "b", finish="stop")],
        [several("A", "B"), several("a", "b", finish="stop")],
        [several("A", "B", indexed=False), several("a", "b", finish="stop", indexed=False)],
    ],
    ids=["one by one", "together", "without index"],
)
@pytest.mark.parametrize("incremental", [True, False])
def test_each_choice_is_a_stream_of_its_own(events, incremental):
    if not incremental:
        events = json.loads(json.dumps(events).replace('"a"', '"Aa"').replace('"b"', '"Bb"'))
    *chunks, usage, done = stream(*events, usage=True, incremental=incremental)
    for index, text in enumerate(["Aa", "Bb"]):
        choices = [chunk["choices"][0] for chunk in chunks if chunk["choices"][0]["index"] == index]
        assert "".join(choice["delta"].get("content", "") for choice in choices) == text
        assert [choice["finish_reason"] for choice in choices] == [None, None, "stop"]
        assert [choice["delta"].get("role") for choice in choices] == ["assistant", None, None]
    assert (usage["choices"], usage["usage"]["total_tokens"], done) == ([], 8, "DONE")


def test_a_stream_of_which_one_choice_did_not_end_has_no_end():
    *_, last = stream(several("A", "B"), several("", None, finish="stop"), usage=True)
    assert last["choices"][0]["finish_reason"] == "stop"


def test_higress_takes_only_the_first_choice():
    events = stream(several("A", "B"), several("", "", finish="stop"), kind=dashscope_higress.HigressStream)
    assert [choice["index"] for event in events for choice in event["choices"]] == [0, 0, 0]
    assert "B" not in json.dumps(events)


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


def test_what_says_nothing_is_left_out():
    assert stream({}, native("a"), {"request_id": "r"}) == stream(native("a"))


def test_an_error_event_is_an_openai_error():
    (error,) = stream({"code": "InvalidParameter", "message": "no", "request_id": "r"})
    assert error["error"]["message"] == "no"
    assert error["error"]["code"] == "InvalidParameter"


def test_a_multimodal_answer_has_its_content_as_text():
    body = json.dumps(native([{"text": "a"}, {"text": "b"}], "stop")).encode()
    answer = json.loads(decode_chat(whole(body), model="m", created=1, reasoning="passthrough", promote=False))
    assert answer["choices"][0]["message"]["content"] == "ab"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"\xff"])
def test_what_is_no_answer_is_a_value_error(body):
    with pytest.raises(ValueError):
        decode_chat(whole(body), model="m", created=1, reasoning="ignore", promote=False)
    with pytest.raises(ValueError):
        decode_embeddings(whole(body), model="m")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def one_of(**fields):
    """An object whose fields are as they should be, of any kind, or missing."""
    return st.fixed_dictionaries({}, optional={name: anything | value for name, value in fields.items()})


some_text = st.sampled_from(["a", "ab", "null", "stop", "qwen-vl-max"])
parts = st.lists(
    anything | one_of(type=st.just("image_url"), text=some_text, image_url=one_of(url=some_text)), max_size=3
)
calls = st.lists(
    anything | one_of(index=st.integers(0, 1), id=some_text, function=one_of(name=some_text, arguments=some_text))
)
messages = st.lists(
    anything | one_of(role=some_text, content=some_text | parts, reasoning_content=some_text, tool_calls=calls),
    max_size=3,
)
requests = one_of(model=some_text, messages=messages, top_p=st.floats(0, 1), stream=st.booleans(), tools=st.just([{}]))
choices = st.lists(
    anything | one_of(finish_reason=some_text, message=messages.filter(len).map(lambda several: several[0])), max_size=2
)
rows = st.lists(anything | one_of(text_index=st.integers(), embedding=st.just([1.0])), max_size=2)
usages = one_of(input_tokens=st.integers(), output_tokens=st.integers(), total_tokens=st.integers())
answers = one_of(output=one_of(choices=choices, embeddings=rows), usage=usages, request_id=some_text, message=some_text)


@pytest.mark.parametrize("writer", [qwen, dashscope_higress])
@given(requests, st.none() | some_text, st.lists(some_text, max_size=2))
def test_a_request_of_any_json_is_encoded_or_a_value_error(writer, body, context, files):
    document = Document(json.dumps(body).encode())
    with contextlib.suppress(ValueError):
        json.loads(writer.encode_chat(document, context=context, file_ids=files))
    with contextlib.suppress(ValueError):
        json.loads(writer.encode_embeddings(document))


@given(anything | answers, st.sampled_from(["passthrough", "ignore", "concat"]), st.booleans())
def test_an_answer_of_any_json_is_decoded_or_a_value_error(body, reasoning, promote):
    raw = json.dumps(body).encode()
    with contextlib.suppress(ValueError):
        json.loads(decode_chat(whole(raw), model="m", created=1, reasoning=reasoning, promote=promote))
    with contextlib.suppress(ValueError):
        json.loads(decode_embeddings(whole(raw), model="m"))


@pytest.mark.parametrize("kind", [StreamDecoder, dashscope_higress.HigressStream])
@given(st.lists(anything | answers, max_size=3), st.sampled_from(["ignore", "concat"]), st.booleans())
def test_a_stream_of_any_json_is_decoded(kind, bodies, reasoning, incremental):
    with contextlib.suppress(UpstreamError):
        stream(*bodies, reasoning=reasoning, incremental=incremental, kind=kind)


@pytest.mark.parametrize(
    "body, place",
    [
        ({**HELLO, "top_p": "0.5"}, "top_p"),
        ({**HELLO, "top_p": True}, "top_p"),
        ({**HELLO, "model": 5}, "model"),
        ({"model": "qwen-vl-max", "messages": [{"role": "user", "content": ["a"]}]}, "content"),
        ({"model": "qwen-vl-max", "messages": [{"role": "user", "content": 5}]}, "content"),
        ({"model": "qwen-vl-max", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "u"}]}]},
         "image_url"),
        ({"model": "qwen-vl-max", "messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]}, "file"),
        ({**HELLO, "messages": ["a"]}, "messages"),
    ],
)  # fmt: skip
def test_a_mistake_of_the_client_is_named(body, place):
    with pytest.raises(ValueError, match=place):
        encode(body)


@pytest.mark.parametrize("output", [None, 5, {"choices": 5}, {"choices": [5]}, {"choices": [{"message": 5}]}])
def test_an_answer_that_is_none_is_an_error(output):
    body = {"output": output}
    with pytest.raises(ValueError, match="DashScope"):
        decode_chat(whole(json.dumps(body).encode()), model="m", created=1, reasoning="ignore", promote=False)
    decoder = StreamDecoder(model="m", now=lambda: 1.0, reasoning="passthrough", incremental=True, usage=False)
    assert len(decoder.feed([json_event(native("a")), json_event(body), json_event(native("b"))])) == 1
    for go_on in (decoder.end, lambda: decoder.feed([json_event(native("b", "stop"))])):
        with pytest.raises(UpstreamError, match="DashScope"):
            go_on()


def test_deep_json_is_a_value_error():
    for depth in (900, 960, 990, 5000):
        deep = b"[" * depth + b"]" * depth
        with contextlib.suppress(ValueError):
            raw = b'{"model":"qwen-vl-x","tools":' + deep + b',"messages":[{"role":"user","content":' + deep + b"}]}"
            qwen.encode_chat(Document(raw))
        with contextlib.suppress(ValueError):
            raw = b'{"output":{"choices":[{"message":{"content":"a","x":' + deep + b"}}]}}"
            decode_chat(whole(raw), model="m", created=1, reasoning="ignore", promote=False)
        with contextlib.suppress(ValueError):
            decode_embeddings(whole(b'{"output":{"embeddings":[{"embedding":' + deep + b"}]}}"), model="m")
