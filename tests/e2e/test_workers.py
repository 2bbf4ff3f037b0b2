"""`aigw serve` as a user starts it: several processes, signals, crashes, and files that change."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from children import die_with_parent
from stage.gateway import until
from stage.raw import Answer, RawClient, encode

import aigw

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")

PATIENCE = 20.0
CHAT = "/v1/chat/completions"
MOCK = "plugins:\n  ai-proxy:\n    provider: {{type: builtin, mock: {{tokensPerSecond: {speed}, tokens: {tokens}}}}}\n"
ASK = json.dumps({"model": "mock", "messages": [{"role": "user", "content": "Hello!"}]}).encode()
STREAM = json.dumps({"model": "mock", "stream": True, "messages": [{"role": "user", "content": "Hello!"}]}).encode()
DONE = b"data: [DONE]\n\n"


class Served:
    """A running `aigw serve`."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.ready: dict[str, Any] = {}

    @property
    def port(self) -> int:
        return int(self.ready["url"].rpartition(":")[2])

    @property
    def workers(self) -> list[int]:
        return list(self.ready["workers"])

    @property
    def errors(self) -> str:
        return (self.folder / "stderr").read_text()

    def configure(self, *, speed: int = 0, tokens: int = 2, more: str = "") -> None:
        fresh = self.folder / "fresh"
        fresh.write_text("listen: 127.0.0.1:0\n" + MOCK.format(speed=speed, tokens=tokens) + more)
        fresh.replace(self.folder / "aigw.yaml")

    async def ask(self, body: bytes = ASK) -> Answer:
        """One request on a connection of its own, which the system gives to any of the workers."""
        client = await RawClient.connect(self.port)
        try:
            return await client.request("POST", CHAT, body)
        finally:
            await client.close()

    async def tokens(self) -> int:
        answer = await self.ask()
        assert answer.status == 200
        return int(answer.json()["usage"]["completion_tokens"])

    @contextlib.asynccontextmanager
    async def stream(self) -> AsyncIterator[RawClient]:
        """A stream whose first event is there."""
        client = await RawClient.connect(self.port)
        try:
            await client.send(encode("POST", CHAT, STREAM))
            await client.head()
            await client.chunk()
            yield client
        finally:
            await client.close()

    async def ended(self) -> int:
        return await asyncio.wait_for(self.process.wait(), PATIENCE)


async def rest(client: RawClient) -> bytes:
    """What is left of a stream; ends early where the connection does."""
    pieces = []
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while piece := await client.chunk():
            pieces.append(piece)
    return b"".join(pieces)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Starts `aigw serve` with these options in a folder of its own; whatever happens, nothing of it is left."""
    started: list[Served] = []
    own = {name: value for name, value in os.environ.items() if not name.upper().endswith(("_API_KEY", "_PROXY"))}
    own["PYTHONPATH"] = str(Path(aigw.__file__).parents[1])

    async def start(*options: str, speed: int = 0, tokens: int = 2, ready: bool = True) -> Served:
        with (tmp_path / "stderr").open("wb") as errors:
            command = [sys.executable, "-m", "aigw", "serve", "--json", *options]
            served = Served(None, tmp_path)  # type: ignore[arg-type]
            served.configure(speed=speed, tokens=tokens)
            served.process = await asyncio.create_subprocess_exec(
                *command,
                cwd=tmp_path,
                env=own,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        started.append(served)
        if ready:
            assert served.process.stdout is not None
            line = await asyncio.wait_for(served.process.stdout.readline(), PATIENCE)
            served.ready = json.loads(line or served.errors)
        return served

    yield start
    for served in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(served.process.pid, signal.SIGKILL)
        await served.process.communicate()


async def test_the_line_for_scripts_comes_once_all_workers_serve(serve):
    served = await serve("--workers", "2")
    assert sorted(served.workers) == sorted(children(served.process.pid))
    assert served.ready["plugins"] == ["ai-proxy"]
    assert [await served.tokens() for _ in range(8)] == [2] * 8
    served.process.send_signal(signal.SIGTERM)
    assert await served.ended() == 0
    output = await served.process.stdout.read()
    assert (output, served.errors) == (b"", "")
    assert not any(alive(pid) for pid in served.workers)


async def test_both_workers_take_a_share(serve):
    served = await serve("--workers", "2")
    before = [cpu(pid) for pid in served.workers]
    async with asyncio.timeout(PATIENCE):
        while any(cpu(pid) <= start for pid, start in zip(served.workers, before, strict=True)):
            await asyncio.gather(*(served.tokens() for _ in range(20)))


def cpu(pid: int) -> int:
    """Processor time in ticks."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return int(user) + int(system)


async def test_a_killed_worker_comes_back_and_the_other_serves_on(serve):
    served = await serve("--workers", "2", speed=10, tokens=20)
    victim, survivor = served.workers
    async with contextlib.AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(served.stream()) for _ in range(12)]
        os.kill(victim, signal.SIGKILL)
        served.configure(tokens=3)
        whole = [(await rest(stream)).endswith(DONE) for stream in streams]
    assert 0 < sum(whole) < 12
    await until(lambda: len(children(served.process.pid)) == 2 and victim not in children(served.process.pid))
    assert survivor in children(served.process.pid)
    assert "a worker ended with SIGKILL and is started again" in served.errors
    os.kill(survivor, signal.SIGKILL)
    await until(lambda: survivor not in children(served.process.pid))
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                assert await served.tokens() == 3
                break
    served.process.send_signal(signal.SIGINT)
    assert await served.ended() == 0


async def test_a_ctrl_c_straight_after_a_worker_was_killed_is_clean(serve):
    served = await serve("--workers", "2")
    os.kill(served.workers[0], signal.SIGKILL)
    served.process.send_signal(signal.SIGINT)
    assert await served.ended() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
async def test_one_ctrl_c_lets_streams_end_in_every_worker(serve, number):
    """The terminal sends it to the whole group, as it does when it is closed."""
    served = await serve("--workers", "2", speed=10, tokens=15)
    async with contextlib.AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(served.stream()) for _ in range(8)]
        os.killpg(served.process.pid, number)
        assert all([(await rest(stream)).endswith(DONE) for stream in streams])
    assert await served.ended() == 0
    assert served.errors == ""


@pytest.mark.parametrize("options", [(), ("--workers", "2")])
async def test_a_stream_longer_than_the_grace_is_cut(serve, options):
    served = await serve("--grace", "0.5", *options, speed=2, tokens=100)
    async with served.stream() as stream:
        start = time.monotonic()
        os.killpg(served.process.pid, signal.SIGINT)
        assert not (await rest(stream)).endswith(DONE)
        assert await served.ended() == 0
        assert 0.4 < time.monotonic() - start < 5


@pytest.mark.parametrize("options", [(), ("--workers", "2")])
async def test_a_second_ctrl_c_ends_it_at_once(serve, options):
    served = await serve("--grace", "60", *options, speed=2, tokens=200)
    async with served.stream():
        workers = served.ready.get("workers", [])
        start = time.monotonic()
        os.killpg(served.process.pid, signal.SIGINT)
        await asyncio.sleep(0.5)  # sooner it would count as the same one
        assert served.process.returncode is None
        os.killpg(served.process.pid, signal.SIGINT)
        assert await served.ended() == -signal.SIGINT
        await until(lambda: not any(alive(pid) for pid in workers))
        assert time.monotonic() - start < 5


async def test_workers_end_with_their_supervisor(serve):
    served = await serve("--workers", "2")
    served.process.kill()
    await served.ended()
    await until(lambda: not any(alive(pid) for pid in served.workers))


async def test_workers_that_cannot_live_are_given_up(serve):
    served = await serve("--workers", "2")
    async with asyncio.timeout(PATIENCE):
        while served.process.returncode is None:
            for pid in children(served.process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.05)
    assert served.process.returncode == 1
    assert "workers ended more than 5 times within 10 s; aigw stops" in served.errors


async def test_everything_wrong_is_said_once_before_any_worker_starts(serve, tmp_path):
    served = await serve("--workers", "2", "--listen", "0.0.0.0:0", ready=False)
    assert await served.ended() == 2
    assert served.errors.count("can be reached from other machines") == 1
    (tmp_path / "wrong.yaml").write_text("listn: 1\nmax_body: x\n")
    served = await serve("--workers", "2", "-c", "wrong.yaml", ready=False)
    assert await served.ended() == 2
    assert [line.split()[2] for line in served.errors.splitlines()] == ["wrong.yaml:1:", "wrong.yaml:2"]


async def test_a_port_that_another_gateway_uses_is_taken(serve):
    first = await serve("--workers", "2")
    second = await serve("--workers", "2", "--listen", f"127.0.0.1:{first.port}", ready=False)
    assert await second.ended() == 1
    assert f"an aigw {aigw.__version__} serves at http://127.0.0.1:{first.port} already" in second.errors


@pytest.mark.parametrize("options", [(), ("--workers", "2")])
async def test_a_change_reaches_every_worker_within_a_second_and_no_stream_notices(serve, options):
    served = await serve(*options, speed=20, tokens=60)
    async with contextlib.AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(served.stream()) for _ in range(8)]
        served.configure(tokens=7)
        await asyncio.sleep(1)
        assert [await served.tokens() for _ in range(12)] == [7] * 12
        ends = [await rest(stream) for stream in streams]
    assert all(end.endswith(DONE) for end in ends)
    assert min(end.count(b"data:") for end in ends) > 50
    assert served.errors.count("has changed: new requests follow it") == 1


async def test_a_change_that_is_not_valid_is_said_once_and_survives_a_crash(serve):
    served = await serve("--workers", "2", tokens=4)
    served.configure(tokens=9, more="listn: 1\nmax_body: x\n")
    await until(lambda: "what was in force stays" in served.errors)
    assert served.errors.count("aigw.yaml:5: unknown key 'listn'") == 1
    assert served.errors.count("aigw.yaml:6 max_body") == 1
    assert [await served.tokens() for _ in range(12)] == [4] * 12
    os.kill(served.workers[1], signal.SIGKILL)
    await until(lambda: "no worker can be started with aigw.yaml as it is now; 1 of 2 serve" in served.errors)
    assert [await served.tokens() for _ in range(12)] == [4] * 12
    served.configure(tokens=5)
    await until(lambda: len(children(served.process.pid)) == 2)
    async with asyncio.timeout(PATIENCE):
        while [await served.tokens() for _ in range(12)] != [5] * 12:
            pass
    served.process.send_signal(signal.SIGINT)
    assert await served.ended() == 0
