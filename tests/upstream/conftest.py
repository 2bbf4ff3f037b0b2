"""A real server on port 0 whose every byte a test scripts, and the upstream that talks to it, on each event loop."""

import asyncio
import contextlib
import socket
import struct

import pytest
import uvloop
from multidict import CIMultiDict

from aigw.core.model import Origin, Request, Target, Timeouts
from aigw.upstream.http import HttpUpstream

PATIENCE = 5.0


def pytest_asyncio_loop_factories(config, item):
    if item.path.name.startswith(("test_http", "test_proxied")):
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


class Peer:
    """The server's side of one connection."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer

    async def request(self):
        """The next request, head and body as they came."""
        async with asyncio.timeout(PATIENCE):
            head = await self.reader.readuntil(b"\r\n\r\n")
            fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:-2])
            if b"content-length" in fields:
                return head + await self.reader.readexactly(int(fields[b"content-length"]))
            if b"transfer-encoding" in fields:
                return head + await self.reader.readuntil(b"0\r\n\r\n")
            return head

    async def send(self, data):
        async with asyncio.timeout(PATIENCE):
            self.writer.write(data)
            await self.writer.drain()

    async def answer(self, body=b"{}", headers=b""):
        await self.request()
        await self.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%b\r\n%b" % (len(body), headers, body))

    async def gone(self):
        """Waits until the client has closed the connection."""
        async with asyncio.timeout(PATIENCE):
            try:
                while await self.reader.read(65536):
                    pass
            except ConnectionError:
                pass

    def reset(self):
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class Wire:
    def __init__(self, upstream):
        self.upstream = upstream
        self.accepted = 0
        self.port = 0
        self._tasks = []
        self._server = None

    async def serve(self, *scripts, tls=None):
        """Starts the server. The n-th connection gets the n-th script, the last one is repeated."""

        def connected(reader, writer):
            script = scripts[min(self.accepted, len(scripts) - 1)]
            self.accepted += 1
            self._tasks.append(asyncio.ensure_future(self._run(script, Peer(reader, writer))))

        self._server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _run(self, script, peer):
        try:
            await script(peer)
        finally:
            peer.writer.close()
            with contextlib.suppress(OSError):
                await peer.writer.wait_closed()

    async def send(
        self, method="POST", path="/v1/x", query="", headers=(), body=b"", stream=None, origin=None, **timeouts
    ):
        origin = origin or Origin("http", "127.0.0.1", self.port)
        timeouts = Timeouts(**{"connect": PATIENCE, "first_byte": PATIENCE, "idle": PATIENCE} | timeouts)
        request = Request(method, path, query, CIMultiDict(headers), body, stream)
        return await self.upstream.send(request, Target(origin, "api.example.com", timeouts))

    async def fetch(self, *args, **kwargs):
        """The whole body of an answer."""
        response = await self.send(*args, **kwargs)
        return b"".join([piece async for piece in response.body])

    async def served(self):
        """Waits until every script has run to its end. Raises what a script raised."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*self._tasks)

    async def until(self, condition):
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0)

    async def close(self):
        await self.upstream.aclose()
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # an aborted socket is closed in the loop's next turn


@pytest.fixture
async def wire():
    wire = Wire(HttpUpstream())
    yield wire
    await wire.close()
    assert wire.upstream.open_connections == 0
