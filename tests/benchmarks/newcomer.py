"""A newcomer's run: `python -m tests.benchmarks.newcomer FOLDER...`, from the root of the project.

It types `aigw rag ingest`, `query` and `eval` in an empty folder, as somebody would who has the documents in the FOLDERs,
and prints what is found and how long it takes. The questions are those of files as `aigw rag eval` reads them, or else
the titles of the pages, each of which should find a page of this title. Beside aigw stand txtai (hybrid) and chromadb, if they are
installed, with the same passages and vectors."""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from aigw.core.retrieval import Passage
from aigw.rag.embedders import EmbedderTable
from aigw.rag.evaluation import Evaluation, Question, read_questions
from tests.benchmarks.peers import evaluated, installed

ROOT = Path(__file__).parents[2]
TOP = 10
_KEPT = ("PATH", "LANG", "TMPDIR", "VIRTUAL_ENV")
"""What of the environment the commands get: a newcomer has set up nothing."""
_NUMBER = re.compile(r"^[\d.]+\.?\s+|^第.{1,3}章\s*")
"""Before the title of a chapter."""


class Newcomer:
    """Who types commands in `folder`, and looks at the clock."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self._environment = {**kept, "HOME": str(folder), "PYTHONPATH": str(ROOT)}

    def types(self, *words: str) -> tuple[str, float]:
        """What `aigw rag` prints, and its seconds. An exit code of 1 says that some files could not be read."""
        began = time.monotonic()
        command = [sys.executable, "-m", "aigw", "rag", *words]
        done = subprocess.run(command, cwd=self._folder, env=self._environment, stdout=subprocess.PIPE, text=True)
        if done.returncode > 1 or not done.stdout:
            raise SystemExit(f"`aigw rag {words[0]}` ended with exit code {done.returncode}")
        return done.stdout, time.monotonic() - began


class Row(NamedTuple):
    """How well one of those that search found the questions of a kind."""

    by: str
    kind: str
    figures: dict[str, Any]


def titles(sources: Sequence[dict[str, Any]], folders: Sequence[Path]) -> list[Question]:
    """A question for each page whose title no other page in its folder has. Its kind is the name of the folder. A page
    of the same title in another folder, such as that of a translation, answers it as well."""
    named: dict[str, list[str]] = {}
    asked = []
    for folder in folders:
        pages = [each for each in sources if each["title"] and Path(each["source"]).is_relative_to(folder)]
        bare = [_NUMBER.sub("", each["title"]) for each in pages]
        times = Counter(bare)
        for title, page in zip(bare, pages, strict=True):
            named.setdefault(title, []).append(page["source"])
        asked += [Question(title, (), folder.name) for title in bare if times[title] == 1]
    return [each._replace(expected=tuple(named[each.text])) for each in asked]


def exported(text: str) -> tuple[str, list[Passage], Any]:
    """The embedder of a collection, its passages and their vectors."""
    head, *lines = map(json.loads, text.splitlines())
    passages = [Passage(*each) for line in lines for each in line["passages"]]
    numbers = b"".join(base64.b64decode(line["vectors"]) for line in lines)
    return head["embedder"], passages, np.frombuffer(numbers, "<f4").reshape(len(passages), head["dimension"])


def beside(text: str, questions: Sequence[Question]) -> dict[str, Evaluation]:
    """What the others find in the exported collection."""
    embedder, passages, vectors = exported(text)
    asked = asyncio.run(EmbedderTable().get(embedder).embed([each.text for each in questions], "query"))
    texts = [f"{each.title}\n{each.text}" for each in passages]
    return {
        name: evaluated(search, passages, texts, vectors, questions, asked, TOP) for name, search in installed().items()
    }


def run(folders: Sequence[Path], files: Sequence[Path], embedder: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        newcomer = Newcomer(Path(folder))
        named = [str(each) for each in folders]
        ingested, seconds = newcomer.types("ingest", *named, "--json", *(["--embedder", embedder] if embedder else []))
        again, again_seconds = newcomer.types("ingest", *named, "--json")
        if files:
            questions = [each for file in files for each in read_questions(file.name, file.read_bytes())]
        else:
            questions = titles(json.loads(newcomer.types("ls", "-n", "default", "--json")[0]), folders)
        file = Path(folder, "questions.json")
        file.write_text(json.dumps([{"question": text, "expected": at, "kind": kind} for text, at, kind in questions]))
        _, query_seconds = newcomer.types("query", questions[0].text, "--json")
        found, eval_seconds = newcomer.types("eval", str(file), "-k", str(TOP), "--json")
        others = beside(newcomer.types("export", "-n", "default")[0], questions) if installed() else {}
    rows = [*_rows("aigw", json.loads(found))]
    rows += [row for name, evaluation in others.items() for row in _rows(name, evaluation.plain())]
    return {
        "ingest": {**json.loads(ingested), "wall_seconds": round(seconds, 2)},
        "again": {"unchanged": json.loads(again)["unchanged"], "wall_seconds": round(again_seconds, 2)},
        "query_wall_seconds": round(query_seconds, 2),
        "eval_wall_seconds": round(eval_seconds, 2),
        "found": [row._asdict() for row in rows],
    }


def _rows(by: str, evaluation: dict[str, Any]) -> list[Row]:
    figures = {name: value for name, value in evaluation.items() if name not in ("kinds", "missed", "absent")}
    return [Row(by, "all", figures), *(Row(by, kind, each) for kind, each in evaluation["kinds"].items())]


def print_run(done: dict[str, Any]) -> None:
    ingest, again = done["ingest"], done["again"]
    print(f"ingest    {ingest['wall_seconds']:8.2f} s  {ingest['added']} files, {ingest['passages']} passages by "
          f"{ingest['embedder']}, {ingest['passages'] / ingest['seconds']:.0f} a second, "
          f"{len(ingest['failed'])} could not be read")  # fmt: skip
    print(f"again     {again['wall_seconds']:8.2f} s  {again['unchanged']} unchanged")
    print(f"query     {done['query_wall_seconds']:8.2f} s")
    print(f"eval      {done['eval_wall_seconds']:8.2f} s")
    for row in done["found"]:
        shown = "  ".join(f"{name} {row['figures'][name]:.3f}" for name in ("hit@1", "hit@5", f"mrr@{TOP}"))
        print(f"{row['by']:9} {row['kind']:20} {row['figures']['questions']:5} questions  {shown}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.newcomer", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="documents, all in one collection")
    parser.add_argument(
        "--questions", nargs="+", type=Path, default=[], metavar="FILE", help="default: titles of pages"
    )
    parser.add_argument("--embedder", default="", help="instead of the one that suits the documents")
    parser.add_argument("--json", action="store_true", help="all figures as JSON")
    asked = parser.parse_args()
    done = run([each.resolve() for each in asked.folders], [each.resolve() for each in asked.questions], asked.embedder)
    print(json.dumps(done, indent=2)) if asked.json else print_run(done)


if __name__ == "__main__":
    main()
