"""`aigw recipes`, and a recipe that is served in a folder that has nothing of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aigw.cli.sources import recipe

ROOT = Path(__file__).parents[3]
CLEAN = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "COLUMNS": "60"}
NAMES = sorted(path.stem for path in (ROOT / "recipes").glob("*.yaml"))


@pytest.fixture
def aigw(tmp_path, commands):
    """Runs aigw in an empty folder: (exit code, stdout, stderr)."""

    def run(*words):
        done = commands.run(*words, cwd=tmp_path, env=CLEAN)
        return done.returncode, done.stdout, done.stderr

    return run


def test_the_list(aigw):
    code, out, _ = aigw("recipes")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines() if not line.startswith(" ")] == NAMES
    assert max(map(len, out.splitlines())) <= 60


def test_the_list_for_programs(aigw):
    _, out, _ = aigw("recipes", "--json")
    found = {each["name"]: each for each in json.loads(out)}
    assert sorted(found) == NAMES
    assert found["fallback"]["shows"] == (
        "A provider that fails is replaced by the next one, before the client has seen anything. Needs no network."
    )
    assert found["fallback"]["text"] == (ROOT / "recipes" / "fallback.yaml").read_text()


def test_one_of_them(aigw):
    assert aigw("recipes", "fallback")[1] == (ROOT / "recipes" / "fallback.yaml").read_text()


def test_a_program_that_one_of_them_brings(aigw):
    text = (ROOT / "recipes/record-replay/agent.py").read_text()
    assert aigw("recipes", "record-replay", "agent.py") == (0, text, "")
    assert json.loads(aigw("recipes", "record-replay", "agent.py", "--json")[1])["text"] == text
    (listed,) = json.loads(aigw("recipes", "record-replay", "--json")[1])
    assert listed["files"] == ["agent.py", "test_agent.py"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["recipes", "record-replay", "../budget.yaml"],
            "has no file '../budget.yaml'; it has agent.py, test_agent.py",
        ),
        (["recipes", "budget", "agent.py"], "the recipe 'budget' has no file 'agent.py'; it has none"),
        (["recipes", "nothing"], "there is no recipe 'nothing'; there are ai-"),
        (["serve", "--recipe", "nothing"], "there is no recipe 'nothing'; there are ai-"),
        (["serve", "--recipe", "../pyproject"], "there is no recipe '../pyproject'"),
        (["serve", "--recipe", "budget", "--config", "x"], "choose one of --config and --recipe"),
    ],
)
def test_what_is_none(aigw, words, said):
    code, _, errors = aigw(*words)
    assert (code, said in errors, "Traceback" in errors) == (2, True, False)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_recipe_is_served_from_anywhere(tmp_path, workers):
    """What it keeps is here, not beside the recipe."""
    command = [sys.executable, "-m", "aigw", "serve", "--recipe", "fallback", "--json", "--listen", "127.0.0.1:0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*command, "--workers", str(workers)], cwd=tmp_path, env=CLEAN, stdout=pipe, stderr=pipe
    ) as served:
        try:
            ready = json.loads(served.stdout.readline())
        finally:
            served.terminate()
            _, errors = served.communicate(timeout=20)
    assert (ready["config"], ready["state"], ready["plugins"]) == (
        "recipe fallback",
        ".aigw/recipes/fallback",
        ["ai-proxy"],
    )
    assert (tmp_path / ".aigw").is_dir()
    assert b"Traceback" not in errors


def test_the_first_paragraph():
    assert recipe.shows("# One\n# two.\n#\n# three\nplugins:\n") == "One two."
    assert recipe.shows("plugins:\n") == ""


def test_every_recipe_says_what_it_shows():
    assert all(recipe.shows(recipe.text_of(name)) for name in recipe.recipes())
