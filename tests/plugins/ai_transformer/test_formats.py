"""Bodies become other formats; what is hostile or no such body is refused."""

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.plugins.ai_transformer.formats import (
    MAX_DEPTH,
    FormatError,
    check_xml,
    read_json,
    read_xml,
    read_yaml,
    write_json,
    write_xml,
    write_yaml,
)

XML = b'<?xml version="1.0" encoding="us-ascii"?>\n<!-- c --><a t="1">\n <b>x</b>\n <b/>\n <c><![CDATA[<y>]]></c></a>'


def test_xml_becomes_values():
    assert read_xml(XML) == {"a": {"@t": "1", "b": ["x", None], "c": "<y>"}}


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        ("<a>é</a>".encode(), ""),
        ("<a>é</a>".encode("latin-1"), "iso-8859-1"),
        ("<a>é</a>".encode("utf-16"), ""),
        (b'<?xml version="1.0" encoding="iso-8859-1"?><a>\xe9</a>', ""),
        ('<?xml version="1.0" encoding="GB2312"?><a>é</a>'.encode("gb18030"), "gb18030"),
    ],
)
def test_xml_in_any_encoding(body, charset):
    assert read_xml(body, charset) == {"a": "é"}


def test_xml_in_chinese_encodings():
    for name in ("gbk", "gb2312", "big5"):
        assert read_xml(f'<?xml version="1.0" encoding="{name}"?><a>中文</a>'.encode(name)) == {"a": "中文"}
    assert read_xml("<a>中文</a>".encode("gbk"), "GBK") == {"a": "中文"}


LAUGHS = b'<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><a>&y;</a>'


@pytest.mark.parametrize(
    "body",
    [
        LAUGHS,
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1/"> %x;]><a/>',
        b"<!DOCTYPE html><a>&nbsp;</a>",
        b"<a>",
        b"<a>\xff</a>",
        b"",
        b"{}",
        b"<a/><b/>",
        b'<?xml version="1.0" encoding="no-such"?><a/>',
        b'<?xml version="1.0" encoding="punycode"?><a>' + b"-" * 1000 + b"</a>",
        b'<?xml version="1.0" encoding="gbk"?><a>\xff</a>',
        b"<a>" * 200 + b"</a>" * 200,
        b"<a>" * 100_000 + b"</a>" * 100_000,
    ],
)
def test_xml_that_is_refused(body):
    with pytest.raises(FormatError):
        read_xml(body)


def test_an_external_document_type_is_not_fetched():
    assert read_xml(b'<!DOCTYPE a SYSTEM "file:///no-such"><a/>') == {"a": None}


@pytest.mark.parametrize(
    ("value", "body"),
    [
        ({"a": {"@t": 1, "#text": "x"}}, '<a t="1">x</a>'),
        ({"a": {"b": [1, 2.5, None, True, "<"]}}, "<a><b>1</b><b>2.5</b><b></b><b>true</b><b>&lt;</b></a>"),
        ({"a": 1, "b": 2}, "<root><a>1</a><b>2</b></root>"),
        ({"a": [1, 2]}, "<root><a>1</a><a>2</a></root>"),
        ([1, {"b": 2}], "<root><item>1</item><item><b>2</b></item></root>"),
        ("x", "<root>x</root>"),
        (None, "<root></root>"),
    ],
)
def test_values_become_xml(value, body):
    assert write_xml(value).decode().partition("?>\n")[2] == body


@pytest.mark.parametrize(
    "value",
    [
        {"a b": 1},
        {"1": 1},
        {"": 1},
        {"a": "\0"},
        {"a": {"@b": {"c": 1}}},
        {"a": {"#text": [1]}},
        {"x:y:z": 1},
        {"#a": 1},
    ],
)
def test_values_that_cannot_be_xml(value):
    with pytest.raises(FormatError, match="cannot be XML"):
        write_xml(value)


ALIASES = b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]"


@pytest.mark.parametrize(
    "body",
    [
        ALIASES,
        b"a: [",
        b"\xff",
        b"!!python/object:os.system {}",
        b"[" * 5000,
        b"a: 2024-13-45",
        b"a: b: c",
        b"? {a: 1}\n: 2",
    ],
)
def test_yaml_that_is_refused(body):
    with pytest.raises(FormatError, match="not YAML"):
        read_yaml(body)


def test_what_is_wrong_with_yaml_is_told_without_quoting_it():
    with pytest.raises(FormatError, match=r"not YAML: .* in line 2$") as caught:
        read_yaml(b"a: 1\nsecret: [}")
    assert "secret" not in str(caught.value)


def test_yaml_becomes_values():
    assert json.loads(write_json(read_yaml(b"a: [1, yes, null]\nb: 2024-01-02\n3: x"))) == {
        "a": [1, True, None], "b": "2024-01-02", "3": "x",
    }  # fmt: skip


def test_values_become_yaml():
    assert write_yaml({"b": "é", "a": [1, {"c": None}]}).decode() == "b: é\na:\n- 1\n- c: null\n"


def test_json_with_a_mark_of_its_byte_order():
    assert read_json(b'\xef\xbb\xbf{"a":1}') == {"a": 1}


@pytest.mark.parametrize("body", [b"", b"{", b"nan", b"\xff", b"[" * 100_000, b"[" * 101 + b"]" * 101])
def test_json_that_is_refused(body):
    with pytest.raises(FormatError):
        read_json(body)


def test_as_deep_as_allowed():
    deep = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert write_json(read_json(deep)) == deep
    assert read_yaml(write_yaml(read_json(deep))) == read_json(deep)


TEXTS = (
    st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\u2028\u2029￾￿"), min_size=1)
    .map(str.strip)
    .filter(bool)
)
ELEMENTS = st.text(string.ascii_letters, min_size=1)
TREES = st.recursive(TEXTS | st.none(), lambda inner: st.dictionaries(ELEMENTS, inner, min_size=1), max_leaves=20)


@given(st.dictionaries(ELEMENTS, TREES, min_size=1, max_size=1))
def test_xml_there_and_back(value):
    assert read_xml(write_xml(value)) == value


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_yaml_there_and_back(value):
    assert read_yaml(write_yaml(value)) == value


@given(VALUES)
def test_what_cannot_be_xml_is_never_written(value):
    try:
        body = write_xml(value)
    except FormatError:
        return
    check_xml(body)


@given(st.binary() | st.text().map(str.encode))
def test_nothing_else_is_raised(body):
    for reader in (read_json, read_xml, read_yaml, check_xml):
        try:
            write_json(reader(body))
        except FormatError:
            continue
