"""Whatever is put, replaced, removed and merged: a collection answers as a list of passages would, searched one by one."""

import asyncio
import operator
import re
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from collection_contract import info, passage
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from aigw.core.retrieval import Comparison, Query, Source, language_of
from aigw.stores.faiss.collections import FaissCollections

DIMENSION = 4
TEXTS = st.sampled_from(["alpha", "beta alpha", "企鹅游泳", "", "gamma, delta"])
NUMBERS = st.integers(-4, 4)
VECTORS = st.lists(NUMBERS, min_size=DIMENSION, max_size=DIMENSION).filter(any)
PARTITIONS = st.sampled_from(["default", "p"])
IDS = st.sampled_from("abcdef")
SOURCES = st.sampled_from(["one", "two", "three"])
ORDERS = {"=": operator.eq, "<": operator.lt, ">=": operator.ge}
ROWS = st.lists(st.tuples(IDS, PARTITIONS, TEXTS, NUMBERS, VECTORS), max_size=5)


class Model(RuleBasedStateMachine):
    @initialize(metric=st.sampled_from(["cosine", "euclidean", "dotproduct"]), embedder=st.sampled_from(["", "e5"]))
    def begin(self, metric, embedder):
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.metric = metric
        self.collections = FaissCollections(self.folder)
        self.docs = self.run(self.collections.create(info(dimension=DIMENSION, metric=metric, embedder=embedder)))
        self.exact = not embedder
        self.there = {}
        """Passage and vector by partition and id."""
        self.sources = {}

    def run(self, call):
        return self.runner.run(call)

    @rule(rows=ROWS, source=SOURCES, digest=st.text("xy", max_size=2))
    def replace(self, rows, source, digest):
        passages, vectors = self.made(rows)
        self.run(self.docs.replace(Source(source, digest), passages, vectors))
        self.there = {place: each for place, each in self.there.items() if each[0].source != source}
        self.there |= self.placed([each._replace(source=source) for each in passages], vectors)
        self.sources[source] = digest

    @rule(names=st.lists(SOURCES, max_size=2, unique=True))
    def remove(self, names):
        assert self.run(self.docs.remove(names)) == len(set(names) & self.sources.keys())
        self.there = {place: each for place, each in self.there.items() if each[0].source not in names}
        for name in names:
            self.sources.pop(name, None)

    @rule(rows=ROWS, only_new=st.booleans())
    def upsert(self, rows, only_new):
        passages, vectors = self.made(rows)
        put = self.run(self.docs.upsert(passages, vectors, only_new=only_new))
        for expected, each, vector in zip(put, passages, vectors, strict=True):
            place = (each.partition, each.id)
            assert expected == (not only_new or place not in self.there)
            if expected:
                self.there[place] = (each, vector)

    @rule(ids=st.lists(IDS, max_size=3, unique=True), partition=PARTITIONS, everything=st.booleans())
    def delete(self, ids, partition, everything):
        gone = {place for place in self.there if place[0] == partition and (everything or place[1] in ids)}
        assert self.run(self.docs.delete(ids, partition, everything=everything)) == len(gone)
        for place in gone:
            del self.there[place]

    @rule()
    def tidy(self):
        self.run(self.docs.tidy())
        assert len(self.run(self.docs.stats()).kinds) <= 1

    @rule()
    def open_again(self):
        self.run(self.collections.aclose())
        self.collections = FaissCollections(self.folder)
        self.docs = self.run(self.collections.get("docs"))

    @rule(
        vector=VECTORS,
        partition=PARTITIONS,
        language=st.sampled_from(["cjk", "other", None]),
        where=st.one_of(st.none(), st.builds(Comparison, st.just("n"), st.sampled_from(["=", "<", ">="]), NUMBERS)),
        top=st.integers(1, 4),
        word=st.sampled_from(["alpha", "企鹅", "delta beta"]),
    )
    def search(self, vector, partition, language, where, top, word):
        query = Query(np.array(vector, np.float32), word, top, partition, language, where)
        found = self.run(self.docs.search(query))
        passages = self.run(self.docs.passages([each.key for each in found.near]))
        among = {
            each.id: self.score(query.vector, own)
            for each, own in self.there.values()
            if each.partition == partition
            and language in (None, language_of(each.text))
            and (where is None or ORDERS[where.operator](each.fields["n"], where.value))
        }
        best = sorted(among.values(), reverse=self.metric != "euclidean")[:top]
        assert [each.score for each in found.near] == pytest.approx(best, abs=1e-4)
        for each in found.near:
            assert among[passages[each.key].id] == pytest.approx(each.score, abs=1e-4)
        having_words = {
            id_
            for (name, id_), (each, _) in self.there.items()
            if name == partition and set(word.split()) & {*re.findall("[a-z]+", each.text), each.text[:2]}
        }
        wanted = having_words & among.keys()
        having = {each.id for each in self.run(self.docs.passages([key for key, _ in found.words])).values()}
        assert having <= wanted
        assert len(having) == min(top, len(wanted))

    @invariant()
    @precondition(lambda self: hasattr(self, "docs"))
    def all_is_there(self):
        for partition in ("default", "p"):
            found = self.run(self.docs.fetch(list("abcdef"), partition))
            expected = {id_: each for (name, id_), each in self.there.items() if name == partition}
            assert {id_: each for id_, (each, _) in found.items()} == {id_: each for id_, (each, _) in expected.items()}
            for id_, (_, vector) in found.items():
                own = expected[id_][1]
                own = own if self.exact or self.metric != "cosine" else own / np.linalg.norm(own)
                assert np.allclose(vector, own, atol=1e-6)
        stats = self.run(self.docs.stats())
        assert (stats.passages, sum(stats.languages.values())) == (len(self.there), len(self.there))
        sources = self.run(self.docs.sources())
        assert {name: each.digest for name, each in sources.items()} == self.sources
        files = [each for each in (self.folder / "docs").iterdir() if each.suffix in (".faiss", ".tmp")]
        assert len(files) == len(stats.kinds)

    def teardown(self):
        if hasattr(self, "docs"):
            self.run(self.collections.aclose())
            self.runner.close()
            shutil.rmtree(self.folder)

    def made(self, rows):
        passages = [
            passage(id_, partition=partition, fields={"n": number})._replace(text=text)
            for id_, partition, text, number, _ in rows
        ]
        return passages, np.array([vector for *_, vector in rows], np.float32).reshape(-1, DIMENSION)

    def placed(self, passages, vectors):
        return {(each.partition, each.id): (each, vector) for each, vector in zip(passages, vectors, strict=True)}

    def score(self, asked, own):
        if self.metric == "euclidean":
            return float(((asked - own) ** 2).sum())
        product = float(asked @ own)
        return product / float(np.linalg.norm(asked) * np.linalg.norm(own)) if self.metric == "cosine" else product


TestModel = Model.TestCase
TestModel.settings = settings(
    max_examples=30, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
