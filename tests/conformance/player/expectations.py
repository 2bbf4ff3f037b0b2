"""What each name under `expect` means, and nothing else: one function a name. Every one raises Mismatch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from player.compare import compare_body, compare_header, compare_headers, compare_value
from player.mismatch import Mismatch, differ, only_known, require
from player.observed import Observed
from player.services import Answer
from player.wire import Call, Message, Sent

FRAMING = {"host", "content-length", "connection", "keep-alive", "transfer-encoding"}
ROUTE_HEADER = "x-test-route"
"""Tells routes apart; the gateway forwards it and no comparison sees it."""
GEO = {"geo-country", "geo-province", "geo-city", "geo-isp"}
"""What geo-ip finds out about the client, as a context has it."""
GEO_HEADER = "x-higress-"
"""The headers in which geo-ip tells it begin so. No comparison sees them either."""

LOCAL_REPLY = {"status", "headers", "body"}
CALLOUT = {"service", "port", "method", "host", "path", "headers", "body", "timeout_ms"}
VARYING = ("llm_service_duration", "llm_first_token_duration")
CONVENTIONS = ("gen_ai.", "http.", "error.", "aigw.")
OTHER_TOKEN = "<the other token>"


@dataclass
class Played:
    """One step, after it was played. `service` is the route's own; `timeouts` are those in effect, in ms."""

    sent: Sent
    answer: Message
    scripted: Answer
    service: str
    calls: list[Call]
    expect: dict[str, Any]
    tokens: list[str] = field(default_factory=list)
    timeouts: set[float] = field(default_factory=set)
    observed: Observed = field(default_factory=Observed)

    @property
    def status(self) -> int:
        return int(self.answer.start[1])

    @property
    def own_reply(self) -> bool:
        """Whether the gateway is expected to answer by itself."""
        return isinstance(self.expect.get("local_reply"), dict)

    @property
    def upstream_calls(self) -> list[Call]:
        return [call for call in self.calls if call.service == self.service]

    @property
    def upstream(self) -> Call:
        """The request that the provider received."""
        if not self.upstream_calls:
            raise Mismatch(f"the upstream received nothing; the client got {self.status} {self.answer.body!r}")
        return self.upstream_calls[0]

    @property
    def callouts(self) -> list[Call]:
        """Every call but the first one to the route's own service."""
        first = next(iter(self.upstream_calls), None)
        return [call for call in self.calls if call is not first]


def check_names(where: str, expect: dict[str, Any]) -> None:
    only_known(where, [name for name in expect if not name.startswith("header_")], CHECKS)
    if isinstance(reply := expect.get("local_reply"), dict):
        only_known(f"{where} local_reply", reply, LOCAL_REPLY)
    for callout in expect.get("callouts") or []:
        only_known(f"{where} callout", callout, CALLOUT)


def check(played: Played) -> None:
    """Checks every name of `expect`, and that the upstream was called as often as they say."""
    require(bool(played.expect), "expect is empty")
    for name, expected in played.expect.items():
        if name.startswith("header_"):
            header = name.removeprefix("header_")
            compare_header(f"upstream header {header}", expected, played.upstream.headers.get(header))
        else:
            CHECKS[name](played, expected)
    _check_call_count(played)


def _check_call_count(played: Played) -> None:
    """With a reply of its own the upstream received nothing, unless retries are listed among the callouts. What only
    tells of Redis does not say whether the upstream was called."""
    if played.expect.keys() <= {"store_after", "redis_calls"}:
        return
    callouts = played.expect.get("callouts") or []
    retries = sum(f"{callout['service']}:{callout['port']}" == played.service for callout in callouts)
    expected = retries + (0 if played.own_reply and not retries else 1)
    got = len(played.upstream_calls)
    require(
        got == expected,
        f"upstream calls: expected {expected}, got {got}; the client got {played.status} {played.answer.body!r}",
    )


def _upstream_path(played: Played, expected: str) -> None:
    compare_value("upstream_path", expected, played.upstream.target)


def _upstream_host(played: Played, expected: str) -> None:
    compare_value("upstream_host", expected, played.upstream.host)


def _upstream_body(played: Played, expected: Any) -> None:
    if expected == "unchanged" and played.own_reply and not played.upstream_calls:
        return  # a plugin that left the body alone before another answered
    compare_body("upstream_body", expected, played.upstream.body, played.sent.body)


def _upstream_headers(played: Played, expected: dict[str, str]) -> None:
    call = played.upstream
    pseudo = {":scheme": "http", ":method": call.method, ":path": call.target, ":authority": call.host}
    got = pseudo | _beyond_framing(call.headers)
    wanted = {name.lower(): value for name, value in expected.items()}
    missing, added = sorted(wanted.keys() - got.keys()), sorted(got.keys() - wanted.keys())
    require(
        not missing and not added,
        f"upstream_headers: missing {missing}, not expected {[(name, got[name]) for name in added]}",
    )
    compare_headers("upstream header", wanted, got)


def _beyond_framing(headers: dict[str, str]) -> dict[str, str]:
    own = {ROUTE_HEADER, *(GEO_HEADER + name for name in GEO)}
    return {name: value for name, value in headers.items() if name not in FRAMING | own}


def _local_reply(played: Played, expected: Any) -> None:
    if expected == "none":
        require(bool(played.upstream_calls), f"the gateway answered itself: {played.status} {played.answer.body!r}")
        return
    if not isinstance(expected, dict):
        raise Mismatch(f"local_reply: the player does not know {expected!r}")
    got = f"the client got {played.status} {played.answer.body!r}"
    if "status" in expected:
        require(played.status == int(expected["status"]), f"local_reply: expected {expected['status']}; {got}")
    _response_headers(played, expected.get("headers") or {})
    if "body" in expected:
        compare_body("local_reply body", expected["body"], played.answer.body, b"")


def _response_headers(played: Played, expected: dict[str, Any]) -> None:
    compare_headers("response header", expected, {":status": str(played.status)} | played.answer.headers)


def _response_body(played: Played, expected: Any) -> None:
    compare_body("response_body", expected, played.answer.body, played.scripted.body)


def _response_stream(played: Played, expected: str | list[str]) -> None:
    text = expected if isinstance(expected, str) else "".join(expected)
    compare_body("response_stream", text, played.answer.body, played.scripted.body)


def _callouts(played: Played, expected: list[dict[str, Any]]) -> None:
    got = [f"{call.method} {call.service} {call.target}" for call in played.callouts]
    if len(got) != len(expected):
        raise differ("callouts", expected, got)
    for index, (wanted, call) in enumerate(zip(expected, played.callouts, strict=True)):
        _check_callout(f"callout {index + 1}", wanted, call, played)


def _check_callout(where: str, expected: dict[str, Any], call: Call, played: Played) -> None:
    name, _, port = call.service.partition(":")
    got = {"service": name, "port": int(port or 0), "method": call.method, "host": call.host, "path": call.target}
    for key in got.keys() & expected.keys():
        compare_value(f"{where} {key}", expected[key], got[key])
    headers = {key: _other_token(value, played) for key, value in (expected.get("headers") or {}).items()}
    compare_headers(f"{where} header", headers, call.headers)
    if "body" in expected:
        compare_body(f"{where} body", expected["body"], call.body, played.sent.body)
    if "timeout_ms" in expected and expected["timeout_ms"] not in played.timeouts:
        raise differ(
            f"{where}: timeouts of the effective configuration, in ms", expected["timeout_ms"], sorted(played.timeouts)
        )


def _other_token(value: str, played: Played) -> str:
    """Of two tokens the one that the first call did not use."""
    if OTHER_TOKEN not in value:
        return value
    used = played.upstream.headers.get("authorization", "").removeprefix("Bearer ")
    unused = [token for token in played.tokens if token != used]
    require(len(unused) == 1, f"{OTHER_TOKEN}: the first call used {used!r} of {len(played.tokens)} tokens")
    return value.replace(OTHER_TOKEN, unused[0])


def _result(played: Played, expected: str) -> None:
    """`pass-through`: the request and the answer went through the gateway as they were."""
    if expected != "pass-through":
        raise Mismatch(f"result: the player does not know {expected!r}")
    call, sent = played.upstream, played.sent
    compare_value("pass-through method and path", [sent.method, sent.target], [call.method, call.target])
    compare_value("pass-through host", sent.headers["host"], call.host)
    compare_value("pass-through headers", _beyond_framing(sent.headers), _beyond_framing(call.headers))
    compare_body("pass-through body", "unchanged", call.body, sent.body)
    compare_value("pass-through status", played.scripted.status, played.status)
    compare_body("pass-through answer", "unchanged", played.answer.body, played.scripted.body)


def _plugin_crash(played: Played, _: str) -> None:
    """A crash of theirs that is not ours: the client has its answer."""
    compare_value("plugin_crash: status", played.scripted.status, played.status)


def _seen_in_redis(_played: Played, _expected: Any) -> None:
    """`player.store` looks at what is in Redis, once the answer has ended."""


def _ai_log(played: Played, expected: Any) -> None:
    """`none`: the request's line has no ai_log."""
    got = played.observed.line.get("ai_log")
    if expected == "none":
        require(not got, f"ai_log: expected none, got {got!r}")
    else:
        compare_value("ai_log", expected, got)


def _properties_set(played: Played, expected: dict[str, str]) -> None:
    compare_value("properties_set", expected, played.observed.line.get("log_properties"))


def _metrics(played: Played, expected: dict[str, int]) -> None:
    """Every counter but the sums of milliseconds, which stand still in Higress's mock; where none is expected there is
    none."""
    got = played.observed.counters
    varying = [name for name in got if name.endswith(VARYING) and name not in expected and expected]
    compare_value("metrics", expected, {name: value for name, value in got.items() if name not in varying})


def _span_tags(played: Played, expected: dict[str, str]) -> None:
    """Tags as text. Beside them stand attributes under OpenTelemetry's own names."""
    got = played.observed.span
    others = [name for name in got if name.startswith(CONVENTIONS) and name not in expected]
    compare_value("span_tags", expected, {name: value for name, value in got.items() if name not in others})


CHECKS: dict[str, Callable[[Played, Any], None]] = {
    "upstream_path": _upstream_path,
    "upstream_host": _upstream_host,
    "upstream_headers": _upstream_headers,
    "upstream_body": _upstream_body,
    "local_reply": _local_reply,
    "response_headers": _response_headers,
    "response_body": _response_body,
    "response_stream": _response_stream,
    "callouts": _callouts,
    "result": _result,
    "ai_log": _ai_log,
    "properties_set": _properties_set,
    "metrics": _metrics,
    "span_tags": _span_tags,
    "plugin_crash": _plugin_crash,
    "store_after": _seen_in_redis,
    "redis_calls": _seen_in_redis,
}
