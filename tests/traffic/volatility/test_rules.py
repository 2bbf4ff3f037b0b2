"""What rules replace in a request, which rules are refused, and what the digest of rules depends on."""

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aigw.traffic.volatility.rules import BUILTIN, MAX_DEPTH, Numbers, Rules, VolatileConfig, VolatileRule, check

ONE, TWO = "0a1b2c3d-0000-4000-8000-000000000001", "0a1b2c3d-0000-4000-8000-000000000002"


def rules(*user, builtin=BUILTIN, folder="/home/me/app", home="/home/me"):
    config = msgspec.convert({"builtin": builtin, "rules": user}, VolatileConfig)
    return Rules.of(config, folder=folder, home=home)


def applied(value, *user, **more):
    return rules(*user, **more).applied(value, Numbers())


def test_equal_values_stay_equal():
    assert applied([f"{TWO} {ONE}", TWO]) == ["<uuid 1> <uuid 2>", "<uuid 1>"]
    assert applied(["/tmp/b/x", "/tmp/a", "/tmp/b"]) == ["<path 1>/x", "<path 2>", "<path 1>"]


def test_equal_times_are_chance():
    assert applied(["2026-11-29T23:12:25Z", "2026-11-29T23:12:25Z"]) == applied(
        ["2026-11-29T23:12:25Z", "2026-11-29T23:12:26Z"]
    )


def test_numbers_follow_the_order_of_the_keys_sorted():
    assert applied({"b": ONE, "a": TWO}) == {"a": "<uuid 1>", "b": "<uuid 2>"}


def test_ids_are_replaced_where_ids_stand():
    call, result = {"id": "look_up", "function": {"name": "look_up"}}, {"tool_call_id": "look_up", "content": "look_up"}
    assert applied([call, result]) == [
        {"id": "<id 1>", "function": {"name": "look_up"}},
        {"tool_call_id": "<id 1>", "content": "look_up"},
    ]


def test_what_codex_says_of_itself():
    assert applied({"client_metadata": {"turn_id": "1"}, "model": "m"}) == {"client_metadata": "<value>", "model": "m"}


def test_folders():
    assert applied("/home/me/app/x /home/me/y") == "<folder>/x <home>/y"


def test_a_builtin_rule_is_switched_off():
    value = {
        "call_id": "1",
        "client_metadata": 1,
        "text": f"{ONE} 2026-11-29T23:12:25Z /tmp/x /home/me/app Today is Sunday",
    }
    assert applied(dict(value), builtin=[]) == value
    for name, text in (("uuid", "<uuid 1> 2026-11-29T23:12:25Z /tmp/x /home/me/app Today is Sunday"),
                       ("time", f"{ONE} <time> /tmp/x /home/me/app Today is Sunday"),
                       ("date", f"{ONE} 2026-11-29T23:12:25Z /tmp/x /home/me/app Today is <date>")):  # fmt: skip
        assert applied(dict(value), builtin=[name]) == {**value, "text": text}


def test_a_pointer():
    assert applied({"metadata": {"run": 7, "x": 7}}, {"pointer": "/metadata/run"}) == {
        "metadata": {"run": "<value>", "x": 7}
    }


def test_a_regex():
    body = {"a": ["CASE-1", "is CASE-22."], "b": "CASE-3", "CASE-4": 1}
    assert applied(body, {"regex": r"CASE-\d+"}) == {"a": ["<value>", "is <value>."], "b": "<value>", "CASE-4": 1}


def test_a_regex_in_one_place():
    body = {"messages": [{"content": [{"text": "CASE-1"}], "name": "CASE-2"}], "b": "CASE-3"}
    assert applied(body, {"regex": r"CASE-\d+", "where": "/messages/*/content"}) == {
        "messages": [{"content": [{"text": "<value>"}], "name": "CASE-2"}],
        "b": "CASE-3",
    }


def test_a_rule_of_the_user_sees_what_was_sent():
    assert applied(f"job {ONE}", {"regex": "job [0-9a-f-]+"}) == "<value>"


def test_a_text_that_is_no_body():
    where = {"regex": "c", "where": "/x"}
    assert rules({"regex": "x+"}, where).text(f"/xx/{ONE}/c", Numbers()) == "/<value>/<uuid 1>/c"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({}, "needs either pointer or regex"),
        ({"pointer": "/a", "regex": "b"}, "needs either pointer or regex"),
        ({"pointer": "a.b"}, "'a.b' is no JSON Pointer: it begins with /"),
        ({"pointer": "/a", "where": "/b"}, "where is for a regex"),
        ({"regex": "a", "where": "b"}, "'b' is no JSON Pointer"),
        ({"regex": "a("}, r"the regex 'a\(': missing closing \)"),
        ({"regex": "a*"}, "finds the empty text"),
        ({"regex": "(a+)+(b+)+(c+)+(d+)+$"}, "the regex"),
    ],
)
def test_a_wrong_rule(rule, message):
    config = msgspec.convert({"rules": [{"pointer": "/a"}, rule]}, VolatileConfig)
    with pytest.raises(ValueError, match=message):
        Rules.of(config, folder="", home="")
    (problem,) = check(config)
    assert problem.path == ("rules", 1)
    assert not check(VolatileConfig(rules=[VolatileRule(pointer="/a")]))


def test_an_unknown_builtin_rule():
    with pytest.raises(msgspec.ValidationError, match="Invalid enum value 'uid'"):
        msgspec.convert({"builtin": ["uid"]}, VolatileConfig)


def test_the_digest():
    plain = rules().digest
    assert plain == rules(folder="/x", home="/y").digest == rules(builtin=BUILTIN[::-1]).digest
    assert len({plain, rules(builtin=[]).digest, rules({"regex": "a"}).digest, rules({"pointer": "/a"}).digest}) == 4


def test_what_is_nested_too_deeply():
    value = ONE
    for _ in range(MAX_DEPTH + 2):
        value = [value]
    with pytest.raises(ValueError, match="nested too deeply"):
        applied(value)
    with pytest.raises(ValueError, match="nested too deeply"):
        applied(value, {"regex": "a"}, builtin=[])


PIECES = (
    ONE, TWO, "2026-11-29T23:12:25Z", "2026-11-29 23:12", "20261129T231225", "/tmp/", "/tmp/ab", "/private", "/home/me",
    "/home/me/app", "Today is ", "Current date: ", "2026-11-29", "Sunday", " 10:30 pm", "call_1", "CASE-1", "a", "0", " ",
    ">", "<", ">/", "\\n", "C:\\Temp\\x", "<uuid 1>", "<time>", "f" * 8,
)  # fmt: skip
texts = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)
bodies = st.recursive(
    texts | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "id", "call_id", "user_id", "client_metadata"]), inner, max_size=3)
    ),
    max_leaves=6,
)
OF_USER = (
    {"regex": r"CASE-\d+"},
    {"regex": r"\d"},
    {"regex": "[a-z]+ "},
    {"pointer": "/a"},
    {"regex": "a.*", "where": "/id"},
)


@given(bodies, st.lists(st.sampled_from(OF_USER), max_size=2))
@example(ONE + ">/tmp/ab", [])
@settings(max_examples=400, deadline=None)
def test_what_is_replaced_stays_as_it_is(body, user):
    once = applied(body, *user)
    assert applied(msgspec.json.decode(msgspec.json.encode(once)), *user) == once
