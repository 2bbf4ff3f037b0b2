"""`aigw rag ingest` as a process of its own: killed at any moment, and twice at once on one collection."""

import asyncio
import contextlib
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from children import children
from embedding_service import embedding_service
from stage.command import environment_of_tests
from typer.testing import CliRunner

from aigw.cli.main import app
from aigw.stores.faiss.collections import FaissCollections

POINTS = 4
SEED = 9
KILLED = """
import atexit, os, signal, sys, threading

kill_at, calls = int(sys.argv.pop(1)), 0

def count(frame, event, argument):
    global calls
    if event.startswith("c_") and "/aigw/stores/" in frame.f_code.co_filename:
        calls += 1
        if calls == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

def told():
    sys.setprofile(None)
    print(calls, file=sys.stderr)

atexit.register(told)
threading.setprofile(count)
sys.setprofile(count)
from aigw.cli.main import main
main()
"""
"""Runs aigw until a call of a C function by its stores, which all writes, syncs and renames are. At its end it says how
many there were."""


@pytest.fixture
def embedding(tmp_path):
    """A service that embeds. The configuration beside the documents names it."""
    with embedding_service() as service:
        (tmp_path / "first").mkdir()
        rag = {**service.rag, "chunks": {"size": 24, "overlap": 0}}
        (tmp_path / "first/aigw.yaml").write_text(json.dumps({"rag": rag}))
        yield service


def write(folder, generation, names):
    (folder / "docs").mkdir(exist_ok=True)
    for name in names:
        paragraphs = [f"Paragraph {n} of {name} in generation {generation}, with a few words more." for n in range(6)]
        (folder / "docs" / f"{name}.txt").write_text("\n\n".join(paragraphs))


def aigw(folder, *words):
    with contextlib.chdir(folder):
        done = CliRunner().invoke(app, ["rag", *words, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def generations(folder):
    """Which generation each source is in. A source that is only half there is in none."""

    async def look():
        collections = FaissCollections(folder / ".aigw/rag")
        try:
            docs = await collections.get("default")
            return {name: [each.text for each in await docs.of_source(name)] for name in await docs.sources()}
        finally:
            await collections.aclose()

    if not (folder / ".aigw/rag/default").exists():
        return {}
    found = {}
    for name, texts in asyncio.run(look()).items():
        said = {text.partition("generation ")[2].partition(",")[0] for text in texts}
        found[Path(name).stem] = said.pop() if len(said) == 1 and len(texts) == 6 else f"half: {texts}"
    return found


def run(folder, kill_at, *words):
    """Runs a command that is killed. Returns how many calls it made, None if it was killed."""
    command = [sys.executable, "-c", KILLED, str(kill_at), "rag", *words, "--json"]
    done = subprocess.run(command, cwd=folder, env=environment_of_tests(), capture_output=True, text=True, check=False)
    assert done.returncode in (0, -9), done.stderr
    return int(done.stderr.split()[-1]) if done.returncode == 0 else None


OLD, KEPT, NEW = "gone", [f"kept{number}" for number in range(9)], "new"
BEFORE = dict.fromkeys([OLD, *KEPT], "1")
AFTER = dict.fromkeys([*KEPT, NEW], "2")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("before", [{}, BEFORE], ids=["a new collection", "a changed one"])
def test_a_kill_leaves_each_source_as_it_was_or_as_it_will_be(embedding, tmp_path, before):
    first = tmp_path / "first"
    if before:
        write(first, 1, before)
        aigw(first, "ingest", "docs")
        (first / "docs" / f"{OLD}.txt").unlink()
    write(first, 2, AFTER)
    assert generations(first) == before
    calls = run(shutil.copytree(first, tmp_path / "whole"), 0, "ingest", "docs", "--prune")
    assert generations(tmp_path / "whole") == AFTER
    chosen = random.Random(SEED)
    killed = 0
    for kill_at in sorted(chosen.sample(range(1, calls), POINTS)):
        folder = shutil.copytree(first, tmp_path / str(kill_at))
        killed += run(folder, kill_at, "ingest", "docs", "--prune") is None
        left = generations(folder)
        assert all(left.get(name) in (before.get(name), AFTER.get(name)) for name in before | AFTER | left), kill_at
        aigw(folder, "ingest", "docs", "--prune")
        assert generations(folder) == AFTER, kill_at
    assert killed > POINTS / 2


@pytest.mark.skipif(sys.platform == "win32", reason="there is no lock")
def test_of_two_at_once_the_second_waits_and_finds_nothing_to_do(embedding, tmp_path):
    folder = tmp_path / "first"
    write(folder, 1, KEPT)
    command = [sys.executable, "-m", "aigw", "rag", "ingest", "docs", "--json"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    embedding.may.clear()
    with children() as start:
        one = start(command, cwd=folder, env=environment_of_tests(), **pipes)
        assert embedding.asked.wait(20)
        other = start(command, cwd=folder, env=environment_of_tests(), **pipes)
        assert f"process {one.pid} since" in other.stderr.readline()
        embedding.may.set()
        first, second = (json.loads(each.communicate(timeout=20)[0]) for each in (one, other))
    assert (one.returncode, other.returncode) == (0, 0)
    assert (first["added"], second["added"], second["unchanged"]) == (len(KEPT), 0, len(KEPT))
    assert generations(folder) == dict.fromkeys(KEPT, "1")
