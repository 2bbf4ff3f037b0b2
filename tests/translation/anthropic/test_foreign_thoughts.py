"""A request in Anthropic's own format whose client was at another provider before."""

import json

import pytest

from aigw.core.document import Document
from aigw.translation.anthropic.foreign_thoughts import drop_foreign_thoughts
from aigw.translation.envelope import sealed

FOREIGN = json.dumps({"type": "thinking", "thinking": "hm", "signature": sealed("qwen")})
REDACTED = json.dumps({"type": "redacted_thinking", "data": sealed("qwen", "x")})
OWN = '{"type":"thinking",  "thinking":"a","signature":"EqQB"}'
TEXT = '{ "text": "\\u00e9",  "type":"text" }'


def dropped(body):
    document = Document(body.encode())
    drop_foreign_thoughts(document)
    return document.encode().decode()


@pytest.mark.parametrize(
    "body", ['{"messages" : [ {"role":"user","content":"hi"} ]}', f'{{"a":1,  "messages":[{{"content":[{OWN}]}}]}}']
)
def test_a_request_without_any_keeps_its_bytes(body):
    """router-for-me/CLIProxyAPI#2172."""
    assert dropped(body) == body


def test_only_such_blocks_go():
    body = f'{{"messages":[{{"role":"user","content":"hi"}},{{"role":"assistant","content":[{FOREIGN},{OWN},{REDACTED},{TEXT}]}}],"n":1.0}}'
    expected = (
        f'{{"messages":[{{"role":"user","content":"hi"}},{{"role":"assistant","content":[{OWN},{TEXT}]}}],"n":1.0}}'
    )
    assert dropped(body) == expected


def test_a_message_of_nothing_else_goes():
    body = f'{{"messages":[{{"role":"user","content":"hi"}},{{"role":"assistant","content":[{FOREIGN}]}}]}}'
    assert dropped(body) == '{"messages":[{"role":"user","content":"hi"}]}'


def test_a_text_that_quotes_an_envelope_stays():
    body = json.dumps({"messages": [{"role": "user", "content": sealed("qwen")}]})
    assert dropped(body) == body


@pytest.mark.parametrize("messages", ["7", "[7]", '[{"content":7}]', '[{"content":[7]}]'])
def test_a_body_of_another_form_is_the_providers_to_refuse(messages):
    body = f'{{"messages":{messages},"x":"{sealed("a")}"}}'
    try:
        assert dropped(body) == body
    except ValueError:
        assert not messages.startswith("[{")
