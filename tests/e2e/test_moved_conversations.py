"""A conversation that moves to another provider, as it does when one fails or the configuration changes, and back.

What the first one signed must not reach the second, which would refuse the whole request, and is there again for the
first."""

import pytest
from stage.sdks import ChatSDK, MessagesSDK, ResponsesSDK, Turn, google
from stage.vendors.table import VENDORS

MOVES = {
    "openai chat": (ChatSDK, [("gemini", "kimi"), ("gemini", "groq"), ("vertex", "dashscope"), ("kimi", "openai")]),
    "openai responses": (ResponsesSDK, [("anthropic", "openai"), ("gemini", "openai"), ("kimi", "openai")]),
    "anthropic": (MessagesSDK, [("groq", "anthropic"), ("openai", "anthropic"), ("gemini", "vertex claude")]),
    "google-genai": (google, [("anthropic", "gemini"), ("openai", "vertex")]),
}


@pytest.mark.parametrize(
    ("start", "one", "other"),
    [pytest.param(start, *pair, id=f"{name}: {' to '.join(pair)}") for name, (start, p) in MOVES.items() for pair in p],
)
async def test_both_take_it(start, one, other, provider, gateway):
    client, vendors = start(), [VENDORS[one](), VENDORS[other]()]
    first, second = [await gateway(each.config((await provider(each)).url), alone=False) for each in vendors]
    history, how, think = [], {"stream": True, "tools": True, "think": True}, "stage: think\nstage: call"
    said = []
    for front, prompt in ((first, think), (second, think), (second, "Thanks"), (first, "stage: call"), (first, "Bye")):
        turn = Turn()
        async with client.open(front) as sdk:
            await client.turn(sdk, history, prompt, turn, how)
        said.append(turn.text)
    assert [each.refused for each in vendors] == [[], []]
    called, (hello, there) = "The tool said: sunny in Paris", (f"Hello from {each.name}." for each in vendors)
    assert said == [called, called, there, called, hello]
