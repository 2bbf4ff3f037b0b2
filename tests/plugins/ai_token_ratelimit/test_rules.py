"""Which limits a request falls under, for every kind of rule, and the keys of their counters."""

import pytest
from fakes import chat, make_exchange
from hypothesis import given
from hypothesis import strategies as st

from aigw.plugins.ai_token_ratelimit.rule_config import KINDS, LimitKey, RuleItem, Threshold
from aigw.plugins.ai_token_ratelimit.rules import LimitRules

BODY = {"model": "m", "messages": []}


def rules(*items, threshold=None, one_unit=False):
    return LimitRules("r", threshold, [RuleItem(**item) for item in items], one_unit=one_unit)


def keyed(kind, name, *keys, **counts):
    counts = counts or {"token_per_minute": 10}
    return {kind: name, "limit_keys": [LimitKey(key=key, **counts) for key in keys]}


def asking(headers=None, query="", client="10.1.2.3", consumer=""):
    request = chat(BODY, headers=headers)
    request.query = query
    exchange = make_exchange(request)
    exchange.client = client
    exchange.consumer = consumer
    return exchange


def found(prepared, exchange):
    return [limit.key.removeprefix("higress-token-ratelimit:{r}:") for limit in prepared.limits(exchange)]


@pytest.mark.parametrize(
    ("item", "request_", "key"),
    [
        (keyed("limit_by_header", "X-App", "a"), {"headers": {"x-app": "a"}}, "limit_by_header:60:X-App:a"),
        (keyed("limit_by_header", "x-app", "*"), {"headers": {"x-app": "a"}}, None),
        (keyed("limit_by_header", "x-app", "*"), {"headers": {"x-app": "*"}}, "limit_by_header:60:x-app:*"),
        (keyed("limit_by_header", "x-app", "a"), {}, None),
        (keyed("limit_by_per_header", "x-app", "*"), {"headers": {"x-app": "q"}}, "limit_by_per_header:60:x-app:q"),
        (keyed("limit_by_per_header", "x-app", "*"), {"headers": {"x-app": ""}}, None),
        (keyed("limit_by_per_header", "x-app", "regexp:^a.*"), {"headers": {"x-app": "ba"}}, None),
        (keyed("limit_by_per_header", "x", "regexp:^a.*"), {"headers": {"x": "ab"}}, "limit_by_per_header:60:x:ab"),
        (keyed("limit_by_param", "k", "a b"), {"query": "x=1&k=a%20b&k=c"}, "limit_by_param:60:k:a b"),
        (keyed("limit_by_per_param", "k", "*"), {"query": "k="}, "limit_by_per_param:60:k:"),
        (keyed("limit_by_per_param", "k", "*"), {"query": "j=1"}, None),
        (keyed("limit_by_cookie", "sid", "z"), {"headers": {"cookie": "a=b; sid=z"}}, "limit_by_cookie:60:sid:z"),
        (keyed("limit_by_per_cookie", "id", "*"), {"headers": {"cookie": "sid=z"}}, None),
        (keyed("limit_by_consumer", "", "bob"), {"consumer": "bob"}, "limit_by_consumer:60:x-mse-consumer:bob"),
        (keyed("limit_by_consumer", None, "bob"), {"consumer": "eve"}, None),
        (keyed("limit_by_per_consumer", "", "*"), {"consumer": "bob"}, "limit_by_per_consumer:60:x-mse-consumer:bob"),
        (keyed("limit_by_per_consumer", "", "*"), {}, None),
        (keyed("limit_by_per_ip", "from-remote-addr", "10.0.0.0/8"), {},
         "limit_by_per_ip:60:from-remote-addr:10.1.2.3"),
        (keyed("limit_by_per_ip", "from-remote-addr", "10.0.0.0/8"), {"client": "11.0.0.1"}, None),
        (keyed("limit_by_per_ip", "from-remote-addr", "10.0.0.0/8"), {"client": "::ffff:10.1.2.3"},
         "limit_by_per_ip:60:from-remote-addr:10.1.2.3"),
        (keyed("limit_by_per_ip", "from-remote-addr", "::/0"), {"client": "::1"},
         "limit_by_per_ip:60:from-remote-addr:::1"),
        (keyed("limit_by_per_ip", "from-header-x-ip", "1.1.1.1"), {"headers": {"x-ip": "1.1.1.1:80, 2.2.2.2"}},
         "limit_by_per_ip:60:from-header-x-ip:1.1.1.1"),
        (keyed("limit_by_per_ip", "from-header-x-ip", "0.0.0.0/0"), {"headers": {"x-ip": "nobody"}}, None),
    ],
)  # fmt: skip
def test_every_kind_of_rule(item, request_, key):
    assert found(rules(item), asking(**request_)) == ([] if key is None else [key])


def test_the_first_key_that_fits_counts():
    item = {
        "limit_by_per_ip": "from-remote-addr",
        "limit_keys": [LimitKey(key="10.1.2.3", token_per_day=1), LimitKey(key="0.0.0.0/0", token_per_day=2)],
    }
    prepared = rules(item)
    assert [limit.limit for limit in prepared.limits(asking())] == [1]
    assert [limit.limit for limit in prepared.limits(asking(client="10.1.2.4"))] == [2]


def test_all_rules_count_the_global_threshold_first():
    header, ip = keyed("limit_by_header", "a", "1"), keyed("limit_by_per_ip", "from-remote-addr", "0.0.0.0/0")
    prepared = rules(header, ip, header, threshold=Threshold(token_per_hour=5))
    expected = ["global_threshold:3600", "limit_by_header:60:a:1", "limit_by_per_ip:60:from-remote-addr:10.1.2.3"]
    assert found(prepared, asking({"a": "1"})) == expected


def test_units_of_one_threshold_hold_together_or_the_shortest_alone():
    item = keyed("limit_by_header", "a", "1", token_per_day=9, token_per_second=1)
    assert [limit.window for limit in rules(item).limits(asking({"a": "1"}))] == [1, 86400]
    assert [limit.window for limit in rules(item, one_unit=True).limits(asking({"a": "1"}))] == [1]


def test_a_header_that_was_taken_out_is_still_the_clients():
    exchange = asking({"x-api-key": "k"})
    exchange.request.headers.popall("x-api-key")
    assert found(rules(keyed("limit_by_header", "x-api-key", "k")), exchange) == ["limit_by_header:60:x-api-key:k"]


def test_nobody_says_himself_which_consumer_he_is():
    exchange = asking({"x-mse-consumer": "vip"})
    item = keyed("limit_by_header", "X-Mse-Consumer", "vip")
    assert found(rules(item), exchange) == []


VALUES = st.text(st.characters(codec="ascii", exclude_categories=["C"], exclude_characters=' ,;=&+%#"'), max_size=8)


@given(VALUES, st.lists(VALUES.filter(bool), min_size=1, max_size=4))
def test_exact_keys_match_as_a_model_says(value, keys):
    limits = rules(keyed("limit_by_header", "h", *keys)).limits(asking({"h": value}))
    assert [limit.key.rpartition(":h:")[2] for limit in limits] == ([value] if value in keys else [])


@given(VALUES, st.sampled_from([kind for kind in KINDS if "_per_" in kind and not kind.endswith(("ip", "consumer"))]))
def test_a_value_is_found_where_it_stands(value, kind):
    source = kind.rpartition("_")[2]
    exchange = {
        "header": lambda: asking({"n": value}),
        "param": lambda: asking(query=f"n={value}"),
        "cookie": lambda: asking({"cookie": f"a=1; n={value};b=2"}),
    }[source]()
    limits = rules(keyed(kind, "n", "regexp:^[a-m]", "*")).limits(exchange)
    expected = [f"60:n:{value}"] if value or source == "param" else []
    assert [limit.key.partition(f"{kind}:")[2] for limit in limits] == expected


@given(st.ip_addresses(v=4), st.ip_addresses(v=4), st.integers(0, 32))
def test_networks_match_as_a_model_says(address, network, length):
    limits = rules(keyed("limit_by_per_ip", "from-remote-addr", f"{network}/{length}")).limits(
        asking(client=str(address))
    )
    same = int(address) >> (32 - length) == int(network) >> (32 - length)
    assert [limit.key.rpartition(":")[2] for limit in limits] == ([str(address)] if same else [])
