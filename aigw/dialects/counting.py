"""Counts the tokens of a prompt: for requests that only want the count, which are answered in the format of their API
(Anthropic's count_tokens, Gemini's countTokens, OpenAI's input_tokens), and for all who want to know how long a prompt
is.

Rule: all that the model reads counts: instructions, what was said, calls and their results, tools and images. The
vocabularies are OpenAI's, so that a count for another vendor's model is an estimate."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from multidict import CIMultiDict

from aigw.core.dialect import Asked
from aigw.core.env import Tokenizer
from aigw.core.model import Request
from aigw.dialects import apis
from aigw.dialects.gemini_request import GeminiView, snake
from aigw.dialects.json_values import encoded, json_text

_IMAGE: Mapping[str, int] = {apis.COUNT_TOKENS: 1500, apis.GEMINI_COUNT_TOKENS: 258, apis.INPUT_TOKENS: 765}
"""About how many tokens one image is, as the vendors say it of one with 1024 x 1024 dots."""
_INNER = "generateContentRequest"
_FIELDS: Mapping[str, tuple[str, ...]] = {
    apis.COUNT_TOKENS: ("messages",),
    apis.GEMINI_COUNT_TOKENS: ("contents",),
    apis.INPUT_TOKENS: ("input", "instructions"),
}
"""The fields of which one must have something to count."""
_KEPT_ELSEWHERE = ("previous_response_id", "conversation")


def prompt_tokens(asked: Asked, tokenizer: Tokenizer) -> int:
    """Returns the tokens of a prompt without images. It takes time for a long prompt, so do not call it on the event
    loop then. Raises ValueError if the body is not JSON."""
    tools = [f"{tool.name}\n{tool.description}\n{json_text(tool.parameters)}" for tool in asked.tools]
    model = asked.model
    return tokenizer.count_turns(asked.turns, model) + sum(tokenizer.count(tool, model) for tool in tools)


def prompt_of(request: Request, asked: Asked, api: str) -> Asked:
    """Returns the prompt that a request wants to be counted. Raises ValueError if it has none that can be counted."""
    if api == apis.GEMINI_COUNT_TOKENS:
        request = _within(request)
        asked = GeminiView(request, apis.GENERATE_CONTENT)
    document = request.document
    if not any(document.get(name) for name in _FIELDS[api]):
        raise ValueError(f"'{_FIELDS[api][0]}' is missing or empty, so that there is nothing to count")
    for name in _KEPT_ELSEWHERE if api == apis.INPUT_TOKENS else ():
        if document.get(name):
            raise ValueError(f"'{name}' names what is not kept here, so that it cannot be counted")
    return asked


def counted(prompt: Asked, api: str, tokenizer: Tokenizer) -> bytes:
    """Returns the body of the answer. Takes time as `prompt_tokens` does."""
    tokens = prompt_tokens(prompt, tokenizer) + _IMAGE[api] * len(prompt.images)
    if api == apis.GEMINI_COUNT_TOKENS:
        return encoded({"totalTokens": tokens})
    beside = {"object": "response.input_tokens"} if api == apis.INPUT_TOKENS else {}
    return encoded({**beside, "input_tokens": tokens})


def _within(request: Request) -> Request:
    """Returns the request whose prompt is counted: Gemini's clients may put a whole one into a field."""
    document = request.document
    inner = document.get(_INNER) or document.get(snake(_INNER))
    if not isinstance(inner, dict):
        return request
    return Request("POST", request.path, "", CIMultiDict(), msgspec.json.encode(inner))
