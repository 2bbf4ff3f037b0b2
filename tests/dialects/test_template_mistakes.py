"""aigw/dialects/template_mistakes.py: each mistake has its place and its remedy."""

import pytest

from aigw.dialects.template_mistakes import mistakes


@pytest.mark.parametrize(
    ("fields", "place", "said"),
    [
        ({"model": 7}, ("model",), "must be the name of a model"),
        ({"messages": "hi"}, ("messages",), "must be a list of messages, such as [{role: user,"),
        ({"messages": ["hi"]}, ("messages", 0), "must be a message, such as {role: user,"),
        ({"messages": [{"role": 7}]}, ("messages", 0, "role"), "must be text"),
        ({"messages": [{}, {"role": "user", "content": 7}]}, ("messages", 1, "content"), "must be text or a list"),
    ],
)
def test_a_mistake(fields, place, said):
    ((where, message),) = mistakes(fields)
    assert (where, said in message) == (place, True)


def test_what_is_right():
    parts = [{"type": "text", "text": "{{x}}"}]
    messages = [{"role": "{{who}}", "content": "a"}, {"role": "user", "content": parts}, {"role": "assistant"}]
    assert list(mistakes({"model": "{{model}}", "messages": messages, "prompt": 7})) == []
    assert list(mistakes({"contents": []})) == []
