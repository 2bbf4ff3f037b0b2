"""Signatures of other providers in a request for Gemini itself."""

import json

import pytest

from aigw.core.document import Document
from aigw.translation.envelope import sealed
from aigw.translation.gemini.foreign_signatures import mentions_envelope, replace_foreign_signatures
from aigw.translation.gemini.write_request import NO_SIGNATURE

CALL = {"functionCall": {"name": "f", "args": {}}}
OTHERS, OWN = sealed("claude", "S"), sealed("gemini", "S")


def replaced(*parts):
    body = json.dumps({"contents": [{"role": "model", "parts": list(parts)}]}).encode()
    assert mentions_envelope(body)
    document = Document(body)
    replace_foreign_signatures(document, "gemini")
    return json.loads(document.encode())["contents"][0]["parts"]


@pytest.mark.parametrize(
    ("part", "made"),
    [
        ({**CALL, "thoughtSignature": OTHERS}, {**CALL, "thoughtSignature": NO_SIGNATURE}),
        ({**CALL, "thought_signature": OTHERS}, {**CALL, "thought_signature": NO_SIGNATURE}),
        ({**CALL, "thoughtSignature": OWN}, {**CALL, "thoughtSignature": "S"}),
        ({"text": "a", "thoughtSignature": OTHERS}, {"text": "a"}),
    ],
)
def test_another_makers_is_replaced_and_the_own_one_opened(part, made):
    """NanmiCoder/cc-haha#982: the client has changed its model."""
    other = {"functionCall": {"name": "g", "args": {}}, "thoughtSignature": "Z29vZ2xl"}
    assert replaced(part, other) == [made, other]


def test_all_other_bytes_stay():
    before = (
        b'{"x":1.0, "contents" : [ {"parts": [{"text":"\\u00e9"}]}, {"parts":[{"text":"b","thoughtSignature":"%s"}]}]}'
    )
    document = Document(before % OTHERS.encode())
    replace_foreign_signatures(document, "gemini")
    assert b'{"parts": [{"text":"\\u00e9"}]}' in document.encode()
    assert OTHERS.encode() not in document.encode()


def test_a_body_without_an_envelope_is_not_read():
    assert not mentions_envelope(b'{"contents":[{"parts":[{"thoughtSignature":"Z29vZ2xl"}]}]}')
