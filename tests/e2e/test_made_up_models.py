"""Names that no provider knows are one row of the statistics, however their requests were refused."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from stage.answers import PATH
from stage.gateway import serve

from aigw.books.usage_file import FILE_NAME
from aigw.books.usage_groups import UNKNOWN_MODEL
from aigw.books.usage_query import summarise
from aigw.books.usage_question import Question
from aigw.config.automatic import automatic

BODIES = {
    "no messages": b'{"model":"made-up-1"}',
    "no JSON": b'{"model":"made-up-2","messages":[',
    "wrong messages": b'{"model":"made-up-3","messages":"hi"}',
    "a name twice": b'{"model":"made-up-4","messages":[],"messages":[]}',
    "whole": b'{"model":"made-up-5","messages":[{"role":"user","content":"hi"}]}',
    "of another type": b'{"model":"made-up-6","messages":[],"stream":"x"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_without_a_configuration(tmp_path: Path, body: bytes) -> None:
    began = time.time() - 1
    async with serve({"plugins": automatic({}, None, [])}, folder=tmp_path) as gateway:
        answered = await gateway.request("POST", PATH, body, content_type="application/json")
        assert answered.status in (400, 404)
        known = b'{"model":"echo","messages":[{"role":"user","content":"hi"}]}'
        assert (await gateway.request("POST", PATH, known, content_type="application/json")).status == 200
    found = summarise(tmp_path / FILE_NAME, Question(by=("model",), since=began, until=time.time() + 1))
    models = {line.key["model"] for line in found.rows}
    assert models - {""} <= {"echo", UNKNOWN_MODEL}


async def test_refused_by_a_plugin(tmp_path: Path) -> None:
    plugins = {"key-auth": {"consumers": [{"name": "c", "credential": "k"}], "keys": ["x-key"], "in_header": True}}
    began = time.time() - 1
    async with serve({"plugins": {**plugins, **automatic({}, None, [])}}, folder=tmp_path) as gateway:
        for number in range(3):
            body = b'{"model":"made-up-%d","messages":[]}' % number
            assert (await gateway.request("POST", PATH, body, content_type="application/json")).status == 401
    (line,) = summarise(tmp_path / FILE_NAME, Question(by=("model",), since=began, until=time.time() + 1)).rows
    assert (line.key["model"], line.requests) == (UNKNOWN_MODEL, 3)
