"""`aigw what-if`: what would have become of recorded calls, and that nothing is sent, kept or counted."""

import json
from contextlib import chdir

import pytest
import yaml
from recorded_calls import chat_call, embeddings_call, said, user, written
from typer.testing import CliRunner

from aigw.cli.main import app

PRICES = {"gpt-4o*": {"input": 10, "output": 10}, "qwen-*": {"input": 1000, "output": 1000}}
OPENAI = {"type": "openai", "apiTokens": ["${OPENAI_API_KEY}"]}
QWEN = {"type": "qwen", "apiTokens": ["${DASHSCOPE_API_KEY}"], "modelMapping": {"*": "qwen-plus"}}
REDIS = {"service_name": "redis.static"}
USAGE = {"prompt_tokens": 60, "completion_tokens": 40}


def answered(text, at=0, answer="ok", **fields):
    call = chat_call(user(text), **fields)
    body = {
        "model": "gpt-4o-2024",
        "choices": [{"message": {"content": answer}, "finish_reason": "stop"}],
        "usage": USAGE,
    }
    return call._replace(at=1_790_000_000.0 + at), said("", pieces=[(0.1, json.dumps(body).encode())])


def config(provider=OPENAI, **plugins):
    named = {name.replace("_", "-"): each for name, each in plugins.items()}
    services = {"redis.static": "redis://127.0.0.1:1"}
    return {"prices": PRICES, "services": services, "plugins": {**named, "ai-proxy": {"provider": provider}}}


@pytest.fixture
def what_if(tmp_path):
    def run_it(config, *words, env=None):
        (tmp_path / "new.yaml").write_text(yaml.safe_dump(config))
        runner = CliRunner(env={"COLUMNS": "80", "TERMINAL_WIDTH": "80", "OPENAI_API_KEY": None, **(env or {})})
        result = runner.invoke(app, ["what-if", "new.yaml", "--recordings", "recs", *words])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result.exit_code, result.stdout, result.stderr

    with chdir(tmp_path):
        yield run_it


def fates(what_if, config, **options):
    code, out, err = what_if(config, "--json", **options)
    assert (code, err) == (0, "")
    found = json.loads(out)
    return [each["fate"] for each in found["calls"]], found


def test_the_same_configuration_changes_nothing(what_if, tmp_path):
    written(tmp_path / "recs", answered("Hi"), answered("You"))
    told, found = fates(what_if, config())
    assert told == ["same", "same"]
    assert found["total"]["before"]["usd"] == found["total"]["after"]["usd"] == pytest.approx(0.002)


def test_another_provider_and_its_price(what_if, tmp_path):
    written(tmp_path / "recs", answered("Hi"), answered("Hi, stream", stream=True))
    told, found = fates(what_if, config(QWEN))
    assert told == ["elsewhere", "elsewhere"]
    assert [(each["sent"]["service"], each["sent"]["model"]) for each in found["calls"]] == [("qwen", "qwen-plus")] * 2
    assert found["total"]["after"]["usd"] == pytest.approx(0.2)
    lines = what_if(config(QWEN))[1].splitlines()
    assert lines[0] == "2 calls of 2 sessions through new.yaml; nothing was sent"
    assert lines[3].split() == ["gpt-4o", "->", "qwen-plus", "at", "qwen", "2", "200", "0.0020", "0.2000"]


@pytest.mark.parametrize(
    "provider", [{"type": "claude", "apiTokens": ["${ANTHROPIC_API_KEY}"]}, {"type": "gemini", "apiTokens": ["x"]}]
)
def test_a_provider_of_another_format(what_if, tmp_path, provider):
    written(tmp_path / "recs", answered("Hi", answer="Bonjour"))
    told, found = fates(what_if, config({**provider, "modelMapping": {"*": "qwen-other"}}))
    (call,) = found["calls"]
    assert (told, call["after"]["text"]) == (["elsewhere"], "Bonjour")
    assert call["after"]["usd"] == pytest.approx(0.1)


def test_limits_by_the_recorded_time(what_if, tmp_path):
    limit = {"rule_name": "r", "global_threshold": {"token_per_minute": 150}, "redis": REDIS}
    written(tmp_path / "recs", *(answered(str(at), at) for at in (0, 20, 40, 130)))
    told, found = fates(what_if, config(ai_token_ratelimit=limit))
    assert told == ["same", "same", "refused", "same"]
    assert found["calls"][2]["code"] == "rate_limit_exceeded"
    out = what_if(config(ai_token_ratelimit=limit))[1]
    assert "refused: 429 rate_limit_exceeded" in out
    assert "\nrefused\n  003-01-chat  Too many requests" in out


def test_a_budget(what_if, tmp_path):
    written(tmp_path / "recs", *(answered(str(number)) for number in range(4)))
    told, _ = fates(what_if, config(ai_budget={"budgets": [{"name": "day", "per": "day", "usd": 0.0015}]}))
    assert told[0] == "same"
    assert told[-1] == "refused"


def test_the_cache(what_if, tmp_path):
    cache = {"cache": {"type": "redis", "serviceName": "redis.static", "cacheTTL": 60}}
    written(tmp_path / "recs", answered("Hi"), answered("Hi", 30), answered("Hi", 200))
    told, found = fates(what_if, config(ai_cache=cache))
    assert told == ["same", "cached", "same"]
    assert [each["after"]["usd"] for each in found["calls"]] == [pytest.approx(0.001), 0, pytest.approx(0.001)]


def test_a_key_that_recordings_do_not_have(what_if, tmp_path):
    written(tmp_path / "recs", answered("Hi"))
    auth = {"keys": ["authorization"], "consumers": [{"name": "ann", "credential": "Bearer ann-12345678"}]}
    guarded = config(key_auth=auth)
    out = what_if(guarded)[1]
    assert "set AIGW_KEY" in out
    assert fates(what_if, guarded, env={"AIGW_KEY": "ann-12345678"})[0] == ["same"]


def test_each_consumer_has_a_budget_and_a_key_of_his_own(what_if, tmp_path):
    calls = [
        (call._replace(consumer=name), answer) for name in ("ann", "ann", "bob") for call, answer in [answered("Hi")]
    ]
    written(tmp_path / "recs", *calls)
    consumers = [{"name": name, "credential": f"{name}-12345678"} for name in ("ann", "bob")]
    budget = {"name": "each", "per": "consumer", "calls": 1}
    guarded = config(key_auth={"keys": ["x-api-key"], "consumers": consumers}, ai_budget={"budgets": [budget]})
    told, found = fates(what_if, guarded)
    assert (told, found["keyless"]) == (["same", "refused", "same"], False)


def test_a_key_that_one_route_asks_for(what_if, tmp_path):
    written(tmp_path / "recs", answered("Hi", headers=(("x-team", "a"),)), answered("Hi"))
    auth = {"keys": ["authorization"], "consumers": [{"name": "ann", "credential": "Bearer ann-12345678"}]}
    rule = {"_match_route_": ["closed"], "allow": ["ann"]}
    routes = [{"name": "closed", "match": {"headers": {"x-team": "a"}}}, {"name": "open"}]
    guarded = config(key_auth={**auth, "_rules_": [rule]}) | {"routes": routes}
    told, found = fates(what_if, guarded)
    assert (told, found["keyless"]) == (["refused", "same"], True)


def test_errors_that_were_recorded_stay_errors(what_if, tmp_path):
    quota = json.dumps({"error": {"message": "quota", "code": "insufficient_quota"}}).encode()
    call = answered("Hi")[0]
    written(tmp_path / "recs", (call, said("", status=403, pieces=[(0.1, quota)])))
    told, found = fates(what_if, config())
    assert (told, found["calls"][0]["after"]["status"]) == (["same"], 403)


def test_embeddings_are_answered_as_recorded(what_if, tmp_path):
    body = json.dumps({"data": [{"embedding": [1.0]}], "usage": {"prompt_tokens": 3, "total_tokens": 3}}).encode()
    written(tmp_path / "recs", (embeddings_call("x"), said("", pieces=[(0.1, body)])))
    told, found = fates(what_if, config({**QWEN, "modelMapping": {"*": "text-embedding-v3"}}))
    assert (told, found["calls"][0]["after"]["status"]) == (["elsewhere"], 200)


def test_nothing_is_kept(what_if, tmp_path):
    written(tmp_path / "recs", answered("Hi"))
    before = sorted(path.name for path in tmp_path.rglob("*"))
    assert what_if(config(ai_cache={"cache": {"type": "redis", "serviceName": "redis.static"}}))[0] == 0
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted([*before, "new.yaml"])


def test_what_is_wrong(what_if, tmp_path):
    code, _, err = what_if(config())
    assert (code, "there is no folder recs" in err) == (1, True)
    written(tmp_path / "recs", answered("Hi"))
    code, _, err = what_if(config(ai_cach={}))
    assert (code, "did you mean 'ai-cache'" in err) == (2, True), err
