"""`aigw trace`: in the process that a user starts, and what is printed."""

import json
import os
from pathlib import Path

import msgspec
import pytest

from aigw.core.tokens import Tokens
from aigw.trace.files import FOLDER, TraceFiles
from aigw.trace.record import AnswerChange, BodyChange, Changed, HeaderChange, Step, TraceRecord, Was

ROOT = Path(__file__).parents[3]
CLEAN = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TZ": "UTC", "PYTHONUTF8": "1"}
NOON = 1_795_176_000.0

STEPS = [
    Step(kind="plugin", name="ai-statistics", why={"config": "global"}, in_ms=0.02, out_ms=0.01),
    Step(
        kind="plugin",
        name="ai-prompt-decorator",
        why={"config": "rule", "index": 1, "match": {"_match_route_": ["llm", "other"]}},
        in_ms=0.1,
        changed=Changed(
            body=[BodyChange("add", "messages[0]", "", '{"role": "system", "content": "' + "Be kind. " * 20 + '"}')],
            headers=[HeaderChange("x-old", "1", None)],
            more=True,
        ),
        reply=AnswerChange(status=(200, 203), rewritten=True),
    ),
    Step(
        kind="plugin",
        name="ai-proxy",
        why={"config": "route"},
        in_ms=0.4,
        out_ms=120.0,
        changed=Changed(
            path=Was("/v1/chat/completions", "/compatible-mode/v1/chat/completions"),
            headers=[HeaderChange("authorization", None, "***")],
            body=[BodyChange("replace", "model", '"gpt-4"', '"qwen-max"')],
        ),
    ),
    Step(kind="upstream", name="qwen", origin="https://up:443", in_ms=800.0, status=429),
    Step(kind="plugin", name="ai-proxy", again=2, changed=Changed(sizes=(5, 6), hashes=("aa", "bb")), error="502 gone"),
]
LAST = TraceRecord(
    v=1, id="abcd0002", at=NOON + 1, route="llm", host="h", consumer="ann", method="POST", path="/v1/chat/completions",
    query="key=***", body_bytes=1234, status=502, error="502 gone", total_ms=12_345.6, wait_ms=800.0, first_ms=812.0,
    absent=["ai-cache"], steps=STEPS, left_out=3, asked="gpt-4", answered="qwen-max",
    tokens=Tokens(input=1234, source="reported"),
)  # fmt: skip
RECORDS = [
    TraceRecord(
        v=1,
        id="abcd0001",
        at=NOON + 2,
        total_ms=100,
        route="llm",
        method="GET",
        path="/v1/models",
        status=200,
        outcome="complete",
    ),
    LAST,
    TraceRecord(v=2, id="newer", at=NOON + 2),
]


@pytest.fixture
def trace(tmp_path, commands):
    files = TraceFiles(tmp_path / ".aigw" / FOLDER)
    for each in (RECORDS[1], RECORDS[0], RECORDS[2]):
        files.write(msgspec.json.encode(each))
    files.write(b'{"v":1,"id":"torn')
    files.close()

    def run(*words, columns=80, cwd=tmp_path):
        done = commands.run("trace", *words, cwd=cwd, env=CLEAN | {"COLUMNS": str(columns)})
        return done.returncode, done.stdout, done.stderr

    return run


EXPECTED = """\
POST /v1/chat/completions?key=***  502
  11-20 12:00:01.000  abcd0002
  route llm · host h · consumer ann · body 1,234 bytes
  model qwen-max for gpt-4 · 1,234 tokens in, ? out
  total 12.3s · waiting for upstreams 800ms · first event 812ms
* ai-statistics  in 0.02ms, out 0.01ms  global configuration
* ai-prompt-decorator  in 0.10ms, out 0.00ms  _rules_[1] _match_route_: llm,
|     other
|   - header x-old  1
|   + body messages[0]  {"role": "system", "content": "Be kind. Be kind. Be
|     kind. Be kind. Be kind. Be kind. Be kind. Be kind. Be kind. Be kind. Be
|     kind. Be kind. Be kind. Be kind. Be kind. Be kind. Be kind. Be kind. Be
|     kind. Be kind. "}
|   ... and more changes of the request
|   ~ answer status  200 -> 203
|   rewrites the answer's body
* ai-proxy  in 0.40ms, out 120ms  the route's own configuration
|   ~ path  /v1/chat/completions -> /compatible-mode/v1/chat/completions
|   + header authorization  ***
|   ~ body model  "gpt-4" -> "qwen-max"
> qwen  https://up:443  429  800ms
* ai-proxy, time 2  in 0.00ms, out 0.00ms
|   ~ body  5 bytes (aa) -> 6 bytes (bb)
|   raised 502 gone
... 3 further steps are not in the trace
= 502 gone
  * plugin  > upstream  + added  - removed  ~ changed  = what the client got
  not on this route: ai-cache
"""


def test_the_last_one(trace):
    for words in ((), ("last",), ("abcd0002",)):
        code, out, err = trace(*words)
        assert (code, err) == (0, "")
        assert out == EXPECTED


def test_one_by_the_beginning_of_its_id(trace):
    assert trace("abcd0001")[1].startswith("GET /v1/models  200\n")
    code, out, err = trace("abcd")
    assert (code, out) == (1, "")
    assert "2 requests have an id that begins with 'abcd'; give more of it: abcd0001, abcd0002" in err


def test_json(trace):
    assert msgspec.json.decode(trace("--json")[1], type=TraceRecord) == LAST
    assert [each["id"] for each in json.loads(trace("ls", "--json")[1])] == ["abcd0002", "abcd0001"]


@pytest.mark.parametrize("columns", [80, 64])
def test_the_list(trace, columns):
    code, out, _ = trace("ls", columns=columns)
    found = out.splitlines()
    assert code == 0
    assert found[1].split()[:5] == ["11-20", "12:00:01.000", "abcd0002", "502", "12.3s"]
    assert len(found) == 3
    assert all(len(line) <= columns for line in found)
    assert len(trace("ls", "-n", "1")[1].splitlines()) == 2


def test_what_is_not_there(trace, tmp_path):
    code, out, err = trace("ffff")
    assert (code, out) == (1, "")
    assert "no trace in .aigw has an id that begins with 'ffff'; `aigw trace ls` lists them" in err
    code, out, err = trace("--state", "elsewhere")
    assert (code, out) == (1, "")
    assert "there are no traces in elsewhere: start `aigw serve --trace` here" in err
    assert trace("--state", str(tmp_path / ".aigw"), cwd="/")[0] == 0


def test_the_configuration_names_the_folder(trace, tmp_path):
    (tmp_path / ".aigw").rename(tmp_path / "state")
    (tmp_path / "aigw.yaml").write_text("state_dir: state\n")
    assert trace()[0] == 0


def test_traces_of_a_newer_version(trace, tmp_path):
    for path in (tmp_path / ".aigw" / FOLDER).iterdir():
        path.write_bytes(msgspec.json.encode(RECORDS[2]) + b"\n")
    code, _, err = trace()
    assert code == 1
    assert "were written by a newer aigw; upgrade this one" in err
