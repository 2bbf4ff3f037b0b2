"""Answers of recordings in another format: what is written is read again with the same text and as many tokens."""

import json

import pytest
from multidict import CIMultiDict

from aigw.core.model import Chunk, Request
from aigw.core.tokens import Tokens
from aigw.dialects import apis
from aigw.dialects.bodies import BodyReader
from aigw.dialects.table import DASHSCOPE, dialect_of
from aigw.metering.tokenizer import TokenCounter
from aigw.traffic.format.recording import Call, Folded
from aigw.traffic.runs.outcome import Outcome
from aigw.traffic.runs.what_if_player import RecordedClock, written

TOKENS = Tokens(input=30, output=7, source="reported")
SAID = Outcome(status=200, answer=Folded(text=["Hello", "there."], finish="stop", model="other"), tokens=TOKENS)
CALLED = Outcome(
    status=200,
    answer=Folded(calls=[Call(name="add", arguments='{"a":1}', id="call_1"), Call(name="sub", arguments="{}")], finish="tool_calls"),
    tokens=TOKENS,
)  # fmt: skip
ASKING = [
    (apis.CHAT, "/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}]}),
    (apis.COMPLETIONS, "/v1/completions", {"prompt": "Hi"}),
    (apis.MESSAGES, "/v1/messages", {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9}),
    (apis.RESPONSES, "/v1/responses", {"input": "Hi"}),
]
TOKENIZER = TokenCounter()


def asked(api, path, body, dialect=None, **headers):
    fields = CIMultiDict({"content-type": "application/json", **headers})
    return (dialect or dialect_of(api)).asked(Request("POST", path, "", fields, json.dumps(body).encode()), api)


def read(played, dialect, view):
    readers = []

    def opened(streaming):
        readers.append(dialect.reader(view, streaming=streaming))
        return readers[-1]

    reading = BodyReader(opened, played.headers)
    for _, piece in played.pieces:
        reading.feed((Chunk(piece, piece),))
    reading.end()
    return readers[-1]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("api", "path", "body"), ASKING)
def test_an_answer_in_another_format(api, path, body, stream):
    view = asked(api, path, {"model": "gpt-5", **body, "stream": stream})
    played = written(SAID, dialect_of(api), view, TOKENIZER)
    found = read(played, dialect_of(api), view)
    assert (found.text, found.tokens.prompt, found.tokens.output, found.complete) == ("Hello\nthere.", 30, 7, True)
    assert played.headers["content-type"] == ("text/event-stream" if stream else "application/json")


@pytest.mark.parametrize("stream", [False, True])
def test_gemini(stream):
    api = apis.STREAM_GENERATE_CONTENT if stream else apis.GENERATE_CONTENT
    verb = "streamGenerateContent" if stream else "generateContent"
    view = asked(api, f"/v1beta/models/gemini:{verb}", {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]})
    found = read(written(SAID, dialect_of(api), view, TOKENIZER), dialect_of(api), view)
    assert (found.text, found.tokens.prompt, found.tokens.output) == ("Hello\nthere.", 30, 7)


def test_dashscope():
    view = asked(
        apis.CHAT, "/api", {"model": "q", "input": {"messages": [{"role": "user", "content": "Hi"}]}}, DASHSCOPE
    )
    found = read(written(SAID, DASHSCOPE, view, TOKENIZER), DASHSCOPE, view)
    assert (found.text, found.tokens.prompt, found.tokens.output) == ("Hello\nthere.", 30, 7)


def test_a_call_of_a_tool():
    view = asked(*ASKING[2])
    found = read(written(CALLED, dialect_of(apis.MESSAGES), view, TOKENIZER), dialect_of(apis.MESSAGES), view)
    ((name, arguments, _),) = found.calls
    assert (name, json.loads(arguments)) == ("add", {"a": 1})


def test_an_error():
    refused = Outcome(status=429, answer=Folded(error="slow down"))
    played = written(refused, dialect_of(apis.MESSAGES), asked(*ASKING[2]), TOKENIZER)
    body = json.loads(played.pieces[0][1])
    assert (played.status, body["type"], body["error"]["message"]) == (429, "error", "slow down")


def test_tokens_that_were_not_reported_are_counted():
    view = asked(*ASKING[0])
    unknown = Outcome(status=200, answer=SAID.answer)
    found = read(written(unknown, dialect_of(apis.CHAT), view, TOKENIZER), dialect_of(apis.CHAT), view)
    assert found.tokens.prompt > 0
    assert found.tokens.output > 0


def test_a_format_in_which_nobody_can_answer():
    with pytest.raises(ValueError, match="no answer can be made"):
        written(SAID, dialect_of(apis.MODELS), asked(apis.MODELS, "/v1/models", {}), TOKENIZER)


def test_the_recorded_time_never_goes_back():
    clock = RecordedClock()
    for at in (50.0, 100.0, 20.0):
        clock.set(at)
    assert clock.time() == 100.0
    assert clock.monotonic() <= clock.monotonic()
