"""Writes a conversation as a request for Gemini's generateContent.

Rules of the format: the system's text stands beside the conversation, which a user begins. All results of a turn's
calls are in one content, right behind it. Gemini 3 refuses a first call without the signature with which it came; a
constant stands for that of a call which Gemini did not make. Tools have their schema as it is, because the older field
refuses most of JSON Schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from mimetypes import guess_type

from aigw.dialects.json_values import Json
from aigw.translation.arguments import object_in
from aigw.translation.chat.write_request import function_of, schema_text
from aigw.translation.envelope import opened
from aigw.translation.gemini.models import schema_excludes_tools, signs, thinking_config
from aigw.translation.history import joined, told_by_user
from aigw.translation.hub import Call, Conversation, Media, Message, Part, Reasoning, Result, Text, Thinking
from aigw.translation.ids import is_made_here
from aigw.translation.notes import Notes, not_fetched
from aigw.translation.rules import Rules, limit_of

NO_SIGNATURE = "skip_thought_signature_validator"
"""Stands in place of the signature of a call that Gemini did not make."""
MOST_STOPS = 5
_TYPES = {"image": "image/png", "audio": "audio/wav", "file": "application/pdf"}
"""The probable type of a medium whose type is not given."""
_FETCHED = ("gs://", "https://")
"""URLs that Gemini itself fetches. Models before 2.5 fetch only from Google."""
_SAMPLING = {
    "temperature": "temperature", "top_p": "topP", "top_k": "topK", "seed": "seed",
    "frequency_penalty": "frequencyPenalty", "presence_penalty": "presencePenalty",
}  # fmt: skip


def write_request(conversation: Conversation, rules: Rules, notes: Notes) -> Json:
    """Returns the body. `conversation` has names and ids that the provider takes. The model is in the path."""
    system, rest = _split(conversation.messages)
    if any(isinstance(part, Media) for part in system):
        notes.lose("an image of the system")
    if _schema_as_text(conversation) and conversation.format is not None:
        notes.lose("a schema that the provider enforces")
        system = [*system, Text(schema_text(conversation.format.described))]
    contents = list(_contents(rest, conversation, rules, notes))
    body: Json = {"contents": contents or [{"role": "user", "parts": _texts(system) or [{"text": " "}]}]}
    if contents and (parts := _texts(system)):
        body["systemInstruction"] = {"parts": parts}
    body |= _tools(conversation, notes)
    if config := _generation(conversation, rules, notes):
        body["generationConfig"] = config
    if rules.safety:
        body["safetySettings"] = [{"category": name, "threshold": level} for name, level in rules.safety.items()]
    notes.lose(*(name for name in ("user", "verbosity") if getattr(conversation, name)))
    return body


def _split(messages: Sequence[Message]) -> tuple[list[Part], list[Message]]:
    """Returns the parts of the system at the beginning, and the other messages."""
    leading = next((at for at, message in enumerate(messages) if message.role != "system"), len(messages))
    return [part for message in messages[:leading] for part in message.parts], list(messages[leading:])


def _texts(parts: Sequence[Part]) -> list[Json]:
    return [{"text": part.text} for part in parts if isinstance(part, Text) and part.text]


def _contents(messages: list[Message], conversation: Conversation, rules: Rules, notes: Notes) -> Iterator[Json]:
    begun = False
    names = {call.id: call.name for message in messages for call in message.calls}
    for message in joined([told_by_user(each) if each.role == "system" else each for each in messages]):
        if message.role == "assistant":
            parts = _model_parts(message, conversation.model, rules, notes)
        else:
            parts = list(_user_parts(message, conversation.model, names, notes))
        if not parts:
            continue
        if not begun and message.role == "assistant":
            yield {"role": "user", "parts": [{"text": " "}]}
        begun = True
        yield {"role": "model" if message.role == "assistant" else "user", "parts": parts}


def _model_parts(message: Message, model: str, rules: Rules, notes: Notes) -> list[Json]:
    """Thoughts do not go back, but what Gemini signed in them goes with the call that follows."""
    parts: list[Json] = []
    signature, called = "", False
    for part in message.parts:
        if isinstance(part, Text) and part.text:
            parts.append({"text": part.text})
        elif isinstance(part, Media):
            parts.append(_media(part))
        elif isinstance(part, Thinking):
            signature = opened(part.state, rules.maker) or signature
        elif isinstance(part, Call):
            signed = opened(part.state, rules.maker) or signature
            signed = signed or (NO_SIGNATURE if signs(model) and not called else "")
            parts.append({**_call(part, notes), **({"thoughtSignature": signed} if signed else {})})
            signature, called = "", True
    return parts


def _call(call: Call, notes: Notes) -> Json:
    return {"functionCall": {**_id(call), "name": call.name, "args": object_in(call, notes)}}


def _id(part: Call | Result) -> Json:
    """An id that Gemini did not give stays here."""
    return {} if is_made_here(part.id) else {"id": part.id}


def _user_parts(message: Message, model: str, names: Mapping[str, str], notes: Notes) -> Iterator[Json]:
    """Results come first. Older models take their images only behind them."""
    behind: list[Media] = []
    for result in message.results:
        inside = [media for media in result.media if media.data and media.kind != "audio" and signs(model)]
        behind += [media for media in result.media if media not in inside]
        if any(media.name for media in inside):
            notes.lose("the name of a file in a result")
        response = {"error" if result.failed else "output": result.text}
        told: Json = {**_id(result), "name": names.get(result.id, result.name), "response": response}
        yield {"functionResponse": {**told, **({"parts": [_media(each) for each in inside]} if inside else {})}}
    for part in (*behind, *message.parts):
        if isinstance(part, Text) and part.text:
            yield {"text": part.text}
        elif isinstance(part, Media):
            yield from _named(part)
            yield _media(part)


def _named(media: Media) -> Iterator[Json]:
    """The name of a file, for which the format has no place."""
    if media.kind == "file" and media.name:
        yield {"text": f"[{media.name}]"}


def _media(media: Media) -> Json:
    name = media.name or media.url.partition("?")[0]
    type = media.type or guess_type(name)[0] or _TYPES[media.kind]
    if media.data:
        return {"inlineData": {"mimeType": type, "data": media.data}}
    if media.url.startswith(_FETCHED):
        return {"fileData": {"mimeType": type, "fileUri": media.url}}
    raise not_fetched(media.kind, "no URL but https")


def _tools(conversation: Conversation, notes: Notes) -> Json:
    if not conversation.tools:
        return {}
    declared = []
    for tool in conversation.tools:
        function = function_of(tool)
        schema = function.pop("parameters", None)
        if function.pop("strict", None):
            notes.lose("tools: strict")
        declared.append({**function, **({"parametersJsonSchema": schema} if schema else {})})
    body: Json = {"tools": [{"functionDeclarations": declared}]}
    if calling := _calling(conversation):
        body["toolConfig"] = {"functionCallingConfig": calling}
    if conversation.parallel is False:
        notes.lose("one call at a time")
    return body


def _calling(conversation: Conversation) -> Json:
    choice = conversation.choice
    if isinstance(choice, tuple):
        return {"mode": "ANY", "allowedFunctionNames": [choice[1]]}
    return {"mode": {"required": "ANY", "none": "NONE"}[choice]} if choice else {}


def _generation(conversation: Conversation, rules: Rules, notes: Notes) -> Json:
    sampling = conversation.sampling
    config = {theirs: value for ours, theirs in _SAMPLING.items() if (value := getattr(sampling, ours)) is not None}
    if conversation.max_tokens is not None:
        most = limit_of(conversation.model, rules.most_tokens)
        if most is not None and conversation.max_tokens > most:
            notes.lose(f"max_tokens above {most}")
        config["maxOutputTokens"] = min(conversation.max_tokens, most or conversation.max_tokens)
    if conversation.stop:
        config["stopSequences"] = list(conversation.stop[:MOST_STOPS])
        if len(conversation.stop) > MOST_STOPS:
            notes.lose("stop sequences behind the fifth")
    if conversation.choices > 1:
        config["candidateCount"] = conversation.choices
    format = conversation.format
    if format is not None and not _schema_as_text(conversation):
        config["responseMimeType"] = "application/json"
        config |= {"responseJsonSchema": format.described} if format.schema is not None else {}
    return config | _thinking(conversation, rules, notes)


def _schema_as_text(conversation: Conversation) -> bool:
    return bool(conversation.format and conversation.tools and schema_excludes_tools(conversation.model))


def _thinking(conversation: Conversation, rules: Rules, notes: Notes) -> Json:
    reasoning = conversation.reasoning
    if rules.thinking_budget and reasoning.budget is None and not reasoning.effort:
        reasoning = Reasoning(budget=rules.thinking_budget, shown=reasoning.shown is not False)
    config = thinking_config(conversation.model, reasoning)
    if config is None:
        notes.lose("how much to think")
    return {"thinkingConfig": config} if config else {}
