"""The player itself: it must see what is wrong. There is no gateway here: the client talks to the scripted services."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from player import in_process
from player.cases import check
from player.compare import compare_body, compare_events, compare_header, compare_value, matches
from player.configuration import gateway_config, request_of, routes, service_names
from player.expectations import Played
from player.expectations import check as check_step
from player.mismatch import Mismatch
from player.observed import Observed, counters, observe, receiving
from player.services import Answer, answer_of, serve
from player.stage import Stage
from player.wire import Call, Message, Sent, exchange

STEP = {"request": {"path": "/v1/chat/completions", "body": {"model": "m"}}}


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ({"a": 1}, {"a": 1}),
        ({"a": "<int>"}, {"a": 7}),
        ({"a": "chatcmpl-<any>"}, {"a": "chatcmpl-x1"}),
        ({"a": "<20 hex>"}, {"a": "0123456789abcdef0123"}),
        ({"a": "<3 bytes of 'b'>"}, {"a": "bbb"}),
        ({"a": "<slideshow/>"}, {"a": "<slideshow/>"}),
        ([1e-06], [0.000001]),
        ({"a": None}, {"a": None}),
    ],
)
def test_equal_values(expected: Any, got: Any) -> None:
    compare_value("value", expected, got)


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"a": 1, "b": 1}),
        ({"a": 1, "b": None}, {"a": 1}),
        ({"a": 1}, {"a": True}),
        ({"a": "<int>"}, {"a": "7"}),
        ({"a": "<int>"}, {"a": True}),
        ({"a": "<20 hex>"}, {"a": "0123"}),
        ({"a": "<3 bytes of 'b'>"}, {"a": "bb"}),
        ({"a": "<slideshow/>"}, {"a": "other"}),
        ([1, 2], [2, 1]),
        ([1, 2], [1]),
        ({"a": "1"}, {"a": 1}),
    ],
)
def test_different_values(expected: Any, got: Any) -> None:
    with pytest.raises(Mismatch):
        compare_value("value", expected, got)


def test_text_around_placeholders_is_literal() -> None:
    assert matches("/?a.b=<any>&c", "/?a.b=1&c")
    assert not matches("/?a.b=<any>&c", "/?axb=1&c")


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ("unchanged", b'{"model":  "m"}'),
        ("absent", b"x"),
        ({"model": "m"}, b"not json"),
        ("form a={}", b"b={}"),
        ('form a={"x": 1}', b"a=%7B%22x%22%3A2%7D"),
        ("some text", b"another text"),
        ({"model": "m"}, b"\xff\xfe"),
    ],
)
def test_wrong_body(expected: Any, got: bytes) -> None:
    with pytest.raises(Mismatch):
        compare_body("body", expected, got, b'{"model": "m"}')


def test_right_body() -> None:
    compare_body("body", "unchanged", b"x", b"x")
    compare_body("body", "absent", b"", b"x")
    compare_body("body", 'form a={"x": "<int>"}', b"a=%7B%22x%22%3A2%7D", b"")


EVENTS = 'data: {"a":"\\u003c","created":"<int>"}\n\ndata: [DONE]\n\n'


@pytest.mark.parametrize(
    "got",
    [
        'data: {"a":"<","created":1}\n\ndata: [DONE]\n\n',
        'data: {"created": 1, "a": "<"}\n\ndata: [DONE]\n\n',
    ],
)
def test_equal_events(got: str) -> None:
    compare_events("stream", EVENTS, got)


@pytest.mark.parametrize(
    "got",
    [
        'data: {"a":">","created":1}\n\ndata: [DONE]\n\n',
        'data: {"a":"<","created":"1"}\n\ndata: [DONE]\n\n',
        'data:{"a":"<","created":1}\n\ndata: [DONE]\n\n',
        'data:  {"a":"<","created":1}\n\ndata: [DONE]\n\n',
        'data: {"a":"<","created":1}\n\ndata:[DONE]\n\n',
        'data: {"a":"<","created":1}\n\ndata: [DONE]\n',
        'data: {"a":"<","created":1}\n\ndata: [DONE]',
        'data: {"a":"<","created":1}\ndata: [DONE]\n\n',
        'data: {"a":"<","created":1}\n\n',
        'data: {"a":"<","created":1}\n\ndata: [DONE]\n\ndata: {}\n\n',
        'event: x\ndata: {"a":"<","created":1}\n\ndata: [DONE]\n\n',
        "",
    ],
)
def test_different_events(got: str) -> None:
    with pytest.raises(Mismatch):
        compare_events("stream", EVENTS, got)


@pytest.mark.parametrize(("expected", "got"), [("absent", ""), ("", None), ("a", "A"), ("7000", "700")])
def test_wrong_header(expected: str, got: str | None) -> None:
    with pytest.raises(Mismatch):
        compare_header("header", expected, got)


def played(expect: dict[str, Any], **changes: Any) -> Played:
    """A step that a perfect pass-through played, with what a test changes about it."""
    headers = {"host": "localhost", "content-type": "application/json"}
    sent = Sent("POST", "/p?q=1", headers, b'{"a": 1}')
    call = Call(["POST", "/p?q=1", "HTTP/1.1"], headers | {"content-length": "8"}, sent.body, "llm.internal.dns:443")
    answer = Message(["HTTP/1.1", "200", "OK"], {"content-type": "application/json"}, b'{"b": 2}')
    observed = Observed(
        {"ai_log": {"model": "m", "n": 7, "none": None}, "log_properties": {"rb": "yo"}},
        {"route.r.metric.input_token": 3, "route.r.metric.llm_service_duration": 12},
        {"my.q": "q", "gen_ai.usage.total_tokens": "3", "gen_ai.request.stream": "False", "aigw.route": "r"},
    )
    step = Played(sent, answer, Answer(200, {}, answer.body), call.service, [call], expect, observed=observed)
    for name, value in changes.items():
        setattr(step, name, value)
    return step


RIGHT = {
    "upstream_path": "/p?q=1",
    "upstream_host": "localhost",
    "upstream_body": {"a": 1},
    "upstream_headers": {":method": "POST", ":path": "/p?q=1", ":authority": "localhost", ":scheme": "http"}
    | {"Content-Type": "application/json"},
    "header_content-type": "application/json",
    "header_x-none": "absent",
    "local_reply": "none",
    "response_headers": {":status": "200", "Content-Type": "application/json"},
    "response_body": "unchanged",
    "callouts": [],
    "result": "pass-through",
    "ai_log": {"model": "m", "n": "<int>", "none": None},
    "properties_set": {"rb": "yo"},
    "metrics": {"route.r.metric.input_token": 3},
    "span_tags": {"my.q": "q", "gen_ai.usage.total_tokens": "3"},
}
WRONG = {
    "upstream_path": "/p",
    "upstream_host": "api.openai.com",
    "upstream_body": {"a": 2},
    "upstream_headers": {":method": "POST", ":path": "/p?q=1", ":authority": "localhost", ":scheme": "http"},
    "header_content-type": "text/plain",
    "header_x-none": "here",
    "local_reply": {"status": 200},
    "response_headers": {":status": "500"},
    "response_body": {"b": 3},
    "response_stream": "data: x\n\n",
    "callouts": [{"service": "a", "port": 1, "method": "GET"}],
    "ai_log": {"model": "m", "n": "<int>"},
    "properties_set": {"rb": "ya"},
    "metrics": {},
    "span_tags": {"gen_ai.usage.total_tokens": "3"},
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_passes(name: str) -> None:
    check_step(played({name: RIGHT[name]}))


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_fails(name: str) -> None:
    with pytest.raises(Mismatch):
        check_step(played({name: WRONG[name]}))


def test_an_added_upstream_header_fails() -> None:
    step = played({"upstream_headers": RIGHT["upstream_headers"]})
    step.upstream.headers["x-request-id"] = "1"
    with pytest.raises(Mismatch, match="x-request-id"):
        check_step(step)


def test_an_empty_expectation_fails() -> None:
    with pytest.raises(Mismatch):
        check_step(played({}))


def test_pass_through_sees_every_change() -> None:
    for change in ({"scripted": Answer(200, {}, b"other")}, {"scripted": Answer(201, {}, b'{"b": 2}')}):
        with pytest.raises(Mismatch):
            check_step(played({"result": "pass-through"}, **change))
    step = played({"result": "pass-through"})
    step.calls[0].headers = step.calls[0].headers | {"x-added": "1"}
    with pytest.raises(Mismatch, match="x-added"):
        check_step(step)


def test_own_reply_means_no_upstream_call() -> None:
    expect = {"local_reply": {"status": 500, "headers": {"Content-Type": "text/plain"}, "body": "no"}}
    answer = Message(["HTTP/1.1", "500", "x"], {"content-type": "text/plain"}, b"no")
    check_step(played(expect, answer=answer, calls=[]))
    with pytest.raises(Mismatch, match="upstream calls"):
        check_step(played(expect, answer=answer))


def test_retry_must_use_the_other_token() -> None:
    callout = {
        "service": "llm.internal.dns",
        "port": 443,
        "headers": {"authorization": "Bearer <the other token>"},
        "timeout_ms": 30000,
    }
    expect = {"callouts": [callout], "local_reply": {"status": 200}}

    def retried(*tokens: str, timeouts: set[float]) -> Played:
        calls = [
            Call(["POST", "/", ""], {"authorization": f"Bearer {it}"}, b"", "llm.internal.dns:443") for it in tokens
        ]
        return played(expect, calls=calls, tokens=["t1", "t2"], timeouts=timeouts)

    check_step(retried("t1", "t2", timeouts={30000.0}))
    for wrong in (
        retried("t1", "t1", timeouts={30000.0}),
        retried("t1", "t2", timeouts={500.0}),
        retried("t1", timeouts={30000.0}),
        retried("t1", "t2", "t1", timeouts={30000.0}),
    ):
        with pytest.raises(Mismatch):
            check_step(wrong)


@pytest.mark.parametrize(
    "unknown",
    [
        {"id": "x", "plugin": "p", "config": {}, "steps": [], "colour": 1},
        {"id": "x", "plugin": "p", "config": {}},
        {"id": "x", "plugin": "p", "config": {}, "properties": ["it is quick"]},
        {"id": "x", "plugin": "p", "config": {}, "expect_config": "maybe"},
        {"id": "x", "mocks": [{"match": "a", "delay": 1}], "steps": []},
        {"id": "x", "steps": [{**STEP, "expect": {"upstream_body": "unchanged"}, "advance_ms": 1}]},
        {"id": "x", "steps": [{"request": {"path": "/", "cookies": 1}, "expect": {"upstream_body": "unchanged"}}]},
        {"id": "x", "steps": [{**STEP, "expect": {"upstream_boddy": "unchanged"}}]},
        {"id": "x", "steps": [{**STEP, "upstream": {"statsu": 1}, "expect": {"upstream_body": "unchanged"}}]},
        {"id": "x", "steps": [{**STEP, "context": {"moon": "full"}, "expect": {"upstream_body": "unchanged"}}]},
        {"id": "x", "steps": [{**STEP, "expect": {"local_reply": {"status": 1, "reason": "x"}}}]},
        {"id": "x", "steps": [{**STEP, "expect": {"callouts": [{"service": "a", "port": 1, "query": "x"}]}}]},
    ],
)
def test_what_the_player_does_not_know_fails_the_case(unknown: dict[str, Any]) -> None:
    with pytest.raises(Mismatch, match=r"does not know|neither"):
        check(unknown)


def test_routes_and_services_of_a_case() -> None:
    context = {"route_name": "r1", "cluster_name": "outbound|1||other"}
    step = {**STEP, "context": context, "expect": {"callouts": [{"service": "ds.dns", "port": 443}]}}
    case = {
        "id": "x",
        "plugin": "ai-proxy",
        "config": {"a": {"serviceName": "ds.dns"}, "b": [{"serviceName": "files.dns", "servicePort": 80}]},
        "steps": [step],
    }
    assert routes(case) == {"test-route": "llm.internal.dns:443", "r1": "other:1"}
    assert service_names(case) == (["llm.internal.dns:443", "other:1", "ds.dns:443", "files.dns:80"], [])
    config = gateway_config(case, {})
    assert [route["name"] for route in config["routes"]] == ["r1", "test-route"]
    assert request_of(step).headers["x-test-route"] == "r1"


async def test_services_answer_as_scripted_and_record() -> None:
    step = {**STEP, "upstream": {"status": 503, "body": {"error": "x"}}, "expect": {}}
    case = {"mocks": [{"match": "files", "body": "TEXT"}], "steps": [step]}
    stage = Stage(case, in_process)
    async with serve(
        ["llm.internal.dns:443", "files.dns:80", "dead.dns:80"], ["closed.dns:80"], stage.respond
    ) as services:
        stage.begin(step)
        answer = await exchange(services.urls["llm.internal.dns:443"], request_of(step))
        assert (answer.start[1], answer.body) == ("503", b'{"error": "x"}')
        assert answer.headers["content-type"] == "application/json"
        answer = await exchange(services.urls["files.dns:80"], Sent("GET", "/ctx", {"host": "files"}))
        assert answer.body == b"TEXT"
        for name in ("dead.dns:80", "closed.dns:80"):
            with pytest.raises(Mismatch):
                await exchange(services.urls[name], Sent("GET", "/", {"host": "x"}))
    assert [(call.service, call.target) for call in services.calls] == [
        ("llm.internal.dns:443", "/v1/chat/completions"),
        ("files.dns:80", "/ctx"),
        ("dead.dns:80", "/"),
    ]
    assert services.calls[0].body == b'{"model": "m"}'


async def test_pieces_go_out_one_by_one() -> None:
    answer = answer_of({"chunks": ["data: a\n\n", "data: b\n\n", ""]}, "POST")
    assert answer.pieces == [b"data: a\n\n", b"data: b\n\n"]
    async with serve(["s:1"], [], lambda _call: answer) as services:
        port = int(services.urls["s:1"].rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(Sent("POST", "/", {"host": "s"}).encode())
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(14) == b"9\r\ndata: a\n\n\r\n"
        assert (await reader.readuntil(b"0\r\n\r\n")).startswith(b"9\r\ndata: b")
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ai_log", "none"),
        ("ai_log", {}),
        ("metrics", {"route.r.metric.input_token": 4}),
        ("metrics", {"route.r.metric.input_token": 3, "route.r.metric.output_token": 1}),
        ("metrics", {"route.r.metric.llm_service_duration": 12}),
        ("span_tags", {"my.q": "q", "gen_ai.usage.total_tokens": "4"}),
        ("span_tags", {"my.q": "q", "gen_ai.model_name": "m"}),
    ],
)
def test_wrong_statistics(name: str, expected: dict[str, Any]) -> None:
    with pytest.raises(Mismatch):
        check_step(played({name: expected}))


@pytest.mark.parametrize("line", [{"id": "r"}, {"id": "r", "ai_log": None}, {"id": "r", "ai_log": {}}])
def test_a_line_without_ai_log(line: dict[str, Any]) -> None:
    check_step(played({"ai_log": "none"}, observed=Observed(line)))
    with pytest.raises(Mismatch, match="ai_log"):
        check_step(played({"ai_log": {"model": "m"}}, observed=Observed(line)))


def test_counters_are_read_under_their_internal_names() -> None:
    text = """# HELP a b
# TYPE route_upstream_model_consumer_metric_input_token counter
route_upstream_model_consumer_metric_input_token{ai_route="r",ai_cluster="outbound|1||a",ai_model="\\"\\n\\\\n",ai_consumer="u"} 15
ai_sec_request_deny 1
"""
    model = '"\n\\n'
    assert counters(text) == {
        f"route.r.upstream.outbound|1||a.model.{model}.consumer.u.metric.input_token": 15,
        "ai_sec_request_deny": 1,
    }


async def test_the_line_of_a_request_is_waited_for(tmp_path: Path) -> None:
    log = tmp_path / ".aigw" / "access.jsonl"
    log.parent.mkdir()
    log.write_text('{"id": "r1", "ai_log": {"n": 1}}\n{"id": "r2", "ai_')
    answer = Message(["HTTP/1.1", "200", "OK"], {"x-aigw-request-id": "r2"})
    waiting = asyncio.create_task(observe(tmp_path, "", None, answer, {"ai_log": {}}))
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    assert not done
    with log.open("a") as file:
        file.write('log": {"n": 2}}\n')
    assert (await waiting).line == {"id": "r2", "ai_log": {"n": 2}}


async def test_spans_are_received() -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    for key, value in (("aigw.request.id", "r1"), ("my.q", "q")):
        span.attributes.add(key=key).value.string_value = value
    span.attributes.add(key="n").value.int_value = 3
    answer = Message(["HTTP/1.1", "200", "OK"], {"x-aigw-request-id": "r1"})
    async with receiving() as receiver:
        url = receiver.environment["OTEL_EXPORTER_OTLP_ENDPOINT"]
        sent = Sent("POST", "/v1/traces", {"host": "x"}, request.SerializeToString())
        assert (await exchange(url, sent)).start[1] == "200"
        observed = await observe(Path(), "", receiver, answer, {"span_tags": {}})
    assert observed.span == {"aigw.request.id": "r1", "my.q": "q", "n": "3"}
