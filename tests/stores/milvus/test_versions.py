"""Versions that are read in a thread. How a real Milvus's change is in test_collections.py."""

import threading
import time

import pytest

from aigw.core.retrieval import RetrievalError
from aigw.stores.milvus.versions import Versions

SECONDS = 10


class Source:
    """What the server would say, and who waits for it."""

    def __init__(self):
        self.text = "1"
        self.down = False
        self.reads = 0
        self.read = threading.Condition()
        self.hold = None

    def __call__(self, name):
        text, hold = self.text, self.hold
        if hold is not None:
            hold.begun.set()
            hold.go.wait(SECONDS)
        with self.read:
            self.reads += 1
            self.read.notify_all()
        if self.down:
            raise RetrievalError("down")
        return f"{name}.{text}"

    def after(self, reads=2):
        """Waits until it was read so often from now on, and what was read first is known."""
        with self.read:
            wanted = self.reads + reads
            assert self.read.wait_for(lambda: self.reads >= wanted, SECONDS)


class Hold:
    def __init__(self):
        self.begun = threading.Event()
        self.go = threading.Event()


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def versions(source):
    made = Versions(source, age=SECONDS, pause=0.001)
    yield made
    made.close()


def test_what_is_not_known_yet_is_never_the_same(versions, source):
    source.hold = Hold()
    first = versions.get("docs")
    source.hold.begun.wait(SECONDS)
    assert len({first, versions.get("docs"), versions.get("docs")}) == 3
    source.hold.go.set()
    source.after()
    assert versions.get("docs") == versions.get("docs") == "docs.1"


def test_what_others_change(versions, source):
    versions.get("docs")
    source.after()
    source.text = "2"
    source.after()
    assert versions.get("docs") == "docs.2"


def test_a_change_of_ones_own_is_known_at_once(source):
    versions = Versions(source, pause=SECONDS)
    versions.get("docs")
    source.after(1)
    source.text = "2"
    versions.changed("docs")
    assert versions.get("docs") == "docs.2"
    versions.close()


def test_what_was_read_before_a_change_does_not_count(versions, source):
    source.hold = before = Hold()
    versions.get("docs")
    before.begun.wait(SECONDS)
    source.text, source.hold = "2", None
    versions.changed("docs")
    before.go.set()
    source.after(1)
    assert versions.get("docs") == "docs.2"


def test_while_the_server_is_down_nothing_is_known(source):
    versions = Versions(source, age=0.05, pause=0.001)
    versions.get("docs")
    source.after()
    source.down = True
    end = time.monotonic() + SECONDS
    while versions.get("docs") == "docs.1":
        assert time.monotonic() < end
    assert versions.get("docs") != versions.get("docs")
    source.down = False
    source.after()
    assert versions.get("docs") == "docs.1"
    versions.close()


def test_nobody_reads_what_nobody_asked_for(versions, source):
    versions.changed("docs")
    assert source.reads == 0


def test_asking_takes_microseconds(versions, source):
    versions.get("docs")
    source.after()
    began = time.perf_counter()
    for _ in range(1000):
        versions.get("docs")
    assert time.perf_counter() - began < 0.1
