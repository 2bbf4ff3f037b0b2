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


@pytest.fixture
def ways(request):
    """Whether answers are streamed: test_every_node_client.py tries the plain ones, too."""
    return (True, False) if request.config.getoption("thorough") else (True,)


async def test_text(client, kind, start):
    gateway, vendor = await start(kind)
    for stream in (True, False):
        (turn,) = await client.converse(gateway, "Hello!", stream=stream, tools=False)
        assert vendor.refused == []
        assert turn.text == f"Hello from {vendor.name}."
        assert (turn.input_tokens > 1, turn.output_tokens > 1) == (True, True)


async def test_tools(client, kind, start, ways):
    """Two calls at once, and another one in a later turn; some vendors give it an id that was there before."""
    gateway, vendor = await start(kind)
    for stream in ways:
        turns = await client.converse(gateway, TWO_CALLS, "stage: call", "Thanks", stream=stream)
        assert vendor.refused == []
        greeting = f"Hello from {vendor.name}."
        assert answers_of(turns) == [
            "The tool said: sunny in Paris | sunny in Rome", "The tool said: sunny in Paris", greeting,
        ]  # fmt: skip
        ids = [id for turn in turns for id in turn.ids if id]
        if not (client is CHAT and vendor.name == "Kimi"):  # whose ids pass as they are
            assert len(set(ids)) == len(ids)


async def test_thoughts(client, kind, start, ways):
    """What a model thought goes back to it with the results of its calls, also from clients that know no such thing."""
    gateway, vendor = await start(kind)
    for stream in ways:
        turns = await client.converse(gateway, "stage: think\nstage: call", "Thanks", stream=stream, think=True)
        assert vendor.refused == []
        assert answers_of(turns) == ["The tool said: sunny in Paris", f"Hello from {vendor.name}."]


async def test_refusals(client, kind, start, ways):
    """Each is the same kind of failure for the SDK, whoever refused."""
    gateway, _ = await start(kind)
    for stream in ways:
        for name, statuses in {"key": (400, 401, 403), "rate": (429,), "overloaded": (503, 529)}.items():
            failed = await failing(client, gateway, f"stage: fail with {name}", stream=stream)
            assert failed.status in statuses, failed
            assert failed.message not in ("", "None")


async def failing(client, gateway, prompt, *, stream):
    with pytest.raises(FailedError) as failed:
        await client.converse(gateway, prompt, stream=stream)
    return failed.value


async def test_a_prompt_that_is_too_long(client, kind, start):
    """Each client knows it by other signs."""
    gateway, vendor = await start(kind)
    for stream in (True, False):
        failed = await failing(client, gateway, "stage: fail with context", stream=stream)
        assert failed.status in (400, None), failed
        if client is MESSAGES:
            assert "prompt is too long" in failed.message
        elif client.name == "google-genai":
            assert failed.code == "INVALID_ARGUMENT"
        elif client is not CHAT or vendor.row["type"] not in OWN_WORDS:
            assert failed.code == "context_length_exceeded"


async def test_an_interrupted_stream(client, kind, start):
    """What came before is told, and then an error, whether the vendor tells one or is gone."""
    gateway, vendor = await start(kind)
    for line, text in {"fail late with overloaded": "Hello from {}.", "break off": "Hello from {}, until"}.items():
        failed = await failing(client, gateway, f"stage: {line}", stream=True)
        assert failed.text, failed
        assert text.format(vendor.name).startswith(failed.text)
