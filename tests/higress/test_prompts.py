"""What Higress's ai-prompt-decorator does with a body; the cases D* of tests/conformance play it whole."""

import json

import pytest

from aigw.core.document import Document
from aigw.higress.prompts import decorate


def decorated(body, before=(), behind=(), rewrite=None):
    document = Document(json.dumps(body).encode() if isinstance(body, dict) else body)
    decorate(document, before, behind, rewrite)
    return document.encode()


def upper(role, text):
    return text.upper() if role in ("system", "user") else text


def test_messages_go_before_and_behind_and_other_fields_keep_their_place():
    body = b'{"model": "m", "messages" : [ {"role":"user","content":"q", "n":1.0} ], "stream":true}'
    assert decorated(body, [("system", "<A>")], [("user", "Z")]) == (
        b'{"model":"m","messages":[{"role":"system","content":"<A>"},{"role":"user","content":"q", "n":1.0},'
        b'{"role":"user","content":"Z"}],"stream":true}'
    )


@pytest.mark.parametrize("body", [b'{"input": "x"}', b'{"messages" : [{"role":"tool","content":"q"}]}'])
def test_what_does_not_change_keeps_its_bytes(body):
    assert decorated(body, rewrite=upper) == body


@pytest.mark.parametrize(
    ("system", "becomes"),
    [
        ("be kind", "BE KIND"),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "B"}, 3], [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}, 3]),
        (7, 7),
    ],
)  # fmt: skip
def test_the_system_field_is_rewritten_too(system, becomes):
    assert json.loads(decorated({"messages": [], "system": system}, rewrite=upper))["system"] == becomes


def test_a_system_block_that_becomes_blank_is_dropped():
    system = [{"type": "text", "text": "x"}, {"type": "text", "text": "stays"}]
    body = decorated({"messages": [], "system": system}, rewrite=lambda role, text: text.replace("x", " "))
    assert json.loads(body)["system"] == [{"type": "text", "text": "stays"}]
