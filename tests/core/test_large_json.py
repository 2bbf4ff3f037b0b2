"""Of JSON that is large, everything is as of small JSON."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.document import Document
from aigw.core.large_json import SEARCHED, SLICE, Elements, decoded, encoded, occurrences, without_large, written
from aigw.core.pace import LARGE, MANY

decode = msgspec.json.Decoder().decode
encode = msgspec.json.Encoder(order="sorted").encode
encode_any = msgspec.json.Encoder().encode
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
PADDING = {"role": "user", "content": "x" * 400}


def large(value, *, spaced=False):
    """The body of a request with this value among many messages."""
    messages = [*[PADDING] * (LARGE // 400), value]
    separators = (", ", ": ") if spaced else (",", ":")
    return json.dumps({"model": "m", "messages": messages, "z": value}, separators=separators).encode()


@given(VALUE, st.booleans())
def test_it_is_decoded_to_the_same(value, spaced):
    source = large(value, spaced=spaced)
    assert decoded(source, decode) == decode(source) == decoded(b"\n " + source, decode)
    assert Document(source).get("messages")[-1] == value


@given(VALUE)
def test_elements_are_written_as_the_list_is(value):
    document = Document(large(value))
    elements = document.exact_elements("messages")
    assert isinstance(elements, Elements)
    whole = {"messages": elements, "é": 1, "a": value}
    assert encoded(whole, encode) == encode({**whole, "messages": [*elements]})
    assert encoded(whole, encode) == encode({**whole, "messages": document.get("messages")})


@pytest.mark.parametrize("spaced", [False, True])
@given(VALUE)
def test_what_has_no_name_twice_is_not_refused(spaced, value):
    Document(large(value, spaced=spaced)).refuse_duplicate_names()


@pytest.mark.parametrize("spaced", [False, True])
@pytest.mark.parametrize(
    "twin",
    [
        b'{"a":1,"a":2}',
        b'[[{"b":{"a":1,"\\u0061":2}}]]',
        b'{"many":[' + b'{"c":1},' * SLICE + b'{"a":1,"a":1}]}',
        b'{"a":"' + b"x" * SLICE + b'","b":1,"a":2}',
        b"[" * 20 + b'{"t":"' + b"x" * SLICE + b'","a":1,"a":2}' + b"]" * 20,
    ],
    ids=["an object", "inside, in another spelling", "inside a large list", "a large object", "deep inside"],
)
def test_a_name_twice_is_found_wherever_it_is(twin, spaced):
    source = large("here", spaced=spaced).replace(b'"here"', twin, 1)
    with pytest.raises(ValueError, match="has the name 'a' twice"):
        Document(source).refuse_duplicate_names()


@pytest.mark.parametrize("before", [b"", b" ", b"\r\n\t"])
def test_a_name_twice_at_the_top_is_found(before):
    with pytest.raises(ValueError, match="has the name 'model' twice"):
        Document(before + large(1)[:-1] + b',"model":"other"}').refuse_duplicate_names()


def test_objects_are_those_that_a_small_array_has():
    document = Document(large({"role": "tool"}).replace(b'"m"', b'"m","x":["no object"]', 1))
    assert document.objects("x", dict) is None
    found = document.objects("messages", lambda row: row["role"], ["first"])
    assert (found[0], found[1], found[-1], len(found)) == ("first", "user", "tool", LARGE // 400 + 2)
    assert found[-2:] == ["user", "tool"] and list(found)[-2:] == ["user", "tool"]
    with pytest.raises(IndexError):
        found[len(found)]


def test_a_number_that_is_not_exact_is_refused_when_it_is_looked_at():
    elements = Document(large("here").replace(b'"here"', b"0.1000000000000000055511151231257827", 1)).exact_elements(
        "messages"
    )
    with pytest.raises(ValueError, match="more digits"):
        list(elements)


def test_what_a_body_says_beside_its_content():
    body = {"id": "a", "data": ["x" * SLICE], "usage": {"total_tokens": 1}}
    assert without_large(encode(body), decode) == {"id": "a", "usage": {"total_tokens": 1}}
    for wrong in (b"[1]", b'{"a":NaN}', b"\xff"):
        with pytest.raises(ValueError):
            without_large(wrong, decode)


@pytest.mark.parametrize("before", [0, SEARCHED - 3, SEARCHED, 2 * SEARCHED - 1])
def test_a_text_is_counted_once_wherever_it_is_cut(before):
    body = b"." * before + b"base64" + b"." * SEARCHED + b"base64base64"
    assert occurrences(body, b"base64") == body.count(b"base64") == 3


@given(VALUE)
def test_what_is_written_in_parts_is_what_is_written_at_once(value):
    many = [value] * (MANY + 2)
    raw = msgspec.Raw(encode(many))
    for whole in (value, many, {"é": many, "a": raw, "b": value}, raw, []):
        assert written(whole, encode_any) == encode_any(whole)


def test_a_large_document_is_written_with_what_was_changed():
    document, messages = Document(large(1)), [PADDING] * (MANY + 1)
    document.set("messages", messages)
    document.set("new", {"a": 1})
    assert document.encode() == encode_any({"model": "m", "messages": messages, "z": 1, "new": {"a": 1}})
