"""Gateways and scripted upstreams for one test. What they leave open fails the test."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import uvloop

sys.path.insert(0, str(Path(__file__).parent))  # the tests are no package; this makes the stage's modules importable

from stage.gateway import Gateway, proxied, serve
from stage.node import FOLDER, NoNodeError, prepare
from stage.taped import Taped
from stage.upstream import Script, ScriptedUpstream

Start = Callable[..., Awaitable[Any]]


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Callable[[], Any]]:
    """The loop that `aigw serve` takes; where something breaks, also the one that it has on Windows."""
    loops: dict[str, Callable[[], Any]] = {"uvloop": uvloop.new_event_loop}
    if item.path.name.startswith("test_fault"):
        loops["asyncio"] = asyncio.new_event_loop
    return loops


@pytest.fixture(autouse=True)
def no_error_in_the_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """An error in the log is a bug of ours: what others do wrong is a warning at most."""
    yield
    assert [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR] == []


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def provider(stack: AsyncExitStack) -> Start:
    """Starts a scripted upstream."""

    async def start(*scripts: Script) -> ScriptedUpstream:
        upstream = ScriptedUpstream(*scripts)
        await upstream.start()
        stack.push_async_callback(upstream.stop)
        return upstream

    return start


@pytest.fixture
def gateway(stack: AsyncExitStack) -> Start:
    """Starts a gateway with a configuration."""

    async def start(config: dict[str, Any], **options: Any) -> Gateway:
        return await stack.enter_async_context(serve(config, **options))

    return start


@pytest.fixture
def behind(provider: Start, gateway: Start) -> Start:
    """Starts a scripted upstream and a gateway in front of it. Keys are those of `proxied`."""

    async def start(*scripts: Script, **settings: Any) -> tuple[Gateway, ScriptedUpstream]:
        upstream = await provider(*scripts)
        return await gateway(proxied(upstream.url, **settings)), upstream

    return start


@pytest.fixture
def taped(tmp_path: Path, gateway: Start) -> Iterator[Taped]:
    """Starts gateways that record into one folder, and that replay from it."""
    taped = Taped(tmp_path / "recs", gateway)
    yield taped
    taped.close()


@pytest.fixture(scope="session")
def node() -> str:
    """The path of a Node.js, with the packages of the tests installed in `FOLDER`."""
    try:
        return prepare()
    except NoNodeError as error:
        if os.environ.get("AIGW_REQUIRE_NODE") == "1":
            raise
        pytest.skip(str(error))


@pytest.fixture
def play(node: str) -> Start:
    """Plays a scenario of session.mjs and gives what it saw."""

    async def run(gateway: Gateway, scenario: str) -> Any:
        script = str(FOLDER / "session.mjs")
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            node, script, f"{gateway.url}/v1", scenario, stdout=pipe, stderr=pipe
        )
        try:
            async with asyncio.timeout(30):
                out, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, errors.decode()
        return json.loads(out)

    return run
