"""DashScope's native requests as Higress writes them, beside its cases in tests/conformance."""

import json

import pytest

from aigw.core.document import Document
from aigw.dialects import dashscope_higress as qwen

DUMMY = {"role": "system", "content": "You are a helpful assistant."}


def messages(*given, **options):
    model = options.pop("model", "qwen-long")
    body = {"model": model, "messages": [{"role": role, "content": content} for role, content in given]}
    return json.loads(qwen.encode_chat(Document(json.dumps(body).encode()), **options))["input"]["messages"]


@pytest.mark.parametrize("options", [{"context": "T"}, {"file_ids": ["a"]}])
def test_text_of_ours_needs_a_system_message_in_front(options):
    text = {"role": "system", "content": options.get("context", "fileid://a")}
    user = {"role": "user", "content": "hi"}
    assert messages(("user", "hi"), **options) == [DUMMY, text, user]
    assert messages(("system", "s"), ("user", "hi"), **options) == [{"role": "system", "content": "s"}, text, user]
    assert messages(("system", "s"), **options) == [DUMMY, text, {"role": "system", "content": "s"}]
    assert messages(**options) == [DUMMY, text]


def test_system_messages_of_parts_are_joined():
    parts = [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "u"}},
        {"type": "text", "text": "b"},
    ]
    first, *_ = messages(("system", parts), ("system", "c"), ("user", "hi"), file_ids=["a"])
    assert first == {"role": "system", "content": "ab\nc"}


@pytest.mark.parametrize(
    ("content", "written"),
    [
        ("", ""),
        (None, None),
        (7, None),
        ([], None),
        ([{"type": "text"}, {"type": ["text"]}, {"text": "a"}], None),
        ([{"type": "image_url", "image_url": "u"}, {"type": "image_url", "image_url": {}}], [{}]),
    ],
)
def test_contents(content, written):
    assert messages(("user", content)) == [{"role": "user", "content": written}]


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"messages": ["a"]}, "messages"),
        ({"messages": None}, "messages"),
        ({"top_p": "1"}, "top_p"),
        ({"model": 5}, "model"),
    ],
)
def test_a_mistake_of_the_client_is_named(fields, place):
    body = {"model": "m", "messages": [], **fields}
    with pytest.raises(ValueError, match=place):
        qwen.encode_chat(Document(json.dumps(body).encode()))
