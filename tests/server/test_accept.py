"""Connections are let in while there is room; the others wait and are not closed."""

import asyncio
import socket
from contextlib import asynccontextmanager

from aigw.server.accept import Acceptor


class Echo(asyncio.Protocol):
    """Answers each piece with the same. It makes room when it has answered."""

    def __init__(self, acceptor):
        self.acceptor = acceptor
        self.answered = False

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.answered = True
        self.transport.write(data)

    def connection_lost(self, exc):
        self.acceptor.left(self)

    def make_room(self):
        if self.answered:
            self.transport.close()


@asynccontextmanager
async def accepting(most):
    acceptor = Acceptor(lambda: Echo(acceptor), most)
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        acceptor.start(sock, 100)
        try:
            yield acceptor, sock.getsockname()[1]
        finally:
            await acceptor.stop()


async def asked(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"x")
    answer = await reader.readexactly(1)
    return answer, writer


async def test_who_has_no_room_waits_until_others_have_been_answered():
    async with accepting(2) as (_, port), asyncio.timeout(10):
        answers = await asyncio.gather(*(asked(port) for _ in range(20)))
        assert [answer for answer, _ in answers] == [b"x"] * 20
        for _, writer in answers:
            writer.close()


async def test_nobody_is_let_in_after_the_end():
    async with accepting(1) as (_, port):
        pass
    try:
        await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return
    raise AssertionError("somebody listens")
