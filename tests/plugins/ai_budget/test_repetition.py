"""Tool calls as the three dialects have them, and which of them count."""

import json

import pytest
from fakes import chat, make_exchange
from hypothesis import given
from hypothesis import strategies as st

from aigw.plugins.ai_budget.repetition import ToolCall, digest, most_repeated, newest_calls

LS = ToolCall("ls", '{"all":true,"path":"."}')
USER = {"role": "user", "content": "go"}


def openai(*turns):
    """Each turn is a list of (name, arguments), with its results."""
    messages = [USER]
    for turn in turns:
        calls = [{"id": str(n), "function": {"name": name, "arguments": text}} for n, (name, text) in enumerate(turn)]
        messages.append({"role": "assistant", "tool_calls": calls})
        messages += [{"role": "tool", "tool_call_id": call["id"], "content": "-"} for call in calls]
    return messages


A = ("ls", '{"path": ".", "all": true}')
B = ("ls", '{"all":true,"path":"."}')
C = ("cat", "not json")


def counted(body, path="/v1/chat/completions"):
    return most_repeated(*newest_calls(turns(chat(body, path=path))))


def turns(request):
    return make_exchange(request).asked.turns


def test_the_same_arguments_in_another_order():
    assert counted({"messages": openai([A], [B], [C], [A])}) == (LS, 3)


def test_only_the_newest_turn_counts():
    assert counted({"messages": openai([A], [A], [A], [C])}) == (ToolCall("cat", "not json"), 1)


def test_the_worst_of_parallel_calls():
    assert counted({"messages": openai([A], [C, B])}) == (LS, 2)


def test_a_conversation_that_goes_on_is_left_alone():
    assert counted({"messages": [*openai([A], [A], [A]), USER]}) is None


def test_the_same_call_twice_in_one_turn_is_no_circle():
    assert counted({"messages": openai([A, B, A])}) == (LS, 1)


def test_anthropic():
    use = {"type": "tool_use", "id": "1", "name": "ls", "input": {"path": ".", "all": True}}
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "-"}]}
    turn = [{"role": "assistant", "content": [{"type": "text", "text": "hm"}, use]}, result]
    assert counted({"messages": [USER, *turn, *turn]}, "/v1/messages") == (LS, 2)


def test_responses():
    def call(name, arguments):
        return {"type": "function_call", "call_id": "1", "name": name, "arguments": arguments}

    result = {"type": "function_call_output", "call_id": "1", "output": "-"}
    turn = [call(*A), call(*C), result, result]
    request = chat({"input": [USER, *turn, *turn]}, path="/v1/responses")
    newest, every = newest_calls(turns(request))
    assert every == [newest, newest] == [[LS, ToolCall("cat", "not json")]] * 2


@pytest.mark.parametrize(
    "body",
    [
        b'{"messages": "tool_calls"',
        {"messages": [USER]},
        {"messages": "tool_calls"},
        {"tool_calls": 1, "messages": [None, 1, "x", {"role": "tool", "tool_calls": [1, {"function": 2}]}]},
        {"messages": [{"role": "tool", "content": "-"}], "tool_calls": []},
    ],
)
def test_what_has_no_calls(body):
    assert newest_calls(turns(chat(body))) == ([], [])


def test_other_kinds_of_bodies():
    request = chat({"messages": openai([A])}, headers={"content-type": "text/plain"})
    assert newest_calls(turns(request)) == ([], [])


def test_deep_arguments_are_text():
    deep = '{"a":' * 100_000
    assert counted({"messages": openai([("ls", deep)], [("ls", deep)])}) == (ToolCall("ls", deep), 2)


@given(st.lists(st.text(), min_size=1), st.lists(st.text(), min_size=1))
def test_digests_tell_their_parts_apart(one, other):
    assert (digest(*one) == digest(*other)) == (json.dumps(one) == json.dumps(other))
