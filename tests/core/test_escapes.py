"""A secret is found however its characters are escaped, and nothing else is touched."""

import html
import json
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.redaction import hidden_in, may_escape

KEY = b"sk-ours/0123_456+789-ABC=="
CHARACTER = {
    "plain": lambda each: each,
    "json": lambda each: f"\\u{ord(each):04x}",
    "JSON": lambda each: f"\\u{ord(each):04X}",
    "json in json": lambda each: f"\\\\u{ord(each):04x}",
    "url": lambda each: f"%{ord(each):02x}",
    "URL": lambda each: f"%{ord(each):02X}",
    "url in url": lambda each: f"%25{ord(each):02X}",
    "html": lambda each: f"&#{ord(each)};",
    "html, hexadecimal": lambda each: f"&#x{ord(each):02x};",
    "a backslash": lambda each: f"\\{each}" if each == "/" else each,
}


@pytest.mark.parametrize("write", CHARACTER.values(), ids=CHARACTER)
def test_each_character(write):
    key = KEY.decode()
    for written in ("".join(map(write, key)), *(key[:at] + write(key[at]) + key[at + 1 :] for at in range(len(key)))):
        assert hidden_in(f"<{written}>".encode(), (KEY,)) == b"<***>"


@pytest.mark.parametrize("write", [quote, html.escape, lambda key: quote(key, safe=""), lambda key: json.dumps(key)[1:-1],
                                   lambda key: quote(json.dumps(key)), lambda key: json.dumps(json.dumps(key))])  # fmt: skip
def test_whole_forms(write):
    shown = hidden_in(write(KEY.decode()).encode(), (KEY,))
    assert b"0123" not in shown
    assert b"***" in shown


@given(st.lists(st.sampled_from(list(CHARACTER.values())), min_size=len(KEY), max_size=len(KEY)))
def test_any_mixture(ways):
    written = "".join(way(each) for way, each in zip(ways, KEY.decode(), strict=True))
    assert hidden_in(b'{"a":"' + written.encode() + b'"}', (KEY,)) == b'{"a":"***"}'


@given(st.binary() | st.text("\\u0%&#x;/2d-sk", max_size=60).map(str.encode))
def test_other_bytes_stay_the_same_object(data):
    assert hidden_in(data, (KEY,)) is data


def test_an_escape_in_another_way_shows_nothing():
    assert hidden_in(KEY.replace(b"-", b"%5Cu002d"), (KEY,)) == b"***"


@pytest.mark.parametrize(
    "data",
    [b"", b'{"delta":"a\\n\\"b\\""}', "日本".encode(), b"a&b", b"100% of it", b"caf\\u00e9", b"\\u001b[0m"],
)
def test_ordinary_events_are_not_looked_into(data):
    assert not may_escape(data)


@pytest.mark.parametrize("piece", [b"\\", b"%25", b"&#0", b"\\u00", b"%"])
def test_a_body_of_nothing_but_beginnings_is_quick(piece):
    before = time.process_time()
    hidden_in(b"%" + piece * (64 * 1024 // len(piece)), (KEY,))
    assert time.process_time() - before < 1.0
