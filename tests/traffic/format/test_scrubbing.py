"""aigw/traffic/format/scrubbing.py: no secret gets into a recording."""

import pytest

from aigw.traffic.format.scrubbing import Scrubber

OURS = "correct-horse-battery-staple"
KEY = "sk-proj-abcdefghijklmnop"


def test_keys_of_known_makers_are_hidden_wherever_they_are():
    assert Scrubber([]).data(b'{"content":"use %s, please"}' % KEY.encode()) == b'{"content":"use ***, please"}'


@pytest.mark.parametrize("spelt", [OURS, OURS.replace("-", "\\u002d"), OURS.replace("-", "%2D")])
def test_the_secrets_of_the_configuration_are_hidden_in_all_spellings(spelt):
    assert Scrubber([OURS]).data(f"a {spelt} b".encode()) == b"a *** b"


def test_what_has_no_secret_stays_the_same_object():
    data = b'{"logprobs":{"content":[{"token":"Hello","bytes":[72]}]},"max_tokens":5,"tokens":"abcdefgh"}'
    assert Scrubber([OURS, "short"]).data(data) is data


def test_bytes_that_are_no_text_stay():
    data = bytes(range(256))
    assert Scrubber([OURS]).data(data) is data


def test_headers_that_matter_are_kept():
    headers = (
        ("Content-Type", "application/json"), ("Authorization", f"Bearer {KEY}"), ("X-Api-Key", KEY), ("Cookie", "a=b"),
        ("X-Stainless-OS", "Linux"), ("Set-Cookie", "a=b"), ("X-Custom", f"key {KEY}"), ("Date", "today"),
        ("anthropic-version", "2023-06-01"), ("x-ratelimit-remaining-tokens", "5"), ("Transfer-Encoding", "chunked"),
    )  # fmt: skip
    assert Scrubber([]).headers(headers) == [
        ("content-type", "application/json"),
        ("x-custom", "key ***"),
        ("anthropic-version", "2023-06-01"),
        ("x-ratelimit-remaining-tokens", "5"),
    ]


def test_a_query_has_no_credentials():
    assert Scrubber([]).query(f"alt=sse&key={KEY}&X-Amz-Signature=abc&q={KEY}") == "alt=sse&X-Amz-Signature=***&q=***"


def test_a_key_in_the_url_of_a_header_is_hidden():
    headers = (("location", "https://me:pass@a.example.com/x?token=abcdefghijk&page=2"), ("x-a", "1"))
    assert Scrubber([]).headers(headers) == [("location", "https://***@a.example.com/x?token=***&page=2"), ("x-a", "1")]
