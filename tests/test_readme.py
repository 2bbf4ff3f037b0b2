"""The two README files: what they say can be done is done here, and what they name is there."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aigw.cli.main import app
from aigw.cli.sources.recipe import recipes
from aigw.config.load import load
from aigw.config.plugins import installed_plugins

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
INSIDE = (ROOT / "aigw" / "README.md").read_text(encoding="utf-8")

SETTINGS = """
import aigw.plugins
from pathlib import Path

aigw.plugins.__path__.append(str(Path(__file__).parent / "plugins"))
"""
RECIPE = """
from pathlib import Path

from aigw.config.load import load


def test_the_recipe_is_right():
    loaded = load(Path(__file__).parent / "allowed-models.yaml", {})
    assert list(loaded.plugins) == ["allowed-models", "ai-proxy"]
"""


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def test_a_newcomer_reads_it_to_the_end():
    assert len(README.splitlines()) <= 160


def test_its_configuration_is_right(tmp_path):
    (text,) = blocks(README, "yaml")
    path = tmp_path / "aigw.yaml"
    path.write_text(text)
    loaded = load(path, {"DASHSCOPE_API_KEY": "sk-1"})
    assert list(loaded.plugins) == ["ai-cache", "ai-budget", "ai-proxy"]
    assert loaded.notes == []


@pytest.mark.skipif(not (ROOT / ".ci").is_dir(), reason="a source package has no gate")
def test_the_gate_runs_its_test_command():
    command = next(each for each in blocks(README, "sh") if "pytest" in each)
    gate = (ROOT / ".ci" / "run").read_text()
    install = re.search(r"pip install ('\S+')", command)[1]
    assert f'pip" install -q {install}\n' in gate
    assert command.strip().endswith("python -m pytest")


@pytest.mark.parametrize("text", [README, INSIDE], ids=["README", "aigw/README"])
def test_the_commands_that_it_names_are_there(text):
    named = {tuple(words.split()) for words in re.findall(r"`aigw ((?:[a-z]+(?:-[a-z]+)* ?)+)", text)}
    assert len(named) > 5
    for words in named:
        command = words if words[0] in ("config", "budget", "cache", "template") else words[:1]
        result = CliRunner().invoke(app, [*command, "--help"])
        assert result.exit_code == 0, words


@pytest.mark.parametrize("text", [README, INSIDE], ids=["README", "aigw/README"])
def test_the_recipes_that_it_names_are_there(text):
    named = re.findall(r"(?:--recipe|aigw recipes|[Rr]ecipe `) ?([a-z][a-z-]+)", text)
    assert {name for name in named if name != "allowed-models"} <= set(recipes())


def anchors(page):
    """The anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", ["README.md", "aigw/README.md", "tests/benchmarks/README.md"])
def test_its_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", (ROOT / page).read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            there = (ROOT / page).parent / target if target else ROOT / page
            assert there.is_file()
            assert not anchor or anchor in anchors(there)


def test_the_files_that_it_names_are_there():
    for name in re.findall(r"`((?:tests/)?[a-z0-9_]+/[a-z0-9_/]+\.(?:py|js))`", INSIDE):
        is_example = name.endswith(("/x.py", "allowed_models.py"))
        assert is_example or any((root / name).is_file() for root in (ROOT, ROOT / "aigw")), name


def test_every_plugin_is_named():
    assert [name for name in installed_plugins() if f"`{name}`" not in README] == []


def test_the_rooms_are_those_that_the_architecture_has():
    source = (ROOT / "tests" / "test_architecture.py").read_text()
    rooms = next(
        ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ROOMS"
    )
    table = INSIDE.partition("| room | what is in it |\n|---|---|\n")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(rooms)


def test_its_plugin_works(tmp_path):
    """The plugin, its recipe and its test, as they stand there, with the tools that a plugin's author has."""
    plugin, test = (each for each in blocks(INSIDE, "python") if each.startswith('"""allowed-models'))
    (recipe,) = (each for each in blocks(INSIDE, "yaml") if "allowed-models" in each)
    files = {
        "conftest.py": SETTINGS,
        "plugins/allowed_models.py": plugin,
        "test_allowed_models.py": test,
        "allowed-models.yaml": recipe,
        "test_recipe.py": RECIPE,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    options = ["asyncio_mode=auto", f"pythonpath={ROOT} {ROOT / 'tests' / 'support'}", "addopts="]
    words = ["-c", "empty.ini", "-p", "no:valkey", "-p", "no:cacheprovider", "-q", "."]
    command = [sys.executable, "-m", "pytest", *words, *(word for each in options for word in ("-o", each))]
    (tmp_path / "empty.ini").write_text("[pytest]\n")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout
