"""Fields of forms, whole and broken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.dialects.form import MAX_HEAD, MAX_PARTS, find

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
