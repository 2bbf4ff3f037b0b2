"""Each field that the vendors' SDKs know is read, or noted as lost, or refused, or it stands here among those that may
be left out: hints, and words on what was said before. Whoever takes a newer SDK learns here of its new fields."""

import json

from anthropic.types.beta import BetaContentBlock
from anthropic.types.beta.message_create_params import MessageCreateParamsBase
from msgspec.structs import replace
from openai.types.chat import ChatCompletionMessage
from openai.types.chat.completion_create_params import CompletionCreateParamsBase
from openai.types.responses import ResponseOutputItem
from openai.types.responses.response_create_params import ResponseCreateParamsBase
from pydantic import create_model
from sdk_types import Walk
from translating import frame

from aigw.core.errors import GatewayError
from aigw.dialects import apis
from aigw.dialects.table import dialect_of
from aigw.translation.anthropic.read_request import read_request as read_messages
from aigw.translation.chat.read_request import read_request as read_chat
from aigw.translation.gemini.read_request import read_request as read_gemini
from aigw.translation.notes import Notes
from aigw.translation.responses.read_request import read_request as read_responses
from aigw.translation.translation import PROVIDERS

EARLIER = {
    "annotations", "caller", "citations", "id", "logprobs", "max_output_length", "outcome", "phase", "status",
    "toolset_name",
}  # fmt: skip
"""What a client sends back beside what was said and called."""
HINTS = {"defer_loading", "eager_input_streaming", "execution", "include_obfuscation", "ttl"}
"""When a tool is loaded and its input comes, who searches for tools, how a stream is padded, how long a cache lasts."""


def left_out(kind, read, may, **always):
    """The fields that make no difference and are not among those that may be left out, which are named with their type
    or without."""

    def judge(value):
        notes = Notes()
        try:
            return read(value, notes), notes.lost
        except GatewayError as error:
            return None, [error.message]

    walk = Walk(judge, always)
    walk.look(kind)
    assert walk.tried > 30
    may = may | EARLIER | HINTS
    return {name for name in walk.unread if may.isdisjoint(names(name))}


def names(name):
    field = name.partition(".")[2]
    return name, field, field.partition(":")[0]


def test_chat_completions():
    usual = {"response_format: text", "format: text", "tool_choice: allowed_tools"}
    old_form = {"ChatCompletionFunctionMessageParam.name", "function_call"}
    tools = [{"type": "function", "function": {"name": "f"}}]
    assert left_out(CompletionCreateParamsBase, read_chat, usual | old_form, tools=tools) == set()


def test_messages():
    assert left_out(MessageCreateParamsBase, read_messages, {"type", "tool_choice: auto"}) == set()


def test_responses():
    usual = {"type", "format: text", "environment: local", "environment: container_reference"}
    told_by_id = {"function_call_output.name", "function_call_output.namespace"}
    always = {"input": [{"role": "user", "content": "hi"}], "summary": [], "tools": [{"type": "function", "name": "f"}]}
    assert left_out(ResponseCreateParamsBase, read_responses, usual | told_by_id, **always) == set()


def test_contents():
    """Google's SDK has the request in pieces only."""
    from google.genai import types  # one second

    parts = {
        "contents": list[types.Content], "systemInstruction": types.Content, "tools": list[types.Tool],
        "toolConfig": types.ToolConfig, "safetySettings": list[types.SafetySetting],
        "generationConfig": types.GenerationConfig, "cachedContent": str, "labels": dict[str, str],
    }  # fmt: skip
    request = create_model("Request", **{name: (kind, None) for name, kind in parts.items()})
    means_nothing_alone = {"role", "thought", "thoughtSignature", "allowedFunctionNames"}
    unknown_to_json_schema = {"example", "nullable", "propertyOrdering"}
    may = means_nothing_alone | unknown_to_json_schema
    assert left_out(request, read_gemini, may, responseMimeType="application/json") == set()


def reading(api, body):
    """Reads the answer that `body` makes of what stands in its middle."""

    def read(value, notes):
        reader = PROVIDERS[api].reader(replace(frame(), notes=notes))
        chunks = dialect_of(api).events(json.dumps(body(value)).encode(), usage=True)
        return [event for chunk in chunks if chunk.data is not None for event in reader.feed(chunk)]

    return read


SPANS = {"start_index", "end_index", "cited_text", "encrypted_index"}
"""Of which words a source is told: other formats have only the source."""


def test_a_message_of_chat_completions():
    read = reading(apis.CHAT, lambda said: {"choices": [{"index": 0, "message": said, "finish_reason": "stop"}]})
    assert left_out(ChatCompletionMessage, read, SPANS) == set()


def test_blocks_of_messages():
    read = reading(apis.MESSAGES, lambda said: {"content": [], **said, "role": "assistant", "stop_reason": "end_turn"})
    blocks = create_model("Message", content=(list[BetaContentBlock], None))
    assert left_out(blocks, read, SPANS) == set()


def test_items_of_responses():
    """Nobody gets a call of his namespace, nor one to answer later, who has not declared it."""
    read = reading(
        apis.RESPONSES, lambda said: {"output": [], **said, "id": "r", "object": "response", "status": "completed"}
    )
    items = create_model("Response", output=(list[ResponseOutputItem], None))
    assert left_out(items, read, SPANS | {"output: reasoning", "async", "namespace"}, summary=[]) == set()


def test_parts_of_contents():
    from google.genai import types

    read = reading(apis.GENERATE_CONTENT, lambda said: {"candidates": [{"content": said, "finishReason": "STOP"}]})
    partial = {"willContinue", "nullValue", "boolValue", "numberValue", "stringValue", "jsonPath"}
    assert left_out(types.Content, read, partial | {"role", "thought", "thoughtSignature", "displayName"}) == set()
