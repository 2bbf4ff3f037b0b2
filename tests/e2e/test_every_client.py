"""Each SDK in front of each vendor: a conversation is the same whatever dialect the vendor speaks.

The vendors check every request as the real ones do, and what they refuse fails the test."""

import pytest
from stage.pairs import PAIRS
from stage.sdks import ChatSDK, FailedError, MessagesSDK, ResponsesSDK, answers_of
from stage.vendors.table import VENDORS

try:
    from stage.sdk_gemini import GeminiSDK
except ImportError:
    GEMINI = ()
else:
    GEMINI = (GeminiSDK(),)

CHAT, RESPONSES, MESSAGES = ChatSDK(), ResponsesSDK(), MessagesSDK()
TRIED = [
    pytest.param(client, VENDORS[name], id=f"{client.name} on {name}")
    for client in (CHAT, RESPONSES, MESSAGES, *GEMINI)
    for name in PAIRS[client.name]
]
STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
pytestmark = pytest.mark.parametrize(("client", "kind"), TRIED)
OWN_WORDS = ("deepseek", "moonshot", "groq", "qwen")
"""Providers whose errors a chat client gets as they are."""
TWO_CALLS = 'stage: call weather {"city": "Paris"}\nstage: call weather {"city": "Rome"}'


@pytest.fixture
async def start(provider, gateway):
    """Starts a vendor and a gateway in front of it."""

    async def started(kind):
        vendor = kind()
        upstream = await provider(vendor)
        return await gateway(vendor.config(upstream.url)), vendor

    return started


@STREAMED
async def test_text(client, kind, stream, start):
    gateway, vendor = await start(kind)
    (turn,) = await client.converse(gateway, "Hello!", stream=stream, tools=False)
    assert vendor.refused == []
    assert turn.text == f"Hello from {vendor.name}."
    assert (turn.input_tokens > 1, turn.output_tokens > 1) == (True, True)


@STREAMED
async def test_tools(client, kind, stream, start):
    """Two calls at once, and another one in a later turn; some vendors give it an id that was there before."""
    gateway, vendor = await start(kind)
    turns = await client.converse(gateway, TWO_CALLS, "stage: call", "Thanks", stream=stream)
    assert vendor.refused == []
    greeting = f"Hello from {vendor.name}."
    assert answers_of(turns) == [
        "The tool said: sunny in Paris | sunny in Rome", "The tool said: sunny in Paris", greeting,
    ]  # fmt: skip


@STREAMED
async def test_thoughts(client, kind, stream, start):
    """What a model thought goes back to it with the results of its calls, also from clients that know no such thing."""
    gateway, vendor = await start(kind)
    turns = await client.converse(gateway, "stage: think\nstage: call", "Thanks", stream=stream, think=True)
    assert vendor.refused == []
    assert answers_of(turns) == ["The tool said: sunny in Paris", f"Hello from {vendor.name}."]


@STREAMED
async def test_refusals(client, kind, stream, start):
    """Each is the same kind of failure for the SDK, whoever refused."""
    gateway, _ = await start(kind)
    for name, statuses in {"key": (400, 401, 403), "rate": (429,), "overloaded": (503, 529)}.items():
        with pytest.raises(FailedError) as failed:
            await client.converse(gateway, f"stage: fail with {name}", stream=stream)
        assert failed.value.status in statuses, failed.value
        assert failed.value.message not in ("", "None")


@STREAMED
async def test_a_prompt_that_is_too_long(client, kind, stream, start):
    """Each client knows it by other signs."""
    gateway, vendor = await start(kind)
    with pytest.raises(FailedError) as failed:
        await client.converse(gateway, "stage: fail with context", stream=stream)
    assert failed.value.status in (400, None), failed.value
    if client is MESSAGES:
        assert "prompt is too long" in failed.value.message
    elif client.name == "google-genai":
        assert failed.value.code == "INVALID_ARGUMENT"
    elif client is not CHAT or vendor.row["type"] not in OWN_WORDS:
        assert failed.value.code == "context_length_exceeded"


async def test_a_failure_in_a_stream(client, kind, start):
    gateway, vendor = await start(kind)
    with pytest.raises(FailedError) as failed:
        await client.converse(gateway, "stage: fail late with overloaded", stream=True)
    assert f"Hello from {vendor.name}.".startswith(failed.value.text)
    assert failed.value.text


async def test_a_stream_that_breaks_off(client, kind, start):
    gateway, vendor = await start(kind)
    with pytest.raises(FailedError) as failed:
        await client.converse(gateway, "stage: break off", stream=True)
    assert f"Hello from {vendor.name}, until".startswith(failed.value.text)
