"""Writes the messages of a conversation as the items of a request for OpenAI's Responses API.

Rules of the format: what the model said has parts of other types than what it was told. Reasoning stands before the
item to which it led, with the id and the encrypted content that the provider gave it: without them it would look for an
item that it does not keep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aigw.dialects.json_values import Json, decoded, json_text
from aigw.dialects.view import text_of
from aigw.translation.envelope import opened
from aigw.translation.hub import Call, Media, Message, Part, Result, Text, Thinking


def items_of(message: Message, maker: str) -> Iterator[Json]:
    """Yields the items of a message. `maker` is as in `envelope`."""
    if message.role == "assistant":
        yield from _spoken_items(message.parts, maker)
        return
    role = "developer" if message.role == "system" else "user"
    yield from (_result(part) for part in message.parts if isinstance(part, Result))
    if content := [_input(part) for part in message.parts if isinstance(part, Text | Media)]:
        yield {"type": "message", "role": role, "content": content}


def state_of(id: str, encrypted: str) -> str:
    """Returns what the provider wants back of its reasoning, as one text."""
    return json_text([id, encrypted])


def _spoken_items(parts: Sequence[Part], maker: str) -> Iterator[Json]:
    texts: list[Json] = []
    for place, part in enumerate(parts):
        if isinstance(part, Text):
            texts.append(_output(part))
            continue
        if texts:
            yield _answer(texts)
            texts = []
        if isinstance(part, Call):
            yield _call(part)
        elif isinstance(part, Thinking) and any(isinstance(each, Text | Call) for each in parts[place + 1 :]):
            yield from _thought(part, maker)
    if texts:
        yield _answer(texts)


def _answer(texts: list[Json]) -> Json:
    return {"type": "message", "role": "assistant", "content": texts}


def _output(part: Text) -> Json:
    if part.refusal:
        return {"type": "refusal", "refusal": part.text}
    return {"type": "output_text", "text": part.text}


def _call(call: Call) -> Json:
    named = {"call_id": call.id, "name": call.name}
    if call.custom:
        return {"type": "custom_tool_call", **named, "input": call.arguments}
    return {"type": "function_call", **named, "arguments": call.arguments if call.arguments.strip() else "{}"}


def _thought(part: Thinking, maker: str) -> Iterator[Json]:
    """Yields the item of a piece of reasoning, or nothing if another provider has made it."""
    state = opened(part.state, maker)
    try:
        given = decoded((state or "").encode())
    except ValueError:
        return
    if isinstance(given, list) and len(given) == 2:
        summary = [{"type": "summary_text", "text": part.text}] if part.text else []
        id, encrypted = map(text_of, given)
        yield {"type": "reasoning", "id": id, "summary": summary, "encrypted_content": encrypted}


def _result(result: Result) -> Json:
    kind = "custom_tool_call_output" if result.custom else "function_call_output"
    output = [_input(part) for part in result.parts] if result.media else result.text
    if result.failed:
        failed = [{"type": "input_text", "text": "Error:"}]
        output = f"Error: {output}" if isinstance(output, str) else [*failed, *output]
    return {"type": kind, "call_id": result.id, "output": output}


def _input(part: Text | Media) -> Json:
    if isinstance(part, Text):
        return {"type": "input_text", "text": part.text}
    if part.kind == "image":
        detail = {"detail": part.detail} if part.detail else {}
        return {"type": "input_image", "image_url": part.data_url, **detail}
    if part.kind == "audio":
        format = part.type.rpartition("/")[2]
        return {
            "type": "input_audio",
            "input_audio": {"data": part.data, "format": "mp3" if format == "mpeg" else format},
        }
    where = {"file_data": part.data_url, "filename": part.name or "file"} if part.data else {"file_url": part.url}
    return {"type": "input_file", **where}
