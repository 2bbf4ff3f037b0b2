"""Requests for the provider `gemini`, beside the cases of tests/conformance."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.translation.higress.gemini_request import write_chat, write_embeddings, write_images

HI = {"role": "user", "content": "hi"}
SAID = {"role": "user", "parts": [{"text": "hi"}]}


def written(*messages, budget=0, context=None, **body):
    given = {"model": "g", "messages": list(messages) or [HI], **body}
    return write_chat(given, safety={}, budget=budget, context=context)


def test_options():
    options = written(
        temperature=0,
        logprobs=True,
        presence_penalty=1.7,
        frequency_penalty=-0.5,
        modalities=["TEXT"],
        max_completion_tokens=5,
    )["generationConfig"]
    assert options == {"logprobs": True, "presencePenalty": 1, "responseModalities": ["TEXT"]}


@pytest.mark.parametrize(("model", "thinks"), [("gemini-2.5-pro", True), ("gemini-2.5-pro-preview", False)])
def test_models_that_think(model, thinks):
    options = written(model=model)["generationConfig"]
    assert options == ({"thinkingConfig": {"includeThoughts": True}} if thinks else {})


def test_calls_and_results_are_lost():
    call = {"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    contents = written({"role": "assistant", "content": None, "tool_calls": [call]}, {"role": "tool", "content": "r"})
    assert contents["contents"] == [{"role": "model", "parts": []}, {"role": "tool", "parts": [{"text": "r"}]}]


def test_last_system_text_counts():
    body = written({"role": "system", "content": "a"}, {"role": "system", "content": "b"}, HI)
    assert body["system_instruction"] == {"parts": [{"text": "b"}]}


def test_context_is_the_first_text_of_the_user():
    assert written(context="C")["contents"] == [{"role": "user", "parts": [{"text": "C"}]}, SAID]


def test_no_tools_and_none_differ():
    assert "tools" not in written(tools=None)
    assert written(tools=[])["tools"] == [{"function_declarations": []}]


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("data:image/png;base64,AAA", {"inlineData": {"mimeType": "image/png", "data": "AAA"}}),
        ("data:image/png", {}),
        ("AAA", {"inlineData": {"mimeType": "", "data": ""}}),
    ],
)
def test_images(url, part):
    (content,) = written({"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]})["contents"]
    assert content["parts"] == [part]


def test_image_of_another_host_is_refused():
    with pytest.raises(ValueError, match="image must be a data: URL"):
        written({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y.png"}}]})


def test_embeddings_and_images():
    one = {"model": "models/e", "content": {"parts": [{"text": "a"}]}}
    assert write_embeddings({"model": "e", "input": "a"}) == {"requests": [one]}
    assert write_embeddings({"model": "e", "input": ["a", 5, "a"]}) == {"requests": [one, one]}
    assert write_embeddings({"model": "e", "input": 1}) == {"requests": []}
    assert write_images({"model": "i", "prompt": "p", "n": 2}) == {
        "instances": [{"prompt": "p"}],
        "parameters": {"sampleCount": 2},
    }


NAMES = [
    "model",
    "messages",
    "role",
    "content",
    "type",
    "text",
    "tools",
    "function",
    "name",
    "image_url",
    "url",
    "input",
    "n",
]
BODIES = st.dictionaries(
    st.sampled_from(NAMES),
    st.recursive(
        st.none() | st.integers() | st.sampled_from(["user", "system", "text", "image_url", "data:a;b", "http://x"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner),
    ),
)


@given(BODIES)
def test_any_body_is_written_or_refused(body):
    for write in (lambda body: write_chat(body, safety={}, budget=0), write_embeddings, write_images):
        try:
            json.dumps(write(body))
        except ValueError as error:
            assert "must be" in str(error)
