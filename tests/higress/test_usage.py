"""What Higress's own runs gave (the cases of ai-statistics), and the extraction rules one by one."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aigw.dialects.sse import EventSplitter
from aigw.higress.usage import HigressUsage, has_usage

CASES = Path(__file__).parents[1] / "conformance" / "higress-cases.yaml"
STEPS = [
    (f"{case['id']}.{index}", step)
    for case in yaml.safe_load(CASES.read_text())
    if case.get("plugin") == "ai-statistics" and not case["config"].get("disable_openai_usage")
    for index, step in enumerate(case.get("steps", ()))
    if "ai_log" in step["expect"]
]
NUMBERS = ("model", "input_token", "output_token", "total_token", "input_token_details", "output_token_details")


def read(*payloads, asked=""):
    usage = HigressUsage(asked, "UNKNOWN")
    for payload in payloads:
        usage.feed(payload if isinstance(payload, bytes) else json.dumps(payload).encode())
    return usage


def payloads_of(upstream):
    if "body" in upstream:
        return [json.dumps(upstream["body"]).encode()]
    splitter = EventSplitter()
    return [event.data for chunk in upstream["chunks"] for event in splitter.feed(chunk.encode()) if event.data]


def test_there_are_cases():
    assert {"S04.0", "S05.0", "S18.0", "S25.0", "S26.0"} <= {name for name, _ in STEPS}


@pytest.mark.parametrize(("name", "step"), STEPS, ids=[name for name, _ in STEPS])
def test_recorded_cases(name, step):
    usage = read(*payloads_of(step["upstream"]), asked=step["request"]["body"].get("model", ""))
    logged = step["expect"]["ai_log"]
    if not usage.seen:
        assert not set(NUMBERS) & set(logged)
        return
    found = dict(
        zip(
            NUMBERS,
            (usage.model, usage.input, usage.output, usage.total, usage.input_details, usage.output_details),
            strict=True,
        )
    )
    for name in NUMBERS:
        expected = logged[name]
        if name.endswith("details"):  # the default sets log them as text, or null
            expected = json.loads(expected) if isinstance(expected, str) else expected or {}
        assert found[name] == expected


@pytest.mark.parametrize(
    ("payload", "model", "numbers"),
    [
        ({"model": "m", "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 9}}, "m", (1, 2, 9)),
        ({"body": {"model": "m"}, "usage": {"input_tokens": 1, "output_tokens": 2}}, "m", (1, 2, 3)),
        ({"response": {"model": "m", "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 4}}}, "m", (1, 2, 4)),
        ({"message": {"model": "m", "usage": {"input_tokens": 1, "output_tokens": 2}}}, "m", (1, 2, 3)),
        ({"modelVersion": "m", "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 7}}, "m", (1, 2, 7)),
        ({"model": "m", "usage": {"input_tokens": 1, "output_tokens": 2, "cache_creation_input_tokens": 10, "cache_read_input_tokens": 20}}, "m", (1, 2, 33)),
        ({"message": {"model": "m", "usage": {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 20}}}, "m", (1, 2, 3)),
        ({"usage": {"prompt_tokens": 1}}, "asked", (1, 0, 1)),
        ({"model": "", "usage": {"prompt_tokens": 1}}, "", (1, 0, 1)),
        ({"model": None, "usage": {"prompt_tokens": 1}}, "", (1, 0, 1)),
        ({"model": "m", "usage": {"prompt_tokens": "7", "completion_tokens": 2.9, "total_tokens": "x"}}, "m", (7, 2, 0)),
        ({"model": "m", "usage": {"prompt_tokens": None, "completion_tokens": {}}}, "m", (0, 0, 0)),
        ({"model": "m", "choices": [{"usage": {"prompt_tokens": 1, "completion_tokens": 2}}]}, "m", (0, 0, 0)),
    ],
)  # fmt: skip
def test_paths(payload, model, numbers):
    usage = read(payload, asked="asked")
    assert (usage.model, (usage.input, usage.output, usage.total)) == (model, numbers)


def test_the_last_explicit_value_wins_and_nothing_is_summed():
    usage = read(
        {"type": "message_start", "message": {"model": "claude", "usage": {"input_tokens": 25, "output_tokens": 1}}},
        {"type": "content_block_delta", "delta": {"text": "no usage here"}},
        {"type": "message_delta", "usage": {"output_tokens": 15}},
    )
    assert (usage.model, usage.input, usage.output, usage.total) == ("claude", 25, 15, 40)


def test_details():
    usage = read(
        {
            "usage": {
                "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": None},
                "completion_tokens_details": {"reasoning_tokens": 2},
                "cache_read_input_tokens": 5,
                "generated_images": 1,
            }
        },
        {"usageMetadata": {"cachedContentTokenCount": 7, "toolUsePromptTokenCount": 8, "thoughtsTokenCount": 9, "promptTokensDetails": []}},
    )  # fmt: skip
    assert usage.input_details == {
        "cached_tokens": 3,
        "audio_tokens": 0,
        "cache_read_input_tokens": 5,
        "cached_content_token_count": 7,
        "tool_use_prompt_token_count": 8,
    }
    assert usage.output_details == {"reasoning_tokens": 2, "generated_images": 1, "thoughts_token_count": 9}


def test_usage_behind_a_text_that_speaks_of_it():
    text = {"message": {"content": '{"usage": 1} is JSON, "usages" is not'}}
    assert read({"choices": [text], "usage": {"prompt_tokens": 1}}).input == 1
    assert read({"candidates": [text], "usageMetadata": {"promptTokenCount": 1}}).input == 1


def test_null_usage_gives_the_model_but_no_numbers():
    usage = read({"model": "m", "usage": None}, {"model": "m", "usage": None})
    assert (usage.model, usage.seen) == ("m", False)
    usage.feed(b'{"model":"m","usage":{"prompt_tokens":1}}')
    assert (usage.seen, usage.input) == (True, 1)


def test_a_total_that_is_not_repeated_is_summed_anew():
    usage = read({"model": "m", "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 9}})
    usage.feed(b'{"model":"m","usage":null}')
    assert usage.total == 3


def test_a_nameless_answer():
    assert read({"usage": {}}).model == "UNKNOWN"
    assert HigressUsage().model == ""


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
        st.sampled_from(["usage", "usageMetadata", "message", "response", "model", "prompt_tokens", "total_tokens", "prompt_tokens_details"]), inner, max_size=4),
    max_leaves=15,
)  # fmt: skip


usages = st.dictionaries(
    st.sampled_from(["prompt_tokens", "input_tokens", "completion_tokens", "output_tokens", "total_tokens", "prompt_tokens_details",
                     "input_tokens_details", "completion_tokens_details", "output_tokens_details", "cache_read_input_tokens", "generated_images"]),
    st.none() | st.integers() | st.floats() | st.text(max_size=3) | st.dictionaries(st.sampled_from("ab"), st.integers(), max_size=2))  # fmt: skip
flat = st.lists(st.fixed_dictionaries({"usage": usages | values}, optional={"model": values}), max_size=3)


@given(flat)
def test_a_place_without_numbers_changes_nothing(payloads):
    """Neither that it is there, nor that the numbers are then looked for along the paths."""
    alone, others = read(*payloads), read(*({**payload, "body": None} for payload in payloads))
    for name in ("model", "seen", "input", "output", "total", "input_details", "output_details"):
        assert getattr(alone, name) == getattr(others, name)


@given(st.lists(values, max_size=3), st.binary(max_size=50))
def test_anything_is_survived(payloads, data):
    usage = read({"usage": {}}, *payloads, data, b'{"usage":' + data)
    assert isinstance(usage.model, str)
    assert all(isinstance(number, int) for number in (usage.input, usage.output, usage.total))


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"usage": {"a": 1}}, True),
        ({"response": {"usage": {"a": 1}}}, True),
        ({"message": {"usageMetadata": {"a": 1}}}, True),
        ({"usage": None}, False),
        ({"choices": [{"usage": {}}], "message": "usage"}, False),
        (["usage"], False),
    ],
)
def test_where_a_decoded_payload_has_usage(body, found):
    assert has_usage(body) is found
