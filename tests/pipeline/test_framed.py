"""Binary event streams become server-sent events behind the upstream, and one that is cut off is never whole."""

import json

import pytest
from ai_proxy_world import STREAM, once
from fakes import Answer, chat

from aigw.dialects.aws_events import CONTENT_TYPE, encode_message

CONFIG = {"provider": {"type": "bedrock", "apiTokens": ["k"], "awsRegion": "r"}}
EVENTS = [
    ("messageStart", {"role": "assistant"}), ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "yo"}}),
    ("messageStop", {"stopReason": "end_turn"}), ("metadata", {"usage": {"inputTokens": 3, "outputTokens": 1}}),
]  # fmt: skip
WHOLE = b"".join(encode_message(json.dumps(body).encode(), event_type=name) for name, body in EVENTS)


def answer(data):
    return Answer(headers={"content-type": CONTENT_TYPE}, pieces=[data[at : at + 50] for at in range(0, len(data), 50)])


async def test_a_whole_stream():
    _, reply, received = await once(CONFIG, chat(STREAM), answer(WHOLE))
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert b'"content":"yo"' in received and received.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("data", [WHOLE[:-5], WHOLE[:-1] + b"x", b"not such a stream"])
async def test_one_that_is_cut_off_or_damaged_fails(data):
    with pytest.raises(Exception, match=r"cut off|damaged|no answer|ended"):
        await once(CONFIG, chat(STREAM), answer(data))
