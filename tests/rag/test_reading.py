"""Reading in a child: what is hostile is an error with its reason, and the next source is read all the same."""

import asyncio
import os
import select
import signal
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from documents import docx, paragraph, pdf

from aigw.rag.document import Block, Document, UnreadableError
from aigw.rag.reading import MOST_BYTES, Reading, load

SLOW = b"<div>" * 400_000
"""What takes the parser minutes, because it is nested so deeply."""
ENDLESS = "import asyncio\nfrom aigw.rag.reading import Reading\nasync def main():\n    async with Reading(seconds=2) as reading:\n        await reading.read('a.html', b'<div>' * 400_000)\nasyncio.run(main())\n"


def readers(parent=None):
    """The pids of the children that read for a process."""
    listed = subprocess.run(["ps", "-wwAo", "pid=,ppid=,args="], capture_output=True, text=True, check=True)
    rows = (line.split(None, 2) for line in listed.stdout.splitlines())
    return [
        int(pid)
        for pid, above, args in rows
        if int(above) == (parent or os.getpid()) and "aigw.rag.reader_process" in args
    ]


async def one_reader(parent=None):
    while not (found := await asyncio.to_thread(readers, parent)):
        pass
    return found[0]


async def is_read(reading):
    return await reading.read("a.md", b"# A\n\ntext") == Document(
        "A", [Block("heading", "# A", 1, 1, level=1, title="A"), Block("paragraph", "text", 3, 3)]
    )


async def test_sources_of_all_kinds_are_read_by_one_child():
    async with Reading() as reading:
        assert await is_read(reading)
        first = readers()
        assert (await reading.read("a.pdf", pdf([["hello"]]))).blocks == [Block("paragraph", "hello", page=1)]
        assert (await reading.read("a.docx", docx(paragraph("hello")))).blocks == [Block("paragraph", "hello")]
        assert (await reading.read("page", b"<p>hi", "text/html", "utf-8")).blocks == [Block("paragraph", "hi")]
        assert (await reading.read("a.txt", "Grüße".encode("latin-1"), charset="latin-1")).blocks[0].text == "Grüße"
        assert readers() == first
    assert readers() == []


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.ipynb", b"no", "it is no notebook"),
        ("a.pdf", b"%PDF-1.7\nxx", "PDFium cannot read it"),
        ("a.docx", b"PK\x03\x04word/", "it is no valid zip file"),
        ("a.docx", docx(paragraph("x"), "<!DOCTYPE x ["), "it cannot be read: ExpatError"),
        ("a.docx", docx("<w:p>" * 20_000 + "</w:p>" * 20_000), "its parts are nested too deeply"),
        ("a.png", b"\x89PNG\0\0\1\0", "it is no text"),
        ("a.txt", b"\xff\xfe\xfd" * 100 + b"\x81", "it is no text"),
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_an_error_with_its_reason(name, data, reason):
    async with Reading() as reading:
        try:
            document = await reading.read(name, data)
        except UnreadableError as error:
            assert reason in str(error)
        else:
            assert name == "a.txt", document
        assert await is_read(reading)


async def test_what_takes_too_long_is_given_up():
    async with Reading(seconds=1) as reading:
        with pytest.raises(UnreadableError, match="reading it takes more than 2 s"):  # one more for a MiB
            await reading.read("a.html", SLOW)
        assert readers() == []
        assert await is_read(reading)


async def test_what_takes_too_much_memory_is_given_up():
    async with Reading(memory=300 << 20) as reading:
        with pytest.raises(UnreadableError, match="reading it takes more than 300 MiB of memory"):
            await reading.read("a.txt", b"a\n\n" * 30_000_000)
        assert await is_read(reading)


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGKILL"])
async def test_a_child_that_crashes_is_replaced(name):
    async with Reading() as reading:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(failure(reading))
            os.kill(await one_reader(), getattr(signal, name))
        assert task.result() == f"it crashes its reader ({name})"
        assert await is_read(reading)


async def failure(reading):
    try:
        await reading.read("a.html", SLOW)
    except UnreadableError as error:
        return str(error)


async def test_a_child_that_was_killed_between_two_sources_is_replaced():
    async with Reading() as reading:
        assert await is_read(reading)
        (pid,) = readers()
        ended = os.pidfd_open(pid)
        os.kill(pid, signal.SIGKILL)
        select.select([ended], [], [])
        os.close(ended)
        assert await is_read(reading)


async def test_who_is_cancelled_leaves_no_child():
    async with Reading() as reading:
        task = asyncio.create_task(reading.read("a.html", SLOW))
        await one_reader()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert readers() == []
        assert await is_read(reading)


async def test_several_who_ask_at_once_are_served_one_after_the_other():
    async with Reading() as reading:
        assert all(await asyncio.gather(*(is_read(reading) for _ in range(5))))
        assert len(readers()) == 1


async def test_a_child_ends_by_itself_if_its_parent_is_killed(child):
    parent = child([sys.executable, "-c", ENDLESS])
    pid = await one_reader(parent.pid)
    ended = os.pidfd_open(pid)
    parent.kill()
    parent.wait()
    assert select.select([ended], [], [], 60)[0], "it is still there"
    os.close(ended)


async def test_ctrl_c_ends_both(child):
    parent = child([sys.executable, "-c", ENDLESS], stderr=subprocess.DEVNULL, process_group=0)
    pid = await one_reader(parent.pid)
    ended = os.pidfd_open(pid)
    os.killpg(parent.pid, signal.SIGINT)
    assert select.select([ended], [], [], 60)[0], "it is still there"
    os.close(ended)
    assert parent.wait() != 0


async def test_the_child_gets_no_keys(child):
    parent = child(
        [sys.executable, "-c", ENDLESS], env=dict(os.environ, OPENAI_API_KEY="sk-1"), stderr=subprocess.DEVNULL
    )
    pid = await one_reader(parent.pid)
    assert b"sk-1" not in await asyncio.to_thread(Path(f"/proc/{pid}/environ").read_bytes)


async def test_long_lines_and_nuls_are_read():
    async with Reading() as reading:
        document = await reading.read("a.txt", b"word " * 10_000_000)
        assert zlib.crc32(document.blocks[0].text.encode()) == zlib.crc32(b"word " * 10_000_000)
        assert (await reading.read("a.csv", b"a,b\n1,\0")).blocks[0].text == "a: 1; b: \ufffd"


def test_what_is_too_large_is_not_read(tmp_path):
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(UnreadableError, match="it is larger than 256 MiB, and no larger ones are read"):
        load(large)


def test_files_that_cannot_be_opened_are_said(tmp_path):
    with pytest.raises(UnreadableError, match="No such file"):
        load(tmp_path / "none")
    with pytest.raises(UnreadableError, match="Is a directory"):
        load(tmp_path)
    (tmp_path / "a").write_bytes(b"x")
    assert load(tmp_path / "a") == b"x"
