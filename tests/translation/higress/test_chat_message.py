"""What Higress reads of a message: parts that are not what they should be are dropped."""

import pytest

from aigw.translation.higress.chat_message import data_url, parts_of, string_content

IMAGE = {"type": "image_url", "image_url": {"url": "https://x/y.png"}}


@pytest.mark.parametrize(
    ("content", "parts", "text"),
    [
        ("a", [("text", "a")], "a"),
        ("", [("text", "")], ""),
        (None, [], ""),
        (7, [], ""),
        ([{"type": "text", "text": "a"}, IMAGE, {"type": "text", "text": "b"}],
         [("text", "a"), ("image_url", "https://x/y.png"), ("text", "b")], "a\nb\n"),
        ([{"type": "file", "file": {"file_id": "f"}}], [("file", "f")], ""),
        ([{"type": "text"}, {"type": "image_url", "image_url": {}}, {"type": "image_url", "image_url": "u"}, "a", None,
          {"type": "input_audio", "input_audio": {"data": "AA"}}, {"type": ["text"], "text": "a"}, {"text": "a"}], [], ""),
    ],
)  # fmt: skip
def test_contents(content, parts, text):
    message = {"role": "user", "content": content}
    assert parts_of(message) == parts
    assert string_content(message) == text


def test_data_urls():
    assert data_url("data:image/png;base64,AAA") == ("image/png", "AAA")
    assert data_url("data:;base64,") == ("", "")
    assert data_url("data:image/png,AAA") is None
