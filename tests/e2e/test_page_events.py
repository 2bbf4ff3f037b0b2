"""The page's data while a real client streams: OpenAI's SDK through a gateway in a process of its own, which somebody
looks at. Readers who leave, and a Ctrl-C with readers, leave nothing behind."""

from __future__ import annotations

import contextlib
import json
import socket
import time
import urllib.request
from pathlib import Path

import pytest
from serving import chat, serving, stopped

SYSTEM = {"model": "echo", "messages": [{"role": "user", "content": "One two three four."}]}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    with serving(folder) as serve:
        yield serve()


class Reader:
    """Reads events as the page does."""

    def __init__(self, url: str, after: str = "") -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._socket = socket.create_connection((host, int(port)), 10)
        self._socket.sendall(f"GET /-/events{after} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        self._file = self._socket.makefile("rb")

    def next(self, wanted: str = "requests"):
        while line := self._file.readline():
            if line.startswith(b"event: "):
                name, data = line[7:].strip().decode(), self._file.readline()
                if name == wanted:
                    return json.loads(data[6:])
        raise EOFError

    def requests(self, number: int):
        found = []
        while len(found) < number:
            found += self.next()["requests"]
        return found

    def ended(self) -> bool:
        """Whether the stream comes to its proper end."""
        return self._file.read().endswith(b"0\r\n\r\n")

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def sockets_of(process) -> int:
    """Files of SQLite come and go beside them."""
    found = 0
    for each in Path(f"/proc/{process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it has been closed since
            found += str(each.readlink()).startswith("socket:")
    return found


def test_a_stream_of_openai_is_seen_with_its_details(gateway):
    openai = pytest.importorskip("openai")
    _, url = gateway
    reader = Reader(url)
    assert reader.next()["requests"] == []
    with openai.OpenAI(base_url=f"{url}/v1", api_key="sk-never-shown-1234") as client:
        said = "".join(
            chunk.choices[0].delta.content or ""
            for chunk in client.chat.completions.create(**SYSTEM, stream=True)
            if chunk.choices
        )
    (request,) = reader.requests(1)
    assert (request["stream"], request["status"], request["details"]) == (True, 200, True)
    with urllib.request.urlopen(f"{url}/-/requests/{request['id']}") as answer:
        text = answer.read().decode()
    details = json.loads(text)
    assert "never-shown" not in text
    assert [part["text"] for part in details["conversation"]] == ["One two three four.", said]
    assert details["answer"]["body"].endswith("data: [DONE]\n\n")
    assert details["trace"]["steps"][-1]["kind"] == "upstream"
    assert '$OPENAI_API_KEY"' in details["curl"]
    reader.close()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux tells which files a process has")
def test_readers_who_leave_leave_nothing(gateway):
    process, url = gateway
    chat(url)
    before = sockets_of(process)
    for _ in range(20):
        Reader(url).close()
    readers = [Reader(url, "?after=0") for _ in range(5)]
    for reader in readers:
        assert reader.next()["seq"] > 0
        reader.close()
    late = time.monotonic() + 10
    while sockets_of(process) > before + 1 and time.monotonic() < late:
        chat(url)
    assert sockets_of(process) <= before + 1


def test_ctrl_c_ends_all_readers_at_once(tmp_path):
    with serving(tmp_path) as serve:
        process, url = serve("--grace", "30", "--inspect")
        readers = [Reader(url) for _ in range(3)]
        for reader in readers:
            reader.next()
        began = time.monotonic()
        stopped(process)
        assert time.monotonic() - began < 5
        assert all(reader.ended() for reader in readers)
        for reader in readers:
            reader.close()


def test_each_of_several_processes_lists_all_requests_and_says_so(tmp_path):
    with serving(tmp_path) as serve:
        process, url = serve("--workers", "2")
        reader = Reader(url)
        first = reader.next()["seq"]
        for _ in range(6):
            chat(url)
        assert len(reader.requests(6)) == 6
        with urllib.request.urlopen(f"{url}/-/requests?after={first}") as answer:
            told = json.load(answer)
        assert len(told["requests"]) == 6
        assert "several processes" in told["note"]
        reader.close()
        stopped(process)
