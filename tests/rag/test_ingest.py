"""Sources come into a collection: only what has changed is embedded, each source whole, and what cannot be read is told."""

import asyncio
import threading

import pytest
from fakes import FakeClock
from small_embedder import SmallEmbedders

from aigw.core.retrieval import CollectionInfo, NoCollectionError, RetrievalError
from aigw.guard.settings import GuardSettings, UserRule
from aigw.rag.chunks import chunk
from aigw.rag.document import UnreadableError
from aigw.rag.ingest import Ingest, Settings, id_stem, spread
from aigw.rag.readers.text import read
from aigw.rag.screening import document_screen
from aigw.stores.faiss.collections import FaissCollections


class Text:
    """A source that is a text. None cannot be read."""

    def __init__(self, name, text, *, piped=False):
        self.name = name
        self.piped = piped
        self.size = len(text or "")
        self._text = text

    async def content(self):
        if self._text is None:
            raise UnreadableError("it is no text")
        return self._text.encode()

    async def document(self, content):
        if content == b"broken":
            raise UnreadableError("it is broken")
        return read(content)


@pytest.fixture
async def stage(tmp_path):
    collections, embedders = FaissCollections(tmp_path), SmallEmbedders()

    async def ingest(*items, prune=None, name="docs", embedder="auto", **how):
        settings = Settings(size=how.get("size", 16), embedder=embedder)
        job = Ingest(
            collections, embedders, name, settings, choose=lambda texts: embedders.get("small"), cut=chunk,
            clock=how.get("clock", FakeClock()), shows=how.get("shows", lambda report: None),
            screen=document_screen(how["guard"]) if "guard" in how else None,
            unfinished=tmp_path / "unfinished/docs",
        )  # fmt: skip
        return await job.run(items, covers=prune or (lambda name: False), prune=prune is not None)

    ingest.collections, ingest.embedder = collections, embedders.all["small"]
    yield ingest
    await collections.aclose()


async def sources(stage, name="docs"):
    found = await (await stage.collections.get(name)).sources()
    return {source: (await (await stage.collections.get(name)).of_source(source)) for source in found}


async def test_what_is_new_is_read_cut_and_embedded(stage):
    long = " ".join(f"word{n}" for n in range(40))
    report = await stage(Text("a.txt", "Hello there."), Text("b.txt", long))
    found = await sources(stage)
    assert (report.added, report.passages, report.embedder) == (2, 1 + len(found["b.txt"]), "small")
    assert [passage.text for passage in found["a.txt"]] == ["Hello there."]
    assert len(found["b.txt"]) > 2
    assert [passage.id for passage in found["a.txt"]] == [f"{id_stem('a.txt')}-1"]
    assert found["a.txt"][0].lines == (1, 1)


async def test_what_has_not_changed_costs_nothing(stage):
    await stage(Text("a.txt", "one"), Text("b.txt", "two"))
    version = stage.collections.version("docs")
    before = stage.embedder.embedded
    report = await stage(Text("a.txt", "one"), Text("b.txt", "two"))
    assert (report.unchanged, report.added, report.changed, stage.embedder.embedded) == (2, 0, 0, before)
    assert stage.collections.version("docs") == version


@pytest.mark.parametrize(("seconds", "written"), [(0, [32, 100]), (10, [32, 48, 64, 80, 96, 100])])
async def test_more_is_written_at_once_where_the_embedder_is_fast(stage, seconds, written):
    clock, shown = FakeClock(), []

    def shows(report):
        shown.append(report.passages)
        clock.now += seconds

    await stage(*(Text(f"{number}.txt", "one") for number in range(100)), clock=clock, shows=shows)
    assert list(dict.fromkeys(shown)) == written


async def test_a_large_source_tells_how_far_it_is(stage):
    shown = []
    large = Text("a.txt", " ".join(f"w{number}" for number in range(6000)))
    report = await stage(large, Text("b.txt", ""), shows=lambda report: shown.append((report.passages, report.done)))
    (first, done), last = shown[0], shown[-1]
    assert (first, last) == (32, (report.passages, large.size))
    assert done / large.size == pytest.approx(first / report.passages, abs=0.001)
    assert shown == sorted(shown)


def test_whatever_is_read_first_is_from_everywhere():
    assert spread("abcdefgh") == list("aecgbfdh")
    for number in range(50):
        order = spread(range(number))
        assert sorted(order) == list(range(number))
        half = order[: number // 2]
        assert abs(sum(place < number // 2 for place in half) - len(half) / 2) <= 1


async def test_all_sources_have_a_say_in_the_choice_of_the_embedder(tmp_path):
    collections, embedders = FaissCollections(tmp_path), SmallEmbedders()
    seen = []

    def choose(texts):
        seen.extend(texts)
        return embedders.get("small")

    english = [Text(f"en{number}.txt", "tea " * 300_000) for number in range(20)]
    job = Ingest(
        collections, embedders, "docs", Settings(size=300_000), choose=choose, cut=lambda *_: [], clock=FakeClock()
    )
    await job.run([*english, *(Text(f"zh{number}.txt", "茶") for number in range(20))])
    assert "茶" in seen
    await collections.aclose()


async def test_what_has_changed_is_replaced(stage):
    await stage(Text("a.txt", "one"), Text("b.txt", "two"))
    report = await stage(Text("a.txt", "uno"), Text("b.txt", "two"))
    assert (report.changed, report.unchanged) == (1, 1)
    assert [passage.text for passage in (await sources(stage))["a.txt"]] == ["uno"]


async def test_another_size_is_another_cut(stage):
    await stage(Text("a.txt", "one"))
    assert (await stage(Text("a.txt", "one"), size=32)).changed == 1


async def test_prune_removes_what_is_gone_from_the_named_folders(stage):
    await stage(Text("docs/a.txt", "one"), Text("docs/b.txt", "two"), Text("other.txt", "three"))
    report = await stage(Text("docs/a.txt", "one"), prune=lambda name: name.startswith("docs/"))
    assert report.removed == 1
    assert sorted(await sources(stage)) == ["docs/a.txt", "other.txt"]


async def test_prune_leaves_what_was_piped_in_under_the_name_of_a_file(stage):
    await stage(Text("a.txt", "one"), Text("notes.md", "two", piped=True), Text("b.txt", "three", piped=True))
    assert (await stage(Text("b.txt", "three"))).changed == 1
    report = await stage(prune=lambda name: True)
    assert report.removed == 2
    assert sorted(await sources(stage)) == ["notes.md"]


async def test_without_prune_it_stays(stage):
    await stage(Text("a.txt", "one"), Text("b.txt", "two"))
    await stage(Text("a.txt", "one"))
    assert sorted(await sources(stage)) == ["a.txt", "b.txt"]


async def test_what_cannot_be_read_is_told_and_keeps_its_former_state(stage):
    await stage(Text("a.txt", "one"), Text("b.txt", "two"))
    report = await stage(Text("a.txt", None), Text("b.txt", "broken"), Text("c.txt", "three"))
    assert report.failed == [("a.txt", "it is no text"), ("b.txt", "it is broken")]
    assert report.added == 1
    assert [passage.text for passage in (await sources(stage))["a.txt"]] == ["one"]


async def test_nothing_to_read_makes_no_collection(stage):
    report = await stage(Text("a.txt", None))
    assert len(report.failed) == 1
    with pytest.raises(NoCollectionError):
        await stage.collections.get("docs")


async def test_an_empty_source_has_no_passages(stage):
    report = await stage(Text("a.txt", ""), Text("b.txt", "two"))
    assert (report.added, report.passages) == (2, 1)


async def test_another_embedder_is_refused_with_the_remedy(stage):
    await stage(Text("a.txt", "one"))
    with pytest.raises(
        RetrievalError, match="was made with small, not with other; `aigw rag reindex -n docs --embedder other`"
    ):
        await stage(Text("b.txt", "two"), embedder="other")


async def test_what_clients_fill_is_refused(stage):
    await stage.collections.create(CollectionInfo("vectors", 4))
    with pytest.raises(RetrievalError, match="clients brought"):
        await stage(Text("b.txt", "two"), name="vectors")


async def test_a_cancelled_ingest_keeps_the_groups_that_are_done(stage):
    """Each source is whole or not there."""
    many = [Text(f"{n}.txt", " ".join(f"w{n}-{m}" for m in range(200))) for n in range(60)]
    begun = asyncio.Event()

    def shows(report):
        if report.added:
            begun.set()

    job = asyncio.create_task(stage(*many, shows=shows))
    await begun.wait()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    there = await sources(stage)
    assert 0 < len(there) < 60
    assert len({len(passages) for passages in there.values()}) == 1
    report = await stage(*many)
    assert (report.unchanged, report.added) == (len(there), 60 - len(there))


async def test_one_large_source_that_was_stopped_goes_on_where_it_was(stage, tmp_path):
    large = Text("a.txt", " ".join(f"w{number}" for number in range(6000)))
    whole = await stage(large, name="whole")
    stage.embedder.embedded, shown = 0, []

    def shows(report):
        shown.append(report.passages)
        if len(shown) == 2:
            job.cancel()

    job = asyncio.create_task(stage(large, shows=shows))
    with pytest.raises(asyncio.CancelledError):
        await job
    assert (tmp_path / "unfinished/docs").exists()
    report = await stage(Text("small.txt", "one"), large)
    assert (report.added, report.passages) == (2, whole.passages + 1)
    assert stage.embedder.embedded <= whole.passages + 1 + 256, "at most one part was embedded twice"
    first, second = [await stage.collections.get(name) for name in ("whole", "docs")]
    assert await first.of_source("a.txt") == await second.of_source("a.txt")
    ids = [passage.id for passage in await first.of_source("a.txt")]
    for (_, one), (_, two) in zip((await first.fetch(ids)).values(), (await second.fetch(ids)).values(), strict=True):
        assert one == pytest.approx(two)
    assert not (tmp_path / "unfinished/docs").exists()


async def test_cutting_ends_soon_if_the_ingest_is_cancelled(tmp_path):
    collections, embedders = FaissCollections(tmp_path), SmallEmbedders()
    begun, waits, ended = threading.Event(), threading.Event(), threading.Event()

    def cut(document, count, *_):
        begun.set()
        waits.wait(10)
        try:
            return [count("still wanted?")]
        except asyncio.CancelledError:
            ended.set()
            raise

    job = Ingest(collections, embedders, "docs", Settings(embedder="small"), choose=None, cut=cut, clock=FakeClock())
    task = asyncio.create_task(job.run([Text("a.txt", "one")]))
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    waits.set()
    assert await asyncio.to_thread(ended.wait, 10)
    await collections.aclose()


@pytest.mark.parametrize(
    ("source", "stem"),
    [
        ("docs/install.md", "install.md-"),
        ("https://e.com/a/?q=1", "q-1-"),
        ("文档/安装.md", "md-"),
        ("", "source-"),
        ("a" * 99, "a" * 40 + "-"),
    ],
)
def test_ids_are_ones_that_dashvector_allows(source, stem):
    made = id_stem(source)
    assert made.startswith(stem)
    assert len(made) <= 50
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")


MAIL = Text("a.txt", "Ask ann@example.com or bob@example.com.")


async def test_what_the_screen_finds_is_told_and_kept(stage):
    report = await stage(MAIL, Text("b.txt", "Hello."), guard=GuardSettings())
    assert (report.findings, report.masked) == ([("a.txt", {"email": 2})], False)
    assert [passage.text for passage in (await sources(stage))["a.txt"]] == ["Ask ann@example.com or bob@example.com."]


async def test_what_the_screen_masks_is_not_kept_also_where_it_was(stage):
    await stage(MAIL, guard=GuardSettings())
    report = await stage(MAIL, guard=GuardSettings(ingest="mask"))
    assert (report.changed, report.findings, report.masked) == (1, [("a.txt", {"email": 2})], True)
    assert [passage.text for passage in (await sources(stage))["a.txt"]] == ["Ask [email] or [email]."]
    again = await stage(MAIL, guard=GuardSettings(ingest="mask"))
    assert (again.unchanged, again.findings) == (1, [])


async def test_a_document_that_a_rule_blocks_does_not_stay(stage):
    await stage(MAIL, Text("b.txt", "Hello."))
    rules = [UserRule(label="names", words=["bob@example.com"])]
    report = await stage(MAIL, Text("b.txt", "Hello."), guard=GuardSettings(ingest="mask", rules=rules))
    assert report.failed == [("a.txt", "the rule names of `guard:` blocks what is in it")]
    assert (report.removed, list(await sources(stage))) == (1, ["b.txt"])
