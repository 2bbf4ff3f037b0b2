"""Which fields a template decides about, and which the client does; the plugin's tests have whole requests."""

import pytest
from fakes import chat

from aigw.dialects import apis
from aigw.dialects.template_body import is_text, take


@pytest.mark.parametrize("name", ["model", "messages", "prompt", "input", "contents", "system", "instructions",
                                  "systemInstruction", "system_instruction"])  # fmt: skip
def test_the_model_and_the_prompt_are_the_templates(name):
    assert is_text(name)
    request = chat({"template": "t", "properties": {}, name: "client's"})
    take(request, apis.CHAT, {name: "template's"})
    assert request.document.get(name) == "template's"


@pytest.mark.parametrize("name", ["stream", "temperature", "tools", "max_tokens", "generationConfig", "Model"])
def test_other_fields_are_the_clients(name):
    assert not is_text(name)
    request = chat({"template": "t", "properties": {}, name: "client's"})
    take(request, apis.CHAT, {name: "template's"})
    assert request.document.get(name) == "client's"


def test_what_the_template_does_not_have_is_kept():
    request = chat({"template": "t", "messages": [], "model": "m", "stream": True})
    take(request, apis.CHAT, {"system": "S"})
    assert request.document.encode() == b'{"system":"S","messages":[],"model":"m","stream":true}'
