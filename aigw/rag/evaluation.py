"""Measures a collection by questions whose sources are known.

Rule: a rank is that of the first passage that is expected: of such a source, or with such an id. `guide/install.md` and
`guide/install` are the end of a path, so that questions do not depend on where a folder stands."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from aigw.core.retrieval import Collection, Passage, Retrieval, RetrievalError

ASKED = ("question", "text", "query")
EXPECTED = ("expected", "source", "sources", "answer", "answers")
"""The names that a question and its sources may have in a file, the first that is there counts."""
SEPARATOR = ";"
"""Between the sources of one question in CSV."""


class Question(NamedTuple):
    """A question with the sources that should be found. `kind` groups questions, "" for none."""

    text: str
    expected: tuple[str, ...]
    kind: str = ""


class Outcome(NamedTuple):
    """The result for a question. `rank` counts from 1; None if the expected source was not found. `first` is the source
    that was found first."""

    question: Question
    rank: int | None
    first: str


class Evaluation(NamedTuple):
    outcomes: Sequence[Outcome]
    top: int

    def hits(self, most: int) -> float:
        """The share of questions for which the first `most` passages have an expected one."""
        return _mean([each.rank is not None and each.rank <= most for each in self.outcomes])

    @property
    def mrr(self) -> float:
        """The mean of 1/rank, 0 for what was not found."""
        return _mean([1 / each.rank if each.rank else 0.0 for each in self.outcomes])

    def kinds(self) -> Mapping[str, Evaluation]:
        """Returns an evaluation for each kind that the questions name."""
        names = dict.fromkeys(each.question.kind for each in self.outcomes if each.question.kind)
        return {name: self._replace(outcomes=self._of(name)) for name in names}

    def plain(self) -> dict[str, Any]:
        missed = [
            {"question": each.question.text, "expected": list(each.question.expected), "found": each.first}
            for each in self.outcomes
            if each.rank is None
        ]
        kinds = {name: part.figures() for name, part in self.kinds().items()}
        return {**self.figures(), "kinds": kinds, "missed": missed}

    def figures(self) -> dict[str, Any]:
        hits = {f"hit@{most}": self.hits(most) for most in (1, 3, 5) if most <= self.top}
        return {"questions": len(self.outcomes), **hits, f"mrr@{self.top}": self.mrr}

    def _of(self, kind: str) -> list[Outcome]:
        return [each for each in self.outcomes if each.question.kind == kind]


def read_questions(name: str, data: bytes) -> list[Question]:
    """Reads questions from JSON, JSON Lines or CSV, as the end of the file's name says. Raises RetrievalError."""
    try:
        entries = _entries(name, data.decode("utf-8-sig"))
    except (ValueError, RecursionError, csv.Error) as error:
        raise RetrievalError(f"{name} cannot be read as {_format(name)}: {error}") from None
    if not entries:
        raise RetrievalError(f"{name} has no questions; each needs `question` and `expected` (a source)")
    return [_question(name, number, entry) for number, entry in enumerate(entries, 1)]


async def evaluate(
    retrieval: Retrieval,
    collection: str,
    questions: Sequence[Question],
    top: int,
    shows: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """`shows` hears how many questions were asked, and how many there are. Raises RetrievalError, NoCollectionError."""
    outcomes: list[Outcome] = []
    for question in questions:
        passages = [hit.passage for hit in await retrieval.search(collection, question.text, top)]
        ranks = [rank for rank, passage in enumerate(passages, 1) if is_expected(passage, question.expected)]
        outcomes.append(Outcome(question, min(ranks, default=None), _name(passages[0]) if passages else ""))
        shows(len(outcomes), len(questions))
    return Evaluation(outcomes, top)


async def absent(collection: Collection, found: Evaluation) -> list[str]:
    """Returns the sources and ids that questions expect but the collection does not have."""
    missed = [each.question for each in found.outcomes if each.rank is None]
    names = dict.fromkeys(name for question in missed for name in question.expected)
    sources = [Passage("", "", source) for source in await collection.sources()] if names else []
    unknown = [name for name in names if not any(is_expected(each, (name,)) for each in sources)]
    passages = await collection.fetch(unknown) if unknown else {}
    return [name for name in unknown if name not in passages]


def is_expected(passage: Passage, expected: Sequence[str]) -> bool:
    path = "/" + passage.source.replace("\\", "/")
    ends = tuple("/" + each.removeprefix("./").lstrip("/") for each in expected)
    return passage.id in expected or path.endswith(ends) or _without_suffix(path).endswith(ends)


def _without_suffix(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder}/{name.rpartition('.')[0] or name}"


def _entries(name: str, text: str) -> list[Any]:
    match _format(name):
        case "CSV":
            return list(csv.DictReader(io.StringIO(text), strict=True))
        case "JSON Lines":
            return [json.loads(line) for line in text.split("\n") if line.strip()]
    whole = json.loads(text)
    found = whole.get("questions", [whole]) if isinstance(whole, dict) else whole
    return found if isinstance(found, list) else [found]


def _format(name: str) -> str:
    end = name.lower().rpartition(".")[2]
    return {"csv": "CSV", "jsonl": "JSON Lines", "ndjson": "JSON Lines"}.get(end, "JSON")


def _question(name: str, number: int, entry: Any) -> Question:
    fields = {str(key).strip().lower(): value for key, value in entry.items()} if isinstance(entry, dict) else {}
    text = next((fields[key] for key in ASKED if fields.get(key)), None)
    sources = _sources(next((fields[key] for key in EXPECTED if fields.get(key)), None), _format(name) == "CSV")
    if not isinstance(text, str) or not sources:
        message = f"{name}, entry {number}: it needs `question` (a text) and `expected` (a source, or a list of them)"
        raise RetrievalError(message)
    return Question(text, sources, str(fields.get("kind") or ""))


def _sources(expected: Any, separated: bool) -> tuple[str, ...]:
    """Returns the expected sources, () unless all of them are texts."""
    if isinstance(expected, str):
        expected = expected.split(SEPARATOR) if separated else [expected]
    several = expected if isinstance(expected, list) else []
    named = tuple(one.strip() for one in several if isinstance(one, str))
    return named if len(named) == len(several) and all(named) else ()


def _name(passage: Passage) -> str:
    return passage.source or passage.id


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
