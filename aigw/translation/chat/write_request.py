"""Writes a conversation as a request for OpenAI's chat completions, as the many compatible providers take it.

Rules of the format: the results of all calls stand in messages of the role tool, directly behind the calls, and have
only text. So an image in a result goes into a user's message behind them. Texts of one message are joined, because not
every provider takes a list of parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from aigw.core.pace import resting
from aigw.dialects.json_values import Json, json_text
from aigw.translation.arguments import text_in
from aigw.translation.envelope import opened
from aigw.translation.hub import Call, Conversation, Media, Message, Result, Text, Thinking, Tool
from aigw.translation.images import shown_by_user, without_images
from aigw.translation.notes import Notes
from aigw.translation.rules import NOT_KNOWN, Rules, limit_of, matches
from aigw.translation.thinking import budget_of, effort_of

MOST_STOPS = 4
LONGEST_USER = 64
"""Claude Code's user is longer: it has the session in it, which would spoil a provider's statistics."""
_SHOWN = {"image": "[image]", "audio": "[audio]", "file": "[file]"}


def write_request(conversation: Conversation, rules: Rules, notes: Notes) -> Json:
    """Returns the body. `conversation` has names and ids that the provider takes."""
    body: Json = {"model": conversation.model}
    seen = conversation.messages if rules.takes_images else without_images(conversation.messages, notes)
    messages = shown_by_user(seen)
    body["messages"] = [each for message in resting(messages) for each in _messages(message, conversation, rules)]
    body |= _tools(conversation, rules)
    body |= _limits(conversation, rules, notes)
    body |= _sampling(conversation, rules, notes)
    body |= _thinking(conversation, rules, notes)
    if conversation.verbosity:
        notes.lose("verbosity")
    if conversation.format is not None:
        _set_format(body, conversation, rules, notes)
    if conversation.goes_on:
        notes.lose("that the answer goes on with the last message")
    if conversation.stream:
        body["stream"] = True
        body |= {"stream_options": {"include_usage": True}} if conversation.wants_usage else {}
    return body


def _messages(message: Message, conversation: Conversation, rules: Rules) -> Iterator[Json]:
    if message.role == "system":
        yield {"role": "system", "content": _content(message.parts, rules, between="\n\n")}
    elif message.role == "assistant":
        yield _assistant(message, conversation, rules)
    else:
        yield from _user(message, rules)


def _assistant(message: Message, conversation: Conversation, rules: Rules) -> Json:
    said: Json = {"role": "assistant", "content": message.text or None}
    if matches(conversation.model, rules.returns_reasoning):
        thoughts = [part for part in message.parts if isinstance(part, Thinking) and _is_own(part, rules)]
        if thoughts or message.calls or conversation.tools:
            said["reasoning_content"] = "".join([part.text for part in thoughts]) or NOT_KNOWN
    if message.calls:
        said["tool_calls"] = [_call(call) for call in message.calls]
    return said


def _is_own(part: Thinking, rules: Rules) -> bool:
    """Whether this provider has thought this."""
    return opened(part.state, rules.maker) is not None


def _call(call: Call) -> Json:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": text_in(call)}}


def _user(message: Message, rules: Rules) -> Iterator[Json]:
    for result in message.results:
        yield {"role": "tool", "tool_call_id": result.id, "content": _result_text(result)}
    media = [part for result in message.results for part in result.media]
    rest = [*media, *(part for part in message.parts if not isinstance(part, Result))]
    if rest or not message.parts:
        yield {"role": "user", "content": _content(rest, rules, between="\n\n")}


def _result_text(result: Result) -> str:
    lines = [part.text if isinstance(part, Text) else _SHOWN[part.kind] for part in result.parts]
    text = "\n".join(lines)
    return f"Error: {text}" if result.failed else text


def _content(parts: Iterable[object], rules: Rules, *, between: str) -> str | list[Json]:
    given = [part for part in parts if isinstance(part, Text | Media)]
    marked = rules.keeps_cache_marks and any(part.cached for part in given)
    if not marked and all(isinstance(part, Text) for part in given):
        return between.join([part.text for part in given if isinstance(part, Text)])
    return [_part(part, marked=marked) for part in given]


def _part(part: Text | Media, *, marked: bool) -> Json:
    written: Json = {"type": "text", "text": part.text} if isinstance(part, Text) else media_part(part)
    return {**written, "cache_control": {"type": "ephemeral"}} if marked and part.cached else written


def media_part(part: Media) -> Json:
    """Returns an image, a sound or a file as a part of a message."""
    if part.kind == "image":
        # only OpenAI knows "original"
        detail = {"detail": "high" if part.detail == "original" else part.detail} if part.detail else {}
        return {"type": "image_url", "image_url": {"url": part.data_url, **detail}}
    if part.kind == "audio":
        return {"type": "input_audio", "input_audio": {"data": part.data, "format": sound_format(part.type)}}
    return {"type": "file", "file": {"filename": part.name or "file", "file_data": part.data_url}}


def sound_format(type: str) -> str:
    ending = type.rpartition("/")[2].removeprefix("x-")
    return {"mpeg": "mp3", "wave": "wav", "": "wav"}.get(ending, ending)


def _tools(conversation: Conversation, rules: Rules) -> Json:
    if not conversation.tools:
        return {}
    body: Json = {"tools": [{"type": "function", "function": function_of(tool)} for tool in conversation.tools]}
    choice = conversation.choice
    if isinstance(choice, tuple):
        body["tool_choice"] = {"type": "function", "function": {"name": choice[1]}}
    elif choice:
        body["tool_choice"] = choice
    if conversation.parallel is not None:
        body["parallel_tool_calls"] = conversation.parallel
    return body


def function_of(tool: Tool) -> Json:
    """Returns a tool as a function. One that takes any text has it as the argument `input`."""
    if tool.custom:
        grammar = f"The input follows this grammar: {json_text(tool.grammar)}" if tool.grammar else ""
        words = [tool.description, grammar]
        schema = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
        return {"name": tool.name, "description": "\n\n".join(filter(None, words)), "parameters": schema}
    function: Json = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    if tool.strict is not None:
        function["strict"] = tool.strict
    return function


def _limits(conversation: Conversation, rules: Rules, notes: Notes) -> Json:
    body: Json = {}
    if conversation.max_tokens is not None:
        most = limit_of(conversation.model, rules.most_tokens)
        if most is not None and conversation.max_tokens > most:
            notes.lose(f"max_tokens above {most}")
        body[rules.limit_field] = min(conversation.max_tokens, most or conversation.max_tokens)
    if conversation.stop:
        body["stop"] = list(conversation.stop[:MOST_STOPS])
        if len(conversation.stop) > MOST_STOPS:
            notes.lose("stop sequences behind the fourth")
    if conversation.choices > 1:
        body["n"] = conversation.choices
    if conversation.user and len(conversation.user) <= LONGEST_USER:
        body["user"] = conversation.user
    elif conversation.user:
        notes.lose("user")
    return body


def _sampling(conversation: Conversation, rules: Rules, notes: Notes) -> Json:
    sampling = conversation.sampling
    names = ("temperature", "top_p", "seed", "frequency_penalty", "presence_penalty")
    body = {name: value for name in names if (value := getattr(sampling, name)) is not None}
    if sampling.top_k is not None:
        if rules.takes_top_k:
            body["top_k"] = sampling.top_k
        else:
            notes.lose("top_k")
    return body


def _thinking(conversation: Conversation, rules: Rules, notes: Notes) -> Json:
    reasoning = conversation.reasoning
    effort = effort_of(reasoning)
    if conversation.tools and matches(conversation.model, rules.tools_need_responses):
        if effort != "none":
            notes.lose("thinking beside tools")
        return {"reasoning_effort": "none"}
    if rules.switches_thinking or matches(conversation.model, rules.thinking_types):
        return _switched(conversation, rules, notes)
    if rules.takes_reasoning_budget and reasoning.budget is not None and reasoning.budget > 0:
        return {"reasoning": {"max_tokens": reasoning.budget}}
    if matches(conversation.model, rules.efforts) and effort:
        return {"reasoning_effort": effort}
    if effort not in ("", "none") or reasoning.budget:
        notes.lose("how much to think")
    return {}


def _switched(conversation: Conversation, rules: Rules, notes: Notes) -> Json:
    budget = budget_of(conversation.reasoning)
    if budget is None:
        return {}
    thinks = budget != 0
    if thinks and conversation.forced and not rules.forces_while_thinking:
        notes.lose("thinking beside a tool that must be called")
        thinks = False
    if not rules.switches_thinking:
        return {"thinking": {"type": "enabled" if thinks else "disabled"}}
    told = conversation.reasoning.budget
    given = {"thinking_budget": told} if thinks and told is not None and told > 0 else {}
    return {"enable_thinking": thinks, **given}


def _set_format(body: Json, conversation: Conversation, rules: Rules, notes: Notes) -> None:
    format = conversation.format
    assert format is not None
    if format.schema is None:
        body["response_format"] = {"type": "json_object"}
    elif rules.takes_schema:
        strict = {"strict": format.strict} if format.strict is not None else {}
        about = {"description": format.description} if format.description else {}
        schema = {"name": format.name or "answer", **about, **strict, "schema": format.schema}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    else:
        notes.lose("a schema that the provider enforces")
        body["response_format"] = {"type": "json_object"}
        body["messages"] = with_schema(body["messages"], format.described)


def schema_text(schema: object) -> str:
    """Returns the words that ask for a JSON object, of this schema unless it is None."""
    if schema is None:
        return "Answer with a JSON object."
    return f"Answer with a JSON object that fits this JSON Schema:\n{json_text(schema)}"


def with_schema(messages: Sequence[Json], schema: object) -> list[Json]:
    """Returns the messages with a schema in the text of the system, for providers that enforce none."""
    text = schema_text(schema)
    if messages and messages[0]["role"] == "system" and isinstance(messages[0]["content"], str):
        return [{**messages[0], "content": f"{messages[0]['content']}\n\n{text}"}, *messages[1:]]
    return [{"role": "system", "content": text}, *messages]
