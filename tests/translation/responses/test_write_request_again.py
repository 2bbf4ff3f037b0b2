"""Whatever a conversation has that OpenAI's Responses API has, too, is read again as it was written; and no JSON makes
the readers fail."""

import json
from itertools import chain

from any_json import anything, fields
from fakes import chat
from hypothesis import given, settings
from hypothesis import strategies as st
from translating import frame

from aigw.core.errors import GatewayError
from aigw.dialects import apis
from aigw.dialects.sse import json_event
from aigw.dialects.table import dialect_of
from aigw.translation.history import mended
from aigw.translation.hub import Call, Conversation, Format, Media, Message, Reasoning, Result, Sampling, Text, Tool
from aigw.translation.notes import Notes
from aigw.translation.responses.read_request import read_request
from aigw.translation.responses.read_stream import ResponsesStreamReader
from aigw.translation.responses.write_request import write_request
from aigw.translation.rules import Rules
from aigw.translation.translation import PROVIDERS, Translation

RULES = Rules(maker="openai", efforts=("*",))
TEXTS = st.builds(Text, st.text(min_size=1, max_size=6))
IMAGES = st.just(Media("image", "image/png", "QQ==", detail="low")) | st.just(Media("image", url="https://x/y.png"))
USERS = st.lists(TEXTS | IMAGES, min_size=1, max_size=3).map(lambda parts: Message("user", tuple(parts)))
NUMBERS = st.integers(0, 9)


@st.composite
def turns(draw):
    """A user asks, the model calls some tools, they answer, the model answers."""
    number = draw(NUMBERS)
    calls = tuple(
        Call(f"c{number}_{place}", "g" if custom else "f", "x" if custom else '{"a": 1}', custom)
        for place, custom in enumerate(draw(st.lists(st.booleans(), max_size=2)))
    )
    said = tuple(draw(st.lists(TEXTS, max_size=2)))
    results = tuple(
        Result(call.id, (draw(TEXTS), *draw(st.lists(IMAGES, max_size=1))), custom=call.custom, name=call.name)
        for call in calls
    )
    out = [draw(USERS)]
    if said or calls:
        out.append(Message("assistant", (*said, *calls)))
    if results:
        out.append(Message("user", results))
    return out


@st.composite
def conversations(draw):
    messages = [Message("system", (draw(TEXTS),)), *chain(*draw(st.lists(turns(), max_size=3))), draw(USERS)]
    schema = {"type": "object", "properties": {}}
    return Conversation(
        model="m",
        messages=tuple(messages),
        tools=draw(st.sampled_from([(), (Tool("f", "F", schema, strict=False), Tool("g", "G", custom=True))])),
        parallel=None,
        max_tokens=draw(st.none() | st.integers(16, 99)),
        sampling=Sampling(draw(st.none() | st.just(0.5)), draw(st.none() | st.just(0.1))),
        format=draw(st.none() | st.just(Format()) | st.just(Format(schema, "n", strict=True))),
        reasoning=Reasoning(draw(st.sampled_from(["", "none", "low", "xhigh"]))),
        stream=draw(st.booleans()),
        user=draw(st.sampled_from(["", "u"])),
        verbosity=draw(st.sampled_from(["", "low"])),
    )


@given(conversations())
def test_what_is_written_is_read_again(conversation):
    notes = Notes()
    body = json.loads(json.dumps(write_request(conversation, RULES, notes)))
    read = read_request(body, notes)
    assert notes.lost == []
    assert mended(read.messages, notes) == mended(conversation.messages, notes)
    for field in ("tools", "max_tokens", "sampling", "format", "reasoning", "stream", "user", "verbosity"):
        assert getattr(read, field) == getattr(conversation, field), field


ITEMS = fields(
    type=st.sampled_from(["message", "reasoning", "function_call", "custom_tool_call", "function_call_output", "local_shell_call",
                          "shell_call_output", "tool_search_output", "additional_tools", "item_reference", "web_search_call"]),
    role=st.sampled_from(["user", "assistant", "developer"]),
    content=st.lists(fields(type=st.sampled_from(["input_text", "output_text", "input_image", "input_file", "input_audio", "refusal"]))),
    summary=st.lists(fields(text=st.text())), call_id=st.just("c"), name=st.just("f"), arguments=st.just("{}"),
    output=st.lists(fields(type=st.just("input_text"))), tools=st.lists(fields(type=st.just("namespace"))),
)  # fmt: skip
BODIES = fields(
    model=st.just("m"), input=st.text() | st.lists(ITEMS, max_size=4), instructions=st.text(),
    tools=st.lists(fields(type=st.sampled_from(["function", "custom", "namespace", "web_search"]), name=st.just("f"), tools=st.lists(anything))),
    tool_choice=fields(type=st.sampled_from(["function", "allowed_tools"]), name=st.just("f"), tools=st.lists(anything)),
    text=fields(format=fields(type=st.just("json_schema"))), reasoning=fields(effort=st.just("low")), include=st.lists(anything),
    max_output_tokens=st.integers(), stream=st.booleans(), metadata=anything, stop=anything,
)  # fmt: skip


@settings(deadline=None)
@given(BODIES, st.sampled_from(sorted(set(PROVIDERS) - {apis.RESPONSES})))
def test_no_request_makes_a_translation_fail(body, target):
    request = chat(body, path="/v1/responses")
    asked = dialect_of(apis.RESPONSES).asked(request, apis.RESPONSES)
    try:
        Translation(request, asked, apis.RESPONSES, target, Rules(), model="m", id="1", created=7)
    except GatewayError as error:
        assert 400 <= error.status < 500


EVENTS = fields(
    type=st.sampled_from(["response.created", "response.output_item.added", "response.output_item.done", "response.output_text.delta",
                          "response.output_text.done", "response.function_call_arguments.delta", "response.reasoning_summary_text.delta",
                          "response.output_text.annotation.added", "response.completed", "response.failed", "error"]),
    item=ITEMS, response=fields(output=st.lists(ITEMS), usage=anything, error=anything), delta=st.text(), output_index=NUMBERS,
    annotation=fields(type=st.just("url_citation")), item_id=st.text(max_size=2),
)  # fmt: skip


@given(st.lists(EVENTS, max_size=5))
def test_no_stream_makes_the_reader_fail(bodies):
    reader = ResponsesStreamReader(frame())
    for body in bodies:
        reader.feed(json_event(body))
