"""Clients of one format at providers of another, through ai-proxy."""

import json

import pytest
from ai_proxy_world import CLAUDE, COMPLETION, HELLO, OPENAI, QWEN, TWO, USAGE, delta, once
from fakes import answer_json, chat, events
from world import world

from aigw.core.errors import ContextTooLongError, GatewayError
from aigw.dialects.anthropic_whole import pieces

ASK = {"model": "m", "max_tokens": 9, "top_k": 3, "messages": [{"role": "user", "content": "hi"}]}
LONG = {
    "error": {
        "message": "maximum context length is 8 tokens. However, you requested 9 tokens.",
        "code": "context_length_exceeded",
    }
}


def messages(**more):
    return chat(
        {**ASK, **more},
        path="/v1/messages",
        headers={"content-type": "application/json", "anthropic-version": "2023-06-01"},
    )


async def test_a_stream():
    upstream, reply, received = await once(
        {"provider": {**OPENAI, "modelMapping": {"m": "gpt", "gpt": "other"}}},
        messages(stream=True),
        events(delta("yo", "stop"), USAGE),
    )
    (sent, _), *_ = upstream.sent
    body = json.loads(sent.body)
    assert (sent.path, body["model"], body["stream_options"]) == (
        "/v1/chat/completions",
        "gpt",
        {"include_usage": True},
    )
    assert "anthropic-version" not in sent.headers
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.headers["x-aigw-lost"] == "top_k"
    assert received.startswith(b"event: message_start") and received.endswith(b'data: {"type":"message_stop"}\n\n')


SEARCHED = {
    "id": "m", "type": "message", "role": "assistant", "model": "claude-x", "stop_reason": "end_turn",
    "content": [{"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}, {"type": "text", "text": "yo"}],
}  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
async def test_what_is_lost_of_the_answer(stream):
    """A plain answer says so in its headers, and the line of the request also where these were sent before."""
    answer = events(*pieces(SEARCHED), done=False) if stream else answer_json(SEARCHED)
    async with world({"ai-proxy": {"provider": CLAUDE}}, answer) as it:
        seen = await it.ask({**HELLO, "stream": stream, "seed": 7})
    lost = "seed, answer: server_tool_use"
    assert seen.labels.remarks["lost"] == lost
    assert stream or seen.headers["x-aigw-lost"] == lost


NATIVE = {
    "output": {"choices": [{"message": {"content": "yo"}, "finish_reason": "stop"}]},
    "usage": {},
    "request_id": "r",
}


@pytest.mark.parametrize(
    ("path", "body", "lost"),
    [
        ("/v1/chat/completions", {**HELLO, "user": "u", "store": False}, "user"),
        ("/v1/responses", {"model": "m", "input": "hi", "user": "u", "top_logprobs": 2}, "top_logprobs, user"),
    ],
)
async def test_what_dashscopes_own_format_does_not_have(path, body, lost):
    _, reply, received = await once({"provider": QWEN}, chat(body, path=path), answer_json(NATIVE))
    assert (reply.status, reply.headers["x-aigw-lost"], b"yo" in received) == (200, lost, True)


@pytest.mark.parametrize(("choice", "lost"), [("auto", None), ("required", "tool_choice")])
async def test_what_the_row_of_a_provider_drops(choice, lost):
    item = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "yo"}]}
    answer = answer_json({"id": "r", "object": "response", "status": "completed", "output": [item]})
    body = {"model": "m", "input": "hi", "tool_choice": choice, "parallel_tool_calls": True}
    config = {"provider": {"type": "doubao", "apiTokens": ["k"]}}
    upstream, reply, _ = await once(config, chat(body, path="/v1/responses"), answer)
    assert json.loads(upstream.sent[0][0].body) == {"model": "m", "input": "hi"}
    assert reply.headers.get("x-aigw-lost") == lost


async def test_a_long_list_of_what_is_lost_ends_with_dots():
    fields = {f"field_{number}": 1 for number in range(99)}
    _, reply, _ = await once({"provider": OPENAI}, messages(**fields), answer_json(COMPLETION))
    assert reply.headers["x-aigw-lost"].startswith("field_0, ") and reply.headers["x-aigw-lost"].endswith("...")


async def test_an_error_has_the_clients_shape_and_keeps_its_headers():
    answer = answer_json({"error": {"message": "slow down"}}, 429)
    answer.headers["retry-after"] = "7"
    _, reply, received = await once({"provider": OPENAI}, messages(), answer)
    body = json.loads(received)
    assert (reply.status, reply.headers["retry-after"]) == (429, "7")
    assert (body["type"], body["error"]) == ("error", {"type": "rate_limit_error", "message": "slow down"})


async def test_google_says_in_the_body_when_to_ask_again():
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "6.5s"}]
    answer = answer_json({"error": {"message": "slow down", "code": 429, "details": details}}, 429)
    _, reply, _ = await once({"provider": {"type": "gemini", "apiTokens": ["k"]}}, messages(), answer)
    assert (reply.status, reply.headers["retry-after"]) == (429, "7")


async def test_a_prompt_that_does_not_fit_is_told_so_that_the_client_compacts():
    _, _, received = await once({"provider": OPENAI}, messages(), answer_json(LONG, 400))
    assert json.loads(received)["error"]["message"].startswith("prompt is too long: 9 tokens > 8 maximum")


async def test_the_next_provider_may_need_no_translation():
    config = {**TWO, "fallback": ["b"]}  # b has Anthropic's API itself
    upstream, _, received = await once(
        config,
        messages(),
        answer_json({}, 500),
        answer_json(
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "text", "text": "x"}],
                "stop_reason": "end_turn",
            }
        ),
    )
    assert [sent.path for sent, _ in upstream.sent] == ["/v1/chat/completions", "/anthropic/v1/messages"]
    assert json.loads(received)["content"][0]["text"] == "x"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"'])
async def test_a_body_that_is_no_request_is_refused(body):
    request = messages()
    request.replace_body(body)
    with pytest.raises(Exception, match="cannot be used") as refusal:
        await once({"provider": OPENAI}, request)
    assert refusal.value.status == 400


def gemini(verb, version="v1beta", query="", **more):
    request = chat({"contents": [{"parts": [{"text": "hi"}]}], **more}, path=f"/{version}/models/m:{verb}")
    request.query = query
    return request


BUSY = {"error": {"message": "busy", "code": 503}}


@pytest.mark.parametrize("version", ["v1", "v1beta"])
async def test_an_array_of_a_gemini_client(version):
    """Without alt=sse the elements come as the provider's events do, and so does an error among them."""
    request = gemini("streamGenerateContent", version)
    upstream, reply, received = await once(
        {"provider": OPENAI}, request, events(delta("yo"), delta("!", "stop"), USAGE)
    )
    ((sent, _),) = upstream.sent
    assert (sent.path, json.loads(sent.body)["stream"]) == ("/v1/chat/completions", True)
    assert (reply.headers["content-type"], reply.in_array, reply.streaming) == ("application/json", True, False)
    *said, last = json.loads(received)
    assert [each["candidates"][0]["content"]["parts"][0]["text"] for each in said] == ["yo", "!"]
    assert last["usageMetadata"]["promptTokenCount"] == 1


async def test_a_failure_in_an_array():
    _, _, received = await once({"provider": OPENAI}, gemini("streamGenerateContent"), events(delta("yo"), BUSY))
    said, failed = json.loads(received)
    assert said["candidates"][0]["content"]["parts"] == [{"text": "yo"}]
    assert (failed["error"]["code"], failed["error"]["status"]) == (503, "UNAVAILABLE")


async def test_events_of_a_gemini_client():
    request = gemini("streamGenerateContent", query="alt=sse")
    _, reply, received = await once({"provider": OPENAI}, request, events(delta("yo"), BUSY))
    assert reply.headers["content-type"].startswith("text/event-stream")
    said, failed = [line for line in received.split(b"\n") if line]
    assert said.startswith(b"data: ") and json.loads(failed)["error"]["status"] == "UNAVAILABLE"


async def test_a_refusal_for_a_gemini_client():
    answer = answer_json({"error": {"message": "slow down"}}, 429)
    _, reply, received = await once({"provider": OPENAI}, gemini("generateContent", cached_content=None), answer)
    assert (reply.status, json.loads(received)["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    with pytest.raises(Exception, match="cachedContent"):
        await once({"provider": OPENAI}, gemini("generateContent", cached_content="x"))


async def test_the_path_names_the_model():
    """For modelMapping, byModel and the path of the provider."""
    config = {"provider": {**OPENAI, "modelMapping": {"m": "gpt"}}}
    upstream, _, _ = await once(config, gemini("generateContent"), answer_json(COMPLETION))
    assert json.loads(upstream.sent[0][0].body)["model"] == "gpt"


async def test_custom_tools_become_functions_where_the_provider_knows_no_others():
    """GitHub's Copilot sends one beside its functions."""
    custom = {"type": "custom", "custom": {"name": "apply_patch", "description": "Patches."}}
    ask = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}], "tools": [custom]}
    function = {"name": "apply_patch", "arguments": '{"input": "*"}'}
    calls = [{"index": 0, "id": "c", "type": "function", "function": function}]
    called = {"id": "x", "choices": [{"index": 0, "delta": {"tool_calls": calls}, "finish_reason": "tool_calls"}]}
    deepseek = {"provider": {"type": "deepseek", "apiTokens": ["k"]}}
    upstream, reply, received = await once(deepseek, chat(ask), events(called))
    ((sent, _), *_) = upstream.sent
    (tool,) = json.loads(sent.body)["tools"]
    assert (sent.path, tool["type"], tool["function"]["name"]) == ("/v1/chat/completions", "function", "apply_patch")
    assert b'"custom":{"name":"apply_patch"' in received and b'"input":"*"' in received
    assert "x-aigw-lost" not in reply.headers


async def test_a_model_that_takes_tools_at_responses_only():
    """BerriAI/litellm#34569: requests of chat completions' own clients, too."""
    ask = {
        "model": "gpt-5.6",
        "messages": [{"role": "user", "content": "hi"}],
        "tools": [{"type": "function", "function": {"name": "f"}}],
    }
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    answer = answer_json({"id": "r", "object": "response", "model": "gpt-5.6", "status": "completed", "output": [call]})
    upstream, reply, received = await once({"provider": OPENAI}, chat(ask), answer)
    ((sent, _),) = upstream.sent
    body, told = json.loads(sent.body), json.loads(received)
    assert (sent.path, body["model"], body["store"]) == ("/v1/responses", "gpt-5.6", False)
    assert (reply.status, told["choices"][0]["finish_reason"]) == (200, "tool_calls")
    assert told["choices"][0]["message"]["tool_calls"][0]["id"] == "c"


async def test_a_stream_that_only_says_that_the_prompt_is_too_long_stays_one():
    """Codex shortens the conversation only then: a 400 ends its work."""
    failed = {"type": "response.failed", "response": {"id": "r", "status": "failed", "error": LONG["error"]}}
    ask = {"model": "m", "input": "hi", "stream": True}
    _, reply, received = await once({"provider": OPENAI}, chat(ask, path="/v1/responses"), events(failed))
    created, told = [json.loads(line[6:]) for line in received.splitlines() if line.startswith(b"data: ")]
    assert (reply.status, created["type"], told["type"]) == (200, "response.created", "response.failed")
    assert told["response"]["error"]["code"] == "context_length_exceeded"
    with pytest.raises(ContextTooLongError):
        await once({"provider": OPENAI}, chat({"model": "m", "messages": [], "stream": True}), events(LONG))


VERTEX = {"id": "v", "type": "vertex", "apiTokens": ["k"]}
CLAUDE_SAYS = answer_json(
    {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "x"}], "stop_reason": "end_turn"}
)
GEMINI_SAYS = answer_json({"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": "STOP"}]})
CONTENT = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


@pytest.mark.parametrize(
    ("path", "body", "model", "sent"),
    [
        ("/v1/messages", ASK, "claude-opus-4-1@20250805", "anthropic/models/claude-opus-4-1@20250805:rawPredict"),
        ("/v1/messages/count_tokens", ASK, "claude-x", "anthropic/models/count-tokens:rawPredict"),
        ("/v1/chat/completions", ASK, "claude-x", "anthropic/models/claude-x:rawPredict"),
        ("/v1beta/models/m:generateContent", CONTENT, "claude-x", "anthropic/models/claude-x:rawPredict"),
        ("/v1/messages", ASK, "gemini-x", "google/models/gemini-x:generateContent"),
        ("/v1beta/models/m:generateContent", CONTENT, "gemini-x", "google/models/gemini-x:generateContent"),
    ],
)
async def test_the_models_of_two_makers_at_vertex(path, body, model, sent):
    """Each goes to the API of its maker, whatever the client speaks."""
    says = CLAUDE_SAYS if model.startswith("claude") else GEMINI_SAYS
    config = {"provider": {**VERTEX, "modelMapping": {"*": model}}}
    upstream, reply, received = await once(config, chat(body, path=path), says)
    (request, target), *_ = upstream.sent
    assert (reply.status, b'"x"' in received) == (200, True)
    assert (target.authority, request.path) == ("aiplatform.googleapis.com", f"/v1/publishers/{sent}")
    assert request.headers["x-goog-api-key"] == "k"
    if "anthropic" in sent:
        said = json.loads(request.body)
        assert said["anthropic_version"] == "vertex-2023-10-16"
        assert said.get("model") == (model if "count" in sent else None)


async def test_a_schema_goes_into_the_words_for_claude_at_vertex():
    shape = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    schema = {"type": "json_schema", "json_schema": {"name": "a", "schema": shape}}
    config = {"provider": {**VERTEX, "modelMapping": {"*": "claude-sonnet-4@20250514"}}}
    upstream, *_ = await once(config, chat({**ASK, "response_format": schema, "max_tokens": 99999}), CLAUDE_SAYS)
    body = json.loads(upstream.sent[0][0].body)
    assert ("output_config" in body, "JSON Schema" in json.dumps(body), body["max_tokens"]) == (False, True, 64000)


NAMED_ANSWER = {"type": "message", "model": "theirs", "role": "assistant", "content": [{"type": "text", "text": "x"}],
                "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}}  # fmt: skip


@pytest.mark.parametrize(
    ("provider", "mapping", "path", "answer", "name"),
    [
        ("claude", {"m": "other"}, "/v1/messages", NAMED_ANSWER, "m"),
        ("claude", {}, "/v1/messages", NAMED_ANSWER, "theirs"),  # its own bytes
        ("openai", {}, "/v1/messages", COMPLETION, "m"),
        ("claude", {"m": "other"}, "/v1/chat/completions", NAMED_ANSWER, "theirs"),
    ],
)
async def test_anthropics_clients_get_the_name_that_they_asked_for(provider, mapping, path, answer, name):
    config = {"provider": {"id": "p", "type": provider, "apiTokens": ["k"], "modelMapping": mapping}}
    _, reply, received = await once(config, chat(ASK, path=path), answer_json(answer))
    told = reply.headers.get("x-aigw-model")
    assert (json.loads(received)["model"], told) == (name, mapping.get("m", "m") if name == "m" else None)


async def test_with_protocol_original_no_byte_changes():
    provider = {"id": "p", "type": "claude", "apiTokens": ["k"], "protocol": "original"}
    answer = answer_json(NAMED_ANSWER)
    _, reply, received = await once({"provider": provider}, chat(ASK, path="/v1/messages"), answer)
    assert (received, "x-aigw-model" in reply.headers) == (b"".join(answer.pieces), False)


async def test_so_do_streams():
    start = {"type": "message_start", "message": {**NAMED_ANSWER, "content": [], "stop_reason": None}}
    end = [
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    said = [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in (start, *end)]
    config = {"provider": {"id": "p", "type": "claude", "apiTokens": ["k"], "modelMapping": {"m": "other"}}}
    _, _, received = await once(config, messages(stream=True), events(*said, done=False))
    assert (b'"model":"m"' in received, b"theirs" in received, received.endswith(said[-1])) == (True, False, True)


PREDICTED = {"predictions": [{"embeddings": {"values": [0.5, 1.0], "statistics": {"token_count": 3}}}]}


@pytest.mark.parametrize(
    ("path", "body", "vector"),
    [
        ("/v1/embeddings", {"model": "m", "input": "a"}, ["data", 0, "embedding"]),
        ("/v1beta/models/m:embedContent", {"content": {"parts": [{"text": "a"}]}}, ["embedding", "values"]),
    ],
)
async def test_vectors_of_vertex(path, body, vector):
    config = {"provider": {**VERTEX, "modelMapping": {"*": "text-embedding-005"}}}
    upstream, _, received = await once(config, chat(body, path=path), answer_json(PREDICTED))
    (sent, _), *_ = upstream.sent
    assert sent.path == "/v1/publishers/google/models/text-embedding-005:predict"
    assert json.loads(sent.body)["instances"] == [{"content": "a"}]
    found = json.loads(received)
    for step in vector:
        found = found[step]
    assert found == [0.5, 1.0]


LIMITS = [
    ("/v1/messages", {**ASK, "max_tokens": "50"}, "openai", "max_tokens"),
    ("/v1/chat/completions", {**ASK, "max_tokens": "50"}, "claude", "max_tokens"),
    ("/v1/chat/completions", {**ASK, "max_completion_tokens": True}, "claude", "max_completion_tokens"),
    ("/v1/responses", {"model": "m", "input": "hi", "max_output_tokens": 1.5}, "claude", "max_output_tokens"),
    ("/v1beta/models/m:generateContent", {**CONTENT, "generationConfig": {"maxOutputTokens": []}}, "claude", "maxOutputTokens"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "type_", "name"), LIMITS)
async def test_a_limit_that_is_no_number_is_refused(path, body, type_, name):
    """Otherwise the answer would be as long as the provider makes it."""
    config = {"provider": {"id": "p", "type": type_, "apiTokens": ["k"]}}
    with pytest.raises(GatewayError, match=f"{name}: must be a whole number") as caught:
        await once(config, chat(body, path=path), CLAUDE_SAYS)
    assert caught.value.status == 400


@pytest.mark.parametrize("given", ["50", 50, 50.0])
async def test_limits_as_google_reads_them(given):
    config = {"provider": {"id": "p", "type": "claude", "apiTokens": ["k"]}}
    body = {**CONTENT, "generationConfig": {"maxOutputTokens": given}}
    upstream, *_ = await once(config, chat(body, path="/v1beta/models/m:generateContent"), CLAUDE_SAYS)
    assert json.loads(upstream.sent[0][0].body)["max_tokens"] == 50
