"""The words of passages and of questions, for the full-text search of SQLite.

Rule: Chinese, Japanese and Korean runs are overlapping pairs of letters, so that no dictionary is needed. FTS5 forgets
a passage only by the very text that it was given: who changes `indexed` raises RULES in `manifest`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from aigw.core.retrieval import CJK_LETTER, Language

if TYPE_CHECKING:
    import sqlite3

MOST_TERMS = 100
"""How many different words of a question are searched for."""
_MOST_OF_BM25 = 2.2
"""What a term can add to BM25 at most, as a multiple of its rarity: k1 + 1, and FTS5 has k1 = 1.2."""
_RUN = re.compile(f"{CJK_LETTER}+")
_WORD = re.compile(rf"{CJK_LETTER}+|[^\W_]+")
_STOP = frozenset(
    (
        "a", "about", "am", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can", "could",
        "did", "do", "does", "for", "from", "had", "has", "have", "he", "her", "his", "how", "i", "if", "in",
        "into", "is", "it", "its", "me", "my", "no", "not", "of", "on", "or", "our", "she", "should", "so",
        "such", "than", "that", "the", "their", "them", "then", "there", "these", "they", "this", "to", "was",
        "we", "were", "what", "when", "where", "which", "who", "whom", "whose", "why", "will", "with", "would",
        "you", "your",
        "什么", "怎么", "如何", "哪些", "哪个", "为什", "是否", "多少", "吗", "的", "了", "是", "在", "和",
    )
)  # fmt: skip


def indexed(title: str, text: str) -> str:
    """What FTS5 is given of a passage: its text, and those of its titles that the text does not show. FTS5's own
    tokenizer splits the words that are not paired here."""
    missing = [part for part in title.split(" > ") if part not in text]
    return _RUN.sub(lambda run: f" {' '.join(_pairs(run[0]))} ", "\n".join((*missing, text)))


def terms(question: str) -> list[str]:
    """The words that are searched for, each once. A question that has nothing but stop words is searched for these."""
    found = list(dict.fromkeys(_in_order(question)))
    return [word for word in found if word not in _STOP][:MOST_TERMS] or found[:MOST_TERMS]


def pairs(question: str) -> list[str]:
    """Words that stand next to each other in the question, and say something both, each pair once. FTS5 finds them
    where they stand so in a passage."""
    found = list(_in_order(question))
    meant = (f"{left} {right}" for left, right in pairwise(found) if not {left, right} & _STOP)
    return list(dict.fromkeys(meant))[:MOST_TERMS]


def table(language: Language) -> str:
    """Each language has a table of its own: how rare a word is, and how long a passage, compares within one only."""
    return f"words_{language}"


def best(
    connection: sqlite3.Connection,
    language: Language,
    words: Sequence[str],
    top: int,
    narrowed: str,
    bound: Sequence[object],
) -> list[tuple[int, float]]:
    """The passages with the most BM25, and that. `narrowed` is a condition on the table of passages, "" for none, and
    `bound` its parameters."""
    name = table(language)
    among = f"AND rowid IN (SELECT key FROM passages WHERE {narrowed})" if narrowed else ""  # noqa: S608  bound
    found = connection.execute(
        f"SELECT rowid, -rank FROM {name} WHERE {name} MATCH ? {among} ORDER BY rank LIMIT ?",  # noqa: S608  ours
        (" OR ".join(map(_quoted, words)), *bound, top),
    )
    return found.fetchall()


def mass(connection: sqlite3.Connection, language: Language, words: Sequence[str], passages: int) -> float:
    """About the BM25 of a passage that has all the words. A word that no passage has counts as a very rare one."""
    name = table(language)
    whole = 0.0
    for word in words:
        (count,) = connection.execute(
            f"SELECT count(*) FROM {name} WHERE {name} MATCH ?",  # noqa: S608  ours
            (_quoted(word),),
        ).fetchone()
        whole += max(0.0, math.log((passages - count + 0.5) / (count + 0.5)) if count else math.log(passages + 0.5))
    return _MOST_OF_BM25 * whole


def _in_order(question: str) -> Iterator[str]:
    for word in _WORD.findall(question.lower()):
        yield from _pairs(word) if _RUN.match(word) else (word,)


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]


def _quoted(word: str) -> str:
    return f'"{word}"'
