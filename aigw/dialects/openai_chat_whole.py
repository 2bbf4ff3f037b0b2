"""Converts a chat or text completion from a stream of chunks into one body, and back. Sans-io.

Rule: nothing is lost. Texts are joined, tool calls with the same index are joined, and so are lists (logprobs,
annotations). Unknown fields are kept. `whole(pieces(body))` is equal to the body."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from aigw.dialects.openai_chat_calls import CallNumbers
from aigw.dialects.view import index_of, rows_of

_ONCE = frozenset(("role", "id", "type", "index"))
"""Fields that a provider may repeat in every chunk. They are not joined: the first value is kept."""
_PADDING = "obfuscation"
"""The field with random text, which OpenAI adds to hide the length of a chunk."""


def whole(chunks: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Returns the body with the same content as the chunks of a stream, including usage. Raises ValueError if they are
    not chunks."""
    body: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    numbers: dict[int, CallNumbers] = {}
    try:
        for chunk in chunks:
            for name, value in chunk.items():
                if name == "choices":
                    for position, choice in enumerate(rows_of(value)):
                        index = index_of(choice, position)
                        _add_choice(choices.setdefault(index, {}), choice, numbers.setdefault(index, CallNumbers()))
                elif value is not None and name != _PADDING:
                    body[name] = value
    except (AttributeError, TypeError) as error:
        raise ValueError(f"these are no chunks of a completion: {error}") from None
    if not choices:
        raise ValueError("a stream without choices")
    body["object"] = str(body.get("object", "")).removesuffix(".chunk")
    body["choices"] = [_finished(choices[index], index) for index in sorted(choices)]
    return body


def _add_choice(choice: dict[str, Any], piece: dict[str, Any], numbers: CallNumbers) -> None:
    for name, value in piece.items():
        if name == "delta":
            _grow_message(choice.setdefault("message", {}), value or {}, numbers)
        elif name == "text":
            choice["text"] = value if choice.get("text") is None else choice["text"] + (value or "")
        elif name == "message" and not isinstance(value, dict):
            continue  # some providers write `null` beside the delta
        elif name == "logprobs" and value is not None and choice.get("logprobs") is not None:
            _grow(choice["logprobs"], value)
        elif value is not None or name not in choice:
            choice[name] = _own(value)


def _finished(choice: dict[str, Any], index: int) -> dict[str, Any]:
    """Returns the choice with its fields in the usual order."""
    choice["index"] = index
    if (message := choice.get("message")) is not None:
        message.setdefault("role", "assistant")
        message.setdefault("content", None)
        if isinstance(calls := message.get("tool_calls"), list):
            message["tool_calls"] = [{n: v for n, v in call.items() if n != "index"} for call in calls]
    first = [name for name in ("index", "message", "text") if name in choice]
    return {name: choice[name] for name in dict.fromkeys([*first, *choice])}


def _grow_message(message: dict[str, Any], delta: dict[str, Any], numbers: CallNumbers) -> None:
    pieces = delta.get("tool_calls")
    if pieces is None:
        _grow(message, delta)
        return
    _grow(message, {name: value for name, value in delta.items() if name != "tool_calls"})
    if not isinstance(pieces, list):
        return
    calls = message["tool_calls"] = message.get("tool_calls") or []
    for position, piece in enumerate(rows_of(pieces)):
        number = numbers.number_of(piece, position)
        if number == len(calls):
            calls.append(_own(piece))
        else:
            _grow(calls[number], piece)


def _grow(value: dict[str, Any], piece: dict[str, Any]) -> None:
    for name, more in piece.items():
        have = value.get(name)
        if have is None or have == "":
            value[name] = have if more is None else _own(more)
        elif isinstance(have, str) and isinstance(more, str):
            if name not in _ONCE and not (name == "name" and more == have):
                value[name] = have + more
        elif isinstance(have, list) and isinstance(more, list):
            _extend(have, more)
        elif isinstance(have, dict) and isinstance(more, dict):
            _grow(have, more)
        elif more is not None:
            value[name] = more


def _extend(items: list[Any], more: list[Any]) -> None:
    """Appends `more` to `items`. An element with an index is joined with the element that has the same index."""
    places = {item["index"]: item for item in items if isinstance(item, dict) and "index" in item}
    for item in more:
        index = item.get("index") if isinstance(item, dict) else None
        if index is None or index not in places:
            own = _own(item)
            items.append(own)
            if index is not None:
                places[index] = own
        else:
            _grow(places[index], item)


def _own(value: Any) -> Any:
    """Returns a copy that may be changed. Decoded chunks must not be changed, because others read them too."""
    if isinstance(value, dict):
        return {name: _own(item) for name, item in value.items()}
    return [_own(item) for item in value] if isinstance(value, list) else value


def pieces(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields the chunks of a stream with the same content as the body, but without usage (see `usage_chunk`). Raises
    ValueError if the body is not a completion."""
    choices = body.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise ValueError("a body without choices")
    head = _head(body)
    for index, choice in enumerate(choices):
        place = choice.get("index", index)
        rest = {name: value for name, value in choice.items() if name not in ("index", "message", "text", "logprobs")}
        logprobs = choice.get("logprobs")
        if "message" in choice:
            told = "logprobs" not in choice
            for delta in _deltas(choice["message"]):
                part: dict[str, Any] = {"index": place, "delta": delta}
                if not told and ("content" in delta or "refusal" in delta):
                    part["logprobs"], told = logprobs, True
                yield {**head, "choices": [{**part, "finish_reason": None}]}
            last: dict[str, Any] = {"index": place, "delta": {}}
            if not told:
                last["logprobs"] = logprobs
            yield {**head, "choices": [{**last, **rest}]}
        else:
            yield {**head, "choices": [{"index": place, "text": choice.get("text"), "logprobs": logprobs, **rest}]}


def usage_chunk(body: dict[str, Any], usage: Any) -> dict[str, Any]:
    """Returns the chunk that only reports usage, for clients that asked for `stream_options.include_usage`. `body` is a
    body or a chunk of the same answer."""
    return {**_head(body), "choices": [], "usage": usage}


def _head(body: dict[str, Any]) -> dict[str, Any]:
    head = {name: value for name, value in body.items() if name not in ("choices", "usage", _PADDING)}
    kind = str(head.get("object", "")).removesuffix(".chunk")
    head["object"] = f"{kind}.chunk" if kind == "chat.completion" else kind
    return head


def _deltas(message: Any) -> Iterator[dict[str, Any]]:
    """Yields the deltas of a message in the order in which models produce them: role, reasoning, text, other fields,
    tool calls."""
    if not isinstance(message, dict):
        raise ValueError("a choice whose message is no object")
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list) or len(rows_of(calls)) < len(calls):
        raise ValueError("a choice whose tool calls are no objects")
    empty = {name: value for name, value in message.items() if value is None}
    yield {"role": message.get("role", "assistant"), **empty}
    names = [
        n for n, value in message.items() if value is not None and n != "role" and not (n == "tool_calls" and calls)
    ]
    for name in sorted(names, key=lambda name: (not name.startswith("reasoning"), name != "content")):
        yield {name: message[name]}
    for index, call in enumerate(calls):
        yield {"tool_calls": [{"index": index, **call}]}
