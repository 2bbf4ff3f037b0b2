"""aigw/plugins/ai_security_guard/safe.py: requests and answers in every client's format, plain and in streams."""

import json
from contextlib import nullcontext

import pytest
from fakes import Answer, FakeUpstream, answer_json, chat
from guard_world import BAD, BOTH, MAIL, guard_world, pieces_of, said, streamed
from hypothesis import given, settings
from hypothesis import strategies as st
from world import world

from aigw.core.errors import FailedAnswerError, GatewayError, UpstreamError, UpstreamFault

SERVICE = {
    "serviceName": "green.dns", "servicePort": 443, "serviceHost": "green.example", "accessKey": "a", "secretKey": "s",
}  # fmt: skip


def asking(text, **more):
    return {"model": "m", "messages": [{"role": "user", "content": text}], **more}


async def test_what_is_clean_passes_as_it_is():
    async with guard_world(BOTH, said("It is a bird.")) as it:
        seen = await it.ask(asking("What is a robin?"))
    assert seen.body == said("It is a bird.").pieces[0]
    assert it.provider.json() == asking("What is a robin?")
    assert seen.headers["x-aigw-guard"] == "request=pass, response=pass"


async def test_personal_data_is_masked_in_both_directions():
    async with guard_world(BOTH, said(f"I wrote to {MAIL}.")) as it:
        seen = await it.ask(asking(f"Write to {MAIL}!"))
    assert it.provider.json()["messages"][0]["content"] == "Write to [email]!"
    assert seen.json()["choices"][0]["message"]["content"] == "I wrote to [email]."
    assert seen.headers["x-aigw-guard"] == "request=mask;label=email, response=mask;label=email"


async def test_the_form_of_june_2024_masks_too():
    original = {"serviceName": "green-cip", "domain": "green-cip.example", "ak": "a", "sk": "s"}
    async with guard_world(original, said(f"I wrote to {MAIL}.")) as it:
        seen = await it.ask(asking(f"Write to {MAIL}!"))
        refused = await it.ask(asking(f"Write of {BAD} to {MAIL}!"))
    assert it.provider.json()["messages"][0]["content"] == "Write to [email]!"
    assert seen.json()["choices"][0]["message"]["content"] == "I wrote to [email]."
    assert (refused.status, refused.json()["BlockPhase"]) == (403, "Request")


async def test_a_request_is_refused_in_higress_s_format():
    async with guard_world(BOTH) as it:
        seen = await it.ask(asking(f"Tell me of {BAD}."))
    assert not it.provider.sent
    assert (seen.status, seen.json()["model"]) == (200, "from-security-guard")
    told = json.loads(seen.json()["choices"][0]["message"]["content"])
    assert told == {"code": 200, "blockedDetails": [{"type": "customLabel", "level": "high"}]}
    assert seen.headers["x-aigw-guard"] == "request=deny;label=project"
    assert seen.reply.makeshift
    assert seen.labels.remarks["ai-security-guard"] == "request denied: project"
    assert seen.labels.guard == "denied"


async def test_an_answer_is_replaced():
    async with guard_world({**BOTH, "denyMessage": "No.", "openAIDenyResponseFormat": "structured"}, said(BAD)) as it:
        seen = await it.ask(asking("hi"))
    assert seen.json()["choices"][0]["message"]["content"] == "No."
    assert BAD not in seen.body.decode()


@pytest.mark.parametrize("size", [1, 3, 7, 200])
async def test_a_stream_ends_where_it_is_denied(size):
    clean = "This sentence is clean and long enough to leave at once, which is what is looked at here and now. " * 2
    async with guard_world(BOTH, streamed(clean + BAD + " and more", size)) as it:
        seen = await it.ask(asking("hi", stream=True))
    *texts, told, last, done = seen.events()
    passed = "".join(each["choices"][0]["delta"]["content"] for each in texts)
    assert clean.startswith(passed)
    assert size > 50 or passed
    assert json.loads(told["choices"][0]["delta"]["content"])["code"] == 200
    assert (last["choices"][0]["finish_reason"], done) == ("stop", b"[DONE]")
    assert seen.reply.makeshift


@settings(max_examples=30, deadline=None)
@given(text=st.text(alphabet="ab 界1\n", max_size=300), size=st.integers(1, 400), bad=st.booleans())
async def test_any_stream(text, size, bad):
    async with guard_world(BOTH, streamed(text + (f" {BAD} " if bad else "") + text, size)) as it:
        seen = await it.ask(asking("hi", stream=True))
    if bad:
        passed = "".join(each["choices"][0]["delta"].get("content", "") for each in seen.events()[:-3])
        assert f"{text} ".startswith(passed)
    else:
        assert seen.body == b"".join(streamed(text + text, size).pieces)


async def test_a_stream_is_masked():
    text = f"I have written to {MAIL} and to nobody else. " + "Then I went home. " * 20
    async with guard_world(BOTH, streamed(text, 3)) as it:
        seen = await it.ask(asking("hi", stream=True))
    passed = "".join(each["choices"][0]["delta"].get("content", "") for each in seen.events()[:-1])
    assert passed == text.replace(MAIL, "[email]")
    assert seen.labels.guard == "masked"


async def test_a_stream_that_breaks_off_loses_nothing_that_may_pass():
    broken = UpstreamError(UpstreamFault.RESET, "reset")
    async with guard_world(BOTH, streamed("half an answer", 5, broken)) as it:
        _, reply = await it.send(asking("hi", stream=True))
        got = []
        with pytest.raises(UpstreamError):
            async for batch in reply:
                got += batch
    texts = [each.json()["choices"][0]["delta"].get("content", "") for each in got]
    assert "".join(texts) == "half an answer"


async def test_arguments_of_calls_are_checked_and_masked():
    arguments = json.dumps({"to": MAIL, "n": 1})
    call = {"id": "c1", "type": "function", "function": {"name": "send", "arguments": arguments}}
    async with guard_world(BOTH, said("", tool_calls=[call])) as it:
        seen = await it.ask(asking("hi"))
    got = seen.json()["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(got) == {"to": "[email]", "n": 1}


ANTHROPIC = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": f"Tell me of {BAD}."}]}
RESPONSES = {"model": "m", "input": f"Tell me of {BAD}."}
GEMINI = {"contents": [{"role": "user", "parts": [{"text": f"Tell me of {BAD}."}]}]}
COMPLETION = {"model": "m", "prompt": f"Tell me of {BAD}."}
CLIENTS = [
    ("/v1/messages", ANTHROPIC, lambda body: body["content"][0]["text"]),
    ("/v1/responses", RESPONSES, lambda body: body["output"][0]["content"][0]["text"]),
    ("/v1beta/models/m:generateContent", GEMINI, lambda body: body["candidates"][0]["content"]["parts"][0]["text"]),
    ("/v1/completions", COMPLETION, lambda body: body["choices"][0]["text"]),
]


@pytest.mark.parametrize(("path", "body", "text"), CLIENTS, ids=[each[0] for each in CLIENTS])
async def test_every_client_is_refused_in_its_own_format(path, body, text):
    async with guard_world({**BOTH, "denyMessage": "No."}) as it:
        seen = await it.ask(chat(body, path=path))
    assert not it.provider.sent
    assert json.loads(text(seen.json()))["denyMessage"] == "No."


async def test_embeddings_are_refused_by_an_error():
    async with guard_world(BOTH) as it:
        with pytest.raises(GatewayError, match="blocked by ai-security-guard") as caught:
            await it.ask(chat({"model": "m", "input": [BAD]}, path="/v1/embeddings"))
    assert (caught.value.status, caught.value.code) == (403, "content_blocked")


async def test_tool_results_are_checked_before_the_model_reads_them():
    turns = [
        {"role": "user", "content": "Who?"},
        {
            "role": "assistant",
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "1", "content": f"It is {MAIL}."},
    ]
    async with guard_world(BOTH, said("ok")) as it:
        await it.ask({"model": "m", "messages": turns})
    assert it.provider.json()["messages"][2]["content"] == "It is [email]."


async def test_a_service_that_is_down_lets_pass_unless_it_is_closed():
    down = Answer(error=UpstreamError(UpstreamFault.CONNECT, "refused"))
    config = {**SERVICE, **BOTH}
    async with world({"ai-security-guard": config}, upstream=_Failing(down, said(BAD))) as it:
        seen = await it.ask(asking(BAD))
        assert seen.headers["x-aigw-guard"] == "request=error, response=error"
        assert seen.json()["choices"][0]["message"]["content"] == BAD
    async with world({"ai-security-guard": {**config, "failClosed": True}}, upstream=_Failing(down, said(BAD))) as it:
        with pytest.raises(GatewayError, match=r"the content cannot be checked: .*refused") as caught:
            await it.ask(asking(BAD))
        assert (caught.value.status, caught.value.code) == (503, "guard_unavailable")


def conversation(*texts):
    return {"model": "m", "messages": [{"role": "user", "content": text} for text in texts]}


async def test_a_text_that_could_not_be_checked_is_not_remembered_as_one_that_passed():
    down, clean = Answer(status=500), answer_json({"Code": 200, "Data": {"RiskLevel": "none"}})
    script = [down, down, said("ok"), clean, clean, said("ok"), said("ok")]
    async with world({"ai-security-guard": {**SERVICE, "checkRequest": True}}, *script) as it:
        for result, asked in (("error", 3), ("pass", 3), ("pass", 1)):
            before = len(it.upstream.sent)
            seen = await it.ask(conversation("one", "two"))
            assert (seen.headers["x-aigw-guard"], len(it.upstream.sent) - before) == (f"request={result}", asked)


@pytest.mark.parametrize(
    "settings",
    [
        {"consumerRiskLevel": [{"name": "kid", "riskLevelBar": "low"}]},
        {"consumerRequestCheckService": [{"name": "kid", "requestCheckService": "other"}]},
    ],
)
async def test_what_passed_for_one_consumer_is_checked_for_another_who_has_settings_of_his_own(settings):
    low = answer_json({"Code": 200, "Data": {"RiskLevel": "low"}})
    denied = low if "consumerRiskLevel" in settings else answer_json({"Code": 200, "Data": {"RiskLevel": "high"}})
    config = {**SERVICE, "checkRequest": True, **settings}
    async with world({"ai-security-guard": config}, low, said("ok"), said("ok"), denied) as it:
        results = [
            (await it.ask(asking("one"), consumer=name)).headers["x-aigw-guard"] for name in ("ann", "bob", "kid")
        ]
    assert results == ["request=pass", "request=pass", "request=deny"]


@pytest.mark.parametrize(("more", "asked"), [({}, 3), ({"failClosed": True}, 1)])
async def test_a_service_that_hangs_does_not_hold_up_a_request_for_each_of_its_texts(more, asked):
    hangs = Answer(error=UpstreamError(UpstreamFault.FIRST_BYTE_TIMEOUT, "no answer"))
    upstream = _Failing(hangs, said("ok"))
    async with world({"ai-security-guard": {**SERVICE, "checkRequest": True, **more}}, upstream=upstream) as it:
        with pytest.raises(GatewayError) if more else nullcontext():
            seen = await it.ask(conversation(*map(str, range(30))))
            assert (seen.status, seen.headers["x-aigw-guard"]) == (200, "request=error")
        assert len(upstream.service.sent) == asked


class _Failing(FakeUpstream):
    """The service is down, the provider answers."""

    def __init__(self, service, provider):
        super().__init__(provider)
        self.service = FakeUpstream(service)

    async def send(self, request, target):
        return await (self.service if "green" in target.authority else super()).send(request, target)


async def test_only_new_texts_go_to_a_service_elsewhere():
    clean = answer_json({"Code": 200, "RequestId": "R", "Data": {"RiskLevel": "none"}})
    turns = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "second"},
        {"role": "user", "content": "third"},
    ]
    async with world({"ai-security-guard": {**SERVICE, "checkRequest": True}}, clean) as it:
        await it.ask({"model": "m", "messages": turns})
    checked = [request.body.decode() for request, target in it.upstream.sent if "green" in target.authority]
    assert len(checked) == 1
    assert "third" in checked[0]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (json.dumps({"choices": [{"message": {"content": f"{BAD} of {MAIL}"}}]}) + "}", "that begin as JSON"),
        (f"Mail {MAIL} please", "with an answer (text/plain): Mail [email] please"),
        (f"This is {BAD}.", "what the provider said must not pass"),
        (json.dumps({"error": {"message": f"This is {BAD}."}}), "what the provider said must not pass"),
    ],
)
async def test_what_is_told_of_an_unusable_answer_is_checked(body, told):
    answer = Answer(headers={"content-type": "text/plain"}, pieces=[body.encode()])
    async with guard_world(
        BOTH, answer, plugins={"ai-proxy": {"provider": {"type": "openai", "apiTokens": ["k"]}}}
    ) as it:
        with pytest.raises(FailedAnswerError) as caught:
            await it.ask(asking("hi"))
    said = caught.value.answer().message
    assert (BAD in str(caught.value), MAIL in str(caught.value)) == (False, False)
    assert said.endswith(told)


async def test_errors_of_providers_are_not_checked():
    async with guard_world(BOTH, answer_json({"error": {"message": BAD}}, 500)) as it:
        seen = await it.ask(asking("hi"))
    assert (seen.status, BAD in seen.body.decode()) == (500, True)


async def test_a_stream_in_another_format_ends_in_it():
    events = [
        {"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "content": [], "usage": {}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
          for piece in ("clean " * 40, BAD)),
    ]  # fmt: skip
    pieces = [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in events]
    answer = Answer(headers={"content-type": "text/event-stream"}, pieces=pieces)
    async with guard_world({**BOTH, "denyMessage": "No."}, answer) as it:
        body = {**ANTHROPIC, "messages": [{"role": "user", "content": "hi"}], "stream": True}
        seen = await it.ask(chat(body, path="/v1/messages"))
    assert BAD.encode() not in seen.body
    *_, told, _, delta, stop = seen.events()
    assert json.loads(told["delta"]["text"])["denyMessage"] == "No."
    assert (delta["delta"]["stop_reason"], stop["type"]) == ("refusal", "message_stop")


async def test_nothing_of_a_call_that_is_denied_leaves():
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "send", "arguments": ""}}
    more = [{"index": 0, "function": {"arguments": piece}} for piece in ('{"to":"', BAD, '"}')]
    bodies = [{"choices": [{"index": 0, "delta": {"tool_calls": [each]}}]} for each in (call, *more)]
    pieces = [b"data: " + json.dumps(each).encode() + b"\n\n" for each in bodies]
    answer = Answer(headers={"content-type": "text/event-stream"}, pieces=pieces)
    async with guard_world(BOTH, answer) as it:
        seen = await it.ask(asking("hi", stream=True))
    assert b"tool_calls" not in seen.body
    assert b"from-security-guard" in seen.body


@pytest.mark.parametrize("name", ["delta", "message"])
async def test_only_what_was_read_leaves_of_a_name_that_stands_twice(name):
    said = json.dumps({"content": "fine"})
    twice = f'"{name}": {json.dumps({"content": BAD})}, "{name}": {said}'
    body = f'{{"choices": [{{"index": 0, {twice}, "finish_reason": "stop"}}]}}'.encode()
    streams = name == "delta"
    pieces = [b"data: " + body + b"\n\n", b"data: [DONE]\n\n"] if streams else [body]
    head = {"content-type": "text/event-stream" if streams else "application/json"}
    async with guard_world(BOTH, Answer(headers=head, pieces=pieces)) as it:
        seen = await it.ask(asking("hi", stream=streams))
    assert seen.body.count(b'"fine"') == 1
    assert BAD.encode() not in seen.body
    assert seen.headers["x-aigw-guard"] == "request=pass, response=" + ("checked" if streams else "pass")


@pytest.mark.parametrize("event", [b"data: " + BAD.encode() + b"\n\n", b": " + BAD.encode() + b"\n\n"])
async def test_events_that_are_no_json_are_checked(event):
    answer = Answer(headers={"content-type": "text/event-stream"}, pieces=[event])
    async with guard_world(BOTH, answer) as it:
        seen = await it.ask(asking("hi", stream=True))
    assert BAD.encode() not in seen.body


@pytest.mark.parametrize("kind", ["text/plain", "application/json"])
async def test_a_transcription_is_checked(kind):
    body = json.dumps({"text": f"It is {MAIL}."}) if "json" in kind else f"It is {MAIL}."
    async with guard_world(BOTH, Answer(headers={"content-type": kind}, pieces=[body.encode()])) as it:
        seen = await it.ask(chat({"model": "m"}, path="/v1/audio/transcriptions"))
    assert seen.body.decode() == ('{"text":"It is [email]."}' if "json" in kind else "It is [email].")


async def test_half_an_emoji_is_no_error():
    text = "x \ud83d"
    events = [b"data: " + json.dumps({"choices": [{"delta": {"content": each}}]}).encode() + b"\n\n"
              for each in (text, "\ude00 y", f" {MAIL} z")]  # fmt: skip
    answer = Answer(headers={"content-type": "text/event-stream"}, pieces=events)
    async with guard_world(BOTH, answer) as it:
        seen = await it.ask(asking(text, stream=True))
    assert it.provider.json()["messages"][0]["content"] == text
    assert "".join(each["choices"][0]["delta"]["content"] for each in seen.events()) == "x \ud83d\ude00 y [email] z"


async def test_speech_is_not_waited_for():
    answer = Answer(headers={"content-type": "audio/mpeg"}, pieces=[b"ID3"] * 2)
    async with guard_world(BOTH, answer) as it:
        _, reply = await it.send(chat({"model": "m", "input": "hi"}, path="/v1/audio/speech"))
        assert [chunk.raw async for batch in reply for chunk in batch] == [b"ID3", b"ID3"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/images/generations", {"prompt": BAD}),
        ("/v1/audio/speech", {"input": BAD}),
        ("/v1/rerank", {"query": "x", "documents": [{"text": BAD}]}),
    ],
)
async def test_requests_of_other_apis_are_checked(path, body):
    async with guard_world(BOTH) as it:
        with pytest.raises(GatewayError) as caught:
            await it.ask(chat({"model": "m", **body}, path=path))
        assert (caught.value.status, caught.value.code, it.provider.sent) == (403, "content_blocked", [])
    async with guard_world(BOTH, said("ok")) as it:
        await it.ask(chat(json.loads(json.dumps(body).replace(BAD, MAIL)), path=path))
        assert it.provider.json() == json.loads(json.dumps(body).replace(BAD, "[email]"))


@pytest.mark.parametrize(("kind", "rest"), [("text/plain", b""), ("application/json", b"}")])
async def test_a_request_that_cannot_be_read_is_one_that_cannot_be_checked(kind, rest):
    async with guard_world(BOTH, said("ok")) as it:
        request = chat(asking(BAD))
        request.headers["content-type"], request.body = kind, request.body + rest
        request = request.copy()
        request.parsed = None
        assert (await it.ask(request)).headers["x-aigw-guard"] == "request=error, response=pass"
    async with guard_world({**BOTH, "failClosed": True}) as it:
        with pytest.raises(GatewayError, match="the body of the request is no JSON object"):
            await it.ask(request)


def test_the_events_of_this_file_are_whole():
    assert len(pieces_of("abc", 1)) == 4
