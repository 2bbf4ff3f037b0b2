"""What `python -m tests.clients` judges, without the clients: they are installed and run by hand."""

import json
import sys
from pathlib import Path

import pytest
from stage.vendors.table import VENDORS

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.clients.real.agents import Codex
from tests.clients.real.client import Command, Place, Ran, Task
from tests.clients.real.command import main
from tests.clients.real.libraries import LangChain
from tests.clients.real.matrix import execute, judge, prompt
from tests.clients.real.table import CLIENTS

TEXT = "Hello from DeepSeek."
SAID = json.dumps({"text": TEXT})
CUT = json.dumps({"text": "Hello from DeepSeek, until"})
TOO_LONG = json.dumps({"error": "BadRequestError: the prompt is too long"})


@pytest.fixture
def place(tmp_path):
    return Place("http://127.0.0.1:1", tmp_path, tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("task", "out", "code", "why"),
    [
        (Task.TEXT, SAID, 0, ""),
        (Task.TEXT, SAID, 1, "failed"),
        (Task.TEXT, SAID, None, "took longer"),
        (Task.TEXT, json.dumps({"text": "Bye"}), 0, "said something else"),
        (Task.TEXT, "", 0, "said something else"),
        (Task.TOOL, json.dumps({"text": "The tool said: marmalade"}), 0, ""),
        (Task.TOOL, SAID, 0, "said something else"),
        (Task.ERROR, TOO_LONG, 0, ""),
        (Task.ERROR, SAID, 0, "no error was told"),
        (Task.BREAK, TOO_LONG, 0, ""),
        (Task.BREAK, CUT, 0, "half an answer"),
        (Task.BREAK, SAID, 0, "said something else"),
    ],
)
def test_judge(task, out, code, why):
    found = judge(LangChain(), VENDORS["deepseek"](), task, Ran(code, out, ""))
    assert found.startswith(why) if why else found == ""


def test_what_the_vendor_refused_fails_the_task():
    vendor = VENDORS["deepseek"]()
    vendor.refused.append("unknown field")
    assert "unknown field" in judge(LangChain(), vendor, Task.TEXT, Ran(0, SAID, ""))


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
@pytest.mark.parametrize("task", Task)
def test_each_client_has_a_command_for_each_task(client, task, place):
    if client.name in ("vercel-ai", "browser-chat"):
        pytest.skip("its command needs what is on the PATH")
    client.prepare(place)
    asked = prompt(client, task, place)
    words = client.command(task, asked, place).argv
    files = [Path(word).read_text() for word in words if Path(word).is_file()]
    assert any(asked in given for given in (*words, *files))
    assert set(client.vendors) | {client.native} <= VENDORS.keys()
    assert client.native not in client.vendors


def test_what_codex_prints():
    lines = [
        {"type": "item.completed", "item": {"type": "reasoning", "text": "Hm"}},
        {"type": "item.completed", "item": {"type": "agent_message", "text": TEXT}},
        {"type": "turn.failed", "error": {"message": "no"}},
    ]
    ran = Ran(0, "\n".join(map(json.dumps, lines)), "")
    assert (Codex().answer(ran), Codex().failed(ran)) == (TEXT, True)


async def test_a_command_that_takes_too_long_is_ended(place):
    script = "import time; print('begun', flush=True); time.sleep(60)"
    ran = await execute(Command([sys.executable, "-c", script]), place, 1.0)
    assert (ran.code, ran.out) == (None, "begun\n")


async def test_a_command_has_an_environment_of_its_own(place):
    script = "import os; print(os.environ['HOME'], os.environ['A'], 'PYTHONPATH' in os.environ)"
    ran = await execute(Command([sys.executable, "-c", script], {"A": "b"}), place, 20.0)
    assert ran.out.split() == [str(place.home), "b", "False"]


def test_names(capsys):
    assert main(["netscape"]) == 2
    assert "claude-code" in capsys.readouterr().err
