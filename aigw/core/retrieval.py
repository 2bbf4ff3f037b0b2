"""The protocols of retrieval: embedders, which turn texts into vectors, and collections, which keep passages with their
vectors. `aigw rag`, the plugin ai-rag and the stand-in of DashVector share them.

Rule: a vector is a row of float32. In a collection whose metric is `cosine` it has the length 1."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Collection as Several
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

Purpose = Literal["query", "passage"]
"""The purpose for which a text is embedded. Some models treat questions and passages differently."""
Metric = Literal["cosine", "euclidean", "dotproduct"]
"""The measures of how near two vectors are, by DashVector's names."""
Language = Literal["cjk", "other"]
"""The language of a passage, as far as it matters to search: with Chinese, Japanese or Korean letters, or without."""
DEFAULT = "default"
"""The name of the collection, and of the partition, that is meant if none is named."""

CJK_LETTER = r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
"""The pattern of one Chinese, Japanese or Korean letter."""
_CJK = re.compile(CJK_LETTER)
_CJK_SHARE = 0.3


def cjk_share(text: str) -> float:
    """The share of Chinese, Japanese and Korean letters among the letters of a text, 0.0 if it has none at all."""
    found = 0 if text.isascii() else len(_CJK.findall(text))
    letters = sum(map(str.isalpha, text)) if found else 0
    return found / letters if letters else 0.0


def language_of(text: str) -> Language:
    return "cjk" if cjk_share(text) >= _CJK_SHARE else "other"


class RetrievalError(Exception):
    """Retrieval failed. The message names the collection, the file or the service, and the remedy."""


class NoCollectionError(RetrievalError):
    """There is no collection of this name. The message names those that exist."""


class Embedder(Protocol):
    """Turns texts into vectors of length 1. `name` is what a collection remembers of it, such as `minilm`."""

    @property
    def name(self) -> str: ...

    @property
    def window(self) -> int:
        """How many tokens of a text the model reads. What is beyond counts less, or not at all. This may load the
        model, so call it in a thread."""
        ...

    async def dimension(self) -> int: ...

    async def embed(self, texts: Sequence[str], purpose: Purpose) -> Vectors:
        """Returns one row for each text. Raises RetrievalError."""
        ...

    def count(self, text: str) -> int:
        """Returns how many of the model's tokens the text has. This may load the tokenizer, so call it in a thread."""
        ...


class Embedders(Protocol):
    """Gives embedders by the names that collections remember."""

    def get(self, name: str) -> Embedder:
        """Loads nothing yet. Raises RetrievalError if there is no such embedder, or if a package is missing."""
        ...


class Passage(NamedTuple):
    """A piece of a source. `id` is unique in its partition. `title` is where it stands ("Guide > Install"), `lines` are
    its first and last line (from 1), `page` is that of a PDF (from 1). `fields` are what a client of DashVector gave to
    it."""

    id: str
    text: str
    source: str = ""
    title: str = ""
    lines: tuple[int, int] | None = None
    page: int | None = None
    fields: Mapping[str, Any] = {}
    partition: str = DEFAULT


class Source(NamedTuple):
    """A file, a page of the web or a text from stdin that was ingested. `digest` is that of its content and of how it
    was read. `at` is in seconds since 1970."""

    name: str
    digest: str
    size: int = 0
    title: str = ""
    passages: int = 0
    at: float = 0.0


class Retrieved(Struct, frozen=True):
    """A passage that was put into a request, by its id, with its score."""

    id: str
    score: float


class CollectionInfo(NamedTuple):
    """The settings of a collection. `embedder` is "" if clients bring their own vectors. `fields` are the names and
    types that a client of DashVector declared."""

    name: str
    dimension: int
    embedder: str = ""
    metric: Metric = "cosine"
    fields: Mapping[str, str] = {}


RAW, SOURCE, TITLE = "raw", "source", "title"
"""The fields that have the text, the source and the title of a passage, unless it was given other fields of these
names."""


class Comparison(NamedTuple):
    """A condition on one field of a passage. `operator` is =, !=, <, <=, >, >=, in or like. RAW, SOURCE and TITLE are
    fields, too."""

    field: str
    operator: str
    value: Any


class Both(NamedTuple):
    """Conditions that must all hold, or of which one must hold."""

    conditions: tuple[Condition, ...]
    every: bool = True


Condition = Comparison | Both


class Query(NamedTuple):
    """A search for passages that are near to `vector`, and for passages with words of `text` ("": only by the vector).
    `top` is how many candidates of each kind are wanted."""

    vector: Vectors | None
    text: str = ""
    top: int = 100
    partition: str = DEFAULT
    language: Language | None = None
    where: Condition | None = None


class Near(NamedTuple):
    """A candidate by its vector. `key` is the collection's own number of a passage. `score` is as the metric has it:
    for cosine the cosine itself, so that higher is nearer; for euclidean the squared distance, so that lower is."""

    key: int
    score: float


class Candidates(NamedTuple):
    """The candidates of a search: found by vectors, the nearest first, and by words, with their BM25, the best first.
    `mass` is the sum of the rarities of the query's words: about the BM25 of a passage that has all of them. `pairs`
    and `pair_mass` are the same for words that stand next to each other in the query and in the passage; `titles` and
    `title_mass` for words in titles."""

    near: Sequence[Near] = ()
    words: Sequence[tuple[int, float]] = ()
    mass: float = 0.0
    pairs: Sequence[tuple[int, float]] = ()
    pair_mass: float = 0.0
    titles: Sequence[tuple[int, float]] = ()
    title_mass: float = 0.0


class Stats(NamedTuple):
    """The sizes of a collection. `languages` and `partitions` count passages. `kinds` says how vectors are kept, such
    as `flat` or `ivf2048,sq8`, by segment."""

    passages: int
    sources: int
    languages: Mapping[str, int] = {}
    partitions: Mapping[str, int] = {}
    kinds: Sequence[str] = ()
    bytes: int = 0


class Collection(Protocol):
    """Passages with their vectors. Every call may raise RetrievalError. Others see each change whole or not at all,
    other processes too."""

    @property
    def info(self) -> CollectionInfo: ...

    def version(self) -> str:
        """A text that differs after each change, also by another process. Takes microseconds."""
        ...

    async def sources(self) -> Mapping[str, Source]:
        """Returns the ingested sources by their names."""
        ...

    async def replace(self, source: Source, passages: Sequence[Passage], vectors: Vectors) -> None:
        """Puts the passages of a source in the place of those that it had."""
        ...

    async def replace_all(self, sources: Sequence[Source], passages: Sequence[Passage], vectors: Vectors) -> None:
        """Does that for several sources in one change. Each passage names its source."""
        ...

    async def remove(self, sources: Several[str]) -> int:
        """Removes sources and their passages. Returns how many of the sources there were."""
        ...

    async def upsert(self, passages: Sequence[Passage], vectors: Vectors, *, only_new: bool = False) -> Sequence[bool]:
        """Puts passages without a source, each in the place of one with the same id and partition. With `only_new`,
        keeps the one that is there. Returns which were put."""
        ...

    async def delete(self, ids: Several[str], partition: str = DEFAULT, *, everything: bool = False) -> int:
        """Removes passages by their ids, or with `everything` all of the partition. Returns how many there were."""
        ...

    async def fetch(self, ids: Sequence[str], partition: str = DEFAULT) -> Mapping[str, tuple[Passage, Vectors]]: ...

    async def first(self, top: int, partition: str = DEFAULT, where: Condition | None = None) -> Sequence[Passage]:
        """Returns at most `top` passages that fulfil the condition, in the order in which they were added."""
        ...

    async def partitions(self) -> Mapping[str, int]:
        """Returns the number of passages in each partition. The default partition always exists."""
        ...

    async def create_partition(self, name: str) -> bool:
        """Makes an empty partition. Returns False if it exists. Passages that are added make their partition by
        themselves."""
        ...

    async def drop_partition(self, name: str) -> bool:
        """Removes a partition with its passages. Returns whether there was one."""
        ...

    async def search(self, query: Query) -> Candidates: ...

    async def passages(self, keys: Sequence[int]) -> Mapping[int, Passage]:
        """Returns those of the passages that still exist."""
        ...

    async def vectors(self, keys: Sequence[int]) -> Mapping[int, Vectors]:
        """Returns the kept vectors of those of the passages that still exist."""
        ...

    async def sample(self, most: int, language: Language | None = None, partition: str = DEFAULT) -> Vectors:
        """Returns the vectors of at most `most` passages, spread evenly over all of them: a sample."""
        ...

    async def of_source(self, source: str) -> Sequence[Passage]:
        """Returns the passages of a source, in its order."""
        ...

    async def stats(self) -> Stats: ...

    async def tidy(self) -> None:
        """Merges what many small changes have left, so that searches stay fast."""
        ...

    async def aclose(self) -> None: ...


Embed = Callable[[Sequence[Passage]], Awaitable["Vectors"]]
"""Embeds some passages of a collection, the same text of each as when it was put there."""


class Collections(Protocol):
    """The collections of one store. Every call may raise RetrievalError."""

    async def names(self) -> Sequence[str]: ...

    async def get(self, name: str) -> Collection:
        """Raises NoCollectionError. The collections close what they have opened."""
        ...

    async def create(self, info: CollectionInfo) -> Collection:
        """Raises RetrievalError if there is one of this name."""
        ...

    async def drop(self, name: str) -> bool:
        """Returns whether there was one."""
        ...

    def version(self, name: str) -> str:
        """Returns a text that differs after each change of the collection, also by another process. "" if there is no
        collection of this name. Takes microseconds."""
        ...

    async def aclose(self) -> None: ...


class LocalCollections(Collections, Protocol):
    """Collections whose vectors can be made again from the texts: those in a folder of this machine. A store that many
    machines share has these methods, too. There, `exclusive` locks nothing if simultaneous changes do no harm, and
    `reindex` and `repair` may raise a RetrievalError that says what to do instead."""

    def exclusive(self, name: str) -> AbstractAsyncContextManager[None]:
        """Lets only one caller at a time, of all processes, into the block for the collection of this name, whether it
        exists or not: a second ingest waits. Raises RetrievalError that says who has it."""
        ...

    async def reindex(self, name: str, embedder: str, dimension: int, embed: Embed) -> int:
        """Gives all passages new vectors in one step, and the collection another embedder. Until then searches find
        what they found. Returns how many passages there are."""
        ...

    async def repair(self, name: str, embed: Embed) -> int:
        """Makes missing and damaged vectors again. Vectors that clients brought are read from the manifest. If the
        manifest is damaged, what can be read of it is saved, and the next ingest reads all sources again. Returns how
        many passages got new vectors."""
        ...


class Hit(NamedTuple):
    """A passage that was found. `score` is the higher the better, and is compared only within one search. `distance` is
    1 - cosine, as DashVector counts it: 0 is the same direction, 1 has nothing in common."""

    passage: Passage
    score: float
    distance: float


class Retrieval(Protocol):
    """Finds passages for a question. What plugins get."""

    async def names(self) -> Sequence[str]:
        """The names of the collections on this machine."""
        ...

    async def search(self, collection: str, question: str, top: int) -> Sequence[Hit]:
        """Returns the best passages, the best first. Raises RetrievalError, NoCollectionError."""
        ...

    def version(self, collection: str) -> str:
        """Returns a text that differs after each change of the collection, "" if there is none. Takes microseconds."""
        ...
