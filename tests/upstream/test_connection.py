"""Moments of one connection that no real socket can be made to hit."""

import asyncio

import pytest
import pytest_asyncio
from multidict import CIMultiDict

from aigw.core.model import Origin, Request, Timeouts
from aigw.upstream.connection import Connection
from aigw.upstream.pool import Pool

ORIGIN = Origin("http", "up", 80)
REQUEST = Request("GET", "/", "", CIMultiDict())
HEAD = b"GET / HTTP/1.1\r\n\r\n"
EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class RecordingTransport(asyncio.Transport):
    def __init__(self):
        super().__init__()
        self.aborted = 0

    def write(self, data):
        pass

    def abort(self):
        self.aborted += 1


@pytest_asyncio.fixture
async def connected():
    pool = Pool(max_idle=1, idle_seconds=55)
    connection = Connection(pool, ORIGIN, asyncio.get_running_loop())
    transport = RecordingTransport()
    connection.connection_made(transport)
    yield connection, pool, transport
    connection.drop()


async def begin(connection):
    task = asyncio.create_task(connection.exchange(HEAD, REQUEST, Timeouts()))
    await asyncio.sleep(0)
    return task


async def test_a_cancel_in_the_moment_of_the_answer_leaves_the_next_request_alone(connected):
    connection, pool, transport = connected
    first = await begin(connection)
    first.cancel()
    connection.data_received(EMPTY)
    assert pool.take(ORIGIN) is connection
    second = await begin(connection)
    with pytest.raises(asyncio.CancelledError):
        await first
    connection.data_received(EMPTY)
    assert (await second).status == 200
    assert transport.aborted == 0


async def test_a_cancel_in_the_moment_of_the_head_drops_the_connection(connected):
    connection, pool, transport = connected
    first = await begin(connection)
    first.cancel()
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
    with pytest.raises(asyncio.CancelledError):
        await first
    assert transport.aborted == 1
    assert pool.take(ORIGIN) is None
