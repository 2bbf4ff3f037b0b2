"""Names and boundaries, in all notations that servers read."""

import pytest

from aigw.dialects.form_head import names_of, values_of

START = b"Content-Disposition: form-data; "


@pytest.mark.parametrize(
    "head",
    [
        START + b'name="model"',
        START + b"name=model ",
        START + b"NAME = model",
        START + b"name=model; filename=x",
        START + b'filename="; name=no"; name="model"',
        START + b'filename="\\"; name=\\"no"; name="model"',
        START + b'name="mo\\del"',
        START + b"name*=utf-8''model",
        START + b"name*=UTF-8'en'm%6Fdel",
        START + b"name*=''model",
        START + b'name*0="mo"; name*1=del',
        START + b"name*1*=%65l; name*0*=us-ascii''mod",
        START.replace(b"; ", b";\r\n\t ") + b'name\r\n =\r\n  "model"',
        b"content-DISPOSITION :form-data;name=model",
        b"Content-Type: text/plain; name=no\r\ncontent-disposition:\r\n form-data; name=model\r\nx: name=no",
        b"x: y\nContent-Disposition: form-data; name=model\nz: w",
        b"Content-Disposition: attachment; name=model",
    ],
)
def test_one_name(head):
    assert names_of(head) == [b"model"]


@pytest.mark.parametrize(
    ("head", "names"),
    [
        (START + b"name=a; name*=utf-8''b", [b"a", b"b"]),
        (START + b"name=a; name=b; name=a", [b"a", b"b"]),
        (START + b"name=a\r\n" + START + b"name=b", [b"a", b"b"]),
        (START + b"name*=iso-8859-1''%E9; x=1", ["é".encode()]),
        (START + b"name*=utf-8''%C3%A9", ["é".encode()]),
        (START + b"name*=nothing", [b"nothing"]),
        (START + b'filename="model"; name*x=model', []),
        (b"X-Content-Disposition: form-data; name=model", []),
        (b"Content-Type: text/plain; name=model", []),
        (b"", []),
    ],
)
def test_other_names(head, names):
    assert names_of(head) == names


@pytest.mark.parametrize("boundary", [b"boundary=xyz", b'Boundary = "xyz"', b"charset=utf-8; boundary*=us-ascii''xyz"])
def test_a_boundary(boundary):
    assert values_of(b"multipart/form-data; " + boundary, b"boundary") == [b"xyz"]
