"""One server for all tests here, and in it a database for each test."""

import itertools

import pytest
from milvus_server import MilvusServer

from aigw.stores.milvus.address import parse
from aigw.stores.milvus.collections import MilvusCollections

NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    server = MilvusServer(tmp_path_factory.mktemp("milvus"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def client(server):
    from pymilvus import MilvusClient

    client = MilvusClient(f"http://127.0.0.1:{server.port}")
    yield client
    client.close()


@pytest.fixture
def database(client):
    """Its name; it is empty."""
    name = f"test{next(NUMBERS)}"
    client.create_database(name)
    return name


@pytest.fixture
async def another(server, database):
    opened = []

    async def open_():
        opened.append(MilvusCollections(parse(f"{server.url}/{database}")))
        return opened[-1]

    yield open_
    for each in opened:
        await each.aclose()


@pytest.fixture
async def collections(another):
    return await another()
