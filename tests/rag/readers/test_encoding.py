"""Bytes to text: marks, UTF-8, what a server names, and guesses."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.rag.document import UnreadableError
from aigw.rag.readers.encoding import decode

GERMAN = "Die Größe der Bücher läßt sich über das Menü ändern; schöne Grüße aus München, äöü. " * 3
CHINESE = "网关把请求转发给后端服务，并且记录每一次调用所花费的时间和令牌数量。" * 5


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-8"])
def test_a_mark_or_utf8_decides(encoding):
    assert decode(f"{GERMAN}{CHINESE}".encode(encoding)) == GERMAN + CHINESE


def test_big_endian_by_its_mark():
    assert decode(codecs.BOM_UTF16_BE + CHINESE.encode("utf-16-be")) == CHINESE


@pytest.mark.parametrize(("text", "encoding"), [(GERMAN, "latin-1"), (CHINESE, "gb18030"), (CHINESE, "big5hkscs")])
def test_the_charset_of_the_server_counts_where_it_is_not_utf8(text, encoding):
    encoded = text.encode(encoding, "ignore")
    assert decode(encoded, encoding) == encoded.decode(encoding)


@pytest.mark.parametrize(("text", "encoding"), [(GERMAN, "latin-1"), (CHINESE, "gb18030"), (CHINESE, "utf-16-le")])
def test_other_encodings_are_recognized(text, encoding):
    assert decode(text.encode(encoding)) == text


def test_a_charset_that_is_unknown_or_no_text_is_not_believed():
    for charset in ("no-such-thing", "base64", "a\0b", "idna\n"):
        assert decode(GERMAN.encode("latin-1"), charset) == GERMAN


def test_the_end_of_a_long_text_that_does_not_fit_the_guess_is_replaced():
    text = decode(GERMAN.encode("cp1252") * 400 + b"\x81")
    assert text.startswith(GERMAN)


def test_a_few_bytes_that_are_wrong_do_not_change_the_rest():
    assert (
        decode((GERMAN + CHINESE).encode() + b"\xff\xfe." + CHINESE.encode())
        == GERMAN + CHINESE + "\ufffd\ufffd." + CHINESE
    )
    plain = b"def f(): pass\n" * 20
    assert decode(plain + b"\x81\x8d" + plain) == plain.decode() + "\ufffd\ufffd" + plain.decode()
    assert decode(plain + "# Müller’s".encode("cp1252")) == plain.decode() + "# Müller’s"


def test_what_is_no_text_is_said():
    with pytest.raises(UnreadableError, match="it is no text: no encoding fits its bytes"):
        decode(bytes(range(128, 256)) * 20 + b"\x81\x8d\x8f\x90\x9d" * 30)


def test_lines_end_with_a_newline_and_nuls_are_marked():
    assert decode(b"a\r\nb\rc\nd\0") == "a\nb\nc\nd\ufffd"


@given(st.binary(max_size=200), st.sampled_from(["", "latin-1", "utf-16", "utf-7", "shift_jis"]))
def test_whatever_comes_is_valid_text_or_said_to_be_none(data, charset):
    try:
        text = decode(data, charset)
    except UnreadableError:
        return
    text.encode()
    assert "\0" not in text
    assert "\r" not in text
