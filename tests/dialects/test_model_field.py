import json

import pytest
from fakes import chat

from aigw.dialects.model_field import ModelField, ask_for

FORM = b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\na/b\r\n--x--\r\n'
KIND = "multipart/form-data; boundary=x"
MODEL = ModelField("model", None, higress=False)
GEMINI = "/v1beta/models/org%2Fm:streamGenerateContent"


async def pieces():
    yield FORM[:50]
    yield FORM[50:]


def upload(headers=None):
    request = chat(b"", headers={"content-type": KIND, **(headers or {})})
    request.upload = pieces()
    return request


@pytest.mark.parametrize(
    ("body", "model"), [({"model": "m"}, "m"), ({}, ""), ({"model": 4}, ""), (b"[]", None), (b'{"model":', None)]
)
async def test_json(body, model):
    assert await MODEL.read(chat(body)) == model


async def test_a_written_model_leaves_the_rest_as_it_was():
    request = chat(b'{"x": 1.0,  "model" :"a", "y": "\xc3\xa4"}')
    MODEL.write(request, "b")
    request.seal()
    assert json.loads(request.body) == {"x": 1.0, "model": "b", "y": "ä"}
    assert b"1.0" in request.body


@pytest.mark.parametrize(
    ("key", "body", "model", "written"),
    [
        ("a.b", {"a": {"b": "m", "c": 1}, "d": 2}, "m", {"a": {"b": "new", "c": 1}, "d": 2}),
        ("a.b.c", {}, "", {"a": {"b": {"c": "new"}}}),
        ("a.b", {"a": "text", "a.b": "m"}, "", {"a": {"b": "new"}, "a.b": "m"}),
        (r"a\.b", {"a.b": "m"}, "m", {"a.b": "new"}),
    ],
)
async def test_the_key_is_a_path(key, body, model, written):
    request, field = chat(body), ModelField(key, None, higress=False)
    assert await field.read(request) == model
    field.write(request, "new")
    request.seal()
    assert json.loads(request.body) == written


async def test_a_form_is_read_and_written():
    request = upload()
    assert await MODEL.read(request) == "a/b"
    MODEL.write(request, "longer/b")
    assert (request.body, request.upload) == (FORM.replace(b"a/b", b"longer/b"), None)


@pytest.mark.parametrize("higress", [False, True])
async def test_a_form_without_the_field(higress):
    request = upload()
    other = ModelField("m2", None, higress=higress)
    assert await other.read(request) == ""
    other.write(request, "x")
    added = b'--x\r\nContent-Disposition: form-data; name="m2"\r\n\r\nx\r\n'
    assert request.body == (FORM if higress else added + FORM)


@pytest.mark.parametrize("headers", [{"content-type": "audio/wav"}, {"content-encoding": "gzip"}])
async def test_other_uploads_are_not_read(headers):
    request = upload(headers)
    assert await MODEL.read(request) is None
    assert request.upload is not None


async def test_a_path_names_its_model_and_the_body_does_not():
    request = chat(b'{"contents": []}', path=GEMINI)
    assert await MODEL.read(request) == "org/m"
    MODEL.write(request, "a/b c")
    assert (request.path, request.body) == ("/v1beta/models/a%2Fb%20c:streamGenerateContent", b'{"contents": []}')


async def test_higress_reads_no_path():
    request, field = chat(b"{}", path=GEMINI), ModelField("model", ["*"], higress=True)
    assert await field.read(request) == ""
    field.write(request, "m")
    request.seal()
    assert (request.path, request.body) == (GEMINI, b'{"model":"m"}')


@pytest.mark.parametrize(
    ("request_", "path", "body"),
    [
        (chat(b'{"model":"m","n":1}'), "/v1/chat/completions", b'{"model":"other","n":1}'),
        (chat(b'{"n":1}'), "/v1/chat/completions", b'{"n":1}'),
        (chat(b"no JSON"), "/v1/chat/completions", b"no JSON"),
        (chat(b"{}", path=GEMINI), "/v1beta/models/other:streamGenerateContent", b"{}"),
    ],
)
def test_another_model_where_one_is_named(request_, path, body):
    ask_for(request_, "other")
    assert (request_.path, request_.body) == (path, body)


def test_another_model_in_a_form():
    request = chat(FORM, headers={"content-type": KIND})
    ask_for(request, "other")
    assert b"other" in request.body


@pytest.mark.parametrize(
    ("suffixes", "higress", "path", "counts"),
    [
        (None, False, "/v1/chat/completions", True),
        (None, False, "/any", False),
        (["*", "/x"], False, "/any", True),
        ([], False, "/any", False),
        (None, False, GEMINI, True),
        (None, True, GEMINI, False),
        (None, False, "/v1/audio/transcriptions", True),
        (None, True, "/v1/audio/transcriptions", False),
    ],
)
def test_suffixes(suffixes, higress, path, counts):
    assert ModelField("model", suffixes, higress=higress).counts(path) == counts
