"""aigw/traffic/export/training.py: recorded conversations for evals and fine-tuning."""

import json

from recorded_calls import assistant, chat_call, embeddings_call, said, user, written

from aigw.traffic.export.training import evals, sft
from aigw.traffic.format.folder import iterate

CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": "sky"}'}}
TOOLS = [{"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object"}}}]
CALLED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "blue"}


def calls(tmp_path, *calls):
    folder = written(tmp_path, *calls)
    return iterate(folder), folder


def test_evals(tmp_path):
    system = {"role": "system", "content": "be brief"}
    found = evals(*calls(tmp_path, (chat_call(system, user("hi")), said("yo"))))
    assert found.examples == [{"input": [system, user("hi")], "ideal": "yo"}]
    assert (dict(found.left_out), found.media) == ({}, 0)


def test_of_a_conversation_only_the_longest_call_is_for_training(tmp_path):
    first = chat_call(user("what colour?"), tools=TOOLS)
    body = {"choices": [{"index": 0, "message": CALLED, "finish_reason": "tool_calls"}]}

    answer = said("", pieces=[(0.1, json.dumps(body).encode())])
    second = chat_call(user("what colour?"), CALLED, RESULT, tools=TOOLS)
    found = sft(*calls(tmp_path, (first, answer), (second, said("It is blue."))))
    messages = [user("what colour?"), CALLED, RESULT, assistant("It is blue.")]
    assert found.examples == [{"messages": messages, "tools": TOOLS}]
    assert dict(found.left_out) == {"that a longer one goes on from": 1}


def test_what_ends_with_a_call_of_a_tool_has_no_ideal_answer(tmp_path):

    body = {"choices": [{"index": 0, "message": CALLED, "finish_reason": "tool_calls"}]}
    answer = said("", pieces=[(0.1, json.dumps(body).encode())])
    folder = written(tmp_path, (chat_call(user("q"), tools=TOOLS), answer))
    assert dict(evals(iterate(folder), folder).left_out) == {"that end with calls of tools": 1}
    (example,) = sft(iterate(folder), folder).examples
    assert example["messages"][-1] == CALLED


def test_other_conversations_that_begin_alike_stay(tmp_path):
    found = sft(*calls(tmp_path, (chat_call(user("hi")), said("a")), (chat_call(user("hi")), said("b"))))
    assert [example["messages"][-1]["content"] for example in found.examples] == ["a", "b"]


def test_what_is_no_conversation_is_counted(tmp_path):
    image = {
        "role": "user",
        "content": [
            {"type": "text", "text": "see"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
        ],
    }
    found = sft(
        *calls(
            tmp_path,
            (chat_call(user("a")), said("", status=500)),
            (chat_call(user("b")), said("half", whole=False, fault="RESET")),
            (embeddings_call("c"), said("")),
            (chat_call(user("d"), n=2), said("x")),
            (chat_call(user("e"), CALLED, user("no result")), said("x")),
            (chat_call(image), said("a cat")),
        )
    )
    assert dict(found.left_out) == {
        "failed or broken off": 2,
        "without a conversation": 1,
        "with several choices": 1,
        "with calls of tools whose results cannot be told apart": 1,
    }
    assert found.examples == [{"messages": [user("see"), assistant("a cat")]}]
    assert found.media == 1
