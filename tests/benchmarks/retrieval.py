"""Measures what is found: `python -m tests.benchmarks.retrieval FOLDER`, from the root of the project.

FOLDER has sets as JSON files: {"questions": [{"id", "kind", "text", "answer" or "answers"}], "passages": [{"id", "lang",
"text"}]}. Each kind of questions is asked of a collection of its own, with those passages whose language its answers
have, and then of all passages of the set. Beside aigw stand txtai (hybrid) and chromadb, if they are installed, with
the same vectors."""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from aigw.core.retrieval import CollectionInfo, Embedder, Passage, Source
from aigw.rag.embedders import EmbedderTable
from aigw.rag.evaluation import Evaluation, Question, evaluate
from aigw.rag.retrieval import LocalRetrieval
from aigw.stores.faiss.collections import FaissCollections
from tests.benchmarks.peers import Search, evaluated, installed

TOP = 10


class Task(NamedTuple):
    """Questions of one kind, and the passages among which their answers are."""

    name: str
    questions: Sequence[Question]
    passages: Sequence[Passage]

    @property
    def texts(self) -> list[str]:
        return [each.text for each in self.passages]


class Remembering:
    """An embedder that embeds each text once, also for several collections."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[tuple[str, str], Any] = {}
        self.name = embedder.name

    async def embed(self, texts: Sequence[str], purpose: Any) -> Any:
        new = [text for text in dict.fromkeys(texts) if (text, purpose) not in self._known]
        for text, vector in zip(new, await self._embedder.embed(new, purpose) if new else (), strict=True):
            self._known[text, purpose] = vector
        return np.stack([self._known[text, purpose] for text in texts])


class Embedders:
    """Those of aigw, each remembering."""

    def __init__(self, wanted: str) -> None:
        self._table = EmbedderTable()
        self._wanted = wanted
        self._made: dict[str, Remembering] = {}

    def get(self, name: str) -> Any:
        return self._made.setdefault(name, Remembering(self._table.get(name)))

    def choose(self, task: Task) -> Remembering:
        """The one that suits the passages and the questions."""
        if self._wanted:
            return self.get(self._wanted)
        return self.get(self._table.choose([*task.texts, *(each.text for each in task.questions)]).name)


def tasks(file: Path) -> Iterator[Task]:
    content = json.loads(file.read_text())
    language = {each["id"]: each["lang"] for each in content["passages"]}
    passages = [Passage(each["id"], each["text"]) for each in content["passages"]]
    questions = [
        Question(each["text"], tuple(each.get("answers") or [each["answer"]]), each["kind"])
        for each in content["questions"]
    ]
    for kind in dict.fromkeys(each.kind for each in questions):
        asked = [each for each in questions if each.kind == kind]
        wanted = {language[id_] for each in asked for id_ in each.expected if id_ in language}
        own = [each for each in passages if language[each.id] in wanted]
        yield Task(f"{file.stem} {kind}", asked, own)
        if len(own) < len(passages):
            yield Task(f"{file.stem} {kind}, of all", asked, passages)


async def ours(task: Task, embedder: Remembering, folder: Path, embedders: Embedders) -> Evaluation:
    collections = FaissCollections(folder)
    vectors = await embedder.embed(task.texts, "passage")
    made = await collections.create(CollectionInfo("docs", vectors.shape[1], embedder.name))
    await made.replace(Source("set", "1"), task.passages, vectors)
    found = await evaluate(LocalRetrieval(collections, embedders), "docs", task.questions, TOP)
    await collections.aclose()
    return found


async def theirs(task: Task, embedder: Remembering, search: Search) -> Evaluation:
    vectors = await embedder.embed(task.texts, "passage")
    asked = [each.text for each in task.questions]
    found = await embedder.embed(asked, "query")
    return evaluated(search, task.passages, task.texts, vectors, task.questions, found, TOP)


async def measured(files: Sequence[Path], wanted: str) -> list[dict[str, Any]]:
    embedders = Embedders(wanted)
    rows = []
    for task in (task for file in files for task in tasks(file)):
        embedder = embedders.choose(task)
        with tempfile.TemporaryDirectory() as folder:
            found = {"aigw": await ours(task, embedder, Path(folder) / "rag", embedders)}
        found |= {name: await theirs(task, embedder, search) for name, search in installed().items()}
        for name, evaluation in found.items():
            rows.append({"set": task.name, "by": name, "embedder": embedder.name, **evaluation.figures()})
            print_row(rows[-1])
    return rows


def print_row(row: dict[str, Any]) -> None:
    figures = "  ".join(f"{name} {value:.3f}" for name, value in row.items() if isinstance(value, float))
    print(f"{row['set']:32} {row['questions']:4}  {row['by']:9} {row['embedder']:14} {figures}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.retrieval", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="FOLDER", help="folders of sets, or single sets")
    parser.add_argument("--embedder", default="", help="instead of the one that suits each set")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    asked = parser.parse_args()
    files = [file for path in asked.paths for file in (sorted(path.glob("*.json")) if path.is_dir() else [path])]
    rows = asyncio.run(measured(files, asked.embedder))
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
