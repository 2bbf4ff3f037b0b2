"""Findings about a configuration, its keys, its address and its state folder."""

import os
import socket
from pathlib import Path

import pytest
from answering import answering

from aigw.books.usage_file import FILE_NAME
from aigw.cli.doctor import setup
from aigw.cli.sources.config_choice import ConfigChoice

CONFIG = "listen: 127.0.0.1:{port}\nplugins:\n  ai-proxy:\n    provider: {{type: openai, apiTokens: ['{token}']}}\n"


def levels(checks):
    return [check.level for check in checks]


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
    loaded, _ = setup.configuration(ConfigChoice(path), {})
    assert [check.message for check in setup.keys(loaded, {"OPENAI_API_KEY": "sk-..."})] == [
        "openai apiTokens[0] has a space or a line break in it"
    ]


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"OPENAI_API_KEY": "sk-1234"}, [("ok", "OPENAI_API_KEY")]),
        (
            {"OPENAI_API_KEY": "sk-1234", "OPENAI_BASE_URL": "no URL"},
            [
                (
                    "problem",
                    "OPENAI_API_KEY is not used: OPENAI_BASE_URL is not a URL such as https://llm.example.com/v1",
                )
            ],
        ),
        (
            {"OPENAI_API_KEY": "sk-1234", "GROQ_API_KEY": "gsk-1", "GROQ_BASE_URL": "ftp://x"},
            [
                ("problem", "GROQ_API_KEY is not used: GROQ_BASE_URL is not a URL such as https://llm.example.com/v1"),
                ("ok", "OPENAI_API_KEY"),
            ],
        ),
        (
            {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"},
            [("note", "OPENAI_BASE_URL is used without a key: OPENAI_API_KEY is not set")],
        ),
        (
            {"OPENAI_BASE_URL": "https://llm.example.com/v1"},
            [("problem", "OPENAI_BASE_URL is not used: OPENAI_API_KEY is not set")],
        ),
        ({}, [("note", "no provider key is set: built-in and local models only")]),
        (
            {"OPENAI_BASE_URL": "http://127.0.0.1:4700"},
            [("note", "no provider key is set: built-in and local models only")],
        ),
    ],
)
def test_a_key_of_the_environment_is_right_or_wrong_and_never_both(env, said, tmp_path):
    loaded, checks = setup.configuration(ConfigChoice(), env)
    told = [(check.level, check.message) for check in [*checks, *setup.keys(loaded, env)]]
    assert [each for each in told if each[1].startswith(("no aigw.yaml", ".env"))] == told[:1]
    assert told[1:] == said


def test_a_free_port_and_one_that_takes_a_free_one():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert setup.address(f"127.0.0.1:{port}", authenticated=False).level == "ok"
    assert setup.address("127.0.0.1:0", authenticated=False).level == "ok"


def test_a_port_on_which_an_aigw_answers():
    with answering(b'{"status": "ok", "version": "9.9"}') as port:
        check = setup.address(f"127.0.0.1:{port}", authenticated=False)
    assert (check.level, "an aigw 9.9 serves there already" in check.message) == ("note", True)
    assert f"--port {port + 1}" in check.remedy


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
    os.mkfifo(folder / "access.jsonl")
    (strange,) = setup.state_folder(folder)
    assert (strange.level, "a pipe, where aigw has a file" in strange.message) == ("problem", True)
    assert strange.remedy == "move it away, or choose another folder with state_dir in aigw.yaml"


@pytest.mark.parametrize("content", [b"", b"no database" * 1000, None])
def test_a_usage_file_that_cannot_be_used(tmp_path, content):
    folder = tmp_path / ".aigw"
    folder.mkdir(mode=0o700)
    file = folder / FILE_NAME
    file.mkdir() if content is None else file.write_bytes(content)
    (check,) = setup.state_folder(folder)
    assert check.level == ("ok" if content == b"" else "problem")
    if content != b"":
        assert check.remedy.startswith("move ")
        assert str(file) in check.message
