"""What a shell offers, asked as bash, zsh and fish ask; and that it loads little for that."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aigw.server.process_start import start_of
from aigw.server.register import Entry, entered

ROOT = Path(__file__).parents[3]
FILE = """
listen: 127.0.0.1:4799
state_dir: kept
plugins:
  ai-prompt-template:
    templates: [{name: translate, template: {messages: [{content: "{{text}} into {{language}}"}]}}]
  ai-proxy: {providers: [{id: q, type: qwen, modelMapping: {fast: qwen-turbo}}, {id: b, type: builtin}]}
  ai-budget: {budgets: [{name: team}]}
  no-plugin: "${MISSING}"
routes: [{name: llm}, {name: site}]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("completion")
    (folder / "aigw.yaml").write_text(FILE)
    for name in ("docs", "wiki"):
        (folder / "kept" / "rag" / name).mkdir(parents=True)
        (folder / "kept" / "rag" / name / "manifest.sqlite").touch()
    return folder


@pytest.fixture
def offered(commands, folder):
    """What is offered behind a line by bash or, to try all of them, by each of the shells in its own way."""

    def ask(**variables):
        env = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(folder), "TMPDIR": str(folder)}
        done = commands.run(cwd=folder, env=env | variables)
        assert done.stderr == ""
        return done.stdout

    def offered(line, *, everywhere=False):
        words = len(line.split(" ")) - 1
        bash = ask(_AIGW_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(words)).split()
        if not everywhere:
            return bash
        zsh = ask(_AIGW_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS=line)
        fish = ask(
            _AIGW_COMPLETE="complete_fish", _TYPER_COMPLETE_ARGS=line, _TYPER_COMPLETE_FISH_ACTION="get-args"
        ).splitlines()
        assert [each.partition("\t")[0] for each in fish if each] == bash
        assert all(f'"{each}"' in zsh for each in bash)
        return bash

    return offered


MODELS = ["fast", "qwen-turbo", "qwen-plus", "echo", "mock"]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("aigw chat ", MODELS), ("aigw ask -m q", ["qwen-turbo", "qwen-plus"]), ("aigw serve --model e", ["echo"]),
        ("aigw chat --route ", ["llm", "site"]), ("aigw logs --route s", ["site"]),
        ("aigw ask --template ", ["translate"]), ("aigw ask --template translate -p ", ["text=", "language="]),
        ("aigw rag query -n ", ["docs", "wiki"]), ("aigw rag ls -n w", ["wiki"]),
        ("aigw serve --recipe ai-c", ["ai-cache", "ai-context-limit"]), ("aigw recipes budg", ["budget"]),
        ("aigw plugins ai-ca", ["ai-cache"]), ("aigw models --provider ", ["q", "b"]),
        ("aigw budget raise ", ["team"]), ("aigw usage --by s", ["service", "session"]), ("aigw env cod", ["codex"]),
        ("aigw chat --recipe ai-cache ", ["echo", "mock"]), ("aigw ask -c none.yaml -m ", ["echo", "mock"]),
        ("aigw stop ", []), ("aigw sta", ["status"]),
    ],
)  # fmt: skip
def test_names(offered, line, names):
    assert offered(line) == names


def test_a_gateway_that_runs(offered, folder):
    given = {"since": 1.0, "version": "1", "config": "a\tb", "folder": "/x"}
    entry = Entry(pid=os.getpid(), start=start_of(os.getpid()), url="http://127.0.0.1:4811", **given)
    with entered(entry, {"XDG_RUNTIME_DIR": str(folder)}):
        assert offered("aigw stop 48", everywhere=True) == ["4811"]


@pytest.mark.parametrize("line", ["aigw ask -m q", "aigw ask --template translate -p ", "aigw ask --template x"])
def test_all_shells_offer_the_same(offered, line):
    offered(line, everywhere=True)


@pytest.mark.parametrize(
    "text", ["plugins: [", "- 1", "plugins: {ai-proxy: {providers: 1}}\nroutes: {a: b}\nstate_dir: [1]"]
)
def test_any_file(commands, tmp_path, text):
    (tmp_path / "aigw.yaml").write_text(text)
    for line in (
        "aigw ask -m nix",
        "aigw ask --route ",
        "aigw ask --template ",
        "aigw rag query -n ",
    ):
        words = str(len(line.split(" ")) - 1)
        env = {"_AIGW_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": words}
        done = commands.run(cwd=tmp_path, env=env)
        assert (done.stdout.strip(), done.stderr) == ("", "")


SLOW = ("aiohttp", "rich", "asyncio", "sqlite3", "aigw.config.load", "aigw.server.gateway", "aigw.providers.catalog")


@pytest.mark.parametrize("line", ["aigw chat ", "aigw ask --template translate -p "])
def test_somebody_waits_for_it(folder, line):
    """Most of its time goes into loading modules."""
    program = (
        "import atexit, sys; sys.argv = ['aigw']; from aigw.cli.main import main\n"
        f"atexit.register(lambda: print([each for each in {SLOW} if each in sys.modules], file=sys.stderr)); main()"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT), "_AIGW_COMPLETE": "complete_bash", "COMP_WORDS": line}
    env["COMP_CWORD"] = str(len(line.split(" ")) - 1)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout
    assert done.stderr == "[]\n"
