"""aigw/traffic/export/messages.py: conversations of any API in the format of OpenAI's chat."""

import json

import msgspec
import pytest
from recorded_calls import chat_call, said, user, written

from aigw.dialects import apis
from aigw.dialects.table import dialect_of
from aigw.traffic.export.messages import LeftOutError, conversation

NAME = "001-01-chat.json"
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "weather", "description": "Tells it.", "parameters": WEATHER}}
SAID = [
    {"role": "system", "content": "be brief"},
    user("Oslo and Rome?"),
    {
        "role": "assistant",
        "content": "I look.",
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}},
            {"id": "b", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rome"}'}},
        ],
    },
    {"role": "tool", "tool_call_id": "b", "content": "warm"},
    {"role": "tool", "tool_call_id": "a", "content": "cold"},
    user("and now?"),
]
"""The results come in another order than the calls."""

ANTHROPIC = {
    "model": "claude", "max_tokens": 9, "system": "be brief",
    "tools": [{"name": "weather", "description": "Tells it.", "input_schema": WEATHER}],
    "messages": [
        {"role": "user", "content": "Oslo and Rome?"},
        {"role": "assistant", "content": [
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "a", "name": "weather", "input": {"city": "Oslo"}},
            {"type": "tool_use", "id": "b", "name": "weather", "input": {"city": "Rome"}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "b", "content": "warm"},
            {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "cold"}]},
            {"type": "text", "text": "and now?"},
        ]},
    ],
}  # fmt: skip
RESPONSES = {
    "model": "gpt-5", "instructions": "be brief",
    "tools": [{"type": "function", "name": "weather", "description": "Tells it.", "parameters": WEATHER}],
    "input": [
        {"role": "user", "content": "Oslo and Rome?"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
        {"type": "function_call", "call_id": "a", "name": "weather", "arguments": '{"city":"Oslo"}'},
        {"type": "function_call", "call_id": "b", "name": "weather", "arguments": '{"city":"Rome"}'},
        {"type": "function_call_output", "call_id": "b", "output": "warm"},
        {"type": "function_call_output", "call_id": "a", "output": "cold"},
        {"role": "user", "content": "and now?"},
    ],
}  # fmt: skip
GEMINI = {
    "systemInstruction": {"parts": [{"text": "be brief"}]},
    "tools": [{"functionDeclarations": [{"name": "weather", "description": "Tells it.", "parametersJsonSchema": WEATHER}]}],
    "contents": [
        {"role": "user", "parts": [{"text": "Oslo and Rome?"}]},
        {"role": "model", "parts": [
            {"text": "I look."},
            {"functionCall": {"id": "a", "name": "weather", "args": {"city": "Oslo"}}},
            {"functionCall": {"id": "b", "name": "weather", "args": {"city": "Rome"}}},
        ]},
        {"role": "user", "parts": [
            {"functionResponse": {"id": "b", "name": "weather", "response": {"output": "warm"}}},
            {"functionResponse": {"id": "a", "name": "weather", "response": {"output": "cold"}}},
        ]},
        {"role": "user", "parts": [{"text": "and now?"}]},
    ],
}  # fmt: skip
CHAT = {"model": "gpt-4o", "messages": SAID, "tools": [TOOL]}
FORMATS = {
    "openai-chat": (apis.CHAT, "/v1/chat/completions", CHAT),
    "anthropic-messages": (apis.MESSAGES, "/v1/messages", ANTHROPIC),
    "openai-responses": (apis.RESPONSES, "/v1/responses", RESPONSES),
    "gemini": (apis.GENERATE_CONTENT, "/v1beta/models/g:generateContent", GEMINI),
}


def recorded(tmp_path, body, api=apis.CHAT, path="/v1/chat/completions", answer=None):
    """The conversation of a recorded call. Its answer is chat's, whatever the request is: answers are read when they
    are recorded."""
    call = chat_call(user("hi"))
    sent = call.sent._replace(path=path, body=json.dumps(body).encode())
    call = call._replace(sent=sent, client=sent, api=api, asked=dialect_of(api).name)
    folder = written(tmp_path, (call, answer or said("Fine.")))
    (entry,) = folder.entries()
    recording = folder.read(entry.name)
    source = msgspec.structs.replace(recording.source, dialect=dialect_of(api).name)
    return conversation(msgspec.structs.replace(recording, source=source), folder, entry.name)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_the_same(tmp_path, name):
    api, path, body = FORMATS[name]
    found = recorded(tmp_path, body, api, path)
    written_arguments = json.dumps(found.messages).replace('\\": \\"', '\\":\\"')
    assert json.loads(written_arguments) == SAID
    assert found.tools == [TOOL]
    assert found.answer == {"role": "assistant", "content": "Fine."}


def test_results_without_ids_belong_to_calls_by_their_names(tmp_path):
    contents = [
        {"role": "user", "parts": [{"text": "q"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}, {"functionCall": {"name": "g", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "g", "response": {"x": "of g"}}},
                                   {"functionResponse": {"name": "f", "response": {"x": "of f"}}}]},
    ]  # fmt: skip
    found = recorded(tmp_path, {"contents": contents}, apis.GENERATE_CONTENT, "/v1beta/models/g:generateContent")
    ids = {call["function"]["name"]: call["id"] for call in found.messages[1]["tool_calls"]}
    assert [(each["tool_call_id"], each["content"]) for each in found.messages[2:]] == [
        (ids["g"], "of g"),
        (ids["f"], "of f"),
    ]
    assert ids["f"] != ids["g"]


def test_an_answer_that_calls_tools(tmp_path):
    message = {"role": "assistant", "content": None, "tool_calls": SAID[2]["tool_calls"]}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    found = recorded(tmp_path, {"messages": [user("q")]}, answer=said("", pieces=[(0.1, json.dumps(body).encode())]))
    assert found.answer == message


@pytest.mark.parametrize(
    "messages",
    [
        [SAID[2], SAID[3], user("one result is missing")],
        [SAID[2]],
        [SAID[2], SAID[3], SAID[3], SAID[4]],
        [SAID[2], SAID[3], {"role": "tool", "tool_call_id": "c", "content": "whose?"}],
    ],
)
def test_calls_and_results_that_do_not_fit(tmp_path, messages):
    with pytest.raises(LeftOutError, match="whose results cannot be told apart"):
        recorded(tmp_path, {"messages": [user("q"), *messages]})


@pytest.mark.parametrize("body", [[], {"messages": 5}, {"messages": []}, {}])
def test_what_has_no_conversation(tmp_path, body):
    with pytest.raises(LeftOutError, match="without a conversation"):
        recorded(tmp_path, body)
