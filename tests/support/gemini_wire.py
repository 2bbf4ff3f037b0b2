"""Requests and answers of Gemini's: as clients sent and took them, and made ones."""

import json
import re
from pathlib import Path

from any_json import anything, fields
from hypothesis import strategies as st
from multidict import CIMultiDict

from aigw.core.answer import ToolCall
from aigw.core.model import Chunk, Request
from aigw.core.tokens import Tokens
from aigw.dialects import apis, sse
from aigw.dialects.table import GEMINI

EVERYTHING = {
    "systemInstruction": {"parts": [{"text": "Be brief"}]},
    "contents": [
        {"role": "user", "parts": [{"text": "hi"}, {"inlineData": {"mimeType": "image/png", "data": "aGk="}}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a_B": 1}, "id": "c1"}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"outputText": "done"}}}]},
        {"role": "model", "parts": [{"executableCode": {"code": "1+1"}}, {"codeExecutionResult": {"output": "2"}}]},
    ],
    "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object"}}]}],
    "toolConfig": {"functionCallingConfig": {"mode": "any", "allowedFunctionNames": ["f"]}},
    "generationConfig": {"maxOutputTokens": 7, "candidateCount": 2},
    "cachedContent": "cachedContents/x",
}  # fmt: skip


def snake(value, keep=("args", "response", "parametersJsonSchema")):
    """The same request with its names in snake case, what belongs to the client left alone."""
    if isinstance(value, list):
        return [snake(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {re.sub("([A-Z])", r"_\1", key).lower(): each if key in keep else snake(each) for key, each in value.items()}


WIRE = Path(__file__).parents[1] / "dialects" / "wire"
PLAIN = "/v1beta/models/gemini-2.5-flash:generateContent"
STREAM = "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
ARRAY = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
REPORTED = Tokens(input=18, cache_read=5, output=12, reasoning=3, source="reported")
"""What answer-gemini-*.json tell."""


def wire(name):
    return json.loads((WIRE / f"{name}.json").read_text())


def request(body, target=PLAIN):
    path, _, query = target.partition("?")
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request("POST", path, query, CIMultiDict({"content-type": "application/json"}), raw)


def asked(body, target=PLAIN):
    return GEMINI.asked(request(body, target), apis.detect(target.partition("?")[0]))


def recorded(name):
    """The view of a request as a client sent it."""
    return asked(wire(name)["body"], wire(name)["path"])


def said(text, target=PLAIN):
    return asked({"contents": [{"parts": [{"text": text}]}]}, target)


def reader(*, streaming=True, choices=1):
    return GEMINI.reader(asked({"generationConfig": {"candidateCount": choices}}), streaming=streaming)


def event(body):
    return sse.json_event(body)


def candidate(*parts, finish=None, index=0, **rest):
    ended = {"finishReason": finish} if finish else {}
    return {"content": {"parts": list(parts), "role": "model"}, **ended, "index": index, **rest}


def answer(*parts, finish=None, **rest):
    return {"candidates": [candidate(*parts, finish=finish)], **rest}


def read(*bodies, streaming=True, choices=1):
    found = reader(streaming=streaming, choices=choices)
    for body in bodies:
        data = json.dumps(body).encode()
        found.feed([event(body) if streaming else Chunk(data, data)])
    return found


ANSWERS = {
    "answer-gemini-text": ("RECORDED", [], "stop"),
    "answer-gemini-tool": ("", [ToolCall("list_directory", '{"dir_path":"."}')], "tool_calls"),
}
"""Text, calls and end of the real answers."""

STREAMED = [
    answer(
        {"text": "hm", "thought": True},
        modelVersion="m",
        usageMetadata={"promptTokenCount": 4, "candidatesTokenCount": 1},
    ),
    answer({"text": "Hel"}, usageMetadata={"promptTokenCount": 4, "candidatesTokenCount": 2}),
    answer({"text": 'lo]"'}, finish="STOP", usageMetadata={"promptTokenCount": 4, "candidatesTokenCount": 3}),
]
"""A stream of three events."""

texts = st.sampled_from(["", "a", "é", "model", "user", "any", "STOP", "MAX_TOKENS", "MALFORMED_RESPONSE"])
any_part = fields(
    text=texts, thought=st.booleans(), thoughtSignature=texts, functionCall=fields(name=texts, args=anything, id=texts),
    function_call=fields(name=texts), functionResponse=fields(name=texts, response=anything), executableCode=fields(code=texts),
)  # fmt: skip
any_content = fields(role=texts, parts=st.lists(anything | any_part, max_size=3) | any_part)


def bare(raw):
    """Whether a stream is nothing but `data:` lines of JSON objects: Google's SDK dies of anything else."""
    return all(json.loads(line.removeprefix(b"data: ")).keys() for line in raw.split(b"\n\n") if line)
