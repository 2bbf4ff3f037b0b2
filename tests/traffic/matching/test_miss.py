"""What a miss says: the nearest recording, what differs, what to do. It fits on a screen and tells no secret."""

import copy
import json

import msgspec
import pytest
from any_json import anything
from hypothesis import given, settings
from hypothesis import strategies as st

from aigw.traffic.format.recording import SentRequest
from aigw.traffic.matching.canonical import canonical
from aigw.traffic.matching.miss import MOST_RULES, MOST_SHOWN, WIDTH, differences, divergence, explained, nearest
from aigw.traffic.volatility.rules import Rules, VolatileConfig

RULES = Rules.of(VolatileConfig(), folder="", home="")
LONG = "You are a careful assistant who answers every question in short words. " * 5
BODY = {
    "model": "m",
    "messages": [
        {"role": "system", "content": LONG},
        {"role": "user", "content": f"{LONG}Handle CASE-1 and then write. {LONG}"},
    ],
    "tools": [{"name": "a", "description": "does this"}, {"name": "b", "description": "does that"}],
    "temperature": 0.7,
}


def form(body, **more):
    request = {"method": "POST", "path": "/v1/chat/completions", "json": msgspec.Raw(json.dumps(body).encode())} | more
    return canonical(SentRequest(**request), "openai", RULES).value


def lines(body, recorded=BODY):
    return [str(each) for each in differences(form(recorded), form(body))]


def edited(place, value):
    body = copy.deepcopy(BODY)
    *above, last = place
    parent = body
    for step in above:
        parent = parent[step]
    parent[last] = value
    return body


@pytest.mark.parametrize(
    ("place", "value", "line"),
    [
        (("tools", 1, "description"), "does more", 'tools[1].description: "does that" -> "does more"'),
        (("temperature",), 1.0, "temperature: 0.7 -> 1"),
        (("model",), None, 'model: "m" -> null'),
        (("user",), "me", 'user added: "me"'),
        (("tools",), "none", 'tools: [{"name": "a", "description": "... -> "none"'),
    ],
)
def test_a_difference(place, value, line):
    assert lines(edited(place, value)) == [line]


def test_of_a_long_text_only_what_is_around_the_difference():
    (line,) = lines(edited(("messages", 1, "content"), BODY["messages"][1]["content"].replace("CASE-1", "CASE-2")))
    assert line == 'messages[1].content: "... words. Handle CASE-1 an..." -> "... words. Handle CASE-2 an..."'


def test_what_was_added_and_removed():
    assert lines({**BODY, "messages": [BODY["messages"][0]]})[0].startswith('messages[1] removed: {"role": "user", ')
    assert lines({**BODY, "tools": [*BODY["tools"], {"name": "c"}]}) == ['tools[2] added: {"name": "c"}']


def test_what_is_not_in_the_body():
    found = differences(form(BODY), form(BODY, path="/v1/x", query="a=1", headers={"openai-beta": "b"}))
    assert list(map(str, found)) == [
        'path: "/v1/chat/completions" -> "/v1/x"',
        'query.a added: "1"',
        'headers.openai-beta added: "b"',
    ]


def test_the_nearest():
    asked = form(edited(("temperature",), 1))
    near = nearest(asked, [("other", form({"model": "m"})), ("it", form(BODY)), ("third", form({"prompt": "m"}))])
    assert near is not None
    assert (near.name, list(map(str, near.differences))) == ("it", ["temperature: 0.7 -> 1"])
    assert nearest(asked, []) is None


def test_what_it_says():
    near = nearest(form(edited(("temperature",), 1)), [("0001-chat.json", form(BODY))])
    assert explained("POST /v1/chat/completions for m", "recordings", near).splitlines() == [
        "POST /v1/chat/completions for m: no recording in recordings",
        "The nearest is 0001-chat.json. It differs here (recorded -> asked for):",
        "  temperature: 0.7 -> 1",
        "If it varies by itself, declare it under record.volatile.rules.",
        "If it is meant: --auto records what is missing, --refresh all that a run uses.",
    ]
    assert "No recording there is of this API." in explained("POST /x", "recordings", None)


def test_of_a_long_folder_the_end_is_shown():
    """It has the name of the test; all folders of a project begin alike."""
    folder = f"/home/{'runner/' * 20}recordings/test_agent/test_it"
    first, *_ = explained("POST /v1/chat/completions for m", folder, None).splitlines()
    assert len(first) <= 100
    assert first.endswith("recordings/test_agent/test_it")


def test_it_proposes_rules_where_only_values_differ():
    def said(text):
        near = nearest(form({**BODY, "prompt": text}), [("1.json", form({**BODY, "prompt": "Handle CASE-1."}))])
        return explained("POST", "x", near)

    assert "  - {regex: 'CASE-\\d+', where: '/prompt'}\n" in said("Handle CASE-2.")
    assert "declare it under record.volatile.rules.\n" in said("Forget CASE-1.")


def test_a_divergence_is_one_line():
    found = differences(form(BODY), form({**BODY, "temperature": 1, "model": "n"}))
    assert divergence("1.json", found) == '1.json was recorded for another request: model: "m" -> "n" and 1 more'
    assert divergence("1.json", []) == "1.json was recorded for another request"


def test_no_secret_is_told():
    secret, key = "an-unlikely-secret", "sk-abcdefgh12345678"
    body = {
        "metadata": {"password": secret},
        "messages": [f"the password is {secret}", f"x {key}"],
        "more": {key: secret},
        "n": 1,
    }
    other = {"metadata": {"password": "x"}, "messages": ["the password is none", "x y"], "n": "the-secret-of-config"}
    for pair in ((form(body), form(other)), (form(other), form(body))):
        found = differences(*pair, secrets=["the-secret-of-config"])
        text = "\n".join(map(str, found)) + explained(
            "POST", "x", nearest(pair[1], [("x", pair[0])], ["the-secret-of-config"])
        )
        assert secret not in text
        assert key not in text
        assert "the-secret-of-config" not in text


words = st.text(st.sampled_from("ab\n\x1b\u202e é\ud83d"), max_size=9) | st.text(min_size=1, max_size=3).map(
    lambda text: text * 200
)
wild = st.recursive(
    words | anything,
    lambda inner: st.lists(inner, max_size=12) | st.dictionaries(words, inner, max_size=12),
    max_leaves=20,
)


@given(wild, wild, words)
@settings(max_examples=200, deadline=None)
def test_it_fits_on_a_screen(recorded, asked, name):
    found = differences({"body": recorded}, {"body": asked})
    text = explained(f"POST {name}", name, nearest({"body": asked}, [(name, {"body": recorded})]))
    assert len(text.splitlines()) <= MOST_SHOWN + MOST_RULES + 5 <= 20
    assert all(len(line) <= WIDTH and line.isprintable() for line in text.splitlines())
    assert all(str(each).isprintable() for each in found)
    assert divergence(name, found).isprintable()
