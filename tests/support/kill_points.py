"""Kills a process at many points of each change of a collection, and looks at what it leaves: `python kill_points.py
FOLDER POINTS`. Prints a line of JSON for each kind of change.

Points are calls of C functions, which all writes, syncs and renames are, in all threads. Right is the state before the
change or the one after it, and that the next change works and leaves no orphan."""

import asyncio
import json
import os
import shutil
import signal
import sys
import threading
from pathlib import Path

import faiss  # noqa: F401  so that no child has to load it
import numpy as np
from collection_contract import DIMENSION, info, one, passage, rows

from aigw.core.retrieval import Query, Source
from aigw.stores.faiss import collection, salvage  # noqa: F401  the same
from aigw.stores.faiss.collections import FaissCollections


async def put(docs, source, generation, count=3):
    passages = [passage(f"{source}{number}", f"{source} generation{generation}") for number in range(count)]
    await docs.replace(Source(source, str(generation)), passages, rows(*range(count)))


async def embed(passages):
    return np.stack([one(7 - number % DIMENSION) for number, _ in enumerate(passages)])


async def replace(collections):
    await put(await collections.get("docs"), "a", 2)


async def remove(collections):
    await (await collections.get("docs")).remove(["a", "b"])


async def upsert(collections):
    await (await collections.get("docs")).upsert([passage("a1", "new"), passage("x", "new")], rows(4, 5))


async def delete(collections):
    await (await collections.get("docs")).delete(["a0", "b0"])


async def tidy(collections):
    await (await collections.get("docs")).tidy()


async def reindex(collections):
    await collections.reindex("docs", "other", DIMENSION, embed)


async def create(collections):
    await collections.create(info("new"))


async def drop(collections):
    await collections.drop("docs")


CHANGES = (replace, remove, upsert, delete, tidy, reindex, create, drop)


async def run(folder, *jobs):
    collections = FaissCollections(folder)
    try:
        for job in jobs:
            await job(collections)
    finally:
        await collections.aclose()


async def fill(collections):
    docs = await collections.create(info())
    for source in "abc":
        await put(docs, source, 1)


def state(folder):
    """All that a reader sees."""
    seen = {}

    async def look(collections):
        for name in await collections.names():
            docs = await collections.get(name)
            found = await docs.search(Query(one(1), "generation1 generation2 new"))
            passages = await docs.passages([each.key for each in found.near])
            near = [(passages[each.key].id, passages[each.key].text, each.score) for each in found.near]
            words = sorted((await docs.passages([key for key, _ in found.words])).values())
            seen[name] = (
                docs.info.embedder,
                sorted((await docs.sources()).values()),
                sorted(near),
                [each.id for each in words],
            )

    asyncio.run(run(folder, look))
    return repr(seen)


def counted(change, folder, kill_at=None):
    """Runs a change, and dies at a call of a C function. Returns how many there were."""
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        if event.startswith("c_"):
            calls += 1
            if calls == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    async def profiled(collections):
        threading.setprofile(count)
        sys.setprofile(count)
        try:
            await change(collections)
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    asyncio.run(run(folder, profiled))
    return calls


def in_child(job):
    """Runs it in a process of its own. Returns what it returned, None if it was killed."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        os.write(write, json.dumps(job()).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as said:
        text = said.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else None


def after(folder):
    """The state that was left, and what is wrong when the next change was made."""
    left = state(folder)

    async def change(collections):
        docs = (
            await collections.get("docs") if "docs" in await collections.names() else await collections.create(info())
        )
        await put(docs, "z", 1)
        assert "z0" in await docs.fetch(["z0"])
        files = {each.name for each in (folder / "docs").iterdir() if each.suffix in (".faiss", ".tmp")}
        assert len(files) == len((await docs.stats()).kinds), f"orphans: {files}"

    try:
        asyncio.run(run(folder, change))
    except Exception as error:  # noqa: BLE001  it is reported
        return left, repr(error)
    return left, ""


def main(folder, points):
    start = folder / "start"
    in_child(lambda: asyncio.run(run(start, fill)))
    before = in_child(lambda: state(start))
    for change in CHANGES:
        done = shutil.copytree(start, folder / f"{change.__name__}-done")
        calls = in_child(lambda change=change, done=done: counted(change, done))
        changed = in_child(lambda done=done: state(done))
        report = {"change": change.__name__, "calls": calls, "before": 0, "after": 0, "survived": 0, "wrong": []}
        for kill_at in np.linspace(1, calls, points).astype(int).tolist():
            copy = shutil.copytree(start, folder / f"{change.__name__}-{kill_at}", dirs_exist_ok=True)
            killed = in_child(lambda change=change, copy=copy, at=kill_at: counted(change, copy, at)) is None
            left, wrong = in_child(lambda copy=copy: after(copy)) or ("", "died")
            report["survived"] += not killed
            report["after" if left == changed else "before"] += 1
            if wrong or left not in (before, changed):
                report["wrong"].append([kill_at, wrong or left])
            shutil.rmtree(copy)
        print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
