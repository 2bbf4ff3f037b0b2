"""Fields of forms, whole and broken."""

from email.feedparser import BytesFeedParser
from email.utils import collapse_rfc2231_value

import pytest
from fakes import chat
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.large_json import SEARCHED
from aigw.dialects.form import MAX_HEAD, MAX_PARTS, find, hold, put, text

KIND = "multipart/form-data; boundary=xyz"


def form(*parts: tuple[str, bytes]) -> bytes:
    heads = [f"--xyz\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + value for head, value in parts]
    return b"\r\n".join([*heads, b"--xyz--\r\n"])


FILE = ('name="file"; filename="model"', b"\x00--xy\r\n\r\nmodel")
MODEL = ('name="model"', b"whisper-1")


@pytest.mark.parametrize("body", [form(MODEL, FILE), form(FILE, MODEL), b"preamble\r\n" + form(FILE, MODEL)])
def test_a_field(body):
    assert body[find(body, KIND, "model")] == b"whisper-1"


@pytest.mark.parametrize("kind", [KIND, 'Multipart/Form-Data; charset=utf-8; Boundary="xyz"'])
def test_notations_of_the_boundary(kind):
    body = form(MODEL)
    assert body[find(body, kind, "model")] == b"whisper-1"


def test_an_empty_value():
    body = form(("name=model", b""), FILE)
    assert body[find(body, KIND, "model")] == b""


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (form(FILE), KIND),
        (form(MODEL), "multipart/form-data"),
        (form(MODEL), "multipart/mixed; boundary=xyz"),
        (form(MODEL), "multipart/form-data; boundary=abc"),
        (form(('name="models"', b"x")), KIND),
        (form(("x" * MAX_HEAD + '; name="model"', b"x")), KIND),
        (form(MODEL)[:-20], KIND),
        (form(*[FILE] * MAX_PARTS, MODEL), KIND),
        (b"", KIND),
    ],
)
def test_nothing_is_found(body, kind):
    assert find(body, kind, "model") is None


@given(st.binary(max_size=80).filter(lambda value: b"--xyz" not in value))
def test_any_value(value):
    body = form(FILE, ('name="model"', value), FILE)
    assert body[find(body, KIND, "model")] == value


@given(st.lists(st.sampled_from([b"--xyz", b"--", b"\r\n", b'Content-Disposition: form-data; name="model"', b"a"])))
def test_any_bytes(pieces):
    body = b"".join(pieces)
    place = find(body, KIND, "model")
    assert place is None or b"--xyz" not in body[place] or body[place].find(b"\r\n--xyz") < 0


def request_of(body, rest=None):
    request = chat(b"", headers={"content-type": KIND})
    request.body, request.upload = body, rest
    return request


@pytest.mark.parametrize(
    "head",
    [
        'filename="x; name=\\"y\\""; name="model"',
        "NAME = model",
        'name="mo\\del"\r\ncontent-type: text/plain; charset=utf-8',
    ],
)
def test_notations_of_the_name(head):
    body = form(FILE, (head, b"whisper-1"))
    assert body[find(body, KIND, "model")] == b"whisper-1"


@pytest.mark.parametrize("value", [b"whisper-1\n", b" whisper-1\r\n", b"whisper-1 \t"])
def test_blanks_around_a_value(value):
    request = request_of(form(FILE, ('name="model"', value), FILE))
    assert text(request, "model") == "whisper-1"
    put(request, "model", "large", adds=False)
    assert request.body == form(FILE, ('name="model"', b"large"), FILE)


@pytest.mark.parametrize("parts", [[MODEL], [FILE, MODEL], [MODEL, FILE]])
def test_lines_without_carriage_returns(parts):
    request = request_of(form(*parts).replace(b"\r\n", b"\n"))
    assert text(request, "model") == "whisper-1"
    put(request, "model", "large", adds=False)
    assert request.body == form(*parts).replace(b"\r\n", b"\n").replace(b"whisper-1", b"large")
    put(request, "other", "x", adds=True)
    assert request.body.startswith(b'--xyz\nContent-Disposition: form-data; name="other"\n\nx\n--xyz\n')
    assert text(request, "other") == "x"


def test_several_boundaries():
    request = request_of(form(MODEL))
    request.headers["content-type"] = f"{KIND}; boundary=abc"
    with pytest.raises(ValueError, match="several boundaries"):
        text(request, "model")


def test_a_line_break_alone_hides_no_field():
    """Some servers take it for the end of a part."""
    hidden = b'a\n--xyz\nContent-Disposition: form-data; name="model"\n\ncheap\n--xyz\n\n'
    with pytest.raises(ValueError, match="2 times"):
        text(request_of(form(("name=file", hidden), MODEL)), "model")


NAMES = ["model", "file", "Model", 'a"; name="model', "a\\b", "a b", "models"]


def quoted(name):
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@st.composite
def heads(draw):
    """The head of a part, and the name that it has."""
    name = draw(st.sampled_from(NAMES))
    coded = "".join(f"%{byte:02X}" for byte in name.encode())
    at = draw(st.integers(1, len(name)).filter(lambda at: name[at - 1] != "\\"))  # there `email` is wrong
    as_name = draw(
        st.sampled_from([
            f"name={quoted(name)}",
            f"NaMe={quoted(name)}",
            f"name*=utf-8''{coded}",
            f"name*0={quoted(name[:at])}; name*1={quoted(name[at:])}",
        ])
    )  # fmt: skip
    others = draw(
        st.lists(st.sampled_from(['filename="name=model"', 'filename="; name=\\"model\\""', "x=model"]), max_size=2)
    )
    parameters = draw(st.permutations([as_name, *others]))
    between = draw(st.sampled_from(["; ", ";", ";\r\n ", ";\r\n\t"]))
    header = draw(st.sampled_from(["Content-Disposition", "content-disposition", "CONTENT-disposition"]))
    disposition = f"{header}: {between.join(['form-data', *parameters])}"
    before = draw(st.sampled_from([[], ["Content-Type: text/plain; name=model"], ["X-A: 1"]]))
    return "\r\n".join([*before, disposition]).encode(), name


def by_the_standard_library(body):
    """The names and values of a form, as `email` reads them."""
    parser = BytesFeedParser()
    parser.feed(f"Content-Type: {KIND}\r\n\r\n".encode() + body)
    for part in parser.close().get_payload():
        name = collapse_rfc2231_value(part.get_param("name", "", "content-disposition"))
        yield name, part.get_payload(decode=True)


@given(st.lists(st.tuples(heads(), st.binary(max_size=20).filter(lambda value: b"--xyz" not in value)), min_size=1))
def test_it_reads_as_the_standard_library_does(parts):
    body = b"\r\n".join([*(b"--xyz\r\n" + head + b"\r\n\r\n" + value for (head, _), value in parts), b"--xyz--\r\n"])
    read = list(by_the_standard_library(body))
    assert [name for name, _ in read] == [name for (_, name), _ in parts]
    for name in NAMES:
        values = [value for given, value in read if given == name]
        place = find(body, KIND, name)
        assert (None if place is None else body[place]) == (values[0] if values else None)
        request = request_of(body)
        if len(values) == 1:
            put(request, name, "new", adds=False)
            assert request.body == body[: place.start] + b"new" + body[place.stop :]


def test_a_longer_boundary_is_content():
    body = form(("name=a", b"\r\n--xyz2\r\nContent-Disposition: form-data; name=model\r\n\r\nno"), MODEL)
    assert text(request_of(body), "model") == "whisper-1"


def test_spaces_behind_the_boundary():
    body = form(FILE, MODEL).replace(b"--xyz\r\n", b"--xyz \t\r\n")
    assert text(request_of(body), "model") == "whisper-1"


def test_a_field_that_is_there_twice():
    with pytest.raises(ValueError, match="the form has the field model 2 times"):
        text(request_of(form(MODEL, FILE, MODEL)), "model")


@given(st.text(max_size=20), st.booleans())
def test_a_written_field_leaves_the_rest(value, behind):
    parts = [MODEL, FILE]
    request = request_of(form(*(reversed(parts) if behind else parts)))
    put(request, "model", value, adds=False)
    written = [('name="model"', value.encode()), FILE]
    assert request.body == form(*(reversed(written) if behind else written))


@pytest.mark.parametrize("before", [b"", b"preamble\r\n"])
def test_a_missing_field_may_be_added(before):
    request = request_of(before + form(FILE))
    put(request, "model", "m", adds=False)
    assert request.body == before + form(FILE)
    put(request, "model", "m", adds=True)
    assert (text(request, "model"), request.body.endswith(form(FILE))) == ("m", True)


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=", "audio/wav"])
def test_nothing_is_added_where_there_is_no_boundary(kind):
    request = request_of(b"\r\ndata")
    request.headers["content-type"] = kind
    put(request, "model", "m", adds=True)
    assert request.body == b"\r\ndata"


async def test_the_beginning_of_an_upload():
    async def rest():
        yield form(FILE, MODEL)[40:]

    request = request_of(form(FILE, MODEL)[:40], rest())
    assert text(request, "model") is None
    put(request, "model", "m", adds=True)
    assert request.body == form(FILE, MODEL)[:40]
    await hold(request)
    assert (text(request, "model"), request.upload) == ("whisper-1", None)


def test_the_length_of_an_upload_is_corrected():
    request = request_of(form(MODEL, FILE)[:90], rest=object())
    request.headers["content-length"] = "500"
    put(request, "model", "whisper-large", adds=False)
    assert request.headers["content-length"] == "504"


@pytest.mark.parametrize("size", [*range(SEARCHED - 80, SEARCHED), 3 * SEARCHED])
def test_a_large_form_is_read_and_written_as_a_small_one(size):
    """Also where a boundary lies between two windows of the search."""
    file = ('name="file"', b"\r\n--xy" * (size // 6) + b"x" * (size % 6))
    request = request_of(form(file, MODEL, ('name="purpose"', b"batch")))
    assert (text(request, "model"), text(request, "purpose")) == ("whisper-1", "batch")
    put(request, "model", "m", adds=False)
    assert request.body == form(file, ('name="model"', b"m"), ('name="purpose"', b"batch"))
