"""Signatures of calls that another provider has made, in a chat that goes on as it is."""

import json

from aigw.core.document import Document
from aigw.translation.chat.foreign_signatures import drop_foreign_signatures
from aigw.translation.envelope import sealed


def call(id, state):
    extra = {"extra_content": {"google": {"thought_signature": state}}} if state else {}
    return {"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}, **extra}


def dropped(*calls):
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": None, "tool_calls": [*calls]}]
    document = Document(json.dumps({"messages": messages}).encode())
    drop_foreign_signatures(document)
    return json.loads(document.encode())["messages"][1]["tool_calls"]


def test_a_signature_in_an_envelope_goes():
    assert dropped(call("1", sealed("gemini", "sig")), call("2", "own")) == [call("1", ""), call("2", "own")]


def test_a_request_without_one_keeps_its_bytes():
    source = b'{"messages": [ {"role":"assistant","tool_calls":[{"extra_content":1}]} ] }'
    document = Document(source)
    drop_foreign_signatures(document)
    assert document.encode() == source
