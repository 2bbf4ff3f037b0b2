"""`aigw replay`: recorded requests are sent again, and what changed is told."""

import json
from contextlib import chdir

import pytest
import yaml
from recorded_calls import chat_call, said, user, written
from typer.testing import CliRunner

from aigw.cli.main import app
from aigw.traffic.format.folder import Folder

CONFIG = {
    "prices": {"echo": {"input": 1000, "output": 2000}},
    "plugins": {"ai-proxy": {"provider": {"type": "builtin"}}},
    "routes": [
        {"name": "loud", "match": {"path": "/loud"}, "plugins": {"ai-prompt-decorator": {"append": [user("LOUD")]}}},
        {"name": "rest", "match": {"path": "/*"}},
    ],
}
USAGE = {"prompt_tokens": 8, "completion_tokens": 1}


def echoed(text, answer=None, usage=USAGE, **more):
    call = chat_call(user(text), model="echo")._replace(service="builtin", model="echo", name="b", route="rest")
    message = {"role": "assistant", "content": text if answer is None else answer}
    body = {"model": "echo", "choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}
    return call, said("", pieces=[(0.1, json.dumps(body).encode())], **more)


@pytest.fixture
def replay(tmp_path):
    (tmp_path / "aigw.yaml").write_text(yaml.safe_dump(CONFIG))

    def run_it(*words, env=None):
        runner = CliRunner(env={"COLUMNS": "80", "TERMINAL_WIDTH": "80", **(env or {})})
        result = runner.invoke(app, ["replay", *words])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result.exit_code, result.stdout, result.stderr

    with chdir(tmp_path):
        yield run_it


def test_the_same_answers(replay, tmp_path):
    written(tmp_path / "recs", echoed("Hi"), echoed("You"))
    code, out, err = replay("recs")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "2 of 2 calls got the answer that was recorded; sent to aigw.yaml"


def test_what_changed(replay, tmp_path):
    written(tmp_path / "recs", echoed("Hi", "Hello there"), echoed("You"), echoed("No", status=500))
    code, out, _ = replay("recs")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == ["call", "changed", "tokens", "$", "time"]
    assert lines[1].split()[:2] == ["001-01-chat", "text"]
    assert lines[2] == '  text: "Hello there" -> "Hi"'
    assert lines[3].split()[:4] == ["003-01-chat", "500", "->", "200"]
    assert lines[-1].startswith("1 of 3 calls")
    assert all(len(line) <= 80 for line in lines)


def test_for_programs(replay, tmp_path):
    written(tmp_path / "recs", echoed("Hi", "Hello there"))
    code, out, _ = replay("recs", "--json", "--fail-if", "changed>0")
    found = json.loads(out)
    (call,) = found["calls"]
    assert (code, found["failed"]) == (1, ["changed>0: 0 -> 1"])
    assert (call["name"], call["changed"]) == ("001-01-chat.json", ["text"])
    assert (call["old"]["text"], call["new"]["text"]) == ("Hello there", "Hi")
    assert call["old"]["usd"] == pytest.approx(0.01)
    assert call["new"]["usd"] == pytest.approx(call["new"]["tokens"]["in"] / 1000 + call["new"]["tokens"]["out"] / 500)
    assert found["total"]["changed"] == 1


def test_conditions_decide_about_the_exit_code(replay, tmp_path):
    written(tmp_path / "recs", echoed("Hi", usage={"prompt_tokens": 1, "completion_tokens": 1}))
    code, _, err = replay("recs", "--fail-if", "cost>+10%,errors>0")
    assert code == 1
    assert err.startswith("aigw replay: cost>+10%: 0.003 -> ")
    assert replay("recs", "--fail-if", "cost>1")[0] == 0


def test_errors_that_were_not_recorded_fail(replay, tmp_path):
    written(tmp_path / "recs", echoed("Hi"))
    code, out, err = replay("recs", "--model", "nobody")
    assert (code, err) == (1, "aigw replay: errors>+0%: 0 -> 1\n")
    assert "200 -> 404" in out
    assert "  error: The model " in out


def test_through_a_route(replay, tmp_path):
    written(tmp_path / "recs", echoed("Hi"))
    assert '"Hi" -> "LOUD"' in replay("recs", "--against", "loud")[1]
    code, _, err = replay("recs", "--against", "quiet")
    assert code == 2
    assert "there is no route 'quiet'; there are loud, rest" in err


def test_no_answer_comes_from_a_cache_of_before(replay, tmp_path):
    cache = {"cache": {"type": "redis", "serviceName": "redis.static"}}
    cached = {**CONFIG, "plugins": {**CONFIG["plugins"], "ai-cache": cache}}
    (tmp_path / "aigw.yaml").write_text(yaml.safe_dump(cached))
    written(tmp_path / "recs", echoed("Hi"), echoed("Hi"))
    for _ in range(2):
        calls = json.loads(replay("recs", "--concurrency", "1", "--json")[1])["calls"]
        assert [call["new"]["remark"] for call in calls] == ["", "cache: hit"]


def test_recorded_anew(replay, tmp_path):
    written(tmp_path / "recs", echoed("Hi", "Hello there"))
    assert replay("recs", "--record", "new")[0] == 0
    assert Folder(tmp_path / "new").read("001-01-chat.json").answer.text == ["Hi"]
    assert replay("new")[1].startswith("call   changed")
    code, _, err = replay("recs", "--record", "new", "--against", "http://127.0.0.1:1")
    assert (code, "--record needs a gateway" in err) == (2, True)


def test_nobody_answers(replay, tmp_path):
    written(tmp_path / "recs", echoed("Hi"))
    code, out, err = replay("recs", "--against", "http://127.0.0.1:1")
    assert (code, err) == (1, "aigw replay: errors>+0%: 0 -> 1\n")
    assert "200 -> no answer" in out


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("nowhere",), 1, "there is no folder nowhere"),
        (("recs", "--fail-if", "cost>10%"), 2, "a percentage has a sign"),
        (("recs", "--against", "ftp://host"), 2, "--against must be a URL"),
        (("recs", "--config", "nowhere.yaml"), 2, "nowhere.yaml"),
        (("recs", "--recipe", "nowhere"), 2, "there is no recipe"),
        ((), 2, "Missing argument"),
    ],
)
def test_what_is_typed_wrong(replay, tmp_path, words, code, why):
    written(tmp_path / "recs", echoed("Hi"))
    found, _, err = replay(*words)
    assert (found, why in err) == (code, True), err


def test_a_gateway_that_asks_for_a_key(replay, tmp_path):
    auth = {"keys": ["authorization"], "consumers": [{"name": "ann", "credential": "Bearer ann-12345678"}]}
    guarded = {**CONFIG, "plugins": {**CONFIG["plugins"], "key-auth": auth}}
    (tmp_path / "aigw.yaml").write_text(yaml.safe_dump(guarded))
    written(tmp_path / "recs", echoed("Hi"))
    code, out, _ = replay("recs")
    assert (code, "set AIGW_KEY" in out.splitlines()[-1]) == (1, True)
    code, out, err = replay("recs", env={"AIGW_KEY": "ann-12345678"})
    assert (code, "ann-12345678" in out + err) == (0, False)


def test_a_consumer_of_the_configuration_has_his_key(replay, tmp_path):
    auth = {"keys": ["x-api-key"], "consumers": [{"name": "ann", "credential": "ann-12345678"}]}
    guarded = {**CONFIG, "plugins": {**CONFIG["plugins"], "key-auth": auth}}
    (tmp_path / "aigw.yaml").write_text(yaml.safe_dump(guarded))
    call, answer = echoed("Hi")
    written(tmp_path / "recs", (call._replace(consumer="ann"), answer))
    code, out, err = replay("recs")
    assert (code, "ann-12345678" in out + err) == (0, False)


def test_no_key_leaves_without_tls(replay, tmp_path):
    written(tmp_path / "recs", echoed("Hi"))
    code, out, err = replay("recs", "--against", "http://llm.example.com", env={"OPENAI_API_KEY": "sk-1234567890"})
    assert (code, out, "a key would go there without TLS" in err) == (2, "", True)


def test_a_side_file_that_is_gone(replay, tmp_path):
    call, answer = echoed("Hi")
    large = call.sent._replace(body=bytes(range(256)) * 100)
    folder = written(tmp_path / "recs", (call._replace(sent=large, client=large), answer))
    (side,) = folder.path.glob("*.request.bin")
    side.unlink()
    code, out, err = replay("recs")
    assert (code, out, f"{side.name}: cannot be read" in err) == (1, "", True), err


def test_secrets_and_control_sequences_stay_out(replay, tmp_path):
    key = "sk-proj-" + "a1b2c3d4" * 4
    call, _ = echoed(f"\x1b[31m {key}")
    written(tmp_path / "recs", (call, said("nothing")))
    for words in (("recs",), ("recs", "--json")):
        code, out, err = replay(*words)
        assert code == 0
        assert key not in out + err
        assert "\x1b" not in out
