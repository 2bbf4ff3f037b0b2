"""A `Retrieval` with passages that a test chooses."""

from __future__ import annotations

from collections.abc import Sequence

from aigw.core.retrieval import Hit, NoCollectionError, Passage, RetrievalError


def hit(text: str, distance: float = 0.2, **more: object) -> Hit:
    return Hit(Passage(str(more.pop("id", text[:8])), text, **more), 1 - distance, distance)  # type: ignore[arg-type]


class FakeRetrieval:
    """Finds `hits` for any question. `asked` is what was searched for."""

    def __init__(self, *hits: Hit, broken: str = "") -> None:
        self.hits: Sequence[Hit] = hits
        self.broken = broken
        self.asked: list[tuple[str, str, int]] = []
        self.versions = {"default": "1"}

    async def names(self) -> Sequence[str]:
        return list(self.versions)

    async def search(self, collection: str, question: str, top: int) -> Sequence[Hit]:
        self.asked.append((collection, question, top))
        if self.broken:
            raise RetrievalError(self.broken)
        if collection not in self.versions:
            raise NoCollectionError(f"there is no collection {collection}; there are: default")
        return self.hits[:top]

    def version(self, collection: str) -> str:
        return self.versions.get(collection, "")
