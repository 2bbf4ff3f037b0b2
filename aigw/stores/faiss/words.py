"""The words of passages and of questions, for the full-text search of SQLite.

Rules: Chinese, Japanese and Korean runs are overlapping pairs of letters, so that no dictionary is needed. A version is
a word, and so are its beginnings: v5.2.0 is 5.2.0, 5.2 and 5. FTS5 forgets a passage only by the very text that it was
given: who changes `spelled` or `indexed` raises RULES in `manifest`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, get_args

from aigw.core.retrieval import CJK_LETTER, Language

if TYPE_CHECKING:
    import sqlite3

Part = Literal["words", "titles"]
PARTS: tuple[Part, ...] = get_args(Part)
"""The tables of words: all words of passages, and the words of their titles."""
MOST_TERMS = 100
"""How many different words of a question are searched for."""
MOST_ROWS = 50_000
"""How many occurrences the searched words may have together, because BM25 is computed for each of them, which takes a
microsecond. If there are more, the rarest words are searched for, because they say most."""
_MOST_OF_BM25 = 2.2
"""The most that a term can add to BM25, as a multiple of its rarity: k1 + 1, where FTS5 has k1 = 1.2."""
_RUN = re.compile(f"{CJK_LETTER}+")
_VERSION = re.compile(r"(?<![A-Za-z0-9])[vV]?(\d+(?:\.\d+){1,3}[A-Za-z0-9]*)")
_DOT = "dot"
_WORD = re.compile(r"[^\W_]+")
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
    """Returns the text of a passage for FTS5: the passage, and those of its titles that the text does not show."""
    missing = [part for part in title.split(" > ") if part not in text]
    return spelled("\n".join((*missing, text)))


def spelled(text: str) -> str:
    """Returns the text with its words as FTS5 should see them. FTS5's own tokenizer splits the rest."""
    return _RUN.sub(lambda run: f" {' '.join(_pairs(run[0]))} ", _VERSION.sub(_version, text))


def terms(question: str) -> list[str]:
    """The words that are searched for, each once. A question that has nothing but stop words is searched for these."""
    found = list(dict.fromkeys(_in_order(question)))
    return [word for word in found if word not in _STOP][:MOST_TERMS] or found[:MOST_TERMS]


def pairs(question: str) -> list[str]:
    """Words that stand next to each other in the question, and say something both, each pair once. FTS5 finds them
    where they stand so in a passage."""
    found = _in_order(question)
    meant = (f"{left} {right}" for left, right in pairwise(found) if not {left, right} & _STOP)
    return list(dict.fromkeys(meant))[:MOST_TERMS]


def table(part: Part, language: Language) -> str:
    """Each language has tables of its own: how rare a word is, and how long a passage, compares within one only."""
    return f"{part}_{language}"


def counts(connection: sqlite3.Connection, name: str, words: Sequence[str]) -> dict[str, int]:
    """Returns how many passages have each word, the rarest word first. Common words for which there is no time are left
    out. Counting stops at MOST_ROWS + 1."""
    query = f"SELECT count(*) FROM (SELECT 1 FROM {name} WHERE {name} MATCH ? LIMIT ?)"  # noqa: S608  ours
    found = {word: int(connection.execute(query, (_quoted(word), MOST_ROWS + 1)).fetchone()[0]) for word in words}
    rows = 0
    kept: dict[str, int] = {}
    for word in sorted(found, key=lambda word: found[word]):
        rows += found[word]
        if kept and rows > MOST_ROWS:
            break
        kept[word] = found[word]
    return kept


def best(
    connection: sqlite3.Connection,
    name: str,
    words: Mapping[str, int],
    top: int,
    narrowed: str,
    bound: Sequence[object],
) -> list[tuple[int, float]]:
    """The passages with the most BM25, and that. `narrowed` is a condition on the table of passages, "" for none, and
    `bound` its parameters."""
    if not (known := [word for word, count in words.items() if count]):
        return []
    among = f"AND rowid IN (SELECT key FROM passages WHERE {narrowed})" if narrowed else ""  # noqa: S608  bound
    found = connection.execute(
        f"SELECT rowid, -rank FROM {name} WHERE {name} MATCH ? {among} ORDER BY rank LIMIT ?",  # noqa: S608  ours
        (" OR ".join(map(_quoted, known)), *bound, top),
    )
    return found.fetchall()


def mass(words: Mapping[str, int], passages: int) -> float:
    """About the BM25 of a passage that has all the words. A word that no passage has counts as a very rare one."""
    return _MOST_OF_BM25 * sum(
        max(0.0, math.log((passages - count + 0.5) / (count + 0.5)) if count else math.log(passages + 0.5))
        for count in words.values()
    )


def _in_order(question: str) -> list[str]:
    return _WORD.findall(spelled(question.lower()))


def _version(found: re.Match[str]) -> str:
    parts = found[1].split(".")
    return " ".join(_DOT.join(parts[:length]) for length in range(len(parts), 0, -1))


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]


def _quoted(word: str) -> str:
    return f'"{word}"'
