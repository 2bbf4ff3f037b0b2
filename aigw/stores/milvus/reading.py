"""Reads rows from Milvus. Rows of a source count only if they are of the generation that the source's own row names.

Rule: the source's row must name the generation before and after the search. A generation is written completely before
it is named, and deleted only when it is no longer named, so a search in between has seen all of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from aigw.core.retrieval import NoCollectionError, RetrievalError
from aigw.stores.milvus import rows
from aigw.stores.milvus.rows import Identity, Row
from aigw.stores.milvus.table import Table, among

NEEDED = ("origin", "generation")
"""The fields that a search has to bring."""
_TRIES = 10
"""Two are usual for sources that were never seen; each further one means that somebody has just replaced one."""
_MOST_KNOWN = 100_000


class Reader:
    """Reads for one collection, in many threads."""

    def __init__(self, table: Table, identity: Identity) -> None:
        self._table = table
        self._identity = identity
        self._lock = threading.Lock()
        self._known: dict[int, tuple[int, float]] = {}
        """For each source, the generation that its row named last, and since when."""

    def believed(self, find: Callable[[str], Sequence[Row]]) -> list[Row]:
        """Calls `find` with a further condition of its filter, until all that it returns is to be believed."""
        without: dict[int, int] = {}
        for _ in range(_TRIES):
            began = time.monotonic()
            found = find(_excluding(without))
            origins = {row["origin"] for row in found} | set(without.values())
            named = self.named(origins - {0})
            strange = {
                row["generation"]: row["origin"]
                for row in found
                if row["origin"] and named.get(row["origin"]) != row["generation"]
            }
            sure = all(self._was_named(row, began) for row in found if row["origin"])
            back = [generation for generation, origin in without.items() if named.get(origin) == generation]
            if sure and not strange and not back:
                return list(found)
            without = {generation: origin for generation, origin in without.items() if generation not in back} | strange
        raise RetrievalError(f"the collection {self._table.name} changes all the time; try again")

    def named(self, origins: Iterable[int]) -> Mapping[int, int]:
        """Returns the generations that the rows of these sources name now. Raises NoCollectionError if the collection
        was dropped or replaced meanwhile."""
        wanted = set(origins)
        found = self._table.get([rows.HEAD_KEY, *wanted], ["about", "generation"])
        head = found.pop(rows.HEAD_KEY, None)
        if head is None or head["about"]["salt"] != self._identity.salt:
            raise NoCollectionError(f"the collection {self._table.name} was dropped")
        now = time.monotonic()
        named = {key: row["generation"] for key, row in found.items()}
        with self._lock:
            if len(self._known) > _MOST_KNOWN:
                self._known.clear()
            for origin in wanted - set(named):
                self._known.pop(origin, None)
            for origin, generation in named.items():
                if self._known.get(origin, (0, 0.0))[0] != generation:
                    self._known[origin] = generation, now
        return named

    def _was_named(self, row: Row, moment: float) -> bool:
        with self._lock:
            generation, since = self._known.get(row["origin"], (0, moment))
        return generation == row["generation"] and since <= moment


def _excluding(generations: Iterable[int]) -> str:
    return f" and not ({among('generation', some)})" if (some := list(generations)) else ""
