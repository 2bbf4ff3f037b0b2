"""A request of OpenAI's Responses API as a conversation."""

import json
from pathlib import Path

import pytest

from aigw.core.errors import GatewayError
from aigw.translation.history import mended
from aigw.translation.hub import Call, Format, Media, Message, Reasoning, Result, Text, Thinking, Tool
from aigw.translation.notes import Notes
from aigw.translation.responses.read_request import CONTINUE, read_request

WIRE = Path(__file__).parents[2] / "dialects" / "wire"
HI = {"role": "user", "content": "hi"}
CALL = {
    "type": "function_call",
    "call_id": "c1",
    "name": "f",
    "arguments": '{"a": 1}',
    "id": "fc_1",
    "status": "completed",
}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "r"}


def read(*items, **body):
    notes = Notes()
    return read_request({"model": "m", "input": list(items) or "hi", **body}, notes), notes.lost


def messages(*items):
    return read(*items)[0].messages


def refusal(*items, **body):
    with pytest.raises(GatewayError) as refused:
        read(*items, **body)
    assert refused.value.status == 400
    return refused.value.message


def codex(name):
    notes = Notes()
    body = json.loads((WIRE / f"codex-{name}.json").read_text())["body"]
    return read_request(body, notes), notes.lost


def test_a_text_and_instructions():
    given, lost = read(instructions="be brief")
    assert given.messages == (Message("system", (Text("be brief"),)), Message("user", (Text("hi"),)))
    assert lost == []


def test_all_items_of_a_turn_are_one_message():
    """Wei-Shaw/sub2api#2926: reasoning, a text and two calls."""
    turn = [
        {
            "type": "reasoning",
            "id": "rs",
            "summary": [{"type": "summary_text", "text": "hm"}],
            "encrypted_content": "S",
        },
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "look"}]},
        CALL,
        {"type": "custom_tool_call", "call_id": "c2", "name": "exec", "namespace": "functions", "input": "ls"},
    ]
    results = [
        OUTPUT,
        {"type": "custom_tool_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "x"}]},
    ]
    assert mended(messages(HI, *turn, *results), Notes())[1:] == (
        Message("assistant", (
            Thinking("hm", "S"), Text("look"), Call("c1", "f", '{"a": 1}'), Call("c2", "exec", "ls", True, "functions"),
        )),
        Message("user", (Result("c1", (Text("r"),), name="f"), Result("c2", (Text("x"),), custom=True, name="exec"))),
    )  # fmt: skip


def test_items_between_a_call_and_its_output_come_behind():
    """openai/codex#7051."""
    given = mended(messages(CALL, HI, OUTPUT), Notes())
    assert [(message.role, len(message.calls), len(message.results)) for message in given] == [
        ("assistant", 1, 0), ("user", 0, 1), ("user", 0, 0),
    ]  # fmt: skip


def test_reasoning_alone_is_no_message():
    """continuedev/continue#8933, Agora#141: reasoning may have no text."""
    given = messages(
        HI, {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "S", "content": None}, HI
    )
    assert given[1].parts == (Thinking("", "S", redacted=True),)
    assert len(mended(given, Notes())) == 2


def test_images_files_and_sounds():
    """router-for-me/CLIProxyAPI#4116: also in results."""
    parts = [
        {"type": "input_image", "image_url": "data:image/png;base64,aGk", "detail": "original"},
        {"type": "input_image", "image_url": "https://x/y.png"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "aGk="},
        {"type": "input_file", "file_url": "https://x/a.pdf"},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
    ]
    read = (
        Media("image", "image/png", "aGk=", detail="original"), Media("image", url="https://x/y.png"),
        Media("file", "application/pdf", "aGk=", name="a.pdf"), Media("file", url="https://x/a.pdf"),
        Media("audio", "audio/mp3", "aGk="),
    )  # fmt: skip
    assert messages({"role": "user", "content": parts})[0].parts == read
    assert messages(HI, CALL, {**OUTPUT, "output": parts[:1]})[2].results[0].parts == read[:1]


@pytest.mark.parametrize(
    "item",
    [
        {"type": "item_reference", "id": "msg_1"},
        {"type": "compaction", "encrypted_content": "x"},
        {"type": "compaction_trigger"},
        {"role": "user", "content": [{"type": "input_image", "file_id": "file_1"}]},
        {"role": "user", "content": [{"type": "input_file", "file_id": "file_1"}]},
    ],
)
def test_what_only_openai_keeps_is_refused_by_name(item):
    assert refusal(HI, item).startswith("input: ")


@pytest.mark.parametrize("field", ["previous_response_id", "conversation", "prompt", "background"])
def test_fields_that_continue_what_is_kept_elsewhere_are_refused(field):
    """openclaw/openclaw#88499, higress-group/higress#3841."""
    assert refusal(**{field: "x"}).startswith(f"{field}: ")


def test_a_request_without_input():
    assert refusal(input=None) == "input: there is nothing to answer"
    assert refusal({"role": "user", "content": []}) == "input: there is nothing to answer"


def test_a_request_that_ends_with_an_answer_asks_for_another():
    """router-for-me/CLIProxyAPI#5279: other providers would go on with the last answer, or refuse it."""
    assert messages(HI, {"role": "assistant", "content": "yo"})[-1] == Message("user", (Text(CONTINUE),))


def test_tools_of_all_forms():
    """Wei-Shaw/sub2api#4082, envoyproxy/ai-gateway#2317: those that items add count, too."""
    schema = {"type": "object", "properties": {}}
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: x"}
    found = {"type": "namespace", "name": "mcp", "tools": [{"type": "function", "name": "g", "defer_loading": True}]}
    given, lost = read(
        HI,
        {"type": "additional_tools", "role": "developer", "tools": [
            {"type": "namespace", "name": "functions", "description": "d", "tools": [
                {"type": "custom", "name": "exec", "format": grammar, "allowed_callers": ["x"]}]}]},
        {"type": "tool_search_call", "call_id": "s", "execution": "client", "arguments": {"query": "g"}},
        {"type": "tool_search_output", "call_id": "s", "tools": [found]},
        tools=[{"type": "function", "name": "f", "description": "F", "parameters": schema, "strict": False},
               {"type": "tool_search", "execution": "client", "description": "T", "parameters": schema},
               {"type": "local_shell"}, {"type": "web_search"}, {"type": "mcp", "server_label": "x"}],
    )  # fmt: skip
    assert [(tool.namespace, tool.name, tool.kind, tool.custom) for tool in given.tools] == [
        ("", "f", "", False), ("", "tool_search", "tool_search", False), ("", "local_shell", "local_shell", False),
        ("functions", "exec", "", True), ("mcp", "g", "", False),
    ]  # fmt: skip
    assert given.tools[0] == Tool("f", "F", schema, strict=False)
    assert given.tools[3].grammar == grammar
    assert given.messages[1].calls[0] == Call("s", "tool_search", '{"query":"g"}')
    assert given.messages[2].results[0].text == "These tools can be called now: mcp__g"
    assert lost == [
        "tools: web_search",
        "tools: mcp",
        "tools: the description of a namespace",
        "tools: allowed_callers",
    ]


def test_results_of_tools_without_a_name():
    items = [
        {"type": "shell_call", "call_id": "a", "action": {"commands": ["ls"]}},
        {"type": "apply_patch_call", "call_id": "b", "operation": {"type": "delete_file", "path": "x"}},
        {"type": "local_shell_call", "id": "c", "action": {"type": "exec", "command": ["ls"]}},
        {"type": "shell_call_output", "call_id": "a", "output": [
            {"stdout": "x\n", "stderr": "", "outcome": {"type": "exit", "exit_code": 1}}, {"outcome": {"type": "timeout"}}]},
        {"type": "apply_patch_call_output", "call_id": "b", "status": "failed", "output": "no such file"},
        {"type": "local_shell_call_output", "id": "c", "output": "done"},
    ]  # fmt: skip
    given = messages(*items)
    assert [call.name for message in given for call in message.calls] == ["shell", "apply_patch", "local_shell"]
    results = [result for message in given for result in message.results]
    assert [(result.id, result.text, result.failed) for result in results] == [
        ("a", "x\n\nexit code 1\ntimeout", False), ("b", "no such file", True), ("c", "done", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "read_as"),
    [
        ("auto", ""),
        ("required", "required"),
        ("none", "none"),
        ({"type": "function", "name": "f"}, ("tool", "f")),
        ({"type": "custom", "name": "g"}, ("tool", "g")),
        ({"type": "local_shell"}, ("tool", "local_shell")),
        ({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]}, "required"),
    ],
)
def test_which_tool_must_be_called(choice, read_as):
    tools = [{"type": "function", "name": "f"}, {"type": "custom", "name": "g"}, {"type": "local_shell"}]
    given, _ = read(tools=tools, tool_choice=choice)
    assert given.choice == read_as
    assert len(given.tools) == (1 if isinstance(choice, dict) and "mode" in choice else 3)


@pytest.mark.parametrize(
    "choice", ["required", {"type": "web_search"}, {"type": "function", "name": "other"}, {"type": "mcp"}]
)
def test_a_tool_that_must_be_called_and_runs_elsewhere_is_refused(choice):
    assert refusal(tools=[{"type": "web_search"}], tool_choice=choice).startswith("tool_choice: ")


def test_settings():
    given, lost = read(
        max_output_tokens=9, temperature=0.5, top_p=0.1, parallel_tool_calls=False, stream=True, safety_identifier="u",
        reasoning={"effort": "xhigh", "summary": "auto"}, include=["reasoning.encrypted_content"], store=False,
        text={"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}, "verbosity": "low"},
        truncation="disabled", metadata={"a": "b"},
    )  # fmt: skip
    assert (given.max_tokens, given.parallel, given.stream, given.user, given.verbosity) == (9, False, True, "u", "low")
    assert (given.sampling.temperature, given.sampling.top_p) == (0.5, 0.1)
    assert given.reasoning == Reasoning("xhigh", shown=True)
    assert given.format == Format({"type": "object"}, "n", strict=True)
    assert given.wants_state and given.repeated["metadata"] == {"a": "b"}
    assert lost == []


def test_what_is_lost_is_noted():
    _, lost = read(
        {"type": "web_search_call", "id": "ws"}, HI, truncation="auto", store=True, prompt_cache_key="k",
        include=["web_search_call.results"], client_metadata={"a": "b"}, service_tier=None,
    )  # fmt: skip
    assert lost == [
        "truncation", "store", "prompt_cache_key", "client_metadata", "include: web_search_call.results",
        "input: web_search_call",
    ]  # fmt: skip


def test_codex():
    """Its first request, a call of its own with the result, one in code mode, and an image."""
    first, lost = codex("1-first")
    assert [message.role for message in first.messages] == ["system", "system", "user", "user"]
    assert [tool.name for tool in first.tools] == ["exec_command", "apply_patch", "tool_search"]
    assert lost == ["prompt_cache_key", "client_metadata", "tools: web_search"]
    second, _ = codex("2-tool-result")
    assert [type(part) for message in second.messages for part in message.parts][-3:] == [Thinking, Call, Result]
    code, _ = codex("5-code-mode-result")
    assert (code.messages[-2].calls[0].namespace, code.messages[-1].results[0].custom) == ("functions", True)
    assert [(tool.namespace, tool.name) for tool in code.tools] == [("functions", "exec")]
    image, _ = codex("6-image-result")
    assert image.messages[-1].results[0].media[0].type == "image/png"


def test_what_a_tool_says_beside_its_declaration_is_noted():
    """BerriAI/litellm#31571: who may call a custom tool."""
    tools = [{"type": "custom", "name": "g", "allowed_callers": ["programmatic"]}, {"type": "function", "name": "f"}]
    given, lost = read(HI, tools=tools)
    assert ([tool.name for tool in given.tools], lost) == (["g", "f"], ["tools: allowed_callers"])


@pytest.mark.parametrize(
    "format", [None, {"type": "text"}, "x", {"type": "grammar", "syntax": "lark", "definition": "x"}]
)
def test_a_custom_tool_that_takes_any_text_has_no_grammar(format):
    (tool,) = read(HI, tools=[{"type": "custom", "name": "exec", "format": format}])[0].tools
    wanted = format if isinstance(format, dict) and format["type"] == "grammar" else None
    assert (tool.custom, tool.grammar) == (True, wanted)


def test_a_shell_of_openai_is_no_tool_of_the_client():
    shell = {"type": "shell", "environment": {"type": "container_auto"}}
    given, lost = read(tools=[shell])
    assert (given.tools, lost) == ((), ["tools: shell"])
    assert "shell" in refusal(tools=[shell], tool_choice={"type": "shell"})
    local = {
        "type": "shell",
        "environment": {"type": "local", "skills": [{"name": "s"}]},
        "allowed_callers": ["direct"],
    }
    given, lost = read(tools=[local])
    assert ([tool.kind for tool in given.tools], lost) == (
        ["shell"],
        ["tools: allowed_callers", "tools: environment.skills"],
    )


def test_a_mark_for_the_cache():
    part = {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}}
    assert messages({"role": "user", "content": [part]}) == (Message("user", (Text("a", cached=True),)),)


def test_what_items_and_settings_say_beside_is_noted():
    call = {**CALL, "async": True}
    _, lost = read(call, OUTPUT, text={"format": {"type": "grammar"}, "tone": "dry"})
    assert lost == ["text.tone", "input: async", "text.format: grammar"]
