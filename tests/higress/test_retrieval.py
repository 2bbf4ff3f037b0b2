"""How Higress writes a chat anew: a few fields survive, and numbers are Go's."""

import json

import pytest

from aigw.higress.retrieval import as_messages, in_question, read, text_of

CHAT = {"model": "m", "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q", "name": "n"}]}
ZEROS = {"frequency_penalty": 0, "presence_penalty": 0, "stream": False, "temperature": 0, "top_p": 0}


def chat(**more):
    found = read(json.dumps({**CHAT, **more}).encode())
    assert found is not None
    return found


def test_texts_become_messages_before_the_question():
    sent = json.loads(as_messages(chat(max_tokens=9, stream=True), ["a", "b"]))
    question = {"role": "user", "content": "现在，请回答以下问题：\nq"}
    texts = [{"role": "user", "content": text} for text in ("a", "b")]
    assert sent == {**ZEROS, "model": "m", "stream": True, "messages": [CHAT["messages"][0], *texts, question]}


def test_a_text_is_put_into_the_question():
    sent = json.loads(in_question(chat(temperature=0.5), "a"))
    assert sent["messages"][1]["content"].startswith("a\n以上是")
    assert sent["messages"][1]["content"].endswith("：\nq")
    assert sent["temperature"] == 0.5


@pytest.mark.parametrize(
    "more", [{"top_p": 0.5}, {"messages": [{"role": "user", "content": ["q"]}]}, {"stream": "yes"}]
)
def test_what_go_cannot_decode(more):
    assert read(json.dumps({**CHAT, **more}).encode()) is None


@pytest.mark.parametrize(
    ("fields", "text"), [({"raw": "t"}, "t"), ({"raw": 5}, ""), ({"text": "t"}, ""), (None, ""), ({}, "")]
)
def test_the_text_of_a_document(fields, text):
    assert text_of(fields) == text
