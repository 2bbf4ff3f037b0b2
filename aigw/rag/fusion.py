"""Makes one ranking of the passages that are near to a question by their vectors, and of those that have its words.

Rule: a score says how unusual a passage is in its collection. A cosine is counted in standard deviations above what is
usual there for this question, so that all models, and easy and hard questions, have one scale. The score for words is
the share of the question's words that a passage has, weighted by their rarity, so that a single common word counts
little."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from aigw.core.retrieval import Candidates, Language

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aigw.core.retrieval import Vectors

    Numbers = NDArray[np.float64]

WORDS = 9.0
"""The score of a passage that has all words of the question, in standard deviations. On public sets, 8 and 9 are about
equal."""
PAIRS = 0.15
"""The additional score for words that stand together as in the question, as a part of WORDS."""
TITLES = 0.3
"""The additional score for words in the titles of a passage, as a part of WORDS. With a larger value, pages are found
better by their titles, and worse by words that are only in their texts."""
BEST = 5
TURN = 0.3
"""A question is asked a second time, turned by this towards the best passages: others on the same subject rise. It is
not turned into parts of the vector that it has left empty."""
LEAST_DEVIATION = 0.005
"""If the standard deviation of the cosines is smaller, they say nothing."""


class Ranked(NamedTuple):
    """A passage in a ranking. `distance` is 1 - cosine."""

    key: int
    score: float
    distance: float


def fuse(question: Vectors, found: Candidates, vectors: Mapping[int, Vectors], sample: Vectors) -> list[Ranked]:
    """Ranks those candidates that have a vector, the best first. `sample` shows what is usual."""
    keys = sorted(vectors)
    if not keys:
        return []
    passages = np.stack([vectors[key] for key in keys]).astype(np.float64)
    usual = np.asarray(sample, np.float64)
    asked = np.asarray(question, np.float64)
    worded = WORDS * (
        _shares(keys, found.words, found.mass)
        + PAIRS * _shares(keys, found.pairs, found.pair_mass)
        + TITLES * _shares(keys, found.titles, found.title_mass)
    )
    scores = unusual(passages @ asked, usual @ asked) + worded
    turned = asked + TURN * np.where(asked, _middle(passages, scores), 0.0)
    scores = unusual(passages @ turned, usual @ turned) + worded
    distances = 1.0 - passages @ asked
    ranked = map(Ranked, keys, scores.tolist(), distances.tolist())
    return sorted(ranked, key=lambda each: (-each.score, each.key))


def unusual(cosines: Numbers, usual: Numbers) -> Numbers:
    """How many standard deviations the cosines lie above the mean of the usual ones."""
    if not len(usual):
        return np.zeros_like(cosines)
    deviations: Numbers = (cosines - usual.mean()) / max(float(usual.std()), LEAST_DEVIATION)
    return deviations


def shared(rankings: Mapping[Language, Sequence[Ranked]], own: Language, top: int, turn: int) -> list[Ranked]:
    """The best of several languages, whose scores cannot be compared: each third, if `turn` is 3, is in another
    language than the question. What one language leaves, the others get. A passage is there once."""
    waiting = {language: list(reversed(ranking)) for language, ranking in rankings.items()}
    others = [language for language in rankings if language != own]
    chosen: dict[int, Ranked] = {}
    while len(chosen) < top and any(waiting.values()):
        order = [*others, own] if len(chosen) % turn == turn - 1 else [own, *others]
        ranked = next(waiting[language] for language in order if waiting.get(language)).pop()
        chosen.setdefault(ranked.key, ranked)
    return list(chosen.values())


def _shares(keys: Sequence[int], found: Sequence[tuple[int, float]], mass: float) -> Numbers:
    """Returns each passage's share of the mass, from 0 to 1."""
    bm25 = dict(found)
    got = np.array([bm25.get(key, 0.0) for key in keys])
    return np.clip(got, 0.0, mass) / mass if mass > 0 else np.zeros(len(keys))


def _middle(passages: Numbers, scores: Numbers) -> Numbers:
    """The mean of the best passages, by their scores."""
    best = np.lexsort((np.arange(len(scores)), -scores))[:BEST]
    weights = np.maximum(scores[best], 1e-9)
    mean: Numbers = weights @ passages[best] / weights.sum()
    return mean
