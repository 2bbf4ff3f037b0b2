import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.document import Document, may_say_more
from aigw.core.model import Chunk

SOURCE = b'{"b": 1.0, "a":1e5,"t":"\\u00e9\xc3\xa9", "big":123456789012345678901234567890,"n":{"z": null, "y":[1,  2]}}'


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (b'{"a":1,"b":[{"a":2}]}', False),
        (b' {"a": NaN, "b": "\\ud83d"}', False),
        (b'\xef\xbb\xbf{"a": 1}', False),
        (b'{"a":1,"b":[{"a":2,"a":3}]}', True),
        (b'{"a": 1, "\\u0061": 2}', True),
        (b'{"a": "\xff"}', True),
    ],
)
def test_whether_what_was_read_is_all_that_is_there(source, expected):
    assert may_say_more(source, Chunk(source, source).json()) is expected


def test_untouched_is_byte_for_byte():
    document = Document(SOURCE)
    assert document.get("a") == 100000.0
    assert document.encode() is SOURCE


def test_an_edit_keeps_order_number_text_escapes_and_inner_spacing():
    document = Document(SOURCE)
    document.set("a", "changed")
    document.set("new", [True])
    assert document.encode() == (
        b'{"b":1.0,"a":"changed","t":"\\u00e9\xc3\xa9","big":123456789012345678901234567890,'
        b'"n":{"z": null, "y":[1,  2]},"new":[true]}'
    )


def test_set_is_seen_by_get_and_drop_removes():
    document = Document(b'{"a":1,"b":2}')
    assert document.get("a") == 1
    document.set("a", 3)
    assert document.get("a") == 3
    document.drop("b")
    assert "b" not in document
    assert document.encode() == b'{"a":3}'


def test_a_copy_is_independent():
    document = Document(b'{"a":1}')
    twin = document.copy()
    twin.set("a", 2)
    assert document.encode() == b'{"a":1}'


@pytest.mark.parametrize("source", [b"", b"[]", b"1", b'{"a":1} x', b'{"a"', b"\xff", b'{"a":' + b"[" * 100_000])
def test_what_is_no_object_is_a_value_error(source):
    with pytest.raises(ValueError):
        Document(source).get("a")


def test_a_malformed_value_names_its_field():
    with pytest.raises(ValueError, match="a:"):
        Document(b'{"a":"\xff"}').get("a")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), json_values, max_size=5), st.text(), json_values)
def test_an_edit_changes_exactly_that_field(body, name, value):
    document = Document(json.dumps(body).encode())
    document.set(name, value)
    assert json.loads(document.encode()) == {**body, name: value}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(st.characters())
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=3), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(JSON, st.booleans())
def test_a_body_whose_names_are_unique_is_not_refused(value, indented):
    source = json.dumps({"value": value}, indent=1 if indented else None).encode()
    document = Document(source)
    document.refuse_duplicate_names()
    assert document.encode() is source
    assert document.get("value") == value


DUPLICATE_NAMES = [
    '{"model":"a","model":"b"}', '{"model":"a","x":1, "model" : "a"}', '{"model":"a","mod\\u0065l":"b"}',
    '{"messages":[{"role":"user","content":"a","content":"b"}]}', '{"a":{"b":[{"c":{"d":1,"d":2}}]}}', '{"":1,"":1}',
    '{"stream":false,"messages":[],"stream":true}', '{"caf\\u00e9":1,"café":2}',
]  # fmt: skip


@pytest.mark.parametrize("body", DUPLICATE_NAMES)
def test_a_name_that_an_object_has_twice(body):
    with pytest.raises(ValueError, match="twice"):
        Document(body.encode()).refuse_duplicate_names()


def test_a_body_that_is_nested_too_deeply_to_be_looked_at_is_refused():
    with pytest.raises(ValueError, match="nested too deeply"):
        Document(b'{"a":' * 100_000 + b"1" + b"}" * 100_000).refuse_duplicate_names()


def test_the_exact_values_of_some_fields():
    document = Document(b'{"a":1,"b":[2],"c":"x","d":1.00000000000000000001}')
    with pytest.raises(ValueError, match="more digits"):
        document.all_exact(())
    assert document.all_exact(("d",)) == {"a": 1, "b": [2], "c": "x"}
    document.refuse_duplicate_names()
    document.set("a", 3)
    document.drop("d")
    assert document.all_exact(("b",)) == {"a": 3, "c": "x"}
    assert document.first_of("zca") == "c"
    assert document.first_of("z") is None


def test_a_number_of_another_document_is_not_this_ones():
    with pytest.raises(ValueError, match="twice"):
        Document(b'{"a":1.00000000000000000001,"b":{"c":1,"c":2}}').refuse_duplicate_names()
    assert Document(b'{"temperature":0.5}').exact("temperature") == 0.5


@pytest.mark.parametrize(
    ("source", "said"),
    [(b"", "it is empty"), (b" \n", "it is empty"), (b'{"a":' + b"1" * 5000 + b"}", "a number has too many digits")],
)
def test_what_is_wrong_is_said_for_people(source, said):
    with pytest.raises(ValueError, match=said):
        Document(source).refuse_duplicate_names()
