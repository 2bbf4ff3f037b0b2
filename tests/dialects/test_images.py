"""aigw/dialects/images.py: the images in a prompt, in every format."""

import pytest
from fakes import chat, make_exchange

CASES = [
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": [
        {"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "https://x/1.png"}}]}]}, ["https://x/1.png"]),
    ("/v1/responses", {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://x/1.png"}]}]},
     ["https://x/1.png"]),
    ("/v1/messages", {"messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
        {"type": "tool_result", "content": [{"type": "image", "source": {"type": "url", "url": "https://x/2.png"}}]}]}]},
     ["data:image/png;base64,AA==", "https://x/2.png"]),
    ("/v1beta/models/m:generateContent", {"contents": [{"parts": [
        {"inlineData": {"mimeType": "image/png", "data": "AA=="}}, {"inline_data": {"mime_type": "audio/wav", "data": "BB=="}}]}]},
     ["data:image/png;base64,AA=="]),
    ("/v1/chat/completions", {"messages": "none"}, []),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "expected"), CASES)
def test_images(path, body, expected):
    assert list(make_exchange(chat(body, path=path)).asked.images) == expected
