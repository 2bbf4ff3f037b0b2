"""Header values of answers, whatever bytes they have."""

from hypothesis import given
from hypothesis import strategies as st

from aigw.upstream.head import header_value


def test_a_value_that_is_not_utf_8_is_latin_1():
    assert header_value("café".encode()) == "café"
    assert header_value(b"caf\xe9") == "café"


@given(st.binary(max_size=20))
def test_any_value_can_be_sent_on_and_loses_nothing(value):
    """The server drops what is no Unicode character without a word."""
    text = header_value(value)
    assert text.encode() == value or text.encode("latin-1") == value
