"""What every Collections must do. A test module subclasses it with fixtures that make one implementation:

`collections` (empty), `another` (an async callable that gives a second one of the same data, as another process has
it)."""

import asyncio

import numpy as np
import pytest

from aigw.core.retrieval import (
    Both,
    CollectionInfo,
    Comparison,
    NoCollectionError,
    Passage,
    Query,
    RetrievalError,
    Source,
)

DIMENSION = 8


def one(number, dimension=DIMENSION):
    """The unit vector in this direction."""
    return np.eye(dimension, dtype=np.float32)[number]


def rows(*numbers):
    return np.stack([one(number) for number in numbers]) if numbers else np.empty((0, DIMENSION), np.float32)


def info(name="docs", **others):
    return CollectionInfo(**{"name": name, "dimension": DIMENSION, "embedder": "e5", **others})


def passage(id_, text="", **others):
    return Passage(id_, text or f"The text of {id_}.", **others)


async def near(collection, vector, **others):
    """What is near, as ids."""
    found = await collection.search(Query(vector, **others))
    passages = await collection.passages([each.key for each in found.near])
    return [passages[each.key].id for each in found.near]


async def words(collection, text, **others):
    """What has the words, as ids."""
    found = await collection.search(Query(None, text, **others))
    passages = await collection.passages([key for key, _ in found.words])
    return [passages[key].id for key, _ in found.words]


class CollectionContract:
    finds_words = True
    """Whether candidates come by their words, too."""

    async def test_collections_come_and_go(self, collections, another):
        assert list(await collections.names()) == []
        with pytest.raises(NoCollectionError, match=r"docs.*none yet"):
            await collections.get("docs")
        made = await collections.create(info(metric="euclidean", fields={"age": "int"}))
        assert made.info == info(metric="euclidean", fields={"age": "int"})
        await collections.create(info("b-2_x.y"))
        other = await another()
        assert sorted(await other.names()) == ["b-2_x.y", "docs"]
        assert (await other.get("docs")).info == made.info
        with pytest.raises(NoCollectionError, match=r"nothing.*b-2_x\.y, docs"):
            await other.get("nothing")
        with pytest.raises(RetrievalError, match="docs"):
            await other.create(info())
        assert await other.drop("docs") is True
        assert await other.drop("docs") is False
        assert await collections.names() == ["b-2_x.y"]
        with pytest.raises(NoCollectionError):
            await collections.get("docs")
        with pytest.raises(NoCollectionError):
            await made.search(Query(one(0)))

    @pytest.mark.parametrize(
        "name", ["", ".", "..", ".hidden", "a/b", "../a", "a\\b", "ü", "x" * 65, "a\0", "a\n", "a b"]
    )
    async def test_names_that_are_no_names(self, collections, name):
        with pytest.raises(RetrievalError):
            await collections.create(info(name))
        with pytest.raises(NoCollectionError):
            await collections.get(name)
        assert await collections.drop(name) is False
        assert collections.version(name) == ""

    async def test_a_source_is_replaced(self, collections):
        docs = await collections.create(info())
        first = Source("a.md", "d1", 10, "A", at=5.0)
        guide = passage("a1", "Install it.", title="Guide > Install", lines=(3, 9), page=2, fields={"n": 1})
        await docs.replace(first, [guide, passage("a2")], rows(0, 1))
        await docs.replace(Source("b.md", "d"), [passage("b1")], rows(2))
        assert await docs.of_source("a.md") == [guide._replace(source="a.md"), passage("a2", source="a.md")]
        assert (await docs.sources())["a.md"] == first._replace(passages=2)
        await docs.replace(first._replace(digest="d2"), [passage("a2"), passage("a3")], rows(3, 4))
        assert [each.id for each in await docs.of_source("a.md")] == ["a2", "a3"]
        assert {name: each.digest for name, each in (await docs.sources()).items()} == {"a.md": "d2", "b.md": "d"}
        assert set(await near(docs, one(0))) == {"a2", "a3", "b1"}
        assert (await near(docs, one(3)))[0] == "a2"
        await docs.replace(Source("b.md", "empty"), [], rows())
        assert (await docs.sources())["b.md"].passages == 0
        assert await docs.remove(["a.md", "never.md"]) == 1
        assert await near(docs, one(0)) == []
        assert await docs.of_source("a.md") == []

    async def test_upsert_fetch_and_delete(self, collections):
        docs = await collections.create(info(embedder=""))
        assert list(await docs.upsert([passage("x"), passage("y")], rows(0, 1))) == [True, True]
        put = await docs.upsert([passage("y", "new"), passage("z"), passage("z", "late")], rows(2, 3, 4), only_new=True)
        assert list(put) == [False, True, False]
        assert list(await docs.upsert([passage("x", "one"), passage("x", "two")], rows(5, 6))) == [True, True]
        found = await docs.fetch(["x", "y", "z", "never"])
        assert {id_: each.text for id_, (each, _) in found.items()} == {
            "x": "two", "y": passage("y").text, "z": passage("z").text,
        }  # fmt: skip
        assert np.array_equal(found["x"][1], one(6))
        assert (await near(docs, one(6)))[0] == "x"
        assert await docs.delete(["x", "never"]) == 1
        assert await docs.delete(["x"]) == 0
        assert set(await near(docs, one(0))) == {"y", "z"}
        assert await docs.delete([], everything=True) == 2
        assert await docs.fetch(["y"]) == {}
        assert list(await docs.upsert([], rows())) == []

    async def test_partitions_know_nothing_of_each_other(self, collections):
        docs = await collections.create(info(embedder=""))
        await docs.upsert([passage("x", "left alpha"), passage("x", "right alpha", partition="right")], rows(0, 0))
        assert [each.text for each, _ in (await docs.fetch(["x"], "right")).values()] == ["right alpha"]
        found = await docs.search(Query(one(0), "alpha", partition="right"))
        assert len(found.near) == 1
        assert [key for key, _ in found.words] == [found.near[0].key] * self.finds_words
        assert (await docs.passages([found.near[0].key]))[found.near[0].key].partition == "right"
        assert await near(docs, one(0), partition="nowhere") == []
        assert (await docs.stats()).partitions == {"default": 1, "right": 1}
        assert await docs.delete([], "nowhere", everything=True) == 0
        assert await docs.delete([], "right", everything=True) == 1
        assert len(await docs.fetch(["x"])) == 1

    async def test_partitions_come_and_go(self, collections, another):
        docs = await collections.create(info(embedder=""))
        assert await docs.partitions() == {"default": 0}
        assert [await docs.create_partition(name) for name in ("left", "left", "default")] == [True, False, False]
        await docs.upsert([passage("x", partition="right"), passage("y", partition="right")], rows(0, 1))
        assert await (await (await another()).get("docs")).partitions() == {"default": 0, "left": 0, "right": 2}
        assert [await docs.drop_partition(name) for name in ("right", "right", "left")] == [True, False, True]
        assert await docs.partitions() == {"default": 0}
        await docs.create_partition("late")
        assert await near(docs, one(0), partition="late") == []
        await docs.upsert([passage("x", partition="late")], rows(2))
        assert await near(docs, one(0), partition="late") == ["x"]
        assert await docs.partitions() == {"default": 0, "late": 1}

    async def test_the_first_of_a_partition(self, collections):
        docs = await collections.create(info(embedder=""))
        left = [passage(str(number), partition="left", fields={"age": number}) for number in range(4)]
        await docs.upsert([*left, passage("elsewhere", fields={"age": 9})], rows(0, 1, 2, 3, 4))
        assert [each.id for each in await docs.first(2, "left")] == ["0", "1"]
        assert [each.id for each in await docs.first(9, "left", Comparison("age", ">", 1))] == ["2", "3"]
        assert [each.id for each in await docs.first(9)] == ["elsewhere"]
        assert await docs.first(9, "nowhere") == []

    @pytest.mark.parametrize(
        ("condition", "ids"),
        [
            (Comparison("source", "=", "a.md"), "a"),
            (Comparison("source", "!=", "b.md"), "a"),
            (Comparison("title", "like", "Guide%"), "a"),
            (Comparison("raw", "in", ["two", "three"]), "bc"),
            (Comparison("source", ">", "a.md"), "b"),
            (Comparison("title", "=", "given"), "b"),
        ],
    )
    async def test_text_source_and_title_are_fields_too(self, collections, condition, ids):
        docs = await collections.create(info(embedder=""))
        await docs.replace(Source("a.md", "1"), [passage("a", "one", title="Guide > Use")], rows(0))
        await docs.replace(Source("b.md", "1"), [passage("b", "two", title="B", fields={"title": "given"})], rows(0))
        await docs.upsert([passage("c", "three")], rows(0))
        assert sorted(await near(docs, one(0), where=condition)) == list(ids)

    async def test_languages_are_searched_apart(self, collections):
        docs = await collections.create(info())
        await docs.replace(
            Source("a", "1"), [passage("en", "The sun is hot."), passage("zh", "太阳很热。")], rows(0, 0)
        )
        assert await near(docs, one(0), language="cjk") == ["zh"]
        assert await near(docs, one(0), language="other") == ["en"]
        assert await words(docs, "太阳", language="cjk") == ["zh"] * self.finds_words
        assert await words(docs, "太阳", language="other") == []
        assert len(await words(docs, "太阳 sun")) == len(await words(docs, "太阳 sun", top=2)) == 2 * self.finds_words
        assert (await docs.stats()).languages == {"cjk": 1, "other": 1}

    async def test_words_and_their_mass(self, collections):
        if not self.finds_words:
            pytest.skip("only vectors are searched")
        docs = await collections.create(info())
        texts = [
            "Penguins are swimming.",
            "A penguin swims in cold water.",
            "企鹅在冷水中游泳。",
            "Rust is a language.",
        ]
        texts += [f"Number {number} says nothing." for number in range(10)]
        passages = [passage(str(number), text) for number, text in enumerate(texts)]
        await docs.replace(Source("a", "1"), passages, rows(*[number % 8 for number in range(len(texts))]))
        assert set(await words(docs, "Where do penguins swim?", language="other")) == {"0", "1"}
        assert await words(docs, "企鹅游泳", language="cjk") == ["2"]
        assert await words(docs, 'water" OR text:* ) NOT', language="other") == ["1"]
        assert await words(docs, "zebra") == []
        found = await docs.search(Query(None, "penguin water", language="other"))
        assert 0 < found.words[1][1] < found.words[0][1] <= found.mass
        rare = await docs.search(Query(None, "penguin zebra", language="other"))
        common = await docs.search(Query(None, "penguin number", language="other"))
        assert rare.mass > common.mass > 0
        nothing = await docs.search(Query(None, ""))
        assert (list(nothing.near), list(nothing.words), nothing.mass) == ([], [], 0)
        await docs.remove(["a"])
        assert await words(docs, "penguin") == []

    async def test_words_of_titles(self, collections):
        if not self.finds_words:
            pytest.skip("only vectors are searched")
        docs = await collections.create(info())
        titles = ["Notes", "Notes > Release 2.1", "Release 1.2 > Notes", "Release 2.1", "发布说明"]
        titles += [f"Chapter {letter}" for letter in "abcdefgh"]
        passages = [passage(str(number), "Release 2.1", title=title) for number, title in enumerate(titles)]
        await docs.replace(Source("a", "1"), passages, rows(*[number % 8 for number in range(len(titles))]))

        async def titled(question):
            found = await docs.search(Query(None, question))
            ids = {key: each.id for key, each in (await docs.passages([key for key, _ in found.titles])).items()}
            return [ids[key] for key, _ in found.titles], found.title_mass

        ids, mass = await titled("Release-2.1")
        assert ids == ["3", "1", "2"], "the one that says nothing else is the first"
        assert mass > 0
        assert (await titled("发布说明"))[0] == ["4"]
        assert (await titled("of nothing"))[0] == []
        await docs.delete(["3", "4"])
        assert (await titled("Release-2.1"))[0] == ["1", "2"]
        assert (await titled("发布说明"))[0] == []

    async def test_pairs_of_words(self, collections):
        if not self.finds_words:
            pytest.skip("only vectors are searched")
        docs = await collections.create(info())
        texts = ["Cold water is here.", "Water, which is cold.", "冷水中", "水冷"]
        texts += [f"Number {number} says nothing, 也没有。" for number in range(8)]
        passages = [passage(str(number), text) for number, text in enumerate(texts)]
        await docs.replace(Source("a", "1"), passages, rows(*[number % 8 for number in range(len(texts))]))
        ids = {key: each.id for key, each in (await docs.passages(range(100))).items()}
        for question, language, expected in (
            ("Is cold water good?", "other", ["0"]),
            ("water of cold", "other", []),
            ("在冷水中", "cjk", ["2"]),
            ("cold", "other", []),
        ):
            found = await docs.search(Query(None, question, language=language))
            assert [ids[key] for key, _ in found.pairs] == expected
            assert all(0 < bm25 <= found.pair_mass for _, bm25 in found.pairs)
            assert (found.pair_mass > 0) == (question not in ("cold", "water of cold"))

    async def test_vectors_and_a_sample_of_them(self, collections):
        docs = await collections.create(info())
        assert (await docs.sample(3)).shape == (0, DIMENSION)
        texts = ["English text"] * 5 + ["中文"] * 2
        passages = [passage(str(number), text) for number, text in enumerate(texts)]
        await docs.replace(Source("a", "1"), passages, rows(*range(7)))
        await docs.upsert([passage("elsewhere", partition="right"), passage("gone")], rows(7, 7))
        await docs.delete(["gone"])
        keys = [each.key for each in (await docs.search(Query(one(0)))).near]
        kept = await docs.vectors([*keys, max(keys) + 5])
        ids = {key: each.id for key, each in (await docs.passages(keys)).items()}
        assert {ids[key]: int(vector.argmax()) for key, vector in kept.items()} == {str(n): n for n in range(7)}
        assert await docs.vectors([]) == {}
        assert sorted((await docs.sample(100)).argmax(axis=1)) == list(range(7))
        assert sorted((await docs.sample(100, "cjk")).argmax(axis=1)) == [5, 6]
        assert sorted((await docs.sample(100, partition="right")).argmax(axis=1)) == [7]
        few = (await docs.sample(3)).argmax(axis=1)
        assert len(set(few.tolist())) == 3
        assert max(few) - min(few) > 3, "spread over all"
        assert (await docs.sample(3, partition="nowhere")).shape == (0, DIMENSION)

    @pytest.mark.parametrize(
        ("metric", "best", "scores"),
        [
            ("cosine", ["long", "short", "off"], [1.0, 1.0, 0.6]),
            ("dotproduct", ["long", "off", "short"], [4.0, 0.6, 0.5]),
            ("euclidean", ["short", "off", "long"], [0.25, 0.8, 9.0]),
        ],
    )
    async def test_metrics(self, collections, metric, best, scores):
        docs = await collections.create(info(embedder="", metric=metric))
        vectors = np.stack([0.5 * one(0), 4 * one(0), 0.6 * one(0) + 0.8 * one(1)])
        await docs.upsert([passage("short"), passage("long"), passage("off")], vectors)
        found = (await docs.search(Query(one(0)))).near
        assert [each.score for each in found] == pytest.approx(scores, abs=1e-5)
        if metric != "cosine":
            assert await near(docs, one(0)) == best
        fetched = await docs.fetch(["long"])
        assert np.array_equal(fetched["long"][1], 4 * one(0)), "as it was brought"

    @pytest.mark.parametrize(
        ("condition", "ids"),
        [
            (Comparison("age", "=", 3), "b"),
            (Comparison("age", "!=", 3), "acd"),
            (Comparison("age", ">=", 3), "bc"),
            (Comparison("age", "<", 2.5), "ad"),
            (Comparison("name", "<", "m"), "abc"),
            (Comparison("name", ">", 1), ""),
            (Comparison("name", "=", "it's"), "c"),
            (Comparison("name", "like", "Z%"), "b"),
            (Comparison("name", "like", "%'s"), "c"),
            (Comparison("name", "in", ["zoe", "Zoe", "ann"]), "ab"),
            (Comparison("ok", "=", True), "ac"),
            (Comparison("missing", "=", 1), ""),
            (Comparison("missing", "!=", 1), ""),
            (Comparison("age') OR 1 --", "=", 1), ""),
            (Both((Comparison("age", ">", 1), Comparison("ok", "=", True))), "c"),
            (Both((Comparison("age", "=", 1), Comparison("age", "=", 4)), every=False), "ac"),
        ],
    )
    async def test_filters(self, collections, condition, ids):
        docs = await collections.create(info(embedder=""))
        fields = [
            {"age": 1, "name": "ann", "ok": True},
            {"age": 3, "name": "Zoe", "ok": False},
            {"age": 4, "name": "it's", "ok": True},
            {"age": -1},
            {},
        ]
        passages = [passage(id_, "same words", fields=each) for id_, each in zip("abcde", fields, strict=True)]
        await docs.upsert(passages, rows(0, 1, 2, 3, 4))
        assert set(await near(docs, one(0), where=condition)) == set(ids)
        assert set(await words(docs, "words", where=condition)) == set(ids * self.finds_words)

    @pytest.mark.parametrize(
        "condition", [Comparison("age", "~", 1), Comparison("age", "in", 3), Comparison("age", "=", [1])]
    )
    async def test_a_filter_that_makes_no_sense(self, collections, condition):
        docs = await collections.create(info())
        await docs.upsert([passage("a")], rows(0))
        with pytest.raises(RetrievalError, match="filter"):
            await docs.search(Query(one(0), where=condition))

    async def test_top(self, collections):
        docs = await collections.create(info())
        await docs.upsert([passage(str(number), "same") for number in range(8)], rows(*range(8)))
        found = await docs.search(Query(one(5), "same", top=3))
        assert (len(found.near), len(found.words)) == (3, 3 * self.finds_words)
        assert (await docs.passages([found.near[0].key]))[found.near[0].key].id == "5"

    async def test_what_does_not_fit(self, collections):
        docs = await collections.create(info())
        with pytest.raises(RetrievalError, match=r"docs has vectors of 8 numbers by e5, not of 3.*reindex -n docs"):
            await docs.upsert([passage("a")], np.ones((1, 3), np.float32))
        with pytest.raises(RetrievalError, match="of 8 numbers"):
            await docs.search(Query(np.ones(3, np.float32)))
        with pytest.raises(RetrievalError, match="as many vectors"):
            await docs.replace(Source("a", "1"), [passage("a")], rows(0, 1))
        with pytest.raises(RetrievalError, match="not finite"):
            await docs.upsert([passage("a")], np.full((1, DIMENSION), np.nan, np.float32))
        assert (await docs.stats()).passages == 0

    async def test_a_change_has_another_version(self, collections, another):
        other = await another()
        assert other.version("docs") == ""
        docs = await collections.create(info())
        seen = [other.version("docs")]
        theirs = await other.get("docs")
        changes = (
            lambda: docs.replace(Source("a", "1"), [passage("a")], rows(0)),
            lambda: docs.upsert([passage("b")], rows(1)),
            lambda: theirs.upsert([passage("b")], rows(2)),
            lambda: docs.delete(["b"]),
            lambda: theirs.remove(["a"]),
        )
        for change in changes:
            await change()
            assert docs.version() == theirs.version() == collections.version("docs") == other.version("docs")
            seen.append(docs.version())
        await docs.tidy()
        assert docs.version() == docs.version() != ""
        await other.drop("docs")
        assert collections.version("docs") == ""
        await other.create(info())
        seen.append(collections.version("docs"))
        assert len(set(seen)) == len(seen)

    async def test_another_process_sees_whole_changes(self, collections, another):
        docs = await collections.create(info())
        theirs = await (await another()).get("docs")
        for round_ in range(30):
            await docs.replace(Source("a", str(round_)), [passage(f"{round_}-{n}") for n in range(8)], rows(*range(8)))
            ids = await near(theirs, one(0))
            assert {each.partition("-")[0] for each in ids} == {str(round_)}
            assert len(ids) == 8

    async def test_many_at_once(self, collections):
        docs = await collections.create(info())

        async def put(number):
            await docs.replace(Source(str(number), "1"), [passage(f"p{number}", "same words")], rows(number % 8))

        async def look():
            found = await docs.search(Query(one(3), "words"))
            assert {key for key, _ in found.words} == {each.key for each in found.near if self.finds_words}

        await asyncio.gather(*(put(number) for number in range(40)), *(look() for _ in range(40)))
        assert len(await near(docs, one(3))) == 40
        await docs.tidy()
        assert len(await near(docs, one(3))) == 40
        assert (await docs.stats()).passages == 40
