"""A template for chats in the format of other APIs; the plugin's tests have whole requests."""

import pytest

from aigw.dialects import apis
from aigw.dialects.template_prompt import fitted

CHAT = {
    "model": "m",
    "messages": [
        {"role": "developer", "content": "D"},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": "c"},
        {"role": "system", "content": "S"},
    ],
    "max_completion_tokens": 5,
    "temperature": 0,
    "seed": 1,
}  # fmt: skip


@pytest.mark.parametrize(
    ("api", "becomes"),
    [
        (apis.MESSAGES, {"system": "D\n\nS", "messages": [{"role": "user", "content": "a\nb"}, {"role": "assistant", "content": "c"}], "max_tokens": 5, "temperature": 0}),
        (
            apis.RESPONSES,
            {
                "instructions": "D\n\nS",
                "input": [{"type": "message", "role": "user", "content": "a\nb"}, {"type": "message", "role": "assistant", "content": "c"}],
                "max_output_tokens": 5, "temperature": 0,
            },
        ),
        (apis.COMPLETIONS, {"prompt": "D\n\na\nb\n\nc\n\nS", "max_tokens": 5, "temperature": 0}),
        (
            apis.GENERATE_CONTENT,
            {
                "systemInstruction": {"parts": [{"text": "D\n\nS"}]},
                "contents": [{"role": "user", "parts": [{"text": "a\nb"}]}, {"role": "model", "parts": [{"text": "c"}]}],
                "generationConfig": {"maxOutputTokens": 5, "temperature": 0},
            },
        ),
    ],
)  # fmt: skip
def test_texts_and_options_have_their_places(api, becomes):
    assert fitted(api, CHAT) == {"model": "m", "seed": 1, **becomes}


@pytest.mark.parametrize(
    ("api", "fields"),
    [
        (apis.CHAT, CHAT),
        (apis.EMBEDDINGS, CHAT),
        ("", CHAT),
        (apis.RESPONSES, {"messages": [], "input": "x"}),
        (apis.COMPLETIONS, {"prompt": "x"}),
        (apis.MESSAGES, {"messages": [{"role": "user", "content": "x"}]}),
        (apis.MESSAGES, {"system": "x", "messages": [{"role": "system", "content": "x"}]}),
        (apis.MESSAGES, {"messages": "no list"}),
    ],
)
def test_what_fits_stays_as_it_is(api, fields):
    assert fitted(api, fields) is fields


IMAGE = {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"}]}
CALL = {"role": "assistant", "content": "a", "tool_calls": [{"id": "1"}]}
RESULT = {"role": "tool", "tool_call_id": "1", "content": "a"}


@pytest.mark.parametrize("message", ["text", {"role": "user"}, {"content": 3}, IMAGE, CALL, RESULT])
def test_only_texts_are_written(message):
    with pytest.raises(ValueError, match="more than texts"):
        fitted(apis.RESPONSES, {"messages": [message]})


@pytest.mark.parametrize("message", [IMAGE, CALL, RESULT])
def test_what_messages_does_not_have_is_not_sent_there(message):
    with pytest.raises(ValueError, match="more than texts"):
        fitted(apis.MESSAGES, {"messages": [message]})


def test_without_instructions_there_are_none():
    fields = {"messages": [{"role": "user", "content": "x"}]}
    assert fitted(apis.RESPONSES, fields).keys() == {"input"}
    assert fitted(apis.GENERATE_CONTENT, fields).keys() == {"contents"}
