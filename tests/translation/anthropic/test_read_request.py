"""A request of Anthropic's clients as a conversation."""

import pytest

from aigw.core.errors import GatewayError
from aigw.translation.anthropic.read_request import read_request
from aigw.translation.hub import Call, Format, Media, Message, Reasoning, Result, Text, Thinking, Tool
from aigw.translation.notes import Notes


def read(**body):
    notes = Notes()
    return read_request({"model": "m", "max_tokens": 9, "messages": [], **body}, notes), notes.lost


def parts(*blocks):
    return read(messages=[{"role": "user", "content": list(blocks)}])[0].messages[0].parts


def test_texts_and_roles():
    """Laisky/one-api#350: a system message in the middle stays one, at its place."""
    given, lost = read(
        system="be brief",
        messages=[
            {"role": "user", "content": "hi"},
            {"role": "system", "content": "now in French"},
            {"role": "developer", "content": [{"type": "text", "text": "x"}]},
            {"role": "assistant", "content": "salut"},
        ],
    )
    assert [(message.role, message.text) for message in given.messages] == [
        ("system", "be brief"), ("user", "hi"), ("system", "now in French"), ("system", "x"), ("assistant", "salut"),
    ]  # fmt: skip
    assert lost == []


def test_two_requests_that_differ_in_the_billing_line_are_one_conversation():
    """musistudio/claude-code-router#1343, vllm-project/vllm#36829."""

    def of(number):
        billing = {"type": "text", "text": f"x-anthropic-billing-header: cc_version=2.1; cch={number};"}
        return read(system=[billing, {"type": "text", "text": "you are"}])[0]

    assert of(1) == of(2)
    assert of(1).messages == (Message("system", (Text("you are"),)),)


def test_blocks():
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "_-8"}}
    assert parts(
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": ""},
        image,
        {"type": "image", "source": {"type": "url", "url": "https://a/b"}},
        {
            "type": "document",
            "title": "d",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "QQ=="},
        },
        {"type": "document", "source": {"type": "text", "data": "plain"}},
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
        {"type": "tool_use", "id": "1", "name": "f", "input": {"b": 1, "a": 1.0}},
        {
            "type": "tool_result",
            "tool_use_id": "1",
            "is_error": True,
            "content": [{"type": "text", "text": "no"}, image],
        },
    ) == (
        Text("a", cached=True),
        Media("image", "image/png", "/+8="),
        Media("image", url="https://a/b"),
        Media("file", "application/pdf", "QQ==", name="d"),
        Text("plain"),
        Thinking("hm", "s"),
        Thinking("", "d", redacted=True),
        Call("1", "f", '{"b":1,"a":1.0}'),
        Result("1", (Text("no"), Media("image", "image/png", "/+8=")), failed=True),
    )


def test_a_model_reads_the_title_and_the_context_of_a_document_and_what_has_no_counterpart_is_noted():
    about = {"type": "document", "title": "T", "context": "C", "citations": {"enabled": True}}
    image = {"type": "image", "source": {"type": "url", "url": "https://a/b"}}
    blocks = [
        {**about, "source": {"type": "text", "data": "plain"}},
        {**about, "source": {"type": "content", "content": [{"type": "text", "text": "x"}, image]}},
        {**about, "citations": {"enabled": False}, "source": {"type": "base64", "media_type": "application/pdf", "data": "QQ=="}},
    ]  # fmt: skip
    given, lost = read(messages=[{"role": "user", "content": blocks}])
    assert given.messages[0].parts == (
        Text("T\nC\nplain"), Text("T\nC\nx"), Media("file", "application/pdf", "QQ==", name="T")
    )  # fmt: skip
    assert lost == ["messages: document: citations", "messages: document: image", "messages: document: context"]


def test_a_file_of_another_provider_is_refused_by_name():
    with pytest.raises(GatewayError, match=r"document\.source\.file_id") as refusal:
        parts({"type": "document", "source": {"type": "file", "file_id": "file_1"}})
    assert refusal.value.status == 400


def test_what_only_this_api_has_is_noted():
    """decolua/9router#1468: context_management is no error elsewhere."""
    _, lost = read(
        context_management={"edits": []},
        container="c",
        service_tier=None,
        tools=[{"type": "web_search_20250305", "name": "web_search"}],
    )
    assert lost == ["context_management", "container", "tools: web_search_20250305"]


@pytest.mark.parametrize("thread", [{"type": "create"}, {"type": "continue", "previous_message_id": "msg_1"}])
def test_a_conversation_that_the_provider_would_keep_is_refused(thread):
    """A request that goes on has its newest message alone. The SDK's tool_runner asks for it unless it is told not to."""
    with pytest.raises(GatewayError, match="send the whole conversation") as refusal:
        read(thread=thread)
    assert refusal.value.code == "thread_unsupported_request"
    assert read(thread=None)[1] == []


def test_a_forced_tool_that_runs_at_anthropic_is_refused():
    with pytest.raises(GatewayError, match="cannot be forced"):
        read(
            tools=[{"type": "web_search_20250305", "name": "web_search"}],
            tool_choice={"type": "tool", "name": "web_search"},
        )


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, ("", None)),
        ({"type": "auto", "disable_parallel_tool_use": True}, ("", False)),
        ({"type": "any"}, ("required", None)),
        ({"type": "none"}, ("none", None)),
        ({"type": "tool", "name": "f"}, (("tool", "f"), None)),
        ("nonsense", ("", None)),
    ],
)
def test_the_choice_of_a_tool(choice, expected):
    given, _ = read(tool_choice=choice)
    assert (given.choice, given.parallel) == expected


def test_an_answer_goes_on_with_a_last_message_of_the_assistant():
    said = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "{"}]
    assert [read(messages=messages)[0].goes_on for messages in ([], said[:1], said)] == [False, False, True]


def test_tools():
    given, _ = read(
        tools=[{"name": "f", "description": "d", "input_schema": {"type": "object"}, "defer_loading": True}]
    )
    assert given.tools == (Tool("f", "d", {"type": "object"}),)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, Reasoning()),
        ({"thinking": {"type": "disabled"}}, Reasoning("none")),
        ({"thinking": {"type": "enabled", "budget_tokens": 31999}}, Reasoning("", 31999, shown=True)),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, Reasoning("low", shown=True)),
        ({"output_config": {"effort": "max"}}, Reasoning("max")),
    ],
)
def test_how_much_to_think(body, expected):
    assert read(**body)[0].reasoning == expected


def test_structured_output():
    """decolua/9router#4050."""
    given, _ = read(output_config={"format": {"type": "json_schema", "schema": {"type": "object"}}})
    assert given.format == Format({"type": "object"}, "answer", strict=True)


@pytest.mark.parametrize(
    "field",
    [
        "messages",
        "system",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "metadata",
        "stop_sequences",
        "stream",
    ],
)
@pytest.mark.parametrize("value", [None, 1, "x", [], {}, [1], [[]], [{}], [None]])
def test_a_wrong_type_reads_as_nothing(field, value):
    read(**{field: value})


def test_what_a_tool_says_beside_its_declaration_is_noted():
    """BerriAI/litellm#31571. When a tool is loaded, and that its input comes early, says nothing about the answer."""
    tool = {
        "name": "f",
        "input_schema": {},
        "defer_loading": True,
        "eager_input_streaming": True,
        "allowed_callers": None,
    }
    assert read(tools=[tool])[1] == []
    tool |= {"allowed_callers": ["code_execution_20250825"], "input_examples": [{}]}
    assert read(tools=[tool])[1] == ["tools: allowed_callers", "tools: input_examples"]


def test_thinking_of_a_kind_that_nobody_else_knows_is_noted():
    assert read(thinking={"type": "between_tools"})[1] == ["thinking: between_tools"]
    assert read(output_config={"effort": "low", "task_budget": 5})[1] == ["output_config: task_budget"]


def test_what_a_block_says_beside_its_content_is_noted():
    image = {
        "type": "image",
        "source": {"type": "url", "url": "https://a"},
        "transformations": {"oversized_image": "error"},
    }
    found = {"type": "search_result", "title": "t", "source": "s", "content": [], "citations": {"enabled": True}}
    _, lost = read(messages=[{"role": "user", "content": [image, found]}])
    assert lost == ["messages: transformations", "messages: search_result: citations"]


def test_a_mark_for_the_cache_inside_of_what_becomes_a_text():
    marked = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
    found = {"type": "search_result", "title": "t", "source": "s", "content": [marked]}
    document = {"type": "document", "source": {"type": "content", "content": [marked]}}
    assert [part.cached for part in parts(found, document, {"type": "tool_result", "content": [marked]})] == [True] * 3
