"""What was said is read in every format, from the bytes that passed."""

import json

import pytest
from multidict import CIMultiDict

from aigw.core.model import Chunk, Request
from aigw.dialects import apis, table
from aigw.server.page.conversation import _answered, asked_of
from aigw.server.page.recent_details import KeptAnswer, RecentDetails

CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Paris"}'}}
OPENAI = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "And here?"}, {"type": "image_url", "image_url": {"url": "https://x/y.png"}}]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "Rain"},
    ],
}  # fmt: skip
ANTHROPIC = {
    "model": "m",
    "max_tokens": 9,
    "system": "Be brief.",
    "messages": [
        {"role": "user", "content": "And here?"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Paris"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "Rain"}]},
    ],
}  # fmt: skip
GEMINI = {
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "contents": [
        {"role": "user", "parts": [{"text": "And here?"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "weather", "args": {"city": "Paris"}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "weather", "response": {"result": "Rain"}}}]},
    ],
}
RESPONSES = {
    "model": "m",
    "instructions": "Be brief.",
    "input": [
        {"role": "user", "content": "And here?"},
        {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city":"Paris"}'},
        {"type": "function_call_output", "call_id": "c1", "output": "Rain"},
    ],
}
REQUESTS = {
    apis.CHAT: OPENAI,
    apis.MESSAGES: ANTHROPIC,
    apis.GENERATE_CONTENT: GEMINI,
    apis.RESPONSES: RESPONSES,
}


def request(body):
    return Request("POST", "/", "", CIMultiDict({"content-type": "application/json"}), json.dumps(body).encode())


def answered(api, body, *pieces, kind="application/json"):
    dialect = table.DIALECTS[api]
    answer = KeptAnswer(RecentDetails())
    answer.begin(200, CIMultiDict({"content-type": kind}), streaming="event" in kind)
    for piece in pieces:
        answer.look((Chunk(piece),))
    return list(_answered(dialect, dialect.asked(request(body), api), answer))


@pytest.mark.parametrize("api", REQUESTS)
def test_a_request(api):
    parts = asked_of(table.DIALECTS[api], request(REQUESTS[api]), api)
    said = [(part["role"], part["kind"]) for part in parts if part["kind"] != "image"]
    assert said[:3] == [("system", "text"), ("user", "text"), ("assistant", "call")]
    assert [part["text"] for part in parts[:2]] == ["Be brief.", "And here?"]
    call, result = parts[2:4]
    assert (call["name"], json.loads(call["text"])) == ("weather", {"city": "Paris"})
    assert result["kind"] == "result"
    assert "Rain" in result["text"]


def test_an_image():
    assert asked_of(table.DIALECTS[apis.CHAT], request(OPENAI), apis.CHAT)[-1]["text"] == "https://x/y.png"


def test_a_plain_answer_with_a_call():
    message = {"role": "assistant", "content": "Look:", "tool_calls": [CALL]}
    parts = answered(apis.CHAT, OPENAI, json.dumps({"choices": [{"message": message}]}).encode())
    assert [(part["kind"], part["text"], part["answer"]) for part in parts] == [
        ("text", "Look:", True),
        ("call", '{"city":"Paris"}', True),
    ]


def test_a_stream_in_pieces():
    events = [{"choices": [{"index": 0, "delta": {"content": each}}]} for each in ("Ra", "in")]
    stream = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in events) + b"data: [DONE]\n\n"
    parts = answered(
        apis.CHAT, OPENAI, *(stream[at : at + 7] for at in range(0, len(stream), 7)), kind="text/event-stream"
    )
    assert [part["text"] for part in parts] == ["Rain"]


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff{", b'{"messages": 1}', b'{"messages":[{"role":1}]}'])
@pytest.mark.parametrize("api", REQUESTS)
def test_what_cannot_be_read_is_left_out(api, body):
    broken = request({})
    broken.body = body
    asked_of(table.DIALECTS[api], broken, api)
    answered(api, {}, body)
