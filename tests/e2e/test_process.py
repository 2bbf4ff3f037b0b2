"""The command itself, as a process: how it starts, how it stops, and what it says when it cannot."""

import asyncio
import re
import signal
import socket
from urllib.parse import urlsplit

import pytest
from openai import APIStatusError, AsyncOpenAI
from stage.answers import PATH, answers, error_body
from stage.command import aigw, ended, ready
from stage.raw import RawClient, encode
from stage.upstream import PATIENCE

from aigw import __version__

MOCK = {"firstTokenDelay": 0, "tokensPerSecond": 50, "tokens": 2000}
SLOW = {"plugins": {"ai-proxy": {"provider": {"type": "builtin", "mock": MOCK}}}}
STREAM = b'{"model":"mock","stream":true,"messages":[{"role":"user","content":"Hi"}]}'


@pytest.fixture
def connect(stack):
    """Opens a connection that is closed with the test."""

    async def connect(started):
        client = await RawClient.connect(urlsplit(started["url"]).port)
        stack.push_async_callback(client.close)
        return client

    return connect


async def test_without_a_configuration(tmp_path, connect):
    """It serves the built-in models at once, and takes the providers whose keys are there."""
    async with aigw(tmp_path, "--listen", "127.0.0.1:0", DEEPSEEK_API_KEY="sk-secret") as process:
        started = await ready(process)
        assert started["plugins"] == ["ai-statistics", "ai-proxy"]
        client = await connect(started)
        body = b'{"model":"echo","messages":[{"role":"user","content":"Hi"}]}'
        answer = await client.request("POST", PATH, body)
        assert answer.json()["choices"][0]["message"]["content"] == "Hi"
        await client.close()
        process.send_signal(signal.SIGTERM)
        code, errors = await ended(process)
    assert code == 0
    assert "sk-secret" not in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_stops_in_the_middle_of_a_stream(tmp_path, connect, number):
    """A signal ends it cleanly after the grace, with code 0 and no traceback; the stream says that it was cut off."""
    async with aigw(tmp_path, "--listen", "127.0.0.1:0", "--grace", "0.2", config=SLOW) as process:
        client = await connect(await ready(process))
        await client.send(encode("POST", PATH, STREAM))
        await client.head()
        await client.chunk()
        process.send_signal(number)
        rest = await client.reader.read()
        await client.close()
        code, errors = await ended(process)
    assert code == 0
    assert b"[DONE]" not in rest
    assert b'"error"' in rest
    assert "Traceback" not in errors


async def test_grace(tmp_path, connect):
    """What ends within the grace ends well, and nobody new is let in."""
    mock = {**MOCK, "tokens": 75}
    config = {"plugins": {"ai-proxy": {"provider": {"type": "builtin", "mock": mock}}}}
    async with aigw(tmp_path, "--listen", "127.0.0.1:0", "--grace", "5", config=config) as process:
        started = await ready(process)
        client = await connect(started)
        await client.send(encode("POST", PATH, STREAM))
        await client.head()
        await client.chunk()
        process.send_signal(signal.SIGTERM)
        await refused(connect, started)
        pieces = [await client.chunk()]
        while pieces[-1]:
            pieces.append(await client.chunk())
        await client.close()
        code, _ = await ended(process)
    assert code == 0
    assert b"".join(pieces).endswith(b"data: [DONE]\n\n")


async def refused(connect, started):
    """Waits until nobody listens any more."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await connect(started)
            except ConnectionError:
                return
            await asyncio.sleep(0.01)


async def test_port_taken(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        async with aigw(tmp_path, "--listen", address) as process:
            code, errors = await ended(process)
    assert code == 1
    assert "choose another port with --port" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_port_on_which_an_aigw_serves(tmp_path, workers):
    """It is said, and so is how to start another."""
    async with aigw(tmp_path, "--port", "0") as first:
        port = (await ready(first))["url"].rpartition(":")[2]
        async with aigw(tmp_path, "--port", port, "--workers", workers) as second:
            code, errors = await ended(second)
    said = f"aigw serve: an aigw {__version__} serves at http://127.0.0.1:{port} already; use it, or start another: --port "
    assert (code, errors.startswith(said)) == (1, True), errors


async def test_a_port_beside_the_configured_address(tmp_path):
    async with aigw(tmp_path, "--port", "0", config="listen: 127.0.0.2:1\n") as process:
        assert (await ready(process))["url"].startswith("http://127.0.0.2:")
    async with aigw(tmp_path, "--port", "0", "--listen", "127.0.0.1:0") as process:
        assert (await ended(process))[0] == 2


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_its_last_line_says_what_was_served(tmp_path, workers):
    options = ["--log-format", "text", "--workers", workers, "--model", "mock"]
    async with aigw(tmp_path, "--port", "0", *options) as process:
        async with AsyncOpenAI(base_url=f"{(await ready(process))['url']}/v1", api_key="unused") as client:
            hello = [{"role": "user", "content": "Hello!"}]
            answer = await client.chat.completions.create(model="any", messages=hello)
        process.send_signal(signal.SIGINT)
        code, errors = await ended(process)
    usage = answer.usage
    said = f"{usage.prompt_tokens} tokens in, {usage.completion_tokens} out, $0, 0 errors"
    assert (code, answer.model) == (0, "mock")
    assert re.fullmatch(rf"aigw served 1 request in \d+s: {re.escape(said)}", errors.splitlines()[-1])


async def test_bad_configuration(tmp_path):
    """All findings at once, each with its line, and nothing is started."""
    config = "listen: 127.0.0.1:0\nplugin: {}\nplugins:\n  ai-proxy:\n    provider: {type: opnai, apiTokens: ['${NOT_SET}']}\n"
    async with aigw(tmp_path, config=config) as process:
        code, errors = await ended(process)
    assert code == 2
    findings = errors.splitlines()
    assert len(findings) == 3
    assert any("aigw.yaml:2" in finding and "did you mean 'plugins'" in finding for finding in findings)
    assert any("aigw.yaml:5" in finding and "opnai" in finding for finding in findings)
    assert any("aigw.yaml:5" in finding and "NOT_SET" in finding for finding in findings)


@pytest.mark.parametrize("address", ["0.0.0.0:0", ":0", "[::]:0"])
async def test_open_to_others(tmp_path, address):
    """An address that others reach needs keys or --insecure."""
    async with aigw(tmp_path, "--listen", address) as process:
        code, errors = await ended(process)
    assert code == 2
    assert "--insecure" in errors


async def test_insecure(tmp_path, connect):
    async with aigw(tmp_path, "--listen", "0.0.0.0:0", "--insecure") as process:
        client = await connect(await ready(process))
        assert (await client.request("GET", "/-/health")).status == 200
        for path, status in (("/-/ready", 200), ("/-/health", 200), ("/v1/models", 403)):
            assert (await client.request("GET", path, host="lb.example.com")).status == status
        assert (await client.request("GET", "/-/ready", host="")).status == 200  # as HAProxy's probes have none
        assert (await client.request("GET", "/-/ready", host="x", origin="https://evil.example")).status == 403
        await client.close()


async def test_no_secret_is_logged(tmp_path, connect, provider):
    """Neither the provider's key nor the client's, whatever fails."""

    async def reset(peer):
        await peer.body()
        peer.reset()

    upstream = await provider(reset, answers(error_body(), 401), answers(b"<h1>no</h1>", 500, kind="text/html"))
    config = {
        "listen": "127.0.0.1:0",
        "services": {"api.openai.com": upstream.url},
        "plugins": {"ai-proxy": {"provider": {"type": "openai", "apiTokens": ["${OPENAI_KEY}"]}}},
    }
    async with aigw(tmp_path, config=config, OPENAI_KEY="sk-secret-provider") as process:
        client = await connect(await ready(process))
        got = []
        for _ in range(3):
            answer = await client.request(
                "POST", PATH, STREAM, authorization="Bearer sk-secret-client", cookie="sk-secret-c"
            )
            got.append(answer.status)
            assert b"sk-secret" not in answer.body
        await client.send(b"POST / HTTP/1.1\r\nauthorization: Bearer sk-secret\0\r\n\r\n")
        assert b"sk-secret" not in (await client.answer()).body
        await client.close()
        process.send_signal(signal.SIGINT)
        code, errors = await ended(process)
    assert got == [502, 401, 500]
    assert code == 0
    assert "closed" in errors
    assert "sk-secret" not in errors
    assert upstream.requests[0].headers["authorization"] == "Bearer sk-secret-provider"


async def test_what_a_refusal_says_to_type_finds_the_recipe(tmp_path):
    async with aigw(tmp_path, "--port", "0", "--recipe", "budget") as process:
        url = (await ready(process))["url"]
        async with AsyncOpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0) as client:
            hello = [{"role": "user", "content": "Hello!"}]
            with pytest.raises(APIStatusError, match=r"aigw budget raise run .* --recipe budget"):
                for _ in range(5):
                    await client.chat.completions.create(model="mock", messages=hello)
