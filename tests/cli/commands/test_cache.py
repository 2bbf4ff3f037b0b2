"""`aigw cache`: what is stored, told and explained in the process that a user starts."""

import asyncio
import json
import os
import time
from pathlib import Path

import pytest
from fakes import chat, make_exchange

from aigw.config.load import load
from aigw.dialects import apis
from aigw.pipeline.pipeline import behind_of, select
from aigw.plugins.ai_cache.entry import Entry, encode
from aigw.plugins.ai_cache.key import CacheKeys
from aigw.server.routes import DEFAULT_ROUTE, make_route
from aigw.server.stores import GatewayStores

ROOT = Path(__file__).parents[3]
CLEAN = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
CONFIG = """
plugins:
  ai-cache: {cache: {type: redis, serviceName: redis.static, cacheTTL: 3600}}
  ai-proxy: {provider: {type: builtin}}
"""
ASK = {"model": "m", "messages": [{"role": "user", "content": "How are\u001b[2J you?"}]}
LONG = {"model": "big", "messages": [{"role": "system", "content": "s" * 5000}, {"role": "user", "content": "q"}]}


def keys_of(loaded):
    """The keys that a gateway with this configuration makes."""
    config = DEFAULT_ROUTE
    route = make_route(config, loaded.services, None)
    chosen = select(list(loaded.plugins.values()), route, "localhost")
    return CacheKeys(behind_of(chosen[1:], route, loaded.services)), route


@pytest.fixture
def cache(tmp_path, commands):
    """A folder with a configuration; stores answers and runs the command."""
    (tmp_path / "aigw.yaml").write_text(CONFIG)

    def run(*words, given=""):
        done = commands.run("cache", *words, cwd=tmp_path, env=CLEAN, given=given)
        return done.returncode, done.stdout, done.stderr

    def store(body, *, age=0.0, text="Fine."):
        async def put():
            loaded = load(tmp_path / "aigw.yaml", {})
            keys, route = keys_of(loaded)
            asked = keys.read(make_exchange(chat(body), route=route))
            answer = {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}
            entry = Entry(
                created=time.time() - age,
                ttl=3600,
                api=apis.CHAT,
                model=body["model"],
                streamed=False,
                content_type="application/json",
                body=json.dumps(answer).encode(),
                parts=keys.parts(asked),
            )
            cache = loaded.plugins["ai-cache"].rules.configs[-1]
            stores = GatewayStores(loaded.state_dir, loaded.config.cache)
            kv = stores.by(loaded.services).kv(cache.service())
            await kv.put(cache.prefix() + asked.key, encode(entry))
            await stores.aclose()
            return asked.key

        return asyncio.run(put())

    run.store = store
    run.folder = tmp_path
    return run


def test_nothing_is_stored(cache):
    assert cache("stats") == (0, "Nothing is stored.\n", "")
    assert cache("ls") == (0, "Nothing is stored.\n", "")
    assert json.loads(cache("ls", "--json")[1]) == []
    code, _, err = cache("explain")
    assert (code, err) == (1, "aigw cache: nothing is stored, so that every request is a miss\n")


def test_stats_and_ls(cache):
    keys = [cache.store(ASK, age=120), cache.store(LONG, age=7200), cache.store({**ASK, "seed": 1})]
    out = cache("stats")[1].splitlines()
    assert [line.split()[:2] for line in out[:-1]] == [["model", "answers"], ["m", "2"], ["big", "1"], ["total", "3"]]
    assert out[-1].startswith("The oldest is 2 h old, the newest ")
    found = json.loads(cache("stats", "--json")[1])
    assert (found["entries"], found["of_another_version"], found["models"]["m"]["entries"]) == (3, 0, 2)
    listed = json.loads(cache("ls", "--json")[1])
    assert [item["key"] for item in listed] == [keys[2], keys[0], keys[1]]
    assert [item["key"] for item in json.loads(cache("ls", "--json", "--model", "m", "-n", "1")[1])] == [keys[2]]
    lines = cache("ls")[1].splitlines()
    assert [line.split()[0] for line in lines[1:]] == [key[:16] for key in (keys[2], keys[0], keys[1])]
    assert "How are�[2J you?" in lines[1]


def test_show(cache):
    key = cache.store(LONG)
    out = cache("show", key[:8])[1]
    assert f"key: {key}" in out
    assert "(5000 characters" in out
    assert '"content": "Fine."' in out
    shown = json.loads(cache("show", key, "--json")[1])
    assert shown["answer"]["choices"][0]["message"]["content"] == "Fine."
    assert shown["request"]["body"]["model"] == "big"
    cache.store(ASK)
    assert cache("show", "zz")[0] == 1
    code, _, err = cache("show", "")
    assert (code, err) == (1, "aigw cache: several keys begin with ''; `aigw cache ls` lists them\n")


def test_clear(cache):
    keys = [cache.store(ASK, age=7200), cache.store(LONG), cache.store({**ASK, "seed": 1})]
    assert cache("clear", "--older-than", "1h") == (0, "1 answers were forgotten.\n", "")
    assert json.loads(cache("clear", keys[1][:10], "--json")[1]) == {"cleared": 1}
    assert cache("clear", "--model", "other")[1] == "0 answers were forgotten.\n"
    assert [item["key"] for item in json.loads(cache("ls", "--json")[1])] == [keys[2]]
    assert cache("clear")[1] == "1 answers were forgotten.\n"
    assert cache("ls")[1] == "Nothing is stored.\n"
    assert cache("clear", "--older-than", "soon")[0] == 2


def test_explain_a_request(cache):
    key = cache.store(ASK, age=90)
    (cache.folder / "request.json").write_text(json.dumps({**ASK, "stream": True, "user": "ann"}))
    out = cache("explain", "request.json")[1]
    assert out.startswith(f"hit: {key[:16]}, stored 1 min ago, expires in 58 min")
    assert json.loads(cache("explain", "request.json", "--json")[1])["key"] == key
    out = cache("explain", "-", given=json.dumps({**ASK, "temperature": 0.2}))[1].splitlines()
    assert out[0].startswith("miss: ")
    assert out[1:] == [
        f"nearest: {key[:16]}, stored 1 min ago; it differs in",
        "  body.temperature",
        "    stored: -",
        "    asked:  0.2",
    ]
    assert cache("explain", "-", given=json.dumps({**ASK, "n": 3}))[1] == "bypass: n\n"
    assert cache("explain", "-", "--path", "/v1/models", given="{}")[1] == "bypass: /v1/models is not cached\n"
    assert (
        "completions"
        in json.loads(cache("explain", "-", "--json", "--path", "/v1/completions", given=json.dumps(ASK))[1])[
            "nearest"
        ]["differences"][0]["asked"]
    )


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("Cache-Control: no-store", "bypass: no-store"),
        ("x-higress-skip-ai-cache: on", "bypass: x-higress-skip-ai-cache"),
        ("cache-control: max-age=3600", "hit: {key}, stored 1 min ago, expires in 58 min"),
        ("cache-control: max-age=60", "miss: {key}, stored 1 min ago, expires in 58 min; max-age"),
        ("cache-control: no-cache", "miss: {key}, stored 1 min ago, expires in 58 min; no-cache"),
    ],
)
def test_explain_obeys_what_the_client_says(cache, header, told):
    key = cache.store(ASK, age=90)
    out = cache("explain", "-", "--header", header, given=json.dumps(ASK))[1]
    assert out == f"{told.format(key=key[:16])}\n"


def test_explain_the_last_miss(cache):
    near = cache.store(ASK, age=190)
    cache.store(LONG, age=180)
    last = cache.store({**ASK, "model": "n"}, age=90)
    out = cache("explain")[1].splitlines()
    assert out[0] == f"miss: {last[:16]}, asked and stored 1 min ago"
    assert out[1:3] == [f"nearest: {near[:16]}, stored 3 min ago; it differs in", "  body.model"]


def test_another_configuration_behind_the_cache_is_named(cache):
    cache.store(ASK)
    (cache.folder / "aigw.yaml").write_text(CONFIG.replace("type: builtin", "type: openai, apiTokens: [x]"))
    found = json.loads(cache("explain", "-", "--json", given=json.dumps(ASK))[1])
    assert [each["where"] for each in found["nearest"]["differences"]] == ["after.ai-proxy"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("[]", "is no JSON object"),
        ("{", "is no JSON object"),
        ("{}", "say where it goes with --path"),
    ],
)
def test_what_is_no_request(cache, given, words):
    code, _, err = cache("explain", "-", given=given)
    assert code == 2
    assert words in err


def test_what_is_not_there(cache):
    assert cache("explain", "missing.json")[0] == 1
    (cache.folder / "aigw.yaml").write_text("plugins: {ai-proxy: {provider: {type: builtin}}}\n")
    code, _, err = cache("stats")
    assert code == 2
    assert "has no plugin ai-cache" in err
    assert cache("stats", "--config", "other.yaml")[0] == 2
    (cache.folder / "aigw.yaml").unlink()
    assert "say with --config or --recipe what the gateway uses" in cache("stats")[2]


def test_the_answers_of_a_recipe(cache):
    code, out, _ = cache("stats", "--recipe", "ai-cache", "--json")
    assert (code, json.loads(out)["entries"]) == (0, 0)


def test_texts_that_a_higress_stored(cache):
    async def put():
        loaded = load(cache.folder / "aigw.yaml", {})
        config = loaded.plugins["ai-cache"].rules.configs[-1]
        stores = GatewayStores(loaded.state_dir, loaded.config.cache)
        kv = stores.by(loaded.services).kv(config.service())
        await kv.put("higress-ai-cache:How are you?", b"Fine.")
        await kv.put("higress-ai-cache:abc", b"aigw-cache 0\nof another version")
        await stores.aclose()

    asyncio.run(put())
    assert "How are you?" in cache("ls")[1]
    assert json.loads(cache("show", "How", "--json")[1])["answer"] == "Fine."
    assert json.loads(cache("stats", "--json")[1])["of_another_version"] == 1


KEYS = [
    "sk-proj-abcdefghijklmnop1234", "AIzaSyA1234567890abcdefghij", "ghp_0123456789abcdefghij", "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.sig", "Bearer abcdef0123456789", "https://user:pa55word@host/",
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_keys_that_people_paste_are_not_shown(cache, key):
    secret = key.split()[-1].removeprefix("https://user:").removesuffix("@host/")
    spoken = f"My key is {key} now"
    first = cache.store({"model": "m", "user": key, "messages": [{"role": "user", "content": spoken}]}, text=spoken)
    cache.store({"model": f"m {key}", "api_key": "hunter2hunter2", "messages": [{"role": "user", "content": "Hi"}]})
    shown = [cache(*words)[1] for words in (["ls"], ["show", first[:8]], ["explain"], ["stats"])]
    shown += [cache(*words, "--json")[1] for words in (["ls"], ["show", first[:8]], ["explain"], ["stats"])]
    for text in shown:
        assert secret not in text
        assert "hunter2hunter2" not in text
    assert all("My key is" in text for text in shown[:2])
    assert all("***" in text for text in shown)
