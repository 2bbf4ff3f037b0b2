"""What is a part of a key and what is not, and that `explain` can name every part."""

import json
from decimal import Decimal

import msgspec
import pytest
from fakes import chat, make_exchange
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.headers import CREDENTIALS
from aigw.core.model import Origin, Route, Target
from aigw.core.plugin import Behind
from aigw.dialects import apis
from aigw.dialects.view import RequestView
from aigw.plugins.ai_cache.explain import differences
from aigw.plugins.ai_cache.key import IGNORED_HEADERS, KNOWN, LAST, MANY, SMALL, CacheKeys, shortened, shortened_text

HELLO = {"model": "m", "messages": [{"role": "user", "content": "Hello!"}], "temperature": 0.5}
AFTER = {"ai-proxy": {"providers": [{"type": "openai"}]}, "route": None}
OWN_KEY = frozenset(("cookie", *CREDENTIALS))
BEHIND = Behind(AFTER, OWN_KEY)

SCALAR = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.text(min_size=1, max_size=6).filter(
    lambda name: name not in (*RequestView.IMMATERIAL, "n", "background", "conversation")
)
VALUE = st.recursive(
    SCALAR | st.text(max_size=200),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
BODY = st.dictionaries(NAMES, VALUE, min_size=1, max_size=5)


def read(body, api=apis.CHAT, path="", behind=BEHIND, route=None, keys=None, **headers):
    request = chat(
        body, path=path or apis.PATHS[api], headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    return (keys or CacheKeys(behind)).read(make_exchange(request, route=route))


def parts(asked):
    return CacheKeys(BEHIND).parts(asked)


def turned(value):
    """The same JSON with every object's keys the other way round."""
    if isinstance(value, dict):
        return {name: turned(value[name]) for name in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value


@given(BODY)
def test_the_order_of_keys_and_white_space_do_not_count(body):
    key = read(body).key
    assert key
    assert read(json.dumps(turned(body), indent=2).encode()).key == key


@given(BODY, st.data())
def test_any_other_value_counts_and_can_be_named(body, data):
    name = data.draw(st.sampled_from(sorted(body)))
    other = data.draw(
        VALUE.filter(
            lambda value: json.dumps(turned(value), sort_keys=True) != json.dumps(turned(body[name]), sort_keys=True)
        )
    )
    first, second = read(body), read({**body, name: other})
    assert first.key != second.key
    found = differences(parts(first), parts(second))
    assert found
    assert all(each.where.startswith(f"body.{name}") for each in found)


@given(BODY, NAMES, VALUE)
def test_a_field_more_counts_and_can_be_named(body, name, value):
    body.pop(name, None)
    first, second = read(body), read({**body, name: value})
    assert first.key != second.key
    assert [each.where for each in differences(parts(first), parts(second))] == [f"body.{name}"]


@pytest.mark.parametrize(
    "more",
    [
        {"stream": True},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"user": "ann"},
        {"metadata": {"run": "1"}},
        {"safety_identifier": "x"},
        {"prompt_cache_key": "x"},
        {"store": False},
    ],
)
def test_fields_that_cannot_change_an_answer(more):
    assert read({**HELLO, **more}).key == read(HELLO).key


@pytest.mark.parametrize(
    ("body", "api", "reason"),
    [
        ({**HELLO, "store": True}, apis.CHAT, "store"),
        ({**HELLO, "stream": "yes"}, apis.CHAT, "stream"),
        ({**HELLO, "stream": 1}, apis.CHAT, "stream"),
        ({**HELLO, "n": 2}, apis.CHAT, "n"),
        ({**HELLO, "n": 2, "temperature": 0.1}, apis.CHAT, "n"),
        ({**HELLO, "n": "2", "temperature": 0}, apis.CHAT, "n"),
        ({"model": "m", "input": "q"}, apis.RESPONSES, "store"),
        (
            {"model": "m", "input": "q", "store": False, "previous_response_id": "r"},
            apis.RESPONSES,
            "previous_response_id",
        ),
        ({"model": "m", "input": "q", "store": False, "conversation": "c"}, apis.RESPONSES, "conversation"),
        ({"model": "m", "input": "q", "store": False, "background": True}, apis.RESPONSES, "background"),
        (b"[]", apis.CHAT, "unreadable"),
        (b'{"a":', apis.CHAT, "unreadable"),
        (b'{"a": "\\ud83d"}', apis.CHAT, "unreadable"),
        (b"[" * 100_000, apis.CHAT, "unreadable"),
    ],
)
def test_what_is_not_looked_up(body, api, reason):
    asked = read(body, api)
    assert (asked.reason, asked.key) == (reason, "")


@pytest.mark.parametrize(
    ("body", "api"),
    [
        ({**HELLO, "n": 1}, apis.CHAT),
        ({**HELLO, "n": 2, "temperature": 0}, apis.CHAT),
        ({"model": "m", "input": "q", "store": False, "previous_response_id": None}, apis.RESPONSES),
        ({"model": "m", "input": "q", "encoding_format": "base64"}, apis.EMBEDDINGS),
    ],
)
def test_what_is_looked_up(body, api):
    assert read(body, api).reason == ""


def test_what_counts_beside_the_body():
    upstream = Route("r", target=Target(Origin("http", "127.0.0.1", 1), ""))
    keys = [
        read(HELLO),
        read(HELLO, path="/other/v1/chat/completions"),
        read(HELLO, openai_organization="org"),
        read(HELLO, anthropic_version="2023-06-01"),
        read(HELLO, x_portkey_provider="openai"),
        read(HELLO, x_portkey_provider="anthropic"),
        read(HELLO, behind=Behind({**AFTER, "ai-prompt-decorator": {"prepend": []}}, OWN_KEY)),
        read(HELLO, route=upstream, host="a.test"),
        read(HELLO, route=upstream, host="b.test"),
        read({"model": "m", "input": "q"}, apis.EMBEDDINGS),
        read({"model": "m", "input": "q", "dimensions": 8}, apis.EMBEDDINGS),
        read({"model": "m", "input": "q", "encoding_format": "base64"}, apis.EMBEDDINGS),
        read({"model": "m", "messages": []}, apis.MESSAGES),
    ]
    assert len({asked.key for asked in keys}) == len(keys)


def test_a_clients_key_counts_where_it_is_sent_on():
    sent_on = Behind(AFTER, frozenset({"cookie"}))
    ann, bob = {"authorization": "Bearer sk-ann"}, {"authorization": "Bearer sk-bob"}
    assert read(HELLO, **ann).key == read(HELLO, **bob).key
    assert read(HELLO, behind=sent_on, **ann).key != read(HELLO, behind=sent_on, **bob).key
    asked = read(HELLO, behind=sent_on, **ann)
    assert b"sk-ann" not in parts(asked)
    assert b"authorization" in parts(asked)


def test_a_request_that_comes_again_has_the_same_key():
    keys = CacheKeys(BEHIND)
    requests = [
        {}, {"body": {**HELLO, "n": 2}}, {"body": {**HELLO, "stream": True}}, {"body": b"[1]"}, {"path": "/v1/x?a=1"},
        {"x_team": "a"}, {"x_team": "b"}, {"api": apis.COMPLETIONS}, {"body": {**HELLO, "messages": ["x" * SMALL]}},
        {"route": Route("r", target=Target(Origin("http", "h", 80), ""))}, {"traceparent": "00-1"},
    ]  # fmt: skip
    for _ in range(3):
        for each in requests:
            assert read(**{"body": HELLO, **each}, keys=keys) == read(**{"body": HELLO, **each})


def test_only_the_last_requests_are_known():
    keys = CacheKeys(BEHIND)
    first = read(HELLO, keys=keys)
    for number in range(KNOWN + 1):
        read({**HELLO, "seed": number}, keys=keys)
    assert read(HELLO, keys=keys) == first
    assert read({**HELLO, "messages": ["x" * SMALL]}, keys=keys) is not read(
        {**HELLO, "messages": ["x" * SMALL]}, keys=keys
    )
    assert read(HELLO, keys=keys) is read(HELLO, keys=keys)


def test_headers_that_cannot_change_an_answer():
    plain = read(HELLO).key
    for name in ("user_agent", "x_stainless_retry_count", "traceparent", "x_request_id", "x_aigw_run", "cookie"):
        assert read(HELLO, **{name: "x"}).key == plain, name
    assert read(HELLO, X_Other="x").key == read(HELLO, x_other="x").key != plain
    assert read(HELLO, behind=Behind({}), cookie="x").key != read(HELLO, behind=Behind({})).key, "nobody withholds it"


def test_what_a_header_says_may_be_a_secret():
    asked = read(HELLO, helicone_auth="Bearer very-secret")
    assert b"very-secret" not in parts(asked)
    assert b"helicone-auth" in parts(asked)


def test_parts_are_short_however_long_the_request():
    asked = read({**HELLO, "messages": [{"role": "user", "content": "x" * 100_000}]})
    assert len(parts(asked)) < 1000
    other = read({**HELLO, "messages": [{"role": "user", "content": "x" * 99_999 + "y"}]})
    (found,) = differences(parts(asked), parts(other))
    assert found.where == "body.messages[0].content"
    assert "100000 characters" in found.stored


def test_parts_are_short_however_deep_the_request():
    value = []
    for _ in range(900):
        value = [value]
    asked = read({**HELLO, "x": value, "long": "y" * 5000})
    assert len(parts(asked)) < 2000
    assert differences(parts(asked), parts(asked)) == []
    assert shortened(shortened(value)) == shortened(value)


def test_parts_are_short_however_many_the_messages():
    def asked(first, last):
        turns = [{"role": "user", "content": f"question {n}"} for n in range(10_000)]
        return read(
            {**HELLO, "messages": [{"role": "user", "content": first}, *turns, {"role": "user", "content": last}]}
        )

    plain = parts(asked("a", "b"))
    assert len(plain) < 10_000
    assert differences(plain, plain) == []
    assert [each.where for each in differences(plain, parts(asked("a", "c")))] == ["body.messages[32].content"]
    assert [each.where for each in differences(plain, parts(asked("b", "b")))] == ["body.messages[0]"]


FEW = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=9)
MUCH = st.sampled_from(
    [[1] * MANY, [{"a": "é"}] * (MANY + 1), [[]] * (MANY + LAST), "x" * 200, {"b": ["y" * 161] * 70}]
)


@given(
    st.recursive(FEW | MUCH, lambda each: st.lists(each, max_size=3) | st.dictionaries(FEW.map(str), each, max_size=3)),
    st.integers(0, 3),
    st.integers(0, 500),
)
def test_a_text_is_shortened_as_its_value_is(value, depth, piece):
    text = msgspec.json.Encoder(order="sorted").encode(value)
    assert shortened_text(text, depth, piece) == shortened(msgspec.json.decode(text), depth)


def test_what_stands_behind_the_cache_is_named():
    other = Behind({**AFTER, "ai-proxy": {"providers": [{"type": "qwen"}]}}, OWN_KEY)
    found = differences(parts(read(HELLO)), parts(read(HELLO, behind=other)))
    assert [each.where for each in found] == ["after.ai-proxy"]


def test_what_changes_at_run_time_is_asked_for_each_request():
    """As an index is, whose documents decide about answers: they change while the gateway runs."""
    version, asked_for = 1, []

    def index():
        asked_for.append(version)
        return {"version": version}

    keys = CacheKeys(Behind({**AFTER, "ai-rag": {"topK": 3, "indexes": [index]}}))
    assert asked_for == [], "the index may not be there yet"
    exchange = make_exchange(chat(HELLO))
    first, again = [keys.read(exchange) for _ in range(2)]
    version = 2
    changed = keys.read(exchange)
    assert first.key == again.key != changed.key
    assert asked_for == [1, 1, 2]
    found = differences(keys.parts(first), keys.parts(changed))
    assert [each.where for each in found] == ["after.ai-rag"]


def test_the_request_is_read_as_it_goes_on():
    """A plugin in front may have changed it."""
    exchange = make_exchange(chat(HELLO))
    exchange.request.document.set("model", "other")
    assert CacheKeys(BEHIND).read(exchange).key == read({**HELLO, "model": "other"}).key
    assert msgspec.json.decode(exchange.original.body) == HELLO


def test_a_key_in_the_query_counts_only_where_it_goes_on_and_never_stands_there():
    def asked(query, behind=BEHIND):
        request = chat(HELLO)
        request.query = query
        return CacheKeys(behind).read(make_exchange(request))

    keyless = Behind(AFTER, frozenset(("cookie",)))
    assert asked("a=1&key=sk-one").key == asked("a=1&key=sk-two").key == asked("a=1").key
    assert asked("key=sk-one", keyless).key != asked("key=sk-two", keyless).key
    assert "sk-one" not in str(asked("key=sk-one", keyless)) + str(asked("key=sk-one"))


IDENTITIES = (
    "authorization", "x-api-key", "cookie", "from", "x-mse-consumer", "x-hi-original-auth", "x-forwarded-user",
    "x-forwarded-email", "x-forwarded-for", "forwarded", "x-real-ip", "true-client-ip", "cf-connecting-ip",
    "cf-access-jwt-assertion", "cf-access-authenticated-user-email", "x-amzn-oidc-identity", "x-amzn-oidc-data",
    "x-envoy-external-address", "x-user-id", "x-tenant", "x-session-id", "session_id", "conversation-id", "baggage",
    "x-openclaw-session-key", "accept-language", "origin", "referer", "http-referer", "x-title", "originator",
    "sec-fetch-site", "x-ms-client-principal", "remote-user", "x-goog-authenticated-user-email",
)  # fmt: skip


@pytest.mark.parametrize("name", IDENTITIES)
def test_who_asks_counts_wherever_it_goes_upstream(name):
    """A route without ai-proxy passes all of them on."""
    nobody = Behind(AFTER, frozenset())
    keys = {read(HELLO, behind=nobody, **{name: value}).key for value in ("ann", "bob")}
    assert len({*keys, read(HELLO, behind=nobody).key}) == 3


@given(st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True))
def test_any_header_counts_that_is_not_on_the_short_list(name):
    other = read(HELLO, behind=Behind(AFTER), **{name: "x"}).key != read(HELLO, behind=Behind(AFTER)).key
    assert other != (name in IGNORED_HEADERS or name.startswith(("x-aigw-", "x-stainless-", "x-b3-", "x-datadog-")))


def test_a_header_that_goes_no_further_does_not_count():
    behind = Behind(AFTER, frozenset({"x-real-ip", "x-forwarded-*"}))
    plain = read(HELLO, behind=behind).key
    for name in ("x_real_ip", "X_Forwarded_User", "x-forwarded-for"):
        assert read(HELLO, behind=behind, **{name: "x"}).key == plain
    assert read(HELLO, behind=behind, x_forward="x").key != plain


NUMBERS = st.integers(1, 10**40).map(str) | st.from_regex(
    r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True
)


@given(NUMBERS, NUMBERS, st.sampled_from(['{"model":"m","seed":%s}', '{"model":"m","messages":[{"a":[%s]}]}']))
def test_numbers_of_different_value_have_no_key_in_common(one, other, body):
    first, second = (read((body % number).encode()) for number in (one, other))
    if Decimal(one) != Decimal(other) and first.key:
        assert first.key != second.key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0.1", "0.10000000000000000555"), ("1", "1.00000000000000000001"), ("0", "1e-400"), ("1e308", "1e309"),
        ("9007199254740992.0", "9007199254740993.0"), ("12345678901234567890", "12345678901234567891"),
        ("123456789012345678901234567890", "123456789012345678901234567891"),
    ],
)  # fmt: skip
def test_numbers_beyond_double_precision(one, other):
    first, second = (read(f'{{"model":"m","temperature":{number}}}'.encode()) for number in (one, other))
    assert first.key != second.key or first.reason == second.reason == "unreadable"


def test_a_number_may_be_written_in_several_ways():
    for other in ("0.50", "5e-1", "5E-1", "0.5000000000000000000000000"):
        assert (
            read(f'{{"model":"m","temperature":{other}}}'.encode()).key == read({"model": "m", "temperature": 0.5}).key
        )
