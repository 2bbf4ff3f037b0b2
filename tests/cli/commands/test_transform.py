"""`aigw transform`: rules and prompts are tried on a message from a file."""

import json
import os
import pty
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from aigw.cli.main import app

ROOT = Path(__file__).parents[3]
ANSWER = b'HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 7\r\nX-A: 1\r\n\r\n{"a":1}'
REQUEST = b"PUT /a?b=1 HTTP/1.1\nhost: x\ncontent-type: text/xml\n\n<a/>"
TO_YAML = ("--rules", "[{rename: {a: b}}, jsonToYaml]")
ECHO = {"ai-proxy": {"provider": {"type": "builtin"}}}


@pytest.fixture
def transform(tmp_path):
    def run_it(given, *words, config=None):
        if config is not None:
            Path("aigw.yaml").write_text(yaml.safe_dump(config, allow_unicode=True))
        result = CliRunner(env={"COLUMNS": "10000"}).invoke(app, ["transform", *words], input=given)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result.exit_code, result.stdout_bytes, result.stderr

    with chdir(tmp_path):
        yield run_it


def test_an_answer_as_curl_prints_it(transform):
    head = b"HTTP/1.1 404 Not Found\ncontent-type: application/yaml\nx-a: 1\ncontent-length: 5\n\n"
    assert transform(ANSWER, *TO_YAML) == (0, head + b"b: 1\n", "")


def test_a_request(transform):
    head = b"PUT /a?b=1 HTTP/1.1\nhost: x\ncontent-type: application/json\ncontent-length: 10\n\n"
    assert transform(REQUEST, "--rules", "xmlToJson") == (0, head + b'{"a":null}', "")


@pytest.mark.parametrize(
    ("body", "words", "first", "kind"),
    [
        (b"<a/>", ("--response",), b"HTTP/1.1 200 OK", b"application/json"),
        (b'<?xml version="1.0"?>\n\n<a:b xmlns:a="http://x"/>', (), b"POST / HTTP/1.1", b"application/json"),
    ],
)
def test_a_body_alone(transform, body, words, first, kind):
    code, out, _ = transform(body, "--rules", "[xmlToJson]", *words)
    assert (code, out.splitlines()[0], out.splitlines()[1]) == (0, first, b"content-type: " + kind)


@pytest.mark.parametrize(
    "given", [b"a: 1\nb:\n  - x\n", b"a: 1\n\nb: [x]\n", b"content-type: text/yaml\n\na: 1\nb: [x]"]
)
def test_yaml_alone_is_no_header(transform, given):
    code, out, _ = transform(given, "--rules", "[yamlToJson]")
    assert (code, out.partition(b"\n\n")[2]) == (0, b'{"a":1,"b":["x"]}')


def test_a_file_and_json(transform):
    Path("message.http").write_bytes(ANSWER)
    code, out, _ = transform(None, "message.http", *TO_YAML, "--json")
    assert code == 0
    assert json.loads(out) == {
        "transformed": True,
        "reason": "",
        "status": "404",
        "headers": [["content-type", "application/yaml"], ["x-a", "1"], ["content-length", "5"]],
        "body": "b: 1\n",
    }


def test_a_binary_body(transform):
    given = b"HTTP/1.1 200\ncontent-type: image/png\n\n\xff\r\n\r\n\x00"
    code, out, _ = transform(given, "--rules", "[{setHeader: {x: 1}}]")
    assert (code, out.partition(b"\n\n")[2]) == (0, b"\xff\r\n\r\n\x00")
    shown = json.loads(transform(given, "--rules", "[{setHeader: {x: 1}}]", "--json")[1])
    assert shown["base64"] == "/w0KDQoA"


def test_what_cannot_be_transformed_stays_as_it_is(transform):
    code, out, err = transform(ANSWER, "--rules", "[{setHeader: {x: 1}}, xmlToJson]")
    assert (code, out.partition(b"\n\n")[2], b"x: 1" in out) == (1, b'{"a":1}', False)
    assert err.startswith("aigw transform: unchanged: the body is not XML")
    code, out, _ = transform(ANSWER, "--rules", "[xmlToJson]", "--json")
    assert (code, json.loads(out)["transformed"]) == (1, False)


@pytest.mark.parametrize(
    ("given", "words", "why"),
    [
        (b"", ("--rules", "xmlToJson"), "stdin is no HTTP message: it is empty"),
        (b"x-a: 1\nno\n\n", ("--rules", "xmlToJson"), "stdin is no HTTP message: line 2 is no header"),
        (b"x-a: 1\n", ("--rules", "xmlToJson"), "no blank line"),
        (b"<a/>", ("--rules", "[xmlToJso]"), "--rules[0]: must be one of"),
        (b"<a/>", ("--rules", "[{set: {a..b: 1}}]"), "--rules[0].set: 'a..b' is no path"),
        (b"<a/>", ("--rules", "["), "--rules is no YAML"),
        (b"<a/>", (), "say what shall be done, with --rules or --prompt"),
        (b"<a/>", ("no-such.http", "--rules", "xmlToJson"), "no-such.http cannot be read"),
        (b"<a/>", ("--prompt", "x", "--route", "no"), "--route: there is no route 'no'"),
        (b"<a/>", ("--prompt", "x", "--recipe", "no"), "there is no recipe 'no'"),
        (b"<a/>", ("--prompt", "x", "--recipe", "a", "--config", "b"), "choose one of"),
        (b"<a/>", ("--prompt", "x", "--config", "no.yaml"), "no.yaml"),
    ],
)
def test_what_was_typed_wrong(transform, given, words, why):
    code, out, err = transform(given, *words)
    assert (code, out) == (2, b"")
    assert why in err


def test_what_is_configured(transform):
    """The rules are those of the plugin for messages of this kind."""
    config = {"plugins": {"ai-transformer": {"response": {"rules": ["xmlToJson"]}}}}
    assert transform(b"<a/>", "--response", config=config)[1].endswith(b'{"a":null}')
    code, _, err = transform(b"<a/>")
    assert (code, "ai-transformer is not configured for a request" in err) == (2, True)


def test_a_recipe(transform):
    """Its rules, and then its prompt, which the built-in model answers with the message as it is."""
    code, out, _ = transform(b"<a/>", "--response", "--recipe", "ai-transformer")
    assert (code, out.partition(b"\n\n")[2]) == (0, b'{"a":null}')


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--model", "echo"), 0),
        (("--route", "llm", "--model", "echo"), 0),
        ((), 0),
        (("--model", "mock"), 1),
        (("--model", "no-such"), 1),
    ],
)
def test_a_model_is_asked(transform, words, code):
    """Echo says the message again; what mock says is none."""
    config = {"plugins": ECHO, "routes": [{"name": "llm"}]}
    found, out, err = transform(REQUEST, "--prompt", "do nothing", *words, config=config)
    assert (found, out.partition(b"\n\n")[2]) == (code, b"<a/>")
    assert ("unchanged: " in err) == (code == 1)
    assert ("no provider is configured" in err) == (not words)


def test_on_a_terminal(tmp_path):
    """In colours, and without control characters of strangers."""
    (tmp_path / "m.http").write_bytes(b"HTTP/1.1 200 OK\nx-a: 1\n\n\x1b[31mred")
    outer, inner = pty.openpty()
    words = [sys.executable, "-m", "aigw", "transform", "m.http", "--rules", "[{setHeader: {x-b: '2'}}]"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80", "TERM": "xterm-256color"}
    done = subprocess.run(
        words, cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, stdout=inner, stderr=inner, timeout=60
    )
    os.close(inner)
    shown = b""
    while piece := _read(outer):
        shown += piece
    os.close(outer)
    assert done.returncode == 0
    assert b"\x1b[31mred" not in shown
    assert b"x-b" in shown and b"\x1b[" in shown


def _read(descriptor):
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""
