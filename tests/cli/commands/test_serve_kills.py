"""`aigw serve --record` that is killed, or whose writing process is: every file is whole or absent, nothing is
overwritten, and traffic goes on."""

import fcntl
import json
import os
import random
import select
import signal
import sys
import termios
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPException
from pathlib import Path

import pytest
from serving import PATIENCE, chat, serving, stopped

from aigw.traffic.format.folder import Folder, iterate

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds the process that writes in /proc")
KILLS = 4
CLIENTS = 4
SEVERAL = 10_000
"""So many bytes bring several calls to the process that writes."""
LONG = "word " * 60_000
"""So long that it is in a side file."""


@pytest.fixture
def serve(tmp_path):
    with serving(tmp_path) as serve:
        yield serve


def writer_of(process):
    """The process that writes what a gateway records."""
    tasks = Path(f"/proc/{process.pid}/task").glob("*/children")
    (pid,) = {int(each) for task in tasks for each in task.read_text().split()}
    return pid


def unread(writer):
    """The bytes that the process that writes has got and not read yet."""
    with Path(f"/proc/{writer}/fd/0").open("rb", buffering=0) as stdin:
        return int.from_bytes(fcntl.ioctl(stdin, termios.FIONREAD, bytes(4)), sys.byteorder)


@contextmanager
def ending(pid):
    """Waits at the end of the block until a process has ended that is no child of this one."""
    watched = os.pidfd_open(pid)
    try:
        yield
        assert select.select([watched], [], [], PATIENCE)[0], "it did not end"
    finally:
        os.close(watched)


class Clients:
    """Clients that ask one thing after the other until the gateway is gone. `enough` is set at the n-th answer."""

    def __init__(self, url, name, answers):
        self.enough = threading.Event()
        self.answered = []
        self._url, self._name, self._wanted = url, name, answers
        self._threads = ThreadPoolExecutor(CLIENTS)
        self._running = [self._threads.submit(self._ask, number) for number in range(CLIENTS)]

    def _ask(self, client):
        for number in range(10_000):
            text = f"{self._name} {client} {number} {LONG if number % 7 == 3 else ''}".strip()
            try:
                chat(self._url, text, stream=number % 2 == 0)
            except (OSError, HTTPException):
                return
            self.answered.append(text)
            if len(self.answered) >= self._wanted:
                self.enough.set()

    def gone(self):
        self._threads.shutdown()
        for each in self._running:
            each.result()


def written_to(process, url, path):
    """Asks until something is written, so that the process that writes is ready, and until it has written all. Returns
    it, and the folder."""
    folder = Folder(path / "recs")
    for number in range(10_000):
        chat(url, f"warming up {number}")
        if folder.entries():
            while len(folder.entries()) <= number:
                pass
            return writer_of(process), folder
    raise AssertionError("nothing is written")


def recorded(folder):
    """What was asked, of each recording. Each is read, and its side files are."""
    texts = []
    for _, recording in iterate(folder):
        texts.append(json.loads(bytes(recording.request.json))["messages"][-1]["content"])
        assert "\n".join(recording.answer.text) in (texts[-1], ""), "an answer is whole, or its client saw none"
        for piece in recording.pieces:
            if not isinstance(piece[1], str):
                folder.side(piece[1])
    return texts


def test_every_file_is_whole_whenever_the_gateway_is_killed(tmp_path, serve):
    drawn = random.Random(10)
    folder = Folder(tmp_path / "recs")
    for kill in range(KILLS):
        process, url = serve("-q", "--record", "recs")
        clients = Clients(url, f"run {kill}", drawn.randrange(1, 60))
        assert clients.enough.wait(PATIENCE)
        with ending(writer_of(process)):
            process.kill()
            clients.gone()
        texts = recorded(folder)
        assert len(texts) == len(set(texts)), "nothing is recorded twice"
    process, _ = serve("-q", "--record", "recs")
    stopped(process)
    assert len({text.split()[1] for text in recorded(folder)}) > 1, (
        "one that is killed at its start has written nothing"
    )


def test_what_a_killed_gateway_still_writes_is_not_overwritten(tmp_path, serve):
    """Its process that writes lives until it has written what it got, while the next gateway records."""
    process, url = serve("-q", "--record", "recs")
    writer, folder = written_to(process, url, tmp_path)
    with ending(writer), ExitStack() as stack:
        os.kill(writer, signal.SIGSTOP)
        stack.callback(os.kill, writer, signal.SIGCONT)
        number = 0
        while unread(writer) < SEVERAL:
            chat(url, f"old {number}")
            number += 1
        process.kill()
        process.wait()
        process, url = serve("-q", "--record", "recs")
        for number in range(5):
            chat(url, f"new {number}")
        stopped(process)
    texts = recorded(folder)
    assert {text for text in texts if text.startswith("new")} == {f"new {number}" for number in range(5)}
    assert {text for text in texts if text.startswith("old")} > {"old 0"}


@pytest.mark.parametrize("on_error", ["continue", "stop"])
def test_a_killed_writer_is_said_at_once(tmp_path, serve, on_error):
    (tmp_path / "aigw.yaml").write_text(
        f"plugins: {{ai-proxy: {{provider: {{type: builtin}}}}}}\nrecord: {{on_error: {on_error}}}\n"
    )
    process, url = serve("-q", "--record", "recs")
    clients = Clients(url, "run 0", 40)
    assert clients.enough.wait(PATIENCE)
    writer = writer_of(process)
    with ending(writer):
        os.kill(writer, signal.SIGKILL)
    said = next(line for line in process.stderr if "recording has stopped" in line)
    assert "exit code -9" in said
    assert ("traffic stops, too" if on_error == "stop" else "traffic goes on without") in said
    status, body = chat(url, "still there?")
    assert status == (503 if on_error == "stop" else 200)
    if on_error == "stop":
        assert json.loads(body)["error"]["code"] == "recording_failed"
    process.kill()
    clients.gone()
    assert len(recorded(Folder(tmp_path / "recs"))) > 0
