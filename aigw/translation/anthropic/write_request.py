"""Writes a conversation as a request of Anthropic's Messages API.

Rule: what the API has no field for is noted, and so is what the model refuses. Several answers to one question are
refused: the client would miss the others."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from aigw.dialects.json_values import Json
from aigw.translation.anthropic.schema import ABOUT, enforceable
from aigw.translation.anthropic.write_messages import MARK, write_messages
from aigw.translation.anthropic.write_thinking import Limits, limits_of
from aigw.translation.chat.write_request import function_of, schema_text
from aigw.translation.history import known_tools
from aigw.translation.hub import Conversation, Tool
from aigw.translation.notes import Notes, refused
from aigw.translation.rules import Rules, matches

MOST_MARKS = 4
"""How many blocks may have `cache_control`."""
LONGEST_USER = 256
_KINDS = {"required": "any", "none": "none", "": "auto"}
_NOWHERE = ("seed", "frequency_penalty", "presence_penalty")


def write_request(conversation: Conversation, rules: Rules, notes: Notes) -> Json:
    """Returns the body. `conversation` has names and ids that the provider takes. Raises GatewayError for what would
    get a wrong answer."""
    if conversation.choices > 1:
        raise refused("n", "this provider gives one answer to a request")
    written = write_messages(conversation, rules, notes)
    limits = limits_of(conversation, written, rules, notes)
    system, output = written.system, _output(conversation, limits, rules, notes)
    if conversation.format is not None and "format" not in output:
        system = [*system, {"type": "text", "text": schema_text(conversation.format.described)}]
    if rules.opening:
        system = [{"type": "text", "text": rules.opening, "cache_control": MARK}, *system]
    body: Json = {"model": conversation.model, "max_tokens": limits.max_tokens}
    if system:
        body["system"] = system
    body["messages"] = written.messages
    body |= _tools(conversation, rules, notes) | limits.fields
    if output:
        body["output_config"] = output
    body |= _sampling(conversation, limits, rules, notes) | _other_fields(conversation, notes)
    _keep_last_marks(body)
    return body


def _output(conversation: Conversation, limits: Limits, rules: Rules, notes: Notes) -> Json:
    output: Json = {"effort": limits.effort} if limits.effort else {}
    format = conversation.format
    if format is None:
        return output
    schema = enforceable(format.described) if matches(conversation.model, rules.enforces_schema) else None
    if schema is None:
        notes.lose("a form of the answer that the provider enforces")
        return output
    return {**output, "format": {"type": "json_schema", "schema": schema}}


def _tools(conversation: Conversation, rules: Rules, notes: Notes) -> Json:
    tools = known_tools(conversation)
    if not tools:
        return {}
    body: Json = {"tools": [_tool(tool, conversation.model, rules, notes) for tool in tools]}
    choice = conversation.choice if conversation.tools else "none"
    told: Json = {"type": "tool", "name": choice[1]} if isinstance(choice, tuple) else {"type": _KINDS[choice]}
    if conversation.parallel is False and told["type"] != "none":
        told["disable_parallel_tool_use"] = True
    return {**body, "tool_choice": told} if told != {"type": "auto"} else body


def _tool(tool: Tool, model: str, rules: Rules, notes: Notes) -> Json:
    function = function_of(tool)
    parameters = function.pop("parameters", None)
    schema = {"type": "object", "properties": {}} if not isinstance(parameters, dict) else parameters
    written: Json = {"name": function["name"]}
    if "description" in function:
        written["description"] = function["description"]
    written["input_schema"] = schema if schema.get("type") == "object" else {**schema, "type": "object"}
    if function.get("strict"):
        plain = {name: value for name, value in schema.items() if name not in ABOUT}
        if matches(model, rules.enforces_schema) and enforceable(plain) == plain:
            written |= {"input_schema": plain, "strict": True}
        else:
            notes.lose("tools: strict")
    return {**written, "cache_control": MARK} if tool.cached else written


def _sampling(conversation: Conversation, limits: Limits, rules: Rules, notes: Notes) -> Json:
    sampling = conversation.sampling
    notes.lose(*(name for name in _NOWHERE if getattr(sampling, name) is not None))
    given: Json = {}
    if sampling.temperature is not None:
        given["temperature"] = sampling.temperature
    if sampling.top_p not in (None, 1):
        given["top_p"] = sampling.top_p
    if sampling.top_k is not None:
        given["top_k"] = sampling.top_k
    if limits.thinks or not matches(conversation.model, rules.plain_sampling):
        notes.lose(*(name for name, value in given.items() if value != 1 or name == "top_k"))
        return {}
    if isinstance(sampling.temperature, int | float) and sampling.temperature > 1:
        notes.lose("temperature above 1")
        given["temperature"] = 1
    if "temperature" in given and given.pop("top_p", None) is not None:
        notes.lose("top_p beside temperature")
    return given


def _other_fields(conversation: Conversation, notes: Notes) -> Json:
    body: Json = {}
    if stops := [stop for stop in conversation.stop if stop.strip()]:
        body["stop_sequences"] = stops
    if len(stops) < len(conversation.stop):
        notes.lose("stop sequences of white space")
    if conversation.verbosity:
        notes.lose("verbosity")
    if conversation.user and len(conversation.user) <= LONGEST_USER:
        body["metadata"] = {"user_id": conversation.user}
    elif conversation.user:
        notes.lose("user")
    if conversation.stream:
        body["stream"] = True
    return body


def _keep_last_marks(body: Json) -> None:
    """Removes all marks for the cache but the last ones, in the order in which the API reads the blocks."""
    said: Iterable[Json] = chain.from_iterable(message["content"] for message in body["messages"])
    blocks = [*body.get("tools", ()), *body.get("system", ()), *said]
    for block in [block for block in blocks if "cache_control" in block][:-MOST_MARKS]:
        del block["cache_control"]
