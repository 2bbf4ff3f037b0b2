"""A change is seen whole or not at all: by other processes while it is made, and by everybody after a kill."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from collection_contract import info, one, passage, rows

from aigw.core.retrieval import Query, Source
from aigw.stores.faiss.collections import FaissCollections

SUPPORT = Path(__file__).parents[2] / "support"
ROUNDS = 25
WRITER = """
import asyncio, sys
sys.path.append(sys.argv[4])
from pathlib import Path
from collection_contract import passage, rows
from aigw.core.retrieval import Source
from aigw.stores.faiss.collections import FaissCollections

async def main(folder, mine):
    collections = FaissCollections(Path(folder))
    docs = await collections.get("docs")
    for round_ in range(int(sys.argv[3])):
        passages = [passage(f"{mine}{number}", f"round{round_}") for number in range(4)]
        await docs.replace(Source(mine, str(round_)), passages, rows(0, 1, 2, 3))
    await docs.tidy()
    await collections.aclose()

asyncio.run(main(*sys.argv[1:3]))
"""


def test_killed_at_any_point(tmp_path):
    script = [sys.executable, str(SUPPORT / "kill_points.py"), str(tmp_path), "8"]
    result = subprocess.run(script, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stderr
    reports = [json.loads(line) for line in result.stdout.splitlines()]
    assert [each["change"] for each in reports] == [
        "replace", "remove", "upsert", "delete", "tidy", "reindex", "create", "drop",
    ]  # fmt: skip
    assert {each["change"]: each["wrong"] for each in reports if each["wrong"]} == {}
    assert all(each["after"] and (each["before"] or each["change"] == "tidy") for each in reports)


async def test_two_processes_write_and_a_third_sees_only_whole_changes(tmp_path):
    collections = FaissCollections(tmp_path)
    docs = await collections.create(info())
    writers = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITER, str(tmp_path), mine, str(ROUNDS), str(SUPPORT)
        )
        for mine in "ab"
    ]
    ends = asyncio.gather(*(each.wait() for each in writers))
    versions, looks = set(), 0
    try:
        while not ends.done():
            version = docs.version()
            found = await docs.search(Query(one(0)))
            passages = await docs.passages([each.key for each in found.near])
            if docs.version() == version:  # nothing was replaced between the two reads
                whole = {name: {each.text for each in passages.values() if each.source == name} for name in "ab"}
                assert all(len(texts) <= 1 for texts in whole.values())
                assert len(passages) == 4 * sum(map(len, whole.values()))
                looks += 1
            versions.add(version)
    finally:
        for each in writers:
            if each.returncode is None:
                each.kill()
    assert await ends == [0, 0]
    assert looks > 3
    assert len(versions) > 3
    assert {each.text for name in "ab" for each in await docs.of_source(name)} == {f"round{ROUNDS - 1}"}
    assert {each.digest for each in (await docs.sources()).values()} == {str(ROUNDS - 1)}
    await docs.replace(Source("c", "1"), [passage("c")], rows(5))
    assert (await docs.stats()).passages == 9
    await collections.aclose()
