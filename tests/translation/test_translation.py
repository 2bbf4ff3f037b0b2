"""A request on its way to a provider of another format, and its answer back."""

import json
import re

import pytest
from fakes import chat

from aigw.core.errors import GatewayError
from aigw.dialects import apis
from aigw.dialects.sse import EventSplitter
from aigw.dialects.table import dialect_of
from aigw.translation.rules import Rules
from aigw.translation.translation import Translation, target_of

ASK = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


def translation(body, api=apis.MESSAGES, target=apis.CHAT, headers=None, **rules):
    request = chat(body, path="/v1/messages", headers=headers)
    asked = dialect_of(api).asked(request, api)
    return Translation(request, asked, api, target, Rules(**rules), model="mapped", id="1", created=7)


def sent(body, **how):
    return json.loads(translation(body, **how).request.body)


def answered(it, *chunks, cuts=()):
    data = b"".join(
        b"data: " + (chunk if isinstance(chunk, bytes) else json.dumps(chunk).encode()) + b"\n\n" for chunk in chunks
    )
    splitter, decoder = EventSplitter(), it.decoder(lambda error: b"failed: " + error.message.encode())
    out, start = [], 0
    for cut in (*cuts, len(data)):
        out += decoder.feed(splitter.feed(data[start:cut]))
        start = cut
    return b"".join(chunk.raw for chunk in [*out, *decoder.end()])


def chunk(delta, finish=None):
    return {"id": "c", "model": "m1", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def test_the_body_names_the_clients_model_which_the_provider_maps():
    assert sent(ASK) == {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}


def test_headers_of_the_clients_own_api_stay_here():
    headers = {
        "anthropic-version": "1",
        "X-Stainless-Lang": "py",
        "traceparent": "00-1",
        "content-type": "application/json",
    }
    assert translation(ASK, headers=headers).request.headers.keys() == {"host", "traceparent", "content-type"}


def test_a_whole_answer():
    body = {"id": "c", "model": "m1", "choices": [{"index": 0, "message": {"role": "assistant", "content": "yo"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 1}}  # fmt: skip
    whole = json.loads(translation(ASK).whole(json.dumps(body).encode()))
    assert (whole["content"], whole["stop_reason"]) == ([{"type": "text", "text": "yo"}], "end_turn")
    assert (whole["usage"]["input_tokens"], whole["usage"]["output_tokens"]) == (3, 1)


def test_a_stream_is_the_same_however_it_is_cut():
    chunks = [chunk({"content": "é1"}), chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}]}),
              chunk({}, "stop"), b"[DONE]"]  # fmt: skip
    whole = answered(translation(ASK), *chunks)
    size = sum(len(json.dumps(each)) + 8 if isinstance(each, dict) else 14 for each in chunks)
    assert all(answered(translation(ASK), *chunks, cuts=(cut,)) == whole for cut in range(1, size))
    assert whole.count(b"event: content_block_start") == 2
    assert b'"stop_reason":"tool_use"' in whole


def test_a_failure_in_a_stream_is_the_clients_error_and_nothing_follows():
    """BerriAI/litellm#32475: never end_turn."""
    written = answered(translation(ASK), chunk({"content": "a"}), {"error": {"message": "busy"}}, b"[DONE]")
    assert written.endswith(b"failed: busy")


@pytest.mark.parametrize("tools", [{}, {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}])
def test_a_tool_that_must_be_called_where_there_is_none_is_refused(tools):
    """Also where the provider does not have the client's only tool: the model would answer without it."""
    with pytest.raises(GatewayError, match="tool_choice: a tool must be called"):
        translation({**ASK, **tools, "tool_choice": {"type": "any"}})


def test_what_is_lost_is_told():
    assert translation({**ASK, "top_k": 5, "container": "c"}).lost == ["container", "top_k"]


def test_the_next_turn_sends_the_same_bytes_before_it():
    first = sent({**ASK, "messages": [{"role": "user", "content": "hi"}]})["messages"]
    call = {"type": "tool_use", "id": "functions.f:0", "name": "f", "input": {"b": 1}}
    result = {"type": "tool_result", "tool_use_id": "functions.f:0", "content": "r"}
    turn = [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    second = sent({**ASK, "messages": [*ASK["messages"], *turn]})["messages"]
    third = sent({**ASK, "messages": [*ASK["messages"], *turn, *turn]})["messages"]
    assert second[:1] == first and third[:3] == second


NEEDS = Rules(tools_need_responses=("gpt-5.6*",), responses_only=("*-pro",))


def target(api, *offers, model="m", rules=NEEDS, **body):
    request = chat({**ASK, **body})
    request.parse()
    return target_of(api, request, dialect_of(api).asked(request, api), model, offers.__contains__, rules)


def test_the_format_of_the_provider():
    assert target(apis.MESSAGES, apis.CHAT) == apis.CHAT
    assert target(apis.MESSAGES, apis.CHAT, apis.MESSAGES) == ""
    assert target(apis.CHAT, apis.RESPONSES) == apis.RESPONSES
    assert target(apis.MESSAGES, apis.EMBEDDINGS) == ""
    assert target(apis.RERANK, apis.CHAT) == ""


def test_tools_go_where_the_model_takes_them():
    """BerriAI/litellm#34569, openai/openai-openapi#541: also of clients of the provider's own chat completions."""
    both, tools = (apis.CHAT, apis.RESPONSES), [{"type": "function", "function": {"name": "f"}}]
    assert target(apis.CHAT, *both, model="gpt-5.6", tools=tools) == apis.RESPONSES
    assert target(apis.MESSAGES, *both, model="gpt-5.6", tools=[{"name": "f", "input_schema": {}}]) == apis.RESPONSES
    assert target(apis.CHAT, *both, model="gpt-5.6", tools=tools, reasoning_effort="none") == ""
    assert target(apis.CHAT, *both, model="gpt-5.6") == ""
    assert target(apis.CHAT, *both, model="gpt-5.6", tools=tools, rules=Rules()) == ""
    assert target(apis.CHAT, apis.CHAT, model="gpt-5.6", tools=tools) == ""
    assert target(apis.CHAT, *both, model="gpt-5-pro") == apis.RESPONSES


def test_a_request_without_a_model():
    """openai/codex#41095."""
    request = chat({"input": "hi"})
    asked = dialect_of(apis.RESPONSES).asked(request, apis.RESPONSES)
    with pytest.raises(GatewayError, match="model: the request names none") as refused:
        Translation(request, asked, apis.RESPONSES, apis.CHAT, Rules(), model="", id="1", created=7)
    assert refused.value.status == 400


@pytest.mark.parametrize("target", [apis.CHAT, apis.RESPONSES, apis.CONVERSE, apis.GENERATE_CONTENT])
def test_an_id_of_ninety_characters_is_shortened_for_the_provider_and_stays_the_clients(target):
    """experientiallabs/experiential#801: OpenAI takes 64."""
    id = "call_" + 85 * "x"
    use, result = {"type": "tool_use", "id": id, "name": "f", "input": {}}, {"type": "tool_result", "tool_use_id": id}
    turn = [{"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
    body = sent({**ASK, "messages": [*ASK["messages"], *turn]}, target=target)
    ids = re.findall(r'"(?:id|call_id|tool_call_id|toolUseId)": "([^"]*)"', json.dumps(body))
    assert len(ids) == 2 and len(set(ids)) == 1 and len(ids[0]) <= 64 and ids[0] != id
    assert sent({**ASK, "messages": [*ASK["messages"], *turn]}, target=target) == body


def test_a_providers_id_of_ninety_characters_is_one_that_all_take():
    """Also OpenAI, to which the client may go on with it."""
    it, id = translation(ASK), "call_" + 85 * "x"
    call = {"index": 0, "id": id, "function": {"name": "f", "arguments": "{}"}}
    written = answered(it, chunk({"tool_calls": [call]}), chunk({}, "tool_calls"), b"[DONE]").decode()
    (seen,) = re.findall(r'"type":"tool_use","id":"([^"]*)"', written)
    assert 0 < len(seen) <= 64
    use, result = (
        {"type": "tool_use", "id": seen, "name": "f", "input": {}},
        {"type": "tool_result", "tool_use_id": seen},
    )
    turn = [{"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
    said = sent({**ASK, "messages": [*ASK["messages"], *turn]})["messages"]
    assert said[1]["tool_calls"][0]["id"] == said[2]["tool_call_id"]


@pytest.mark.parametrize(("target", "lost"), [
    (apis.CHAT, ["a grammar that the provider enforces"]), (apis.GENERATE_CONTENT, ["a grammar that the provider enforces"]),
    (apis.RESPONSES, []),
])  # fmt: skip
def test_a_grammar_is_told_in_words_where_it_is_not_enforced(target, lost):
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: X"}}
    tools = [{"type": "custom", "custom": {"name": "patch", "format": grammar}}]
    it = translation({"model": "m", "messages": ASK["messages"], "tools": tools}, api=apis.CHAT, target=target)
    assert it.lost == lost and "start: X" in it.request.body.decode()
