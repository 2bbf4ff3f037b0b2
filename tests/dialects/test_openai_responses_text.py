"""Another text in an answer of the Responses API: it stands wherever the old one stood."""

import json

from aigw.core.model import Chunk
from aigw.dialects.openai_responses import OpenAIResponses

RESPONSES = OpenAIResponses()


SAYS = {
    "type": "message",
    "id": "m",
    "content": [
        {"type": "output_text", "text": "secret ", "logprobs": [{"token": "secret"}]},
        {"type": "refusal", "refusal": "too"},
    ],
}
SAID = {
    "type": "message",
    "id": "m",
    "content": [{"type": "output_text", "text": "***", "logprobs": []}, {"type": "refusal", "refusal": ""}],
}
CALL = {"type": "function_call", "id": "f", "arguments": "{}"}


def test_another_text_wherever_it_stands():
    body = {"id": "r", "status": "completed", "output": [CALL, SAYS]}
    stream = list(RESPONSES.events(json.dumps(body).encode(), usage=True))
    written = [RESPONSES.write(event, "***") for event in stream]
    raw = b"".join(event.raw for event in written)
    assert b"secret" not in raw and b"too" not in raw
    assert written[-1].json()["response"] == {**body, "output": [CALL, SAID]}
    changed = [event.json()["type"] for event, before in zip(written, stream, strict=True) if event is not before]
    assert changed == [
        "response.output_text.delta", "response.output_text.done", "response.content_part.done", "response.refusal.delta",
        "response.refusal.done", "response.content_part.done", "response.output_item.done", "response.completed",
    ]  # fmt: skip
    assert all(event.raw.startswith(b"event: response.") for event in written)


def test_another_text_in_a_body():
    data = json.dumps({"status": "completed", "output": [SAYS, CALL]}).encode()
    written = RESPONSES.write(Chunk(data, data), "***")
    assert written.raw is written.data and json.loads(written.raw)["output"] == [SAID, CALL]
