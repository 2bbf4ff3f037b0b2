"""Searches one collection for a question, each language apart.

Rule: passages of two languages are not compared by their vectors, because a model puts texts of one language near to
each other, whatever they say. Only if nearly all passages are in the question's own language, the few others compete
with them, because they are probably not translations."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, get_args

from aigw.core.retrieval import Collection, Embedder, Hit, Language, Query, language_of
from aigw.rag.fusion import Ranked, fuse, shared

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors

LANGUAGES: tuple[Language, ...] = get_args(Language)
CANDIDATES = 100
"""How many passages of each kind are looked at: near by their vectors, with the words, with pairs of them."""
SAMPLE = 500
"""How many vectors make a sample. More of them change no ranking."""
NEARLY_ALL = 0.9
TURN = 3
"""If passages of two languages are found, every third one is in the language that is not the question's,"""
RARE_TURN = 5
"""or every fifth one if few passages are in that language."""
SHORT = 200
"""A question of at most this many characters is searched for as it is."""
CHARACTERS = 16
"""Before its tokens are counted, a longer question is cut to this many characters for each token of the window."""


class Usual(NamedTuple):
    """Statistics of a collection at one version: how many passages it has in each of its languages, and a sample of the
    vectors of each language, and of all (None)."""

    version: str
    counts: Mapping[Language, int]
    samples: Mapping[Language | None, Vectors]


async def usual(collection: Collection) -> Usual:
    version = collection.version()
    there = (await collection.stats()).languages
    counts = {language: there[language] for language in LANGUAGES if there.get(language)}
    return Usual(version, counts, {scope: await collection.sample(SAMPLE, scope) for scope in (*counts, None)})


def scopes(counts: Mapping[Language, int], own: Language) -> Mapping[Language, Language | None]:
    """Returns for each language of the collection which passages compete for its places: those of this language, or all
    (None)."""
    whole = sum(counts.values())
    return {
        language: None if language == own and NEARLY_ALL * whole <= count < whole else language
        for language, count in counts.items()
    }


async def search(collection: Collection, embedder: Embedder, question: str, top: int, habits: Usual) -> Sequence[Hit]:
    """The best passages, the best first. Raises RetrievalError."""
    if len(question) > SHORT:
        question = await asyncio.to_thread(shortened, question, embedder)
    vector = (await embedder.embed([question], "query"))[0]
    own = language_of(question)
    among = scopes(habits.counts, own)

    async def ranked(scope: Language | None) -> list[Ranked]:
        found = await collection.search(Query(vector, question, max(CANDIDATES, top), language=scope))
        keys = {near.key for near in found.near} | {key for key, _ in (*found.words, *found.pairs, *found.titles)}
        return fuse(vector, found, await collection.vectors(list(keys)), habits.samples[scope])

    rankings = dict(zip(among, await asyncio.gather(*map(ranked, among.values())), strict=True))
    best = shared(rankings, own, top, RARE_TURN if None in among.values() else TURN)
    passages = await collection.passages([each.key for each in best])
    return [Hit(passages[key], score, distance) for key, score, distance in best if key in passages]


def shortened(question: str, embedder: Embedder) -> str:
    """Returns the part of a long question that is searched for: its beginning and its end, as much as the embedder
    reads at once. The actual question stands there, before or behind a pasted text."""
    window = embedder.window
    text = _ends(question, CHARACTERS * window)
    while len(text) > SHORT and (tokens := embedder.count(text)) > window:
        text = _ends(text, len(text) * window // tokens)
    return text


def _ends(text: str, most: int) -> str:
    """The text, or else its first and last characters, of which there are fewer than `most` together."""
    half = (most - 1) // 2
    return text if len(text) <= most else f"{text[:half]}{text[-half:]}"
