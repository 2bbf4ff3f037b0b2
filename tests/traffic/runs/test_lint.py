"""What varies between two runs, and that the rules which are proposed make them match."""

import json

import msgspec
import pytest

from aigw.traffic.format.recording import SentRequest
from aigw.traffic.matching.canonical import canonical
from aigw.traffic.runs.lint import RunCall, lint
from aigw.traffic.volatility.rules import Rules, VolatileConfig, VolatileRule


def run(bodies, *rules):
    config = Rules.of(VolatileConfig(rules=list(rules)), folder="/home/me/app", home="/home/me")
    requests = [
        SentRequest(method="POST", path="/v1/x", json=msgspec.Raw(json.dumps(body).encode())) for body in bodies
    ]
    return [RunCall(1, n, canonical(request, "openai", config).value) for n, request in enumerate(requests, 1)]


def agent(result, steps=3):
    """The requests of an agent, whose history grows. `result` makes what the tool of a step returns."""
    history = [{"role": "user", "content": "go"}]
    for step in range(steps):
        yield {"model": "m", "messages": list(history)}
        history += {"role": "assistant", "content": f"step {step}"}, {"role": "tool", "content": result(step)}


def test_runs_that_are_the_same():
    found = lint(run(agent(str)), run(agent(str)))
    assert found == (3, 0, 0, 0, [])


def test_calls_without_a_counterpart():
    found = lint(run(agent(str, 2)), run(agent(str, 5)))
    assert found[:4] == (2, 0, 0, 3)


@pytest.mark.parametrize(
    ("one", "other", "regex"),
    [
        ("built at {:02}:10:20 today", "built at {:02}:17:29 today", r"at \d{1,9}:\d{1,9}:\d{1,9}"),
        ("/home/me/app/x: job {} of CASE-1", "/home/me/app/x: job {} of CASE-2", r"CASE-\d+"),
        (
            "[29/Nov/2026:23:12:{:02} +0000] GET",
            "[30/Nov/2026:03:15:{:02} +0000] GET",
            r"\d{1,9}/Nov/\d{1,9}:\d{1,9}:\d{1,9}:\d{1,9}",
        ),
        ('{{"elapsed": 0.{}1, "ok": true}}', '{{"elapsed": 0.{}22, "ok": true}}', r'elapsed": \d+\.\d+'),
        ("Sun, 29 Nov 2026 23:12:{} GMT", "Mon, 30 Nov 2026 03:12:{} GMT", None),
        ("id-{}a1b2c3", "id-{}d4e5f6", None),
    ],
)
def test_one_accepted_rule_makes_the_runs_match(one, other, regex):
    first, second = list(agent(one.format)), list(agent(other.format))
    found = lint(run(first), run(second))
    (varying,) = found.varying
    assert (found.same, found.different, varying.calls) == (1, 2, 2)
    assert varying.path == "messages[*].content"
    assert varying.rule is not None
    assert varying.rule.where == "/messages/*/content"
    assert regex is None or varying.rule.regex == regex
    assert lint(run(first, varying.rule), run(second, varying.rule)).different == 0


def test_a_pointer():
    first, second = ([{"model": "m", "metadata": {"run": name, "n": 1}}] for name in ("nightly", "daily"))
    (varying,) = lint(run(first), run(second)).varying
    assert (varying.path, varying.rule, str(varying.example)) == (
        "metadata.run",
        VolatileRule(pointer="/metadata/run"),
        'metadata.run: "nightly" -> "daily"',
    )
    assert lint(run(first, varying.rule), run(second, varying.rule)).same == 1


def test_what_no_rule_should_hide():
    (varying,) = lint(run(agent("the cat {}".format)), run(agent("the dog {}".format))).varying
    assert varying.rule is None
    assert str(varying.example) == 'messages[2].content: "the cat 0" -> "the dog 0"'


def test_sessions_are_apart():
    one, two = run([{"a": 1}])[0], run([{"a": 2}])[0]
    calls = [one, two._replace(session=2)]
    assert lint(calls, calls[::-1]).same == 2
    assert lint(calls, [one, two._replace(session=3)])[:4] == (1, 0, 1, 1)


def test_secrets_are_hidden():
    first, second = ([{"password": text, "x": f"is {text}"}] for text in ("an-old-secret", "a-newer-secret"))
    found = lint(run(first), run(second))
    assert found.different == 1
    assert "secret" not in str(found)
    assert "of-the-config" not in str(lint(run([{"x": "of-the-config a"}]), run([{"x": "b"}]), ["of-the-config"]))
