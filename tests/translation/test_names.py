"""Providers get names that they take; clients get their own back."""

import re

import pytest

from aigw.translation.hub import Call, Conversation, Message, Tool
from aigw.translation.names import Names, renamed


def conversation(*tools, **more):
    return Conversation(model="m", messages=(), tools=tools, **more)


@pytest.mark.parametrize("name", ["mcp__" + "x" * 80, "fs.read", "日本"])
def test_a_name_that_a_provider_refuses_is_shortened_and_restored(name):
    """cline/cline#11885, openai/codex#1289."""
    names = Names(conversation(Tool(name)))
    written = names.written(name)
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", written)
    assert names.tool(written).name == name
    assert names.written(name) == written


def test_gemini_wants_a_letter_first():
    names = Names(conversation(Tool("1st")), letter_first=True)
    assert re.fullmatch(r"_1st_\w+", names.written("1st"))
    assert (names.tool(names.written("1st")).name, names.written("_a"), names.written("b")) == ("1st", "_a", "b")


def test_long_names_that_begin_alike_stay_apart():
    names = Names(conversation())
    assert names.written("x" * 70 + "a") != names.written("x" * 70 + "b")


def test_a_namespace_stands_before_the_name_and_comes_back():
    """Wei-Shaw/sub2api#6653."""
    names = Names(conversation(Tool("wait", namespace="clock")))
    assert names.written("wait", "clock") == "clock__wait"
    assert names.tool("clock__wait") == Tool("wait", namespace="clock")


def test_a_tool_that_nobody_declared_keeps_its_name():
    assert Names(conversation()).tool("made_up").name == "made_up"


def test_calls_and_the_choice_have_the_same_names_as_the_tools():
    long = "a" * 70
    given = Conversation(
        model="m",
        messages=(Message("assistant", (Call("1", long, "{}"), Call("2", "wait", "{}", namespace="clock"))),),
        tools=(Tool(long), Tool("wait", namespace="clock"), Tool(long)),
        choice=("tool", long),
    )
    written = renamed(given, Names(given))
    assert [tool.name for tool in written.tools] == [call.name for call in written.messages[0].calls]
    assert written.choice == ("tool", written.tools[0].name)
