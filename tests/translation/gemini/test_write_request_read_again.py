"""A chat request that becomes one of Gemini's API, and is read again, says the same: all that the formats share."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from translating import frame

from aigw.dialects.sse import EventSplitter
from aigw.translation.chat import read_request as chat
from aigw.translation.events import CallDelta, CallEnd, CallStart, Ended, Finished, Started, TextDelta, ThinkingDelta
from aigw.translation.gemini.read_request import read_request
from aigw.translation.gemini.read_stream import GeminiReader
from aigw.translation.gemini.write_request import write_request
from aigw.translation.gemini.write_stream import ContentWriter
from aigw.translation.history import joined, mended
from aigw.translation.hub import Call, Message, Reasoning, Result
from aigw.translation.notes import Notes
from aigw.translation.rules import Rules

WORDS = st.text(min_size=1, max_size=8)
NAMES = st.sampled_from(["f", "g_2", "look-up"])
OBJECTS = st.dictionaries(WORDS, st.integers() | WORDS | st.lists(st.booleans(), max_size=2), max_size=2)
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ=="}}


@st.composite
def histories(draw: Any) -> list[dict[str, Any]]:
    messages, number = [], 0
    for _ in range(draw(st.integers(1, 3))):
        parts = [{"type": "text", "text": text} for text in draw(st.lists(WORDS, min_size=1, max_size=2))]
        messages.append({"role": "user", "content": [*parts, *draw(st.lists(st.just(IMAGE), max_size=1))]})
        calls = []
        for name, arguments in draw(st.lists(st.tuples(NAMES, OBJECTS), max_size=3)):
            number += 1
            function = {"name": name, "arguments": json.dumps(arguments)}
            calls.append({"id": f"c{number}", "type": "function", "function": function})
        text = draw(st.none() | WORDS)
        if text or calls:
            messages.append({"role": "assistant", "content": text, **({"tool_calls": calls} if calls else {})})
        messages += [{"role": "tool", "tool_call_id": call["id"], "content": draw(WORDS)} for call in calls]
    return messages


def same(messages: Any) -> list[Message]:
    """What both say, without the name of a result, which only one of them has, and with arguments as values."""
    out = []
    for message in joined(mended(messages, Notes())):
        parts = [
            (part.id, part.name, json.loads(part.arguments)) if isinstance(part, Call)
            else (part.id, part.text, part.media) if isinstance(part, Result) else part
            for part in message.parts
        ]  # fmt: skip
        out.append((message.role, sorted(parts, key=lambda part: not isinstance(part, tuple) or len(part) != 3)))
    return out


@given(
    histories(),
    st.fixed_dictionaries(
        {},
        optional={
            "temperature": st.floats(0, 2), "top_p": st.floats(0, 1), "seed": st.integers(0, 9), "n": st.integers(1, 3),
            "max_tokens": st.integers(1, 99), "stop": st.lists(WORDS, min_size=1, max_size=4),
            "tool_choice": st.sampled_from(["auto", "required", "none"]),
            "presence_penalty": st.floats(-1, 1), "frequency_penalty": st.floats(-1, 1),
        },
    ),
)  # fmt: skip
def test_a_request(messages, settings):
    tool = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}
    first = chat.read_request({"model": "m", "messages": messages, "tools": [tool], **settings}, Notes())
    body = write_request(first, Rules(maker="gemini"), Notes())
    again = read_request(json.loads(json.dumps(body)), Notes())
    assert same(again.messages) == same(first.messages)
    for name in ("choice", "choices", "max_tokens", "stop", "sampling"):
        assert getattr(again, name) == getattr(first, name)
    assert [(each.name, each.description, each.parameters) for each in again.tools] == [("f", "d", {"type": "object"})]


PIECES = st.lists(
    WORDS.map(lambda text: [TextDelta(text)])
    | WORDS.map(lambda text: [ThinkingDelta(text)])
    | st.tuples(NAMES, OBJECTS).map(lambda call: [CallStart(0, "", call[0]), CallDelta(0, json.dumps(call[1])), CallEnd(0)]),
    max_size=5,
)  # fmt: skip


@given(PIECES, st.data())
def test_a_stream_however_it_is_cut(pieces, data):
    numbered = [
        [replace(event, key=number) if hasattr(event, "key") else event for event in piece]
        for number, piece in enumerate(pieces)
    ]
    events = [Started("r", "m"), *(event for piece in numbered for event in piece)]
    writer = ContentWriter(frame(reasoning=Reasoning(shown=True)))
    raw = b"".join(chunk.raw for event in [*events, Finished("stop"), Ended()] for chunk in writer.write(event))
    cut = data.draw(st.integers(0, len(raw)))
    reader, splitter = GeminiReader(frame(rules=Rules(maker="gemini"))), EventSplitter()
    found = [event for part in (raw[:cut], raw[cut:]) for chunk in splitter.feed(part) for event in reader.feed(chunk)]
    said = [(type(event), getattr(event, "text", None), getattr(event, "name", None)) for event in found]
    wanted = [(type(event), getattr(event, "text", None), getattr(event, "name", None)) for event in events]
    kinds = (TextDelta, ThinkingDelta, CallStart)
    assert [each for each in said if each[0] in kinds] == [each for each in wanted if each[0] in kinds]
    arguments = [json.loads(event.text) for event in found if isinstance(event, CallDelta)]
    assert arguments == [json.loads(event.text) for event in events if isinstance(event, CallDelta)]
