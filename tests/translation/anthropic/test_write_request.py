"""A conversation as a request of Anthropic's Messages API."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage.vendors.messages_check import check
from stage.vendors.signatures import signature

from aigw.core.errors import GatewayError
from aigw.providers.catalog import CATALOG
from aigw.translation.anthropic.write_request import write_request
from aigw.translation.chat.read_request import read_request
from aigw.translation.envelope import sealed
from aigw.translation.history import mended
from aigw.translation.hub import (
    Call,
    Conversation,
    Format,
    Media,
    Message,
    Reasoning,
    Result,
    Sampling,
    Text,
    Thinking,
    Tool,
)
from aigw.translation.ids import fitted
from aigw.translation.notes import Notes
from aigw.translation.rules import Rules

PNG = Media("image", "image/png", "QQ==")
F = Tool("f", "d", {"type": "object", "properties": {}})
NEWER = Rules(maker="claude", takes_budget=("old",), plain_sampling=("old",), prefills=("old",), knows_xhigh=("m",))
OWN = sealed("claude", "sig")


def write(*messages, rules=Rules(maker="claude"), **more):  # noqa: B008 - it is frozen
    notes = Notes()
    said = mended(messages, notes)
    return write_request(Conversation(**{"model": "m", "messages": said, **more}), rules, notes), notes.lost


def said(role, *parts):
    return Message(role, tuple(Text(part) if isinstance(part, str) else part for part in parts))


def messages(*given, **how):
    return [(each["role"], each["content"]) for each in write(*given, **how)[0]["messages"]]


def text(words, **more):
    return {"type": "text", "text": words, **more}


HI = said("user", "hi")
CALLED = said("assistant", Call("a", "f", '{"x":1}'))
DONE = said("user", Result("a", (Text("r"),)))


def test_what_the_system_says_first_stands_apart_in_its_order():
    body, lost = write(said("system", "a", "b"), said("system", "c"), HI)
    assert body["system"] == [text("a"), text("b"), text("c")]
    assert body["messages"] == [{"role": "user", "content": [text("hi")]}]
    assert lost == []


def test_what_it_says_later_is_a_message_of_the_user_unless_the_model_hears_it():
    given = (HI, said("system", "now in French"), said("assistant", "salut"), said("user", "ok"))
    reminder = text("<system>\nnow in French\n</system>")
    assert messages(*given)[0] == ("user", [text("hi"), reminder])
    heard = messages(*given, rules=Rules(hears_system=("m",)))
    assert heard[:2] == [("user", [text("hi")]), ("system", [text("now in French")])]


def test_the_system_is_not_heard_in_front_of_the_user():
    """anthropics/claude-code#73821."""
    given = (HI, said("system", "now in French"), said("user", "ok"))
    assert [role for role, _ in messages(*given, rules=Rules(hears_system=("m",)))] == ["user"]


def test_an_image_of_the_system_is_noted():
    body, lost = write(said("system", "a", PNG), HI)
    assert (body["system"], lost) == ([text("a")], ["an image of the system"])


def test_instructions_alone_are_what_the_user_asks_for():
    body, _ = write(said("system", "a"), said("system", "b"))
    assert (body["system"], body["messages"]) == ([text("a")], [{"role": "user", "content": [text("b")]}])


def test_results_of_a_turn_come_first_in_one_message():
    """MoonshotAI/kosong#45, KunAgent/Kun#575."""
    turn = said("assistant", "so", Call("a", "f", '{"x":1.0}'), Call("b", "g", ""))
    given = messages(
        HI, turn, said("user", "wait", Result("b", (Text("2"),))), said("user", Result("a", (Text("1"),), failed=True))
    )
    assert given[1:] == [
        ("assistant", [
            text("so"),
            {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1.0}},
            {"type": "tool_use", "id": "b", "name": "g", "input": {}},
        ]),
        ("user", [
            {"type": "tool_result", "tool_use_id": "a", "content": "1", "is_error": True},
            {"type": "tool_result", "tool_use_id": "b", "content": "2"},
            text("wait"),
        ]),
    ]  # fmt: skip


def test_no_text_is_empty():
    """anthropics/anthropic-sdk-python#461."""
    turn = said("assistant", " ", Call("a", "f", "{}"))
    given = messages(said("user", "hi", "\n"), turn, said("user", Result("a", (Text(""), PNG))), said("user", " "))
    assert [[block["type"] for block in content] for _, content in given] == [["text"], ["tool_use"], ["tool_result"]]
    assert [part["type"] for part in given[2][1][0]["content"]] == ["image"]


def test_the_user_speaks_first():
    assert messages(said("assistant", "hello"), HI)[0] == ("user", [text("[the assistant begins]")])


def test_neighbours_of_one_role_are_one_message():
    assert [role for role, _ in messages(HI, HI, said("assistant", "a"), said("assistant", "b"), HI)] == [
        "user", "assistant", "user",
    ]  # fmt: skip


def test_images_and_files():
    given = messages(
        said(
            "user", PNG, Media("image", url="https://a/b"), Media("image", "image/jpg", "QQ=="),
            Media("file", "application/pdf", "QQ==", name="a.pdf"), Media("file", "text/plain", "QQ=="),
        )
    )  # fmt: skip
    assert given[0][1] == [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QQ=="}},
        {"type": "image", "source": {"type": "url", "url": "https://a/b"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "QQ=="}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "QQ=="}, "title": "a.pdf"},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "A"}},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("messages", "more", "words"),
    [
        ((said("user", Media("audio", "audio/wav", "QQ==")),), {}, "do not hear"),
        ((said("user", Media("file", "text/plain", "_", name="a.txt")),), {}, "a.txt is no text"),
        ((HI,), {"choices": 2}, "n: "),
        ((HI, said("assistant", "so")), {"rules": NEWER}, "m does not go on with one"),
    ],
)
def test_what_would_get_a_wrong_answer_is_refused(messages, more, words):
    """ericc-ch/copilot-api#261: the beginning of an answer is refused by us, with the reason."""
    with pytest.raises(GatewayError, match=words) as refusal:
        write(*messages, **more)
    assert refusal.value.status == 400


def test_the_beginning_of_an_answer_has_no_white_space_at_its_end():
    assert messages(HI, said("assistant", "The best answer is \n"))[1] == ("assistant", [text("The best answer is")])


def test_the_last_four_marks_for_the_cache_stay():
    """opencode-claude-bridge#24."""
    marked = [Text(letter, cached=True) for letter in "bcd"]
    body, _ = write(
        said("system", Text("a", cached=True)), said("user", *marked), CALLED, said("user", Result("a", (), cached=True)),
        tools=(Tool("f", cached=True),),
    )  # fmt: skip
    mark = {"type": "ephemeral"}
    assert "cache_control" not in body["tools"][0] and "cache_control" not in body["system"][0]
    assert [block.get("cache_control") for block in body["messages"][0]["content"]] == [mark] * 3
    assert body["messages"][2]["content"][0]["cache_control"] == mark


def test_reasoning_goes_back_only_to_who_signed_it():
    """cc-haha#982, krouter#11: that of another provider, or without a signature, is left out."""
    turn = said(
        "assistant", Thinking("a", OWN), Thinking("", sealed("claude", "data"), redacted=True), Thinking("b", sealed("qwen", "x")),
        Thinking("c", "x"), Thinking("d"), Call("a", "f", "{}"),
    )  # fmt: skip
    assert messages(HI, turn, DONE)[1][1][:-1] == [
        {"type": "thinking", "thinking": "a", "signature": "sig"},
        {"type": "redacted_thinking", "data": "data"},
    ]


def thinking(*given, rules=Rules(maker="claude"), **more):  # noqa: B008 - it is frozen
    body, lost = write(*(given or (HI,)), rules=rules, **more)
    return body.get("thinking"), body.get("output_config", {}).get("effort"), body["max_tokens"], lost


@pytest.mark.parametrize(
    ("reasoning", "given", "expected"),
    [
        (Reasoning(), None, (None, 32000)),
        (Reasoning("none"), None, (None, 32000)),
        (Reasoning("high"), 64000, (24576, 64000)),
        (Reasoning("max"), 20000, (19999, 20000)),
        (Reasoning(budget=2000), 5000, (2000, 5000)),
        (Reasoning(budget=-1), 64000, (8192, 64000)),
    ],
)
def test_a_budget_fits_into_the_limit(reasoning, given, expected):
    found, effort, most, lost = thinking(reasoning=reasoning, max_tokens=given)
    assert (found and found["budget_tokens"], most) == expected
    assert (effort, lost) == (None, [])


def test_a_budget_is_beside_the_answer_if_the_client_set_no_limit():
    rules = Rules(most_tokens={"m": 64000})
    assert thinking(reasoning=Reasoning("high"), rules=rules)[2] == 32000 + 24576


def test_a_budget_below_the_least_goes():
    """maximhq/bifrost#1479."""
    assert thinking(reasoning=Reasoning("high"), max_tokens=1000) == (
        None, None, 1000, ["thinking with fewer than 1024 tokens"],
    )  # fmt: skip


def test_a_model_that_cannot_think_is_not_asked_to():
    rules = Rules(never_think=("m",), most_tokens={"m": 4096})
    assert thinking(reasoning=Reasoning("high"), rules=rules) == (None, None, 4096, ["how much to think"])
    assert thinking(reasoning=Reasoning("none"), rules=rules)[3] == []


@pytest.mark.parametrize(
    ("reasoning", "expected", "effort"),
    [
        (Reasoning("minimal"), {"type": "adaptive"}, "low"),
        (Reasoning("xhigh", shown=True), {"type": "adaptive", "display": "summarized"}, "xhigh"),
        (Reasoning(budget=5000, shown=False), {"type": "adaptive", "display": "omitted"}, "medium"),
        (Reasoning(budget=-1), {"type": "adaptive"}, None),
        (Reasoning("none"), {"type": "disabled"}, None),
    ],
)
def test_newer_models_take_an_effort(reasoning, expected, effort):
    """mnfst/modelparams.dev#38: they refuse a budget."""
    assert thinking(reasoning=reasoning, rules=NEWER) == (expected, effort, 32000, [])


def test_an_effort_that_the_model_does_not_know_is_the_next_lower_one():
    assert thinking(reasoning=Reasoning("xhigh"), rules=Rules(takes_budget=(), knows_xhigh=()))[1] == "high"


@pytest.mark.parametrize(
    ("messages", "more", "words"),
    [
        ((HI,), {"tools": (F,), "choice": "required"}, "thinking beside a tool that must be called"),
        ((HI, said("assistant", "so")), {}, "thinking in front of an answer that has begun"),
        ((HI, CALLED, DONE), {}, "thinking in a turn whose first thoughts did not come back"),
    ],
)
def test_what_the_client_asks_for_goes_before_thinking(messages, more, words):
    """can1357/oh-my-pi#341, BerriAI/litellm#15601."""
    assert thinking(*messages, reasoning=Reasoning("high"), **more) == (None, None, 32000, [words])


def test_a_turn_with_its_first_thoughts_goes_on_thinking():
    turn = said("assistant", Thinking("a", OWN), Call("a", "f", "{}"))
    assert thinking(HI, turn, DONE, reasoning=Reasoning("high"))[0]["type"] == "enabled"


def test_an_adaptive_model_needs_no_earlier_thoughts():
    assert thinking(HI, CALLED, DONE, reasoning=Reasoning("high"), rules=NEWER)[0] == {"type": "adaptive"}


@pytest.mark.parametrize(
    ("sampling", "more", "expected", "lost"),
    [
        (Sampling(1.5, None, 5), {}, {"temperature": 1, "top_k": 5}, ["temperature above 1"]),
        (Sampling(0.5, 0.9), {}, {"temperature": 0.5}, ["top_p beside temperature"]),
        (Sampling(0.5, 1), {}, {"temperature": 0.5}, []),
        (Sampling(top_p=0.9), {}, {"top_p": 0.9}, []),
        (Sampling(0, seed=3, presence_penalty=1), {}, {"temperature": 0}, ["seed", "presence_penalty"]),
        (Sampling(0.5, 0.9, 5), {"rules": NEWER}, {}, ["temperature", "top_p", "top_k"]),
        (Sampling(1), {"rules": NEWER}, {}, []),
        (Sampling(0.5), {"reasoning": Reasoning("high")}, {}, ["temperature"]),
        (Sampling("hot"), {}, {"temperature": "hot"}, []),
    ],
)
def test_sampling(sampling, more, expected, lost):
    """inspect_ai#3721, modelparams.dev#214: newer models refuse it, and so do models that think."""
    body, noted = write(HI, sampling=sampling, **more)
    assert ({name: body[name] for name in ("temperature", "top_p", "top_k") if name in body}, noted) == (expected, lost)


def test_a_limit_above_the_models_own_is_lowered():
    body, lost = write(HI, max_tokens=64000, rules=Rules(most_tokens={"m": 8192}))
    assert (body["max_tokens"], lost) == (8192, ["max_tokens above 8192"])


CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}


def test_a_schema_is_enforced():
    body, lost = write(HI, format=Format(CLOSED, "n", strict=True))
    assert (body["output_config"], lost) == ({"format": {"type": "json_schema", "schema": CLOSED}}, [])


@pytest.mark.parametrize(
    ("format", "rules", "words"),
    [
        (Format(), Rules(), "Answer with a JSON object."),
        (Format(CLOSED), Rules(enforces_schema=()), "fits this JSON Schema"),
        (Format({"type": "object", "additionalProperties": {"type": "string"}}), Rules(), "fits this JSON Schema"),
    ],
)
def test_a_form_that_cannot_be_enforced_is_asked_for_in_words(format, rules, words):
    body, lost = write(said("system", "s"), HI, format=format, rules=rules)
    assert words in body["system"][1]["text"] and "output_config" not in body
    assert lost == ["a form of the answer that the provider enforces"]


def test_tools():
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: x"}
    tools = (
        Tool("f", "d", {"$schema": "http://json-schema.org/draft-07/schema#", **CLOSED}, strict=True),
        Tool("g", parameters={"properties": {}}, strict=True), Tool("h"),
        Tool("i", "e", custom=True, grammar=grammar),
    )  # fmt: skip
    body, lost = write(HI, tools=tools)
    assert body["tools"][:3] == [
        {"name": "f", "description": "d", "input_schema": CLOSED, "strict": True},
        {"name": "g", "input_schema": {"properties": {}, "type": "object"}},
        {"name": "h", "input_schema": {"type": "object", "properties": {}}},
    ]
    assert "start: x" in body["tools"][3]["description"] and body["tools"][3]["input_schema"]["required"] == ["input"]
    assert lost == ["tools: strict"] and "tool_choice" not in body


@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        ("required", None, {"type": "any"}),
        ("none", False, {"type": "none"}),
        (("tool", "f"), False, {"type": "tool", "name": "f", "disable_parallel_tool_use": True}),
        ("", False, {"type": "auto", "disable_parallel_tool_use": True}),
        ("", True, None),
    ],
)
def test_the_choice_of_a_tool(choice, parallel, expected):
    assert write(HI, tools=(F,), choice=choice, parallel=parallel)[0].get("tool_choice") == expected


def test_tools_of_earlier_calls_are_named_where_the_client_has_none_left():
    body, _ = write(HI, CALLED, DONE)
    assert (body["tools"], body["tool_choice"]) == (
        [{"name": "f", "input_schema": {"type": "object", "properties": {}}}], {"type": "none"},
    )  # fmt: skip


def test_the_system_may_have_to_begin_with_certain_words():
    body, _ = write(said("system", "a"), HI, rules=Rules(opening="You are"))
    assert body["system"] == [text("You are", cache_control={"type": "ephemeral"}), text("a")]


def test_the_rest():
    body, lost = write(HI, stop=("x", "\n"), user="u", verbosity="low", stream=True)
    assert (body["stop_sequences"], body["metadata"], body["stream"]) == (["x"], {"user_id": "u"}, True)
    assert lost == ["stop sequences of white space", "verbosity"]


WORDS = st.sampled_from(["hi", "", " ", "salut \n"])
CONTENT = WORDS | st.lists(
    WORDS.map(lambda words: {"type": "text", "text": words, "cache_control": {"type": "ephemeral"}})
    | st.just({"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ=="}}),
    max_size=3,
)
CALLS = st.lists(
    st.builds(
        lambda id, arguments: {"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}},
        st.sampled_from(["a", "b", "functions.f:0", ""]),
        st.sampled_from(["{}", "", '{"a": 1}', "[1", "7"]),
    ),
    max_size=2,
)
MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "system"]), "content": CONTENT})
    | st.fixed_dictionaries({"role": st.just("assistant"), "content": WORDS | st.none(), "tool_calls": CALLS})
    | st.fixed_dictionaries(
        {"role": st.just("tool"), "content": WORDS, "tool_call_id": st.sampled_from(["a", "b", "functions.f:0"])}
    ),
    min_size=1,
    max_size=6,
)
BODIES = st.fixed_dictionaries(
    {"messages": MESSAGES},
    optional={
        "tools": st.just([{"type": "function", "function": {"name": "f"}}]),
        "tool_choice": st.sampled_from(["required", "none", "auto"]),
        "parallel_tool_calls": st.booleans(),
        "max_tokens": st.integers(1, 40000),
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0, 1),
        "stop": st.sampled_from(["x", ["y", " "]]),
        "reasoning_effort": st.sampled_from(["none", "minimal", "low", "high", "xhigh"]),
        "response_format": st.just({"type": "json_object"}),
        "user": st.text(max_size=3),
    },
)


@settings(max_examples=300)
@given(BODIES, st.sampled_from(["claude-sonnet-4-5", "claude-opus-4-7", "claude-opus-5"]))
def test_the_vendor_takes_whatever_is_written(body, model):
    """Except for what is refused here, with a reason, and for a conversation in which nobody says anything."""
    notes = Notes()
    read = read_request({"model": model, **body}, notes)
    conversation = Conversation(**{
        **{name: getattr(read, name) for name in read.__struct_fields__},
        "messages": fitted(mended(read.messages, notes)),
    })  # fmt: skip
    try:
        written = write_request(conversation, CATALOG["claude"].rules, notes)
    except GatewayError as refusal:
        assert "does not go on" in refusal.message
        return
    if written["messages"]:
        check(written, "")


def test_the_signature_that_the_vendor_gave_is_the_one_that_it_gets():
    turn = said("assistant", Thinking("hm", sealed("claude", signature("hm"))), Call("a", "f", "{}"))
    body, _ = write(HI, turn, DONE, tools=(F,), reasoning=Reasoning("low"))
    check({**body, "model": "claude-sonnet-4-5"}, "")


def test_the_description_of_a_form_stands_in_its_schema():
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    body, _ = write(HI, format=Format(schema, description="a day"))
    assert body["output_config"]["format"]["schema"] == {**schema, "description": "a day"}
    body, _ = write(HI, format=Format({**schema, "description": "mine"}, description="a day"))
    assert body["output_config"]["format"]["schema"]["description"] == "mine"
