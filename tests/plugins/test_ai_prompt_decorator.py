"""ai-prompt-decorator in `safe`, for clients of all formats; the cases D* of tests/conformance say what Higress does."""

import json
import time

import pytest
from fakes import chat
from world import configured, world

from aigw.core.errors import ConfigError

BOTH = {
    "prepend": [{"role": "system", "content": "A"}, {"role": "user", "content": "B"}],
    "append": [{"role": "user", "content": "Z"}],
}
GEO = {"prepend": [
    {"role": "system", "content": "from ${geo-country}/${geo-city}"}, {"role": "system", "content": "plain ${geo-other}"},
]}  # fmt: skip


async def sent(body, config, **how):
    async with world({"ai-prompt-decorator": config}) as it:
        await it.ask(body, **how)
    return it.upstream


def user(text):
    return {"role": "user", "content": text}


def block(text):
    return {"type": "text", "text": text}


def item(role, text):
    return {"type": "message", "role": role, "content": text}


@pytest.mark.parametrize(
    ("path", "body", "becomes"),
    [
        (
            "/v1/chat/completions",
            {"messages": [{"role": "system", "content": "s0"}, user("q")]},
            {"messages": [{"role": "system", "content": "A"}, user("B"), {"role": "system", "content": "s0"}, user("q"), user("Z")]},
        ),
        ("/v1/completions", {"prompt": "q"}, {"prompt": "A\n\nB\n\nq\n\nZ"}),
        ("/v1/completions", {"prompt": ["q", "r"]}, {"prompt": ["A\n\nB\n\nq\n\nZ", "A\n\nB\n\nr\n\nZ"]}),
        (
            "/v1/messages",
            {"system": "s0", "messages": [user("q")]},
            {"system": [block("A"), block("s0")], "messages": [{"role": "user", "content": [block("B"), block("q"), block("Z")]}]},
        ),
        (
            "/v1/messages/count_tokens",
            {"messages": [user("q")]},
            {"messages": [{"role": "user", "content": [block("B"), block("q"), block("Z")]}], "system": [block("A")]},
        ),
        (
            "/v1/responses",
            {"instructions": "s0", "input": "q"},
            {"instructions": "A\n\ns0", "input": [item("user", "B"), item("user", "q"), item("user", "Z")]},
        ),
        (
            "/v1beta/models/m:generateContent",
            {"contents": [{"role": "user", "parts": [{"text": "q"}]}]},
            {
                "contents": [{"role": "user", "parts": [{"text": text}]} for text in "BqZ"],
                "systemInstruction": {"parts": [{"text": "A"}]},
            },
        ),
    ],
)  # fmt: skip
async def test_each_api_has_its_own_places(path, body, becomes):
    assert (await sent(body, BOTH, path=path)).json() == becomes


@pytest.mark.parametrize(
    ("path", "body", "becomes"),
    [
        ("/v1/messages", {"messages": [user("q")]}, {"messages": [user("q")], "system": [block("S")]}),
        ("/v1/responses", {"input": []}, {"input": [item("developer", "S")]}),
        (
            "/v1beta/models/m:generateContent",
            {"contents": [{"parts": [{"text": "q"}]}]},
            {"contents": [{"parts": [{"text": "q"}]}, {"role": "user", "parts": [{"text": "S"}]}]},
        ),
        ("/v1/chat/completions", {"messages": []}, {"messages": [{"role": "developer", "content": "S"}]}),
    ],
)
async def test_instructions_that_are_appended(path, body, becomes):
    assert (await sent(body, {"append": [{"role": "developer", "content": "S"}]}, path=path)).json() == becomes


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/embeddings", {"input": "x"}),
        ("/v1/completions", {"prompt": [1, 2]}),
        ("/v1/chat/completions", {"model": "m"}),
        ("/v1/chat/completions", {"messages": None}),
        ("/v1beta/models/m:generateContent", {"contents": []}),
        ("/v1/rerank", {"query": "x"}),
    ],
)
async def test_without_a_conversation_a_request_keeps_its_bytes(path, body):
    config = {**BOTH, "replace": [{"pattern": "x", "replacement": "y"}]}
    raw = json.dumps(body, indent=1).encode()
    assert (await sent(chat(raw, path=path), config)).last.body == raw


async def test_what_is_not_touched_keeps_its_bytes():
    raw = b'{"model" : "m", "messages": [ {"role":"user", "content":"q"} ], "x": 1.0}'
    assert (await sent(chat(raw), {"replace": [{"pattern": "nothing", "replacement": ""}]})).last.body == raw
    assert (await sent(chat(raw), {})).last.body == raw


async def test_a_place_that_is_not_known_leaves_out_only_what_needs_it():
    body = {"messages": [user("q")]}
    rest = [{"role": "system", "content": "plain ${geo-other}"}, user("q")]
    assert (await sent(body, GEO)).json() == {"messages": rest}
    assert (await sent(body, GEO, x_higress_geo_country="CN")).json() == {"messages": rest}
    known = (await sent(body, GEO, x_higress_geo_country="CN", x_higress_geo_city="%E6%9D%AD+%E5%B7%9E")).json()
    assert known == {"messages": [{"role": "system", "content": "from CN/杭 州"}, *rest]}


async def test_a_place_is_not_searched_for_variables():
    config = {"append": [{"role": "user", "content": "${geo-country} ${geo-isp}"}]}
    got = (await sent({"messages": []}, config, x_higress_geo_country="${geo-isp}", x_higress_geo_isp="x")).json()
    assert got == {"messages": [user("${geo-isp} x")]}


RULES = {
    "prepend": [{"role": "system", "content": "in OpenClaw"}],
    "replace": [
        {"on_role": "system", "pattern": "OpenClaw", "replacement": "agent"},
        {"pattern": r"secret-(\d+)", "replacement": "[$1]", "regex": True},
        {"pattern": "[1]", "replacement": "[one]"},
    ],
}


@pytest.mark.parametrize(
    ("path", "body", "becomes"),
    [
        (
            "/v1/chat/completions",
            {"messages": [user("OpenClaw secret-1"), user([block("secret-1"), {"type": "image_url"}]), {"role": "developer", "content": "OpenClaw"}]},
            {"messages": [{"role": "system", "content": "in agent"}, user("OpenClaw [one]"), user([block("[one]"), {"type": "image_url"}]), {"role": "developer", "content": "agent"}]},
        ),
        (
            "/v1/messages",
            {"system": "OpenClaw", "messages": [user([{"type": "tool_result", "tool_use_id": "1", "content": "secret-2"}])]},
            {"system": [block("in agent"), block("agent")], "messages": [user([{"type": "tool_result", "tool_use_id": "1", "content": "[2]"}])]},
        ),
        ("/v1/responses", {"instructions": "OpenClaw", "input": "secret-1"}, {"instructions": "in agent\n\nagent", "input": "[one]"}),
        ("/v1/completions", {"prompt": "OpenClaw secret-1"}, {"prompt": "in OpenClaw\n\nOpenClaw [one]"}),
        (
            "/v1beta/models/m:generateContent",
            {"contents": [{"role": "model", "parts": [{"text": "secret-1", "thoughtSignature": "x"}]}]},
            {"contents": [{"role": "model", "parts": [{"text": "[one]"}]}], "systemInstruction": {"parts": [{"text": "in agent"}]}},
        ),
    ],
)  # fmt: skip
async def test_words_are_replaced_in_all_texts(path, body, becomes):
    assert (await sent(body, RULES, path=path)).json() == becomes


@pytest.mark.parametrize(
    ("role", "replaced"), [("user", "q"), ("model", "a"), ("assistant", "a"), ("tool", "t"), ("developer", "s")]
)
async def test_a_rule_for_one_role(role, replaced):
    turns = {"s": "system", "q": "user", "a": "assistant", "t": "tool"}
    config = {"replace": [{"pattern": "[sqat]", "replacement": "X", "regex": True, "on_role": role}]}
    got = (await sent({"messages": [{"role": role, "content": text} for text, role in turns.items()]}, config)).json()
    assert [turn["content"] for turn in got["messages"]] == ["X" if text == replaced else text for text in turns]


async def test_a_prompt_without_roles_is_the_users():
    config = {"replace": [{"pattern": "q", "replacement": "X", "on_role": "user"}]}
    assert (await sent({"prompt": "q"}, config, path="/v1/completions")).json() == {"prompt": "X"}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages"])
async def test_half_of_a_surrogate_pair_changes_nothing(path):
    """JavaScript writes it when it cuts an emoji."""
    fields = {"/v1/completions": "prompt", "/v1/responses": "input"}
    text = "OpenClaw \ud83d"
    body = {fields[path]: text} if path in fields else {"messages": [user(text)]}
    config = {**BOTH, "replace": [{"pattern": "OpenClaw", "replacement": "agent"}]}
    raw = (await sent(body, config, path=path)).last.body.decode()
    assert all(each in raw for each in ("agent \\ud83d", "A", "B", "Z"))
    assert "OpenClaw" not in raw


async def test_many_texts_are_replaced_in_a_short_time():
    """Each of 5000 texts costs the same: 2 us, and not the time for all of them."""
    body = {"messages": [user(f"OpenClaw {number} {'x' * 100}") for number in range(5000)]}
    began = time.process_time()
    got = (await sent(body, {"replace": [{"pattern": "OpenClaw", "replacement": "agent"}]})).json()
    assert time.process_time() - began < 2
    assert all(turn["content"].startswith("agent") for turn in got["messages"])


async def test_a_long_text_is_searched_to_its_end():
    config = {"replace": [{"pattern": r"secret-\d+", "replacement": "X", "regex": True}]}
    text = ("a" * 997 + " secret-1234567890 ") * 300
    got = (await sent({"messages": [user(text)]}, config)).json()
    assert got["messages"][0]["content"] == text.replace("secret-1234567890", "X")


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"prepend": [{"content": "x"}]}, "prepend[0].role: is missing; write system, user or assistant"),
        ({"append": [{"role": "sytem", "content": "x"}]}, "append[0].role: 'sytem' is not a role"),
        ({"replace": [{"replacement": "x"}]}, "replace[0].pattern: must not be empty"),
        ({"replace": [{"pattern": "(", "regex": True}]}, "replace[0].pattern: is not a valid regex"),
        ({"replace": [{"pattern": "x", "on_role": "bot"}]}, "replace[0].on_role: 'bot' is not a role"),
    ],
)
def test_a_wrong_configuration(config, told):
    with pytest.raises(ConfigError) as caught:
        configured({"ai-prompt-decorator": config})
    assert told in str(caught.value)


def test_in_higress_a_role_that_is_missing_is_noted():
    notes = configured(
        {"ai-prompt-decorator": {"_rules_": [{"_match_domain_": ["r"], "prepend": [{"content": "x"}]}]}},
        fidelity="higress",
    ).notes
    assert ["role: is missing" in note for note in notes] == [True]
