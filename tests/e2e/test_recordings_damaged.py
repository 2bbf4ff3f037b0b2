"""Recordings that were damaged, or made to do damage: a client, and who starts the gateway, is told which file it is."""

import asyncio
import json

import pytest
from stage.answers import CHAT, PATH, answers, completion
from stage.command import aigw, ended
from stage.gateway import proxied

from aigw.traffic.recordings import Recordings
from aigw.traffic.settings import RecordSettings

NAME = "001-01-chat.json"
DEEP = b'{"a":' * 300 + b"1" + b"}" * 300


@pytest.fixture
async def recs(tmp_path, provider, gateway):
    """A folder with one recording."""
    upstream = await provider(answers(completion("yo")))
    recordings = Recordings(RecordSettings(mode="record"), tmp_path / "recs")
    running = await gateway(proxied(upstream.url), around=recordings.around)
    await running.request("POST", PATH, json.dumps(CHAT).encode())
    await asyncio.to_thread(recordings.close)
    return tmp_path / "recs"


def change(recs, **fields):
    value = json.loads((recs / NAME).read_bytes()) | fields
    (recs / NAME).write_text(json.dumps(value))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"pieces": [[1, {"base64": "!"}]]}, "is damaged"),
        ({"pieces": [[1, {"file": "../x.bin", "sha256": "", "size": 1}]]}, "is no name of a side file"),
        ({"pieces": "all"}, "is no recording"),
        ({"head": {"status": 200, "headers": {"x": "a\r\nb: c"}}}, "is no recording"),
    ],
    ids=["base64", "traversal", "type", "header"],
)
async def test_a_client_gets_an_error_that_names_the_file(recs, gateway, fields, reason):
    change(recs, **fields)
    recordings = Recordings(RecordSettings(mode="replay"), recs)
    running = await gateway(proxied("http://127.0.0.1:9"), around=recordings.around)
    answer = await running.request("POST", PATH, json.dumps(CHAT).encode())
    assert (answer.status, answer.headers["x-should-retry"]) == (500, "false")
    error = answer.json()["error"]
    assert error["code"] == "bad_recording"
    assert reason in error["message"]
    assert "record it again" in error["message"]
    assert [missed.text for missed in recordings.report.missed] == [error["message"]]


async def test_a_request_that_nobody_could_have_recorded_is_a_miss(recs, gateway):
    recordings = Recordings(RecordSettings(mode="replay"), recs)
    running = await gateway(proxied("http://127.0.0.1:9"), around=recordings.around)
    answer = await running.request("POST", PATH, b'{"model":"gpt-4o","messages":[],"x":' + DEEP + b"}")
    assert answer.status in (400, 404)


def truncate(recs):
    (recs / NAME).write_bytes((recs / NAME).read_bytes()[:500])


def newer(recs):
    change(recs, aigw=99)


def nested(recs):
    (recs / NAME).write_bytes(b'{"aigw":1,"source":' * 20_000)


def linked(recs):
    (recs / NAME).rename(recs.parent / "elsewhere")
    (recs / NAME).symlink_to(recs.parent / "elsewhere")


@pytest.mark.parametrize("damage", [truncate, newer, nested, linked])
async def test_a_gateway_does_not_start_on_them(recs, tmp_path, damage):
    damage(recs)
    async with aigw(tmp_path, "--port", "0", "--replay", "recs") as process:
        code, errors = await ended(process)
    assert code == 1
    assert errors.startswith("aigw serve: ")
    assert f"recs/{NAME}: " in errors
    assert "Traceback" not in errors
    assert any(remedy in errors for remedy in ("record it again", "remove it", "move it away"))
