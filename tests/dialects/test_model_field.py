import json

import pytest
from fakes import chat

from aigw.dialects import model_field

FORM = b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\na/b\r\n--x--\r\n'
KIND = "multipart/form-data; boundary=x"


async def pieces():
    yield FORM[:50]
    yield FORM[50:]


def upload(headers=None):
    request = chat(b"", headers={"content-type": KIND, **(headers or {})})
    request.stream = pieces()
    return request


@pytest.mark.parametrize(
    ("body", "model"), [({"model": "m"}, "m"), ({}, ""), ({"model": 4}, ""), (b"[]", None), (b'{"model":', None)]
)
async def test_json(body, model):
    assert await model_field.read(chat(body), "model") == model


async def test_a_written_model_leaves_the_rest_as_it_was():
    request = chat(b'{"x": 1.0,  "model" :"a", "y": "\xc3\xa4"}')
    model_field.write(request, "model", "b")
    request.seal()
    assert json.loads(request.body) == {"x": 1.0, "model": "b", "y": "ä"}
    assert b"1.0" in request.body


async def test_a_form_is_read_and_written():
    request = upload()
    assert await model_field.read(request, "model") == "a/b"
    model_field.write(request, "model", "longer/b")
    assert (request.body, request.stream) == (FORM.replace(b"a/b", b"longer/b"), None)


async def test_a_form_without_the_field():
    request = upload()
    assert await model_field.read(request, "m2") == ""
    model_field.write(request, "m2", "x")
    assert request.body == FORM


@pytest.mark.parametrize("headers", [{"content-type": "audio/wav"}, {"content-encoding": "gzip"}])
async def test_other_uploads_are_not_read(headers):
    request = upload(headers)
    assert await model_field.read(request, "model") is None
    assert request.stream is not None


def test_suffixes():
    assert "/v1/chat/completions".endswith(model_field.suffixes(None))
    assert "/any".endswith(model_field.suffixes(["*", "/x"]))
    assert not "/any".endswith(model_field.suffixes([]))
