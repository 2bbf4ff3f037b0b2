"""A system that allows little: few descriptors and many clients, little address space. Everybody gets an answer, or a
line says why there is no gateway."""

import asyncio
import contextlib
from urllib.parse import urlsplit

import pytest
from stage.answers import PATH, answers, completion
from stage.command import aigw, ended, ready
from stage.raw import RawClient, encode
from stage.upstream import PATIENCE

HELLO = b'{"model":"echo","messages":[{"role":"user","content":"Hello!"}]}'
BUILTIN = {"plugins": {"ai-statistics": {}, "ai-proxy": {"provider": {"type": "builtin"}}}}
CLIENTS = 200


def through(upstream):
    provider = {"type": "openai", "apiTokens": ["sk-any"]}
    return {"services": {"api.openai.com": upstream.url}, "plugins": {"ai-proxy": {"provider": provider}}}


async def asked(port):
    """The status of one call."""
    client = await RawClient.connect(port)
    try:
        return (await client.request("POST", PATH, HELLO)).status
    finally:
        await client.close()


async def all_of_them(port):
    async with asyncio.timeout(PATIENCE * 4):
        return await asyncio.gather(*(asked(port) for _ in range(CLIENTS)))


@pytest.mark.parametrize("files", [48, 64])
async def test_more_clients_than_descriptors(tmp_path, files):
    async with aigw(tmp_path, "--port", "0", config=BUILTIN, limit=f"-n {files}") as process:
        port = urlsplit((await ready(process))["url"]).port
        assert set(await all_of_them(port)) <= {200, 503}
        assert await asked(port) == 200
        process.terminate()
        code, errors = await ended(process)
    assert (code, "Traceback" in errors) == (0, False), errors


async def test_those_who_wait_need_a_descriptor_to_the_provider_too(tmp_path, provider):
    upstream = await provider(*[answers(completion("Hello!"))] * (CLIENTS + 1))
    async with aigw(tmp_path, "--port", "0", config=through(upstream), limit="-n 64") as process:
        port = urlsplit((await ready(process))["url"]).port
        assert await all_of_them(port) == [200] * CLIENTS
        assert await asked(port) == 200
        process.terminate()
        code, errors = await ended(process)
    assert (code, "Traceback" in errors) == (0, False), errors


async def test_connections_that_are_kept_and_not_used_make_room(tmp_path):
    async with aigw(tmp_path, "--port", "0", config=BUILTIN, limit="-n 64") as process:
        port = urlsplit((await ready(process))["url"]).port
        idle = [await RawClient.connect(port) for _ in range(8)]
        for client in idle:
            await client.request("POST", PATH, HELLO)
        calls = asyncio.gather(*(asked(port) for _ in range(CLIENTS)))
        async with asyncio.timeout(PATIENCE * 4):
            assert set(await calls) == {200}
        for client in idle:
            await client.close()


async def test_clients_that_send_byte_by_byte_make_room(tmp_path):
    """They take all connections that there are, and are closed for the others after some seconds."""
    async with aigw(tmp_path, "--port", "0", config=BUILTIN, limit="-n 64") as process:
        port = urlsplit((await ready(process))["url"]).port
        slow = [await RawClient.connect(port) for _ in range(20)]

        async def drip(client):
            with contextlib.suppress(ConnectionError):
                for byte in encode("POST", PATH, HELLO):
                    client.writer.write(bytes([byte]))
                    await client.writer.drain()
                    await asyncio.sleep(1)

        drips = [asyncio.create_task(drip(client)) for client in slow]
        try:
            async with asyncio.timeout(60):
                async with asyncio.TaskGroup() as group:
                    calls = [group.create_task(patient(port)) for _ in range(8)]
            assert {call.result() for call in calls} <= {200, 503}
        finally:
            for task in drips:
                task.cancel()
            for client in slow:
                await client.close()


async def patient(port):
    """The status of a call that waits as long as its test does."""
    client = await RawClient.connect(port)
    try:
        await client.send(encode("POST", PATH, HELLO))
        return int((await client.reader.readuntil(b"\r\n\r\n")).split(b" ")[1])
    finally:
        await client.close()


@pytest.mark.parametrize("megabytes", [100, 200, 300, 450, 600])
async def test_too_little_address_space(tmp_path, megabytes):
    async with aigw(tmp_path, "--port", "0", config=BUILTIN, limit=f"-v {megabytes << 10}") as process:
        code, errors = await ended(process)
    assert code == 1
    assert errors == (
        f"aigw serve: this process may use only {megabytes} MiB of address space; aigw needs 1024: "
        "raise the limit with ulimit -v 1048576\n"
    )


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_too_few_descriptors(tmp_path, workers):
    async with aigw(tmp_path, "--port", "0", "--workers", workers, config=BUILTIN, limit="-n 24") as process:
        code, errors = await ended(process)
    assert (code, "may open only 24 files; aigw needs 48" in errors) == (1, True), errors


async def sent(port, body):
    """The status of a call with a large body."""
    client = await RawClient.connect(port)
    try:
        client.writer.write(encode("POST", PATH, body))
        return (await client.head())[0]
    finally:
        await client.close()


async def test_memory_that_runs_out_is_a_503(tmp_path):
    """Values of a few bytes that are large once they are decoded."""
    lists = b'{"model":"echo","messages":[{"role":"user","content":"x"}],"deep":[' + b"[]," * 12_000_000 + b"[]]}"
    config = {"plugins": {"ai-cache": {"redis": {"serviceName": "redis.static"}}, **BUILTIN["plugins"]}}
    async with aigw(tmp_path, "--port", "0", config=config, limit="-v 1048576") as process:
        port = urlsplit((await ready(process))["url"]).port
        assert [await sent(port, lists), await asked(port)] == [503, 200]
        process.terminate()
        code, errors = await ended(process)
    assert (code, "Traceback" in errors) == (0, False), errors
    assert "no memory or descriptors are left: MemoryError" in errors


async def test_texts_for_which_there_is_no_space_are_refused(tmp_path):
    """Libraries that write them again would end the process."""
    texts = [
        b'{"model":"echo","messages":[{"role":"user","content":"' + b"word " * size + b'"}]}'
        for size in (19 << 20, 2 << 20)
    ]
    async with aigw(tmp_path, "--port", "0", config=BUILTIN, limit="-v 1048576") as process:
        port = urlsplit((await ready(process))["url"]).port
        assert await sent(port, texts[0]) == 503
        async with asyncio.timeout(PATIENCE * 4):
            statuses = await asyncio.gather(*(sent(port, texts[1]) for _ in range(10)))
        assert {200} <= set(statuses) <= {200, 503}
        assert await asked(port) == 200
        process.terminate()
        code, errors = await ended(process)
    assert (code, "Traceback" in errors) == (0, False), errors


async def test_little_address_space_under_load(tmp_path):
    """Large bodies at once: each is answered, and the gateway lives."""
    large = b'{"model":"echo","messages":[{"role":"user","content":"' + b"word " * 400_000 + b'"}]}'

    async def send(port):
        client = await RawClient.connect(port)
        await client.send(encode("POST", PATH, large))
        try:
            return (await client.head())[0]
        finally:
            await client.close()

    async with aigw(tmp_path, "--port", "0", config=BUILTIN, limit="-v 1048576") as process:
        port = urlsplit((await ready(process))["url"]).port
        async with asyncio.timeout(PATIENCE * 4):
            statuses = await asyncio.gather(*(send(port) for _ in range(40)))
        assert set(statuses) <= {200, 503}
        assert await asked(port) == 200
        process.terminate()
        code, errors = await ended(process)
    assert (code, "Traceback" in errors) == (0, False), errors
