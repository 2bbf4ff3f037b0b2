"""Others that search, with the same texts and the same vectors: those that are installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

from aigw.core.retrieval import Passage
from aigw.rag.evaluation import Evaluation, Outcome, Question, is_expected

Search = Callable[[Sequence[str], Any, Sequence[str], Any, int], list[list[int]]]
"""Texts, their vectors, questions, theirs, how many: the places of the best texts for each question."""


def installed() -> dict[str, Search]:
    return {name: search for name, search in (("txtai", txtai), ("chromadb", chromadb)) if find_spec(name)}


def evaluated(
    search: Search,
    passages: Sequence[Passage],
    texts: Sequence[str],
    vectors: Any,
    questions: Sequence[Question],
    asked: Any,
    top: int,
) -> Evaluation:
    """What `search` finds among the passages, of which it gets `texts` and `vectors`. `asked` has the vectors of the
    questions."""
    outcomes = []
    found = search(texts, vectors, [each.text for each in questions], asked, top)
    for question, places in zip(questions, found, strict=True):
        best = [passages[place] for place in places]
        ranks = [rank for rank, passage in enumerate(best, 1) if is_expected(passage, question.expected)]
        outcomes.append(Outcome(question, min(ranks, default=None), (best[0].source or best[0].id) if best else ""))
    return Evaluation(outcomes, top)


def txtai(texts: Sequence[str], vectors: Any, questions: Sequence[str], asked: Any, top: int) -> list[list[int]]:
    """Its hybrid search of vectors and BM25, with its defaults."""
    from txtai import Embeddings

    known = dict(zip((*texts, *questions), (*vectors, *asked), strict=True))

    def embed(batch: Sequence[str]) -> Any:
        import numpy as np

        return np.stack([known[text] for text in batch])

    index = Embeddings(method="external", transform=embed, hybrid=True)
    index.index(list(enumerate(texts)))
    return [[place for place, _ in found] for found in index.batchsearch(list(questions), top)]


def chromadb(texts: Sequence[str], vectors: Any, questions: Sequence[str], asked: Any, top: int) -> list[list[int]]:
    """Its search by vectors alone."""
    from chromadb import EphemeralClient

    client = EphemeralClient()
    made = client.create_collection("peer", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None)
    for start in range(0, len(texts), 1000):
        places = [str(place) for place in range(start, min(start + 1000, len(texts)))]
        made.add(ids=places, embeddings=vectors[start : start + 1000])
    found = made.query(query_embeddings=asked, n_results=min(top, len(texts)))
    client.delete_collection("peer")
    return [[int(place) for place in places] for places in found["ids"]]
