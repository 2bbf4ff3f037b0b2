"""`aigw doctor`: each finding on a machine made for it, and the command as a user starts it."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from redis_server import redis_server

import aigw
from aigw.books.usage_file import FILE_NAME
from aigw.cli.commands.doctor import WIDTH, render
from aigw.cli.doctor import machine, setup
from aigw.cli.doctor.check import Check
from aigw.cli.doctor.online import ask_providers
from aigw.cli.doctor.shared import ask_redis
from aigw.config.load import load
from aigw.metering.tokenizer import TokenCounter

CLEAN = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(aigw.__file__).parents[1])}
CONFIG = "listen: 127.0.0.1:{port}\nplugins:\n  ai-proxy:\n    provider: {{type: openai, apiTokens: ['{token}']}}\n"


@pytest.fixture
def doctor(tmp_path):
    """Runs the command in an empty folder: (exit code, output)."""

    def run(*words, **env):
        command = [sys.executable, "-m", "aigw", "doctor", *words]
        done = subprocess.run(
            command, cwd=tmp_path, env=CLEAN | {"HOME": str(tmp_path)} | env, capture_output=True, text=True, timeout=60
        )
        assert done.stderr == ""
        return done.returncode, done.stdout

    return run


@contextmanager
def answering(body, status=200):
    """A server that answers every GET the same way; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def levels(checks):
    return [check.level for check in checks]


def test_a_machine_without_faults(doctor, tmp_path):
    (tmp_path / "aigw.yaml").write_text(CONFIG.format(port=0, token="sk-fine-0123"))
    code, out = doctor()
    assert code == 0
    assert "problem" not in out
    assert "aigw.yaml is right; plugins: ai-proxy" in out
    assert "sk-fine" not in out
    assert max(map(len, out.splitlines())) <= WIDTH


def test_problems_are_told_with_their_remedies_and_an_exit_code(doctor, tmp_path):
    (tmp_path / "aigw.yaml").write_text("listn: 1\nmax_body: x\n")
    code, out = doctor()
    assert code == 1
    lines = out.splitlines()
    assert lines[0] == "problem  configuration  aigw.yaml:1: unknown key 'listn'; did you mean 'listen'?"
    assert lines[1].strip() == "-> correct it, then: aigw config check"
    assert "aigw.yaml:2 max_body" in lines[2]
    assert max(map(len, lines)) <= WIDTH


def test_for_programs(doctor):
    code, out = doctor("--json", OPENAI_API_KEY="sk-...", HTTPS_PROXY="http://me:secret@proxy:1")
    document = json.loads(out)
    assert (code, document["ok"]) == (1, False)
    (key,) = [check for check in document["checks"] if check["name"] == "keys"]
    assert key == {
        "name": "keys",
        "level": "problem",
        "message": "OPENAI_API_KEY is a placeholder",
        "remedy": "set it again, as the provider shows it",
    }
    assert "secret" not in out


def test_an_env_file_without_a_configuration_is_told(doctor, tmp_path):
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-1\n")
    code, out = doctor()
    assert code == 0
    assert ".env is read only beside a configuration file" in out


def test_help_has_an_example(doctor):
    assert "Example: aigw doctor" in doctor("--help")[1]


@pytest.mark.parametrize(
    "value, fault",
    [
        ("sk-proj-AbC_123-x", ""),
        ("no-key", ""),
        (" ", "empty"),
        ("'sk-1'", "quotes"),
        ('sk-1"', "quotes"),
        ("Bearer sk-1", "Bearer"),
        ("$OPENAI_API_KEY", "name of a variable"),
        ("${OPENAI_API_KEY}", "name of a variable"),
        ("%OPENAI_API_KEY%", "name of a variable"),
        ("sk-...", "placeholder"),
        ("sk-xxxxxxxx", "placeholder"),
        ("<key>", "placeholder"),
        ("your-api-key", "placeholder"),
        ("sk-1\n", "space"),
        ("sk 1", "space"),
        ("sk-1\x00", "characters"),
        ("sk-é", "characters"),
    ],
)
def test_what_cannot_be_a_key(value, fault):
    found = setup.key_fault(value)
    assert (fault in found) if fault else found == ""


def test_keys_of_the_configuration_are_looked_at_and_not_shown(tmp_path):
    path = tmp_path / "aigw.yaml"
    path.write_text(CONFIG.format(port=0, token="sk-secret with space"))
    loaded, _ = setup.configuration(path, {})
    assert [check.message for check in setup.keys(loaded, {"OPENAI_API_KEY": "sk-..."})] == [
        "openai apiTokens[0] has a space or a line break in it"
    ]


def test_a_free_port_and_one_that_takes_a_free_one():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert setup.address(f"127.0.0.1:{port}", authenticated=False).level == "ok"
    assert setup.address("127.0.0.1:0", authenticated=False).level == "ok"


def test_a_port_on_which_an_aigw_answers():
    with answering(b'{"status": "ok", "version": "9.9"}') as port:
        check = setup.address(f"127.0.0.1:{port}", authenticated=False)
    assert (check.level, "an aigw 9.9 serves there already" in check.message) == ("note", True)
    assert f"--listen 127.0.0.1:{port + 1}" in check.remedy


@pytest.mark.parametrize("body", [b"<html>", b'{"status": "ok"}', b"[]"])
def test_a_port_that_something_else_has(body):
    with answering(body) as port:
        check = setup.address(f"127.0.0.1:{port}", authenticated=False)
    assert (check.level, "another program" in check.message) == ("problem", True)


@pytest.mark.parametrize("listen", ["0.0.0.0:4700", "nonsense", "192.0.2.1:4700", "127.0.0.1:99999"])
def test_an_address_that_cannot_be_used(listen):
    assert setup.address(listen, authenticated=listen.startswith("192")).level == "problem"


def test_the_state_folder(tmp_path):
    folder = tmp_path / "new" / ".aigw"
    (check,) = setup.state_folder(folder)
    assert (check.level, "will be made" in check.message) == ("ok", True)
    assert not folder.parent.exists()
    folder.mkdir(mode=0o700, parents=True)
    assert levels(setup.state_folder(folder)) == ["ok"]
    folder.chmod(0o755)
    first, _ = setup.state_folder(folder)
    assert (first.level, first.remedy) == ("problem", f"chmod 700 {folder}")
    assert list(folder.iterdir()) == []
    (tmp_path / "file").write_text("")
    assert levels(setup.state_folder(tmp_path / "file")) == ["problem"]
    assert levels(setup.state_folder(Path("/proc/nothing/.aigw"))) == ["problem"]


@pytest.mark.parametrize("content", [b"", b"no database" * 1000, None])
def test_a_usage_file_that_cannot_be_used(tmp_path, content):
    folder = tmp_path / ".aigw"
    folder.mkdir(mode=0o700)
    file = folder / FILE_NAME
    file.mkdir() if content is None else file.write_bytes(content)
    (check,) = setup.state_folder(folder)
    assert check.level == ("ok" if content == b"" else "problem")
    if content != b"":
        assert check.remedy.startswith(f"move {file} away")


@pytest.mark.parametrize("soft, level, streams", [(-1, "ok", "no limit"), (20000, "ok", "9950"), (1024, "note", "462")])
def test_the_limit_of_open_files(soft, level, streams):
    check = machine.open_files(soft)
    assert (check.level, streams in check.message) == (level, True)


@pytest.mark.parametrize(
    "env, expected",
    [
        ({"PATH": "x", "NO_PROXY": "*"}, ["ok"]),
        ({"HTTPS_PROXY": "http://u:secret@p:1", "no_proxy": "localhost, 127.0.0.1"}, ["note"]),
        ({"https_proxy": "p:1"}, ["note", "note"]),
        ({"ALL_PROXY": "socks5://p:1", "NO_PROXY": "*"}, ["problem", "note"]),
    ],
)
def test_proxies(env, expected):
    checks = list(machine.proxies(env))
    assert levels(checks) == expected
    assert "secret" not in str(checks)


@pytest.fixture
def program(tmp_path):
    """Makes a folder with a program named aigw in it."""

    def make(folder, content):
        path = tmp_path / folder / "aigw"
        path.parent.mkdir()
        path.write_bytes(content)
        path.chmod(0o755)
        return path

    return make


FOREIGN, OURS = b"\x7fELF envoy", b"#!/usr/bin/python3\nfrom aigw.cli.main import main\n"


def test_programs_of_the_same_name(program):
    own, foreign, copy = program("own", OURS), program("foreign", FOREIGN), program("copy", OURS)

    def found(*programs):
        path = os.pathsep.join(["", "/nowhere", *(str(each.parent) for each in programs)])
        return [(check.level, check.message) for check in machine.namesakes(path, own)]

    assert found(own) == [("ok", f"`aigw` is {own}")]
    assert found() == [("note", "no `aigw` on PATH")]
    assert found(foreign, own) == [("problem", f"`aigw` is {foreign}, another program of this name")]
    assert found(own, foreign) == [("note", f"{foreign} is another program of this name, later in PATH")]
    assert found(copy) == [("note", f"`aigw` is {copy}, another installation of aigw")]
    assert levels(machine.namesakes(f"{copy.parent}{os.pathsep}{own.parent}", own)) == ["problem"]


def test_a_link_to_this_program_is_this_program(program, tmp_path):
    own = program("own", OURS)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "aigw").symlink_to(own)
    assert levels(machine.namesakes(f"{tmp_path / 'bin'}{os.pathsep}{own.parent}", own)) == ["ok"]


def test_the_tokenizer_is_tried_in_a_cache_that_is_empty(tmp_path):
    assert machine.tokenizer(TokenCounter(tmp_path)).level == "ok"
    assert len(list(tmp_path.iterdir())) == 2


def test_looking_for_optional_parts_imports_none():
    code = "import sys; from aigw.cli.doctor import machine; machine.retrieval(); machine.event_loop(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=CLEAN)
    assert not {"torch", "sentence_transformers", "uvloop", "numpy"} & set(done.stdout.split())


def online(config):
    return asyncio.run(ask_providers(load(None, {}, text=config.encode()), {}))


@pytest.mark.parametrize(
    "status, level, message",
    [
        (200, "ok", "openai answers"),
        (401, "problem", "openai refuses the key (status 401)"),
        (404, "note", "openai answers with status 404 when asked for its models"),
    ],
)
def test_online_asks_each_provider(status, level, message):
    with answering(b'{"data": []}', status) as port:
        (check,) = online(
            f"services: {{api.openai.com: 'http://127.0.0.1:{port}'}}\n" + CONFIG.format(port=0, token="k$${A}")
        )
    assert (check.level, check.message) == (level, message)


def test_online_tells_who_cannot_be_reached():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (check,) = online(f"services: {{api.openai.com: 'http://127.0.0.1:{port}'}}\n" + CONFIG.format(port=0, token="k"))
    assert (check.level, check.message.startswith("openai cannot be reached")) == ("problem", True)


def test_long_lines_go_on_below():
    text = render(Check("name", "note", "word " * 40, "do " * 40))
    assert max(map(len, text.splitlines())) <= WIDTH
    assert text.count("-> ") == 1


async def test_online_writes_to_each_redis(tmp_path):
    async def checks(url):
        services = {"redis.static": url, "other.static": url, "a.b": "http://h"}
        return await ask_redis(load(None, {}, text=json.dumps({"services": services, "usage": url}).encode()))

    (tmp_path / "redis").mkdir()
    async with redis_server(tmp_path / "redis", "user default on >other ~* &* +@all") as redis:
        (check,) = await checks(redis.url.replace("://", "://:other@"))
        assert (check.level, check.message) == ("ok", f"{redis.url} answers and can be written to")
        (check,) = await checks(redis.url)
        assert (check.level, "the plugins' YAML may have one" in check.message) == ("note", True)
        (check,) = await checks(redis.url.replace("://", "://:s3cret@"))
        assert (check.level, "s3cret" in check.message) == ("problem", False)
    (check,) = await checks(redis.url)
    assert (check.level, "connection refused" in check.message) == ("problem", True)
