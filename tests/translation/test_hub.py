"""Each part of a conversation reaches each provider, or is noted as lost, or refused, or it stands here among those that
may be left out. Whoever adds a field to the hub learns here which writers do not know it."""

import pytest
from msgspec.structs import fields, replace

from aigw.core.errors import GatewayError
from aigw.dialects import apis
from aigw.providers.catalog import CATALOG
from aigw.translation.history import mended
from aigw.translation.hub import Call, Conversation, Format, Media, Message, Reasoning, Result, Sampling, Text, Tool
from aigw.translation.notes import Notes
from aigw.translation.translation import PROVIDERS

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
CALL, RESULT = Call("c", "f", "{}"), Result("c", (Text("r"),))
USER = Message("user", (Text("hi"),))
LEAST = Conversation(model="m", messages=(USER,), tools=(Tool("f", "d", SCHEMA),))


def turn(call, result):
    return replace(LEAST, messages=(USER, Message("assistant", (call,)), Message("user", (result,))))


PLACES = {
    Conversation: (LEAST, lambda value: value),
    Text: (Text("a"), lambda value: replace(LEAST, messages=(USER, Message("assistant", (value,)), USER))),
    Media: (Media("file", "application/pdf", "QUJD"), lambda value: replace(LEAST, messages=(Message("user", (value,)),))),
    Call: (CALL, lambda value: turn(value, RESULT)),
    Result: (RESULT, lambda value: turn(CALL, value)),
    Tool: (LEAST.tools[0], lambda value: replace(LEAST, tools=(value,))),
    Reasoning: (Reasoning(), lambda value: replace(LEAST, reasoning=value)),
    Format: (Format(SCHEMA), lambda value: replace(LEAST, format=value)),
    Sampling: (Sampling(), lambda value: replace(LEAST, sampling=value)),
}  # fmt: skip
"""The smallest of each struct, and a conversation with it."""
OTHER = {
    Conversation: {
        "messages": (Message("user", (Text("b"),)),), "tools": (Tool("g"),), "choice": "required", "parallel": False,
        "max_tokens": 9000, "stop": ("s",), "choices": 2, "sampling": Sampling(temperature=0.5), "format": Format(),
        "reasoning": Reasoning("high"), "user": "u", "verbosity": "low",
    },
    Text: {"text": "b", "cached": True},
    Media: {"type": "text/plain", "data": "REVG", "name": "a.pdf", "cached": True},
    Call: {"id": "d", "name": "g", "arguments": '{"a":"b"}', "cached": True},
    Result: {"parts": (Text("b"),), "failed": True, "cached": True},
    Tool: {
        "name": "g", "description": "e", "parameters": {"type": "object"}, "strict": True, "custom": True, "cached": True,
    },
    Reasoning: {"effort": "high", "budget": 9000},
    Format: {"schema": {"type": "object"}, "description": "d"},
    Sampling: {
        "temperature": 0.5, "top_p": 0.5, "top_k": 5, "seed": 5, "frequency_penalty": 0.5, "presence_penalty": 0.5,
    },
}  # fmt: skip
"""Another value of each field."""
ELSEWHERE = {
    Conversation: {"model", "stream", "wants_usage", "wants_state", "goes_on", "repeated", "openais", "one_call"},
    Call: {"custom", "namespace", "state"},
    Result: {"id", "custom", "name"},
    Tool: {"grammar", "namespace", "kind"},
    Media: {"kind", "url"},
}
"""What is for the answer, stands in the path, or is tried in the tests of `translation.py` and of the writers."""
HINTS = {Text: {"refusal"}, Media: {"detail"}, Reasoning: {"shown"}, Format: {"name", "strict"}}
"""What some formats do not know, and what changes no answer: who refused is clear from the words, a schema is enforced
anyway."""
ROWS = {
    apis.CHAT: ("openai", "gpt-5"), apis.MESSAGES: ("claude", "claude-opus-4-5"), apis.RESPONSES: ("openai", "gpt-5"),
    apis.GENERATE_CONTENT: ("gemini", "gemini-3-pro"), apis.CONVERSE: ("bedrock", "claude-opus-4-5"),
}  # fmt: skip
CACHE = (apis.MESSAGES, apis.CONVERSE)
"""Where marks for the cache are kept."""


@pytest.mark.parametrize("kind", PLACES)
def test_every_field_is_tried(kind):
    tried = OTHER[kind].keys() | ELSEWHERE.get(kind, set()) | HINTS.get(kind, set())
    assert tried == {field.name for field in fields(kind)}


@pytest.mark.parametrize("api", PROVIDERS)
def test_each_part_reaches_each_provider(api):
    for kind, (least, place) in PLACES.items():
        before = written(api, place(least))
        for name, value in OTHER[kind].items():
            if name != "cached" or api in CACHE:
                assert written(api, place(replace(least, **{name: value}))) != before, (kind, name)


@pytest.mark.parametrize("api", PROVIDERS)
def test_what_the_assistant_has_shown_reaches_each_provider(api):
    bodies = [
        written(api, replace(LEAST, messages=(USER, Message("assistant", (Media("image", "image/png", data),)), USER)))
        for data in ("QUJD", "REVG")
    ]
    assert bodies[0] != bodies[1]


def written(api, conversation):
    """The body, and what is lost."""
    notes, (row, model) = Notes(), ROWS[api]
    conversation = replace(conversation, model=model, messages=mended(conversation.messages, notes))
    try:
        return PROVIDERS[api].write(conversation, CATALOG[row].rules, notes), notes.lost
    except GatewayError as error:
        return None, [error.message]
