"""Reasoning of another provider, in a request for Responses that goes on as it is."""

import json

from aigw.core.document import Document
from aigw.translation.envelope import sealed
from aigw.translation.responses.foreign_reasoning import drop_foreign_reasoning


def reasoning(state):
    return {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": state}


def dropped(given):
    document = Document(json.dumps({"input": given}).encode())
    drop_foreign_reasoning(document)
    return json.loads(document.encode())["input"]


def test_reasoning_in_an_envelope_goes():
    said = {"role": "user", "content": sealed("claude", "x")}
    assert dropped([said, reasoning(sealed("claude", "sig")), reasoning("own")]) == [said, reasoning("own")]


def test_a_text_is_left_alone():
    assert dropped(sealed("claude", "x")) == sealed("claude", "x")


def test_a_request_without_one_keeps_its_bytes():
    source = b'{"input": [ {"type":"reasoning","encrypted_content":"own"} ] }'
    document = Document(source)
    drop_foreign_reasoning(document)
    assert document.encode() == source
