"""Addresses where no aigw answers: each is one line that says so, whatever comes back."""

from __future__ import annotations

import contextlib
import socket
import threading
from contextlib import contextmanager

import pytest

from aigw.books.usage_file import FILE_NAME
from aigw.cli.sources.usage_feed import FeedError, RunningGateway, feed_for, state_folder


@contextmanager
def answering(data):
    """A server that answers every connection with `data`, and its URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    if not connection.recv(65536):
                        return
                    connection.sendall(data)

        thread = threading.Thread(target=serve)
        thread.start()
        host, port = server.getsockname()
        try:
            yield f"http://{host}:{port}"
        finally:
            with socket.create_connection((host, port)):
                pass
            thread.join()


FOREIGN = [
    b"",
    b"SSH-2.0-OpenSSH_9.6\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\xfe",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\n\xff\xfe\xfd",
    b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"HTTP/1.1 500 \x1b[2Jno\r\nContent-Length: 0\r\n\r\n",
    b'HTTP/1.1 500 No\r\nContent-Length: 43\r\n\r\n{"error": {"message": "\\u001b[2J\\nsecond"}} ',
]


@pytest.mark.parametrize("data", FOREIGN)
def test_what_is_no_aigw_is_said_in_one_line(data):
    with answering(data) as url, pytest.raises(FeedError) as caught:
        RunningGateway(url, None).fetch(["model"], "1h")
    assert str(caught.value).startswith(url)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "url", ["", "::::", "ftp://x", "http://[::1", "http://exa mple", "http://a:b", "http://a:99999"]
)
def test_what_is_no_address(url):
    with pytest.raises(FeedError, match=r"such as http://127\.0\.0\.1:4700"):
        feed_for(None, url, None)


@pytest.mark.parametrize("key", ["a\nb", "schlüssel", "\ud800"])
def test_what_cannot_be_a_key_is_not_shown(key):
    with pytest.raises(FeedError, match="key") as caught:
        feed_for(None, "http://127.0.0.1:1", key)
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    ("files", "folder"),
    [
        ({}, ".aigw"),
        ({"aigw.yaml": "listen: 127.0.0.1:1"}, ".aigw"),
        ({"aigw.yaml": "state_dir: there\nplugins: {ai-proxy: {tpye: x, key: '${MISSING}'}}"}, "there"),
        ({"aigw.yaml": "state_dir: ${PLACE}/x", ".env": "PLACE=elsewhere"}, "elsewhere/x"),
        ({"aigw.yaml": "state_dir: ["}, ".aigw"),
    ],
)
def test_the_folder_is_that_of_the_gateway_here(tmp_path, files, folder):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with contextlib.chdir(tmp_path):
        assert str(state_folder(None)) == folder


def test_the_folder_of_a_recipe(tmp_path):
    with contextlib.chdir(tmp_path):
        assert str(state_folder("budget")) == ".aigw/recipes/budget"
        folder = tmp_path / ".aigw" / "recipes" / "budget"
        folder.mkdir(parents=True)
        assert "recipes:" not in feed_for(None, None, None).hint
        (folder / FILE_NAME).write_bytes(b"")
        assert "There is usage of recipes: --recipe budget." in feed_for(None, None, None).hint
    with pytest.raises(FeedError, match="there is no recipe 'nothing'"):
        feed_for(None, None, None, "nothing")
