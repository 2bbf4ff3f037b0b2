"""aigw/dialects/*_texts.py: the texts of answers in every format, and others in their places."""

import json

import pytest
from fakes import chat, make_exchange

from aigw.core.model import Chunk
from aigw.dialects.answer_texts import rewrite, unread
from aigw.dialects.dashscope import DashScope
from aigw.dialects.sse import Event

CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
MESSAGES, RESPONSES = "/v1/messages", "/v1/responses"
GEMINI = "/v1beta/models/m:generateContent"
SPOKEN = "/v1/audio/transcriptions"
QWEN = "/api/v1/services/aigc/text-generation/generation"


def choice(name, **said):
    return {"choices": [{"index": 1, name: said}]}


CASES = [
    (CHAT, choice("delta", content="a"), [("a", "text", 1, "content")]),
    (CHAT, choice("delta", reasoning_content="a", content="b"),
     [("a", "reasoning", 1, "reasoning_content"), ("b", "text", 1, "content")]),
    (CHAT, choice("message", content=[{"type": "text", "text": "a"}], refusal="b"),
     [("b", "text", 1, "refusal"), ("a", "text", 1, "text")]),
    (CHAT, choice("delta", tool_calls=[{"index": 2, "function": {"arguments": '{"a'}}]), [('{"a', "call", 1, "call 2")]),
    (CHAT, choice("message", tool_calls=[{"custom": {"input": "a"}}], function_call={"arguments": "{}"}),
     [("{}", "call", 1, "call"), ("a", "text", 1, "call 0")]),
    (CHAT, choice("message", audio={"transcript": "a"}), [("a", "text", 1, "transcript")]),
    (CHAT, {"choices": []}, []),
    (CHAT, choice("delta", tool_calls=[{"index": 0, "function": {"name": "f", "arguments": ""}}]), [("", "call", 1, "call 0")]),
    (MESSAGES, {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "input": {}}},
     [("", "call", 0, "block 1")]),
    (RESPONSES, {"type": "response.output_item.added", "output_index": 1, "item": {"id": "i", "arguments": ""}},
     [("", "call", 0, "1 i None None")]),
    (COMPLETIONS, {"choices": [{"index": 0, "text": "a"}]}, [("a", "text", 0, "text")]),
    (MESSAGES, {"type": "content_block_delta", "index": 3, "delta": {"type": "text_delta", "text": "a"}},
     [("a", "text", 0, "block 3")]),
    (MESSAGES, {"type": "content_block_delta", "index": 3, "delta": {"partial_json": "a"}}, [("a", "call", 0, "block 3")]),
    (MESSAGES, {"type": "content_block_delta", "index": 3, "delta": {"thinking": "a"}}, [("a", "reasoning", 0, "block 3")]),
    (MESSAGES, {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "a"}},
     [("a", "text", 0, "block 0")]),
    (MESSAGES, {"content": [{"type": "text", "text": "a"}, {"type": "tool_use", "input": {"x": ["b", 1, {"y": "c"}]}}]},
     [("a", "text", 0, "block 0"), ("b", "text", 0, ""), ("c", "text", 0, "")]),
    (MESSAGES, {"type": "ping"}, []),
    (RESPONSES, {"type": "response.output_text.delta", "item_id": "i", "output_index": 0, "content_index": 0, "delta": "a"},
     [("a", "text", 0, "0 i None 0")]),
    (RESPONSES, {"type": "response.function_call_arguments.delta", "item_id": "i", "output_index": 0, "delta": "a"},
     [("a", "call", 0, "0 i None None")]),
    (RESPONSES, {"type": "response.output_text.done", "text": "a"}, [("a", "text", 0, "")]),
    (RESPONSES, {"type": "response.content_part.done", "part": {"type": "output_text", "text": "a"}}, [("a", "text", 0, "")]),
    (RESPONSES, {"type": "response.output_item.done", "item": {"type": "function_call", "arguments": "{}"}},
     [("{}", "call", 0, "")]),
    (RESPONSES, {"type": "response.completed", "response": {"output": [
        {"type": "reasoning", "summary": [{"text": "a"}]}, {"type": "message", "content": [{"text": "b"}]}]}},
     [("a", "text", 0, ""), ("b", "text", 0, "")]),
    (RESPONSES, {"object": "response", "output": [{"content": [{"type": "output_text", "text": "a"}]}]},
     [("a", "text", 0, "")]),
    (GEMINI, {"candidates": [{"index": 1, "content": {"parts": [{"text": "a", "thought": True}, {"text": "b"}]}}]},
     [("a", "reasoning", 1, "thought"), ("b", "text", 1, "text")]),
    (GEMINI, [{"candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "args": {"x": "a"}}}]}}]}],
     [("a", "text", 0, "")]),
    (QWEN, {"output": {"text": "a"}}, [("a", "text", 0, "")]),
    (CHAT, choice("message", content="a", reasoning="b", reasoning_details=[{"text": "c"}]),
     [("b", "reasoning", 1, "reasoning"), ("c", "reasoning", -1, ""), ("a", "text", 1, "content")]),
    (CHAT, choice("delta", reasoning_details=[{"summary": "a"}]), [("a", "reasoning", 1, "reasoning_details")]),
    (CHAT, choice("message", content=[{"type": "thinking", "thinking": [{"text": "a"}]}]),
     [("a", "reasoning", 1, "thinking")]),
    (CHAT, choice("message", annotations=[{"type": "url_citation", "url_citation": {"title": "a", "start_index": 1}}]),
     [("a", "text", -1, "")]),
    (CHAT, choice("message", tool_calls=[None, {"function": {"arguments": "{}"}}]), [("{}", "call", 1, "call 1")]),
    (MESSAGES, {"content": [{"type": "tool_use", "input": {"card": 4111111111111111, "a b": 1, "x": 2}}]},
     [("4111111111111111", "text", 0, ""), ("a b", "text", 0, "")]),
    (MESSAGES, {"content": [{"type": "web_search_tool_result", "content": [{"title": "a", "encrypted_content": "b"}]}]},
     [("a", "text", 0, "")]),
    (MESSAGES, {"content": [{"type": "mcp_tool_result", "content": "a"}]}, [("a", "text", 0, "")]),
    (RESPONSES, {"output": [{"type": "web_search_call", "action": {"type": "search", "query": "a"}}]},
     [("a", "text", -1, "")]),
    (RESPONSES, {"output": [{"type": "shell_call_output", "output": [{"stdout": "a", "outcome": {"type": "exit"}}]}]},
     [("a", "text", -1, "")]),
    (RESPONSES, {"type": "response.output_text.annotation.added", "annotation": {"type": "url_citation", "title": "a"}},
     [("a", "text", -1, "")]),
    (GEMINI, {"candidates": [None, {"groundingMetadata": {"groundingSupports": [{"segment": {"text": "a"}}]}}]},
     [("a", "text", -1, "")]),
    (SPOKEN, {"text": "a", "segments": [{"id": 0, "text": "b"}]}, [("a", "text", 0, ""), ("b", "text", -1, "")]),
    (SPOKEN, {"type": "transcript.text.delta", "delta": "a"}, [("a", "text", 0, "text")]),
    ("/v1/images/generations", {"data": [{"url": "x", "revised_prompt": "a"}]}, [("a", "text", -1, "")]),
    (QWEN, {"output": {"choices": [{"message": {"content": "a"}}]}}, [("a", "text", 0, "")]),
]  # fmt: skip


def texts(path, chunk, **body):
    exchange = make_exchange(chat(body, path=path), dialect=DashScope() if path == QWEN else None)
    return exchange.dialect, exchange.dialect.texts(chunk, exchange.asked)


@pytest.mark.parametrize(("path", "body", "expected"), CASES)
@pytest.mark.parametrize("streaming", [True, False])
def test_texts(path, body, expected, streaming):
    data = json.dumps(body).encode()
    chunk = Event(b"event: x\ndata: " + data + b"\n\n") if streaming else Chunk(data, data)
    dialect, found = texts(path, chunk)
    assert [(each.text, each.kind, each.choice, each.slot) for each in found] == expected
    made = dialect.rewrite(chunk, [(each, each.text + "!") for each in found])
    assert [each.text for each in texts(path, made)[1]] == [text + "!" for text, *_ in expected]
    assert made.raw.startswith(b"event: x\n") == streaming
    assert dialect.rewrite(chunk, [(each, each.text) for each in found]) is chunk


def test_increments_of_dashscope_go_on():
    event = Event(b'data: {"output":{"text":"a"}}\n\n')
    _, (found,) = texts(QWEN, event, parameters={"incremental_output": True})
    assert found.slot == "text"


def test_what_spells_the_text_out_goes():
    data = json.dumps({"choices": [{"message": {"content": "a"}, "logprobs": {"content": [{"token": "a"}]}}]}).encode()
    dialect, found = texts(CHAT, Chunk(data, data))
    assert dialect.rewrite(Chunk(data, data), [(found[0], "b")]).json() == {
        "choices": [{"message": {"content": "b"}, "logprobs": None}]
    }


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"object":"list","data":[{"embedding":"AAAA"}]}'])
def test_others_have_none(body):
    assert texts("/v1/embeddings", Chunk(body, body))[1] == []


def test_details_go_with_the_reasoning_that_they_repeat():
    body = choice("delta", reasoning="a", reasoning_details=[{"text": "a"}])
    dialect, (found,) = texts(CHAT, Event(b"data: " + json.dumps(body).encode() + b"\n\n"))
    made = dialect.rewrite(Event(b"data: " + json.dumps(body).encode() + b"\n\n"), [(found, "b")])
    assert made.json() == choice("delta", reasoning="b", reasoning_details=[])


@pytest.mark.parametrize(
    ("chunk", "text", "made"),
    [
        (Event(b": waiting\n\n"), ": waiting\n\n", b":\n\n"),
        (Event(b"data: a\ndata: b\n\n"), "a\nb", b"data: x\ndata: y\n\n"),
        (Chunk(b"1\nplain", b"1\nplain"), "1\nplain", b"x\ny"),
    ],
)
def test_what_is_no_json_is_a_text(chunk, text, made):
    (found,) = unread(chunk)
    assert found.text == text
    assert rewrite(chunk, [(found, "x\ny")]).raw == made


@pytest.mark.parametrize("raw", [b"\n\n", b"data: [DONE]\n\n", b"data: {}\n\n", b"data: \0\xff\n\n"])
def test_what_is_no_text(raw):
    assert unread(Event(raw)) == ()
