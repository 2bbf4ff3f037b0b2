"""Which requests have the same key, and what their canonical form shows."""

import hashlib
import json
import random

import msgspec
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from aigw.traffic.format.recording import Blob, Part, SentRequest, blob
from aigw.traffic.matching.canonical import canonical, key_of
from aigw.traffic.volatility.rules import Rules, VolatileConfig

RULES = Rules.of(VolatileConfig(), folder="/home/me/app", home="/home/me")


def of(*, service="openai", **more):
    return canonical(SentRequest(**{"method": "POST", "path": "/v1/chat/completions"} | more), service, RULES)


def of_json(body, **more):
    return of_bytes(json.dumps(body).encode(), **more)


def of_bytes(raw, **more):
    return of(json=msgspec.Raw(raw), **more)


def keys(*raws):
    return {of_bytes(raw).key for raw in raws}


def test_the_canonical_form():
    key, value = of_json(
        {"b": 1.0, "a": "x"}, query="beta=true&key=secret&a=1&a=2", headers={"openai-beta": "b,a", "x-y": "1"}
    )
    assert value == {
        "method": "POST",
        "path": "/v1/chat/completions",
        "query": {"beta": "true", "a": ["1", "2"]},
        "service": "openai",
        "headers": {"openai-beta": "a, b"},
        "body": {"a": "x", "b": 1},
    }
    assert len(key) == 32
    assert key == key_of(value)


def test_json_is_compared_by_value():
    assert (
        len(
            keys(
                b'{"a":1,"b":[2,"\xc3\xa9"]}',
                b'{ "b": [2.0, "\\u00e9"],\n "a": 1e0 }',
                b'{"a":10E-1,"b":[0.2e1,"\xc3\xa9"]}',
            )
        )
        == 1
    )


@pytest.mark.parametrize(
    "texts",
    [
        ("1", "1.0", "1e0", "10e-1", "0.1e1", "1.00000000000000000000"),
        ("0", "-0", "0.0", "-0.0", "0e5", "0e999999999"),
        ("0.5", "5e-1", "0.50000000000000000000"),
        ("123456789012345678901234567890", "1.2345678901234567890123456789e29"),
        ("1e22", "10000000000000000000000"),
        ("1e-400", "0.1e-399"),
        ("1e9000", "10e8999"),
    ],
)
def test_equal_numbers(texts):
    assert len(keys(*(f'{{"n":{text}}}'.encode() for text in texts))) == 1


def test_different_numbers():
    texts = (
        "1", "1.0000000000000000001", "0.1", "0.10000000000000000001", "9007199254740992", "9007199254740993",
        "9007199254740993.5", "1e400", "1e401", "1e9000", "1e-400", "0", "true", '"1"', "null", "1e99999999999999999999",
        "1e-99999999999999999999", "123456789012345678901234567890", "123456789012345678901234567891",
    )  # fmt: skip
    assert len(keys(*(f'{{"n":{text}}}'.encode() for text in texts))) == len(texts)


def test_half_of_a_surrogate_pair():
    assert len(keys(rb'{"a":"x\ud83d","b":1}', rb'{"b":1.0,"a":"x\uD83D"}')) == 1
    assert len(keys(rb'{"a":"x\ud83d"}', rb'{"a":"x\ud83e"}', rb'{"a":"x"}')) == 3


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 5000 + b"]" * 5000,
        b'{"a":' * 900 + b'"/tmp/x"' + b"}" * 900,
        b"[" * 102 + b"{}" + b"]" * 102,
        b"nothing",
        b'"\\ud83d" x',
        b"\xff",
        b"",
        b"9" * 5000,
    ],
)
def test_what_cannot_be_read_is_compared_by_its_bytes(raw):
    assert of_bytes(raw).value["sha256"] == hashlib.sha256(raw).hexdigest()


def test_what_has_many_parts_need_not_be_deep():
    assert "body" in of_json([[{"a": [1]}] * 200] * 2).value
    assert "body" in of_bytes(b"[" * 99 + b"{}" * 1 + b"]" * 99).value


def test_what_matters_beside_the_body():
    asked = [
        of_json({}), of_json({}, method="PUT"), of_json({}, path="/v1/x"), of_json({}, query="a=1"), of_json({}, service="qwen"),
        of_json({}, headers={"anthropic-version": "2023-06-01"}), of(), of(text="{}"), of(text="x"), of_json([]),
        of_json({}, headers={"range": "bytes=0-2"}), of_json({}, headers={"if-none-match": '"a"'}),
        of_json({}, headers={"x-dashscope-sse": "enable"}), of_json({}, headers={"accept": "text/event-stream"}),
    ]  # fmt: skip
    assert len({each.key for each in asked}) == len(asked)


def test_what_does_not():
    assert of_json({}, query="b=1&a=2").key == of_json({}, query="a=2&b=1&api_key=x").key
    assert (
        of_json({}, headers={"anthropic-beta": "a,b"}).key
        == of_json({}, headers={"anthropic-beta": "b, a", "date": "now", "accept": "*/*"}).key
    )


def test_volatile_values_outside_of_the_body():
    one, two = (f"/v1/files/0a1b2c3d-0000-4000-8000-{number:012}" for number in (1, 2))
    assert of(path=one).key == of(path=two).key
    assert of(query=f"a={one}&b={two}").key == of(query=f"b={one}&a={two}").key != of(query=f"b={one}&a={one}").key
    assert of(text=f"{one} 1").key == of(text=f"{two} 1").key != of(text=f"{two} 2").key


def test_a_form_is_compared_by_its_parts():
    file = Part(name="file", filename="a.wav", sha256="1" * 64, size=3)
    parts = [Part(name="model", text="whisper"), file]
    one, two = (of(form=parts, body=blob(boundary)) for boundary in (b"--one", b"--two"))
    assert one == two
    assert one.value["form"]["model"] == "whisper"
    assert one.value["form"]["file"]["filename"] == "a.wav"


def test_bytes():
    digest = hashlib.sha256(b"\0x").hexdigest()
    assert of(body=blob(b"\0x")) == of(body=Blob(file="x.bin", sha256=digest, size=2)) != of(body=blob(b"\0y"))
    assert of(body=Blob(base64="?")) != of(body=Blob(base64="??"))


leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.sampled_from("ab 1-/:é"), max_size=5)
)
bodies = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "b", "id", "tool_call_id"]), inner, max_size=4)
    ),
    max_leaves=15,
)


def shuffled(value, draw):
    if isinstance(value, dict):
        items = list(value.items())
        draw.shuffle(items)
        return {key: shuffled(item, draw) for key, item in items}
    if isinstance(value, list):
        return [shuffled(item, draw) for item in value]
    return float(value) if type(value) is int and abs(value) < 2**53 else value


@given(bodies, st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_permuted_keys_and_equal_numbers(body, draw):
    assert of_json(body).key == of_json(shuffled(body, draw)).key


def mutated(value, draw, new):
    """The value with another leaf."""
    if isinstance(value, dict | list) and value:
        key = draw.choice(list(value) if isinstance(value, dict) else range(len(value)))
        copy = value.copy()
        copy[key] = mutated(value[key], draw, new)
        return copy
    return new


@given(bodies, leaves, st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_any_change_changes_the_key(body, leaf, draw):
    other = mutated(body, draw, leaf)
    assume("tool_call_id" not in json.dumps([body, other]))
    assume(exact(body) != exact(other))
    assert of_json(body).key != of_json(other).key


def exact(value):
    """JSON in which equal numbers are written in one way."""
    return json.dumps(shuffled(value, random.Random(0)), sort_keys=True).replace("-0.0", "0.0")


@given(bodies)
@example({"a": "<time> /tmp/x", "tool_call_id": "b"})
@settings(max_examples=100, deadline=None)
def test_the_canonical_form_of_a_canonical_form(body):
    once = of_json(body)
    assert of_json(once.value["body"]) == once


@given(st.binary(max_size=40) | st.text(st.sampled_from('{}[]",:\\u d83d10eE.-'), max_size=30).map(str.encode))
@settings(max_examples=300, deadline=None)
def test_any_bytes(raw):
    assert len(of_bytes(raw).key) == 32
