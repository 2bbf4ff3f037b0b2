"""What clients read behind their environment, and what takes its place for one run."""

import json
from contextlib import chdir
from pathlib import Path

import pytest

from aigw.cli.sources.child_client import child_client
from aigw.cli.sources.private_gateway import PrivateGateway
from aigw.config.load import load

URL = "http://127.0.0.1:4999"
HERE = {"env": {"ANTHROPIC_BASE_URL": URL}}
THERE = {"env": {"ANTHROPIC_BASE_URL": "https://elsewhere"}, "model": "opus"}


@pytest.fixture
def start(tmp_path):
    """Starts a client in an empty project, and gives it to `look` while it would run."""
    (tmp_path / "project").mkdir()
    (tmp_path / "home").mkdir()

    def started(*command, look=lambda child: child, **given):
        gateway = PrivateGateway(URL, {}, None, [], frozenset(), "", load(None, {}))
        env = {"HOME": str(tmp_path / "home"), **given}
        with chdir(tmp_path / "project"), child_client(command, env, gateway) as child:
            return look(child)

    return started


@pytest.mark.parametrize(
    "file", ["home/.claude/settings.json", "project/.claude/settings.json", "project/.claude/settings.local.json"]
)
def test_claude_reads_its_settings_behind_its_environment(start, tmp_path, file):
    (tmp_path / file).parent.mkdir()
    (tmp_path / file).write_text(json.dumps(THERE))
    child = start("claude", "-p", "Hi")
    assert child.command == ["claude", "--settings", json.dumps(HERE), "-p", "Hi"]
    assert child.notes == ["Claude Code's settings have another ANTHROPIC_BASE_URL: it does not count for this run"]
    assert json.loads((tmp_path / file).read_text()) == THERE


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"env": 1}', json.dumps(HERE), '{"env": {"PATH": "x"}}'])
def test_settings_that_lead_nowhere_else_are_left_alone(start, tmp_path, text):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/settings.json").write_text(text)
    child = start("claude", "mcp", CLAUDE_CONFIG_DIR=str(tmp_path / "folder"))
    assert (child.command, child.notes) == (["claude", "mcp"], [])


def test_settings_of_the_command_line_keep_the_rest(start, tmp_path):
    """Claude Code takes the last `--settings` alone."""
    (tmp_path / "own.json").write_text(json.dumps({"env": {"CLAUDE_CODE_USE_BEDROCK": "1", "A": "b"}, "model": "opus"}))
    for given in (str(tmp_path / "own.json"), (tmp_path / "own.json").read_text()):
        child = start("claude", "--settings", given, "-p", "Hi")
        assert json.loads(child.command[2]) == {"env": {"CLAUDE_CODE_USE_BEDROCK": "0", "A": "b"}, "model": "opus"}
        assert (child.command[:2], child.command[3:]) == (["claude", "--settings"], ["-p", "Hi"])
    assert start("claude", "--settings").command == ["claude", "--settings"]


@pytest.mark.parametrize(
    ("given", "kept", "notes"),
    [
        (["exec", "Hi"], ["exec", "Hi"], 0),
        (["-p", "work", "-c", "model=x"], ["-p", "work", "-c", "model=x"], 0),
        (["exec", "-c", "model_provider=x"], ["exec", "-c", "model_provider=aigw"], 1),
        (["--config=model_provider=x"], ["--config=model_provider=aigw"], 1),
        (["-cmodel_provider=x"], ["-cmodel_provider=aigw"], 1),
        (["--oss", "exec", "--local-provider", "ollama", "Hi"], ["exec", "Hi"], 2),
        (["exec", "--local-provider=ollama", "Hi"], ["exec", "Hi"], 1),
        (["exec", "--", "--oss"], ["exec", "--", "--oss"], 0),
    ],
)
def test_codex_asks_no_other_provider(start, given, kept, notes):
    child = start("codex", *given)
    assert child.command[5:] == kept
    assert len(child.notes) == notes
    assert all(note.endswith(" is left out: the calls of Codex would not come here") for note in child.notes)


def test_gemini_that_signs_in_with_a_key_is_left_alone(start, tmp_path):
    (tmp_path / "home/.gemini").mkdir()
    (tmp_path / "home/.gemini/settings.json").write_text('{"security": {"auth": {"selectedType": "gemini-api-key"}}}')
    child = start("gemini", "-p", "Hi")
    assert "GEMINI_CLI_HOME" not in child.env
    assert child.notes == []


@pytest.mark.parametrize(
    ("settings", "notes"),
    [
        ({}, 0),
        (
            {"ui": {"theme": "GitHub"}, "security": {"auth": {"selectedType": "oauth-personal", "useExternal": False}}},
            1,
        ),
        ({"selectedAuthType": "vertex-ai"}, 1),
    ],
)
def test_gemini_signs_in_with_a_key_for_this_run(start, tmp_path, settings, notes):
    folder = tmp_path / "home/.gemini"
    folder.mkdir()
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "GEMINI.md").write_text("be brief")
    (tmp_path / "home/.agents").mkdir()

    def look(child):
        home = Path(child.env["GEMINI_CLI_HOME"])
        copied = json.loads((home / ".gemini/settings.json").read_text())
        assert copied["security"]["auth"]["selectedType"] == "gemini-api-key"
        assert copied.get("ui") == settings.get("ui")
        assert "selectedAuthType" not in copied
        assert (home / ".gemini/GEMINI.md").read_text() == "be brief"
        assert (home / ".agents").is_dir()
        (home / ".gemini/GEMINI.md").write_text("be polite")  # a link
        return home, child.notes

    home, said = start("gemini", look=look)
    assert len(said) == notes
    assert not home.exists()
    assert json.loads((folder / "settings.json").read_text()) == settings
    assert (folder / "GEMINI.md").read_text() == "be polite"


def test_gemini_that_was_never_started(start):
    def look(child):
        return [path.name for path in Path(child.env["GEMINI_CLI_HOME"], ".gemini").iterdir()]

    assert start("gemini", look=look) == ["settings.json"]


def test_opencode_keeps_what_it_was_given_beside_the_addresses(start):
    given = {
        "model": "anthropic/x",
        "provider": {"openai": {"options": {"baseURL": "https://elsewhere", "timeout": 9}}},
    }
    child = start("opencode", "run", "Hi", OPENCODE_CONFIG_CONTENT=json.dumps(given))
    settings = json.loads(child.env["OPENCODE_CONFIG_CONTENT"])
    assert settings["model"] == "anthropic/x"
    assert settings["provider"]["openai"] == {"options": {"baseURL": f"{URL}/v1", "timeout": 9}}
    assert settings["provider"]["google"]["options"]["baseURL"] == f"{URL}/v1beta"
    assert settings["provider"]["aigw"]["models"] == {"echo": {}}
    (note,) = start("opencode", OPENCODE_CONFIG_CONTENT="{").notes[:1]
    assert note == "OPENCODE_CONFIG_CONTENT is no JSON: it does not count for this run"


def test_pi_gets_models_beside_links_to_its_other_settings(start, tmp_path):
    own = tmp_path / "home/.pi/agent"
    own.mkdir(parents=True)
    own.joinpath("settings.json").write_text("{}")
    models = {"providers": {"openai": {"baseUrl": "https://elsewhere", "headers": {"a": "b"}}, "mine": {}}}
    own.joinpath("models.json").write_text(json.dumps(models))

    def look(child):
        folder = Path(child.env["PI_CODING_AGENT_DIR"])
        assert (folder / "settings.json").readlink() == own / "settings.json"
        providers = json.loads((folder / "models.json").read_text())["providers"]
        assert providers["openai"] == {"baseUrl": f"{URL}/v1", "headers": {"a": "b"}}
        assert (providers["anthropic"], providers["mine"]) == ({"baseUrl": URL}, {})
        return folder

    assert not start("pi", look=look).exists()
    assert json.loads((own / "models.json").read_text()) == models
