"""Payloads as the providers send them (their API references, or the issue where they were shown), and what they mean."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.model import Chunk
from aigw.core.tokens import Tokens
from aigw.dialects.usage import LARGEST, UsageReader


def read(*payloads):
    reader = UsageReader()
    for payload in payloads:
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        reader.take(Chunk(data, data).json())
    return reader


def reported(input=None, output=None, *, read=None, write=None, reasoning=None):
    return Tokens(
        input=input, cache_read=read, cache_write=write, output=output, reasoning=reasoning, source="reported"
    )


def chat(usage, **more):
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": "m", "choices": [], "usage": usage, **more}


def openai(prompt, completion, total=None, **more):
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": total or prompt + completion,
    } | more


SHAPES = {
    "openai chat, cached and reasoning": (
        [
            chat(
                openai(
                    2006, 300,
                    prompt_tokens_details={"cached_tokens": 1920, "audio_tokens": 0},
                    completion_tokens_details={"reasoning_tokens": 128, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
                )
            )
        ],
        reported(86, 300, read=1920, reasoning=128),
    ),
    "openai chat, cache write": (
        [chat(openai(3000, 10, prompt_tokens_details={"cached_tokens": 1000, "cache_write_tokens": 1500}))],
        reported(500, 10, read=1000, write=1500),
    ),
    "openai stream: null until the last chunk": (
        [
            {"id": "c", "model": "gpt-4o-2024-08-06", "choices": [{"index": 0, "delta": {"content": "Hi"}}], "usage": None},
            {"id": "c", "model": "gpt-4o-2024-08-06", "choices": [], "usage": openai(9, 2)},
        ],
        reported(9, 2),
    ),
    "openai completions": ([{"id": "cmpl-1", "object": "text_completion", "model": "m", "choices": [{"text": "x"}], "usage": openai(5, 7)}], reported(5, 7)),
    "openai embeddings": ([{"object": "list", "model": "m", "data": [], "usage": {"prompt_tokens": 8, "total_tokens": 8}}], reported(8, 0)),
    "openai responses": (
        [
            {
                "id": "resp_1", "object": "response", "model": "gpt-5",
                "output": [{"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "the \"usage\" of"}]}],
                "usage": {
                    "input_tokens": 75, "input_tokens_details": {"cached_tokens": 32},
                    "output_tokens": 1186, "output_tokens_details": {"reasoning_tokens": 1024}, "total_tokens": 1261,
                },
            }
        ],
        reported(43, 1186, read=32, reasoning=1024),
    ),
    "openai responses stream": (
        [
            {"type": "response.created", "response": {"id": "resp_1", "model": "gpt-5", "usage": None}},
            {"type": "response.output_text.delta", "item_id": "msg_1", "delta": "Hi"},
            {
                "type": "response.completed",
                "response": {
                    "id": "resp_1", "model": "gpt-5",
                    "usage": {"input_tokens": 37, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 11, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 48},
                },
            },
        ],
        reported(37, 11, read=0, reasoning=0),
    ),
    "openai transcription": (
        [{"text": "x", "usage": {"type": "tokens", "input_tokens": 14, "input_token_details": {"text_tokens": 10, "audio_tokens": 4}, "output_tokens": 101, "total_tokens": 115}}],
        reported(14, 101),
    ),
    "openai transcription by duration": ([{"text": "x", "usage": {"type": "duration", "seconds": 9}}], Tokens()),
    "anthropic": (
        [
            {
                "id": "msg_1", "type": "message", "model": "claude-sonnet-4-5", "content": [{"type": "text", "text": "x"}],
                "usage": {
                    "input_tokens": 21, "cache_creation_input_tokens": 188086, "cache_read_input_tokens": 500, "output_tokens": 393,
                    "cache_creation": {"ephemeral_5m_input_tokens": 148086, "ephemeral_1h_input_tokens": 40000}, "service_tier": "standard",
                },
            }
        ],
        reported(21, 393, read=500, write=188086),
    ),
    "anthropic, only the split": (
        [{"model": "c", "usage": {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 0, "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4}}}],
        reported(1, 2, read=0, write=7),
    ),
    "anthropic stream: output in message_delta replaces that of message_start": (
        [
            {"type": "message_start", "message": {"id": "msg_1", "model": "claude", "usage": {"input_tokens": 25, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 100, "output_tokens": 1}}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 15}},
        ],
        reported(25, 15, read=100, write=0),
    ),
    "anthropic stream: message_delta repeats the input without the cache": (
        [
            {"type": "message_start", "message": {"id": "msg_1", "model": "claude", "usage": {"input_tokens": 25, "cache_read_input_tokens": 20, "output_tokens": 1}}},
            {"type": "message_delta", "delta": {}, "usage": {"input_tokens": 25, "output_tokens": 15}},
        ],
        reported(25, 15, read=20),
    ),
    "anthropic stream of another vendor: input only at the end": (
        [
            {"type": "message_start", "message": {"id": "msg_1", "model": "glm", "usage": {"input_tokens": 0, "output_tokens": 0}}},
            {"type": "message_delta", "delta": {}, "usage": {"input_tokens": 40, "output_tokens": 15, "cache_read_input_tokens": 512}},
        ],
        reported(40, 15, read=512),
    ),
    "gemini": (
        [
            {
                "candidates": [], "modelVersion": "gemini-2.5-flash", "responseId": "r1",
                "usageMetadata": {
                    "promptTokenCount": 1000, "cachedContentTokenCount": 600, "candidatesTokenCount": 198, "thoughtsTokenCount": 405, "toolUsePromptTokenCount": 50,
                    "totalTokenCount": 1653, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 1000}],
                },
            }
        ],
        reported(450, 603, read=600, reasoning=405),
    ),
    "gemini stream: each chunk has the sums so far": (
        [
            {"modelVersion": "g", "usageMetadata": {"promptTokenCount": 20, "totalTokenCount": 60, "thoughtsTokenCount": 40}},
            {"modelVersion": "g", "usageMetadata": {"promptTokenCount": 20, "candidatesTokenCount": 5, "totalTokenCount": 65, "thoughtsTokenCount": 40}},
            {"modelVersion": "g", "usageMetadata": {"promptTokenCount": 20, "candidatesTokenCount": 9, "totalTokenCount": 69, "thoughtsTokenCount": 40}},
        ],
        reported(20, 49, reasoning=40),
    ),
    "gemini stream without SSE: one array": (
        [b'[{"modelVersion": "g", "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 1}},\n{"usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 3}}]'],
        reported(4, 3),
    ),
    "gemini behind its openai api: thoughts only in the total": ([chat(openai(20, 198, 623))], reported(20, 603, reasoning=405)),
    "deepseek": (
        [chat(openai(1200, 50, prompt_tokens_details={"cached_tokens": 1024}, completion_tokens_details={"reasoning_tokens": 20}, prompt_cache_hit_tokens=1024, prompt_cache_miss_tokens=176))],
        reported(176, 50, read=1024, reasoning=20),
    ),
    "deepseek without details": ([chat(openai(1200, 50, prompt_cache_hit_tokens=1024, prompt_cache_miss_tokens=176))], reported(176, 50, read=1024)),
    "moonshot": ([chat(openai(19, 21, cached_tokens=10))], reported(9, 21, read=10)),
    "moonshot stream: usage in the choice": (
        [{"id": "cmpl-1", "model": "moonshot-v1-8k", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": openai(19, 13)}]}],
        reported(19, 13),
    ),
    "qwen compatible, explicit cache": (
        [
            chat(
                openai(
                    1500, 30,
                    prompt_tokens_details={"cached_tokens": 0, "cache_creation_input_tokens": 1408, "cache_creation": {"ephemeral_5m_input_tokens": 1408}, "cache_type": "ephemeral"},
                )
            )
        ],
        reported(92, 30, read=0, write=1408),
    ),
    "qwen native": (
        [{"request_id": "r", "output": {"choices": []}, "usage": {"input_tokens": 1500, "output_tokens": 30, "total_tokens": 1530, "prompt_tokens_details": {"cached_tokens": 1024}, "output_tokens_details": {"reasoning_tokens": 9}}}],
        reported(476, 30, read=1024, reasoning=9),
    ),
    "qwen native embeddings": ([{"request_id": "r", "output": {"embeddings": []}, "usage": {"total_tokens": 23}}], reported(23, 0)),
    "mistral": (
        [chat(openai(1013, 30, num_cached_tokens=1008, prompt_audio_seconds=None, prompt_tokens_details={"cached_tokens": 1008}, prompt_token_details={"cached_tokens": 1008}))],
        reported(5, 30, read=1008),
    ),
    "groq stream: twice in the last chunk": (
        [
            {"id": "c", "model": "llama", "choices": [], "x_groq": {"id": "req_1"}},
            {"id": "c", "model": "llama", "choices": [], "x_groq": {"id": "req_1", "usage": openai(44, 12, queue_time=0.01)}, "usage": openai(44, 12, queue_time=0.01)},
        ],
        reported(44, 12),
    ),
    "groq stream, only x_groq": ([{"id": "c", "model": "llama", "choices": [], "x_groq": {"id": "req_1", "usage": openai(44, 12)}}], reported(44, 12)),
    "xai: reasoning beside the completion": (
        [chat(openai(10120, 1499, 14428, prompt_tokens_details={"cached_tokens": 128}, completion_tokens_details={"reasoning_tokens": 2809}))],
        reported(9992, 4308, read=128, reasoning=2809),
    ),
    "openrouter": (
        [chat(openai(194, 2, cost=0.95, cost_details={"upstream_inference_cost": 19}, prompt_tokens_details={"cached_tokens": 0, "cache_write_tokens": 100, "audio_tokens": 0}, completion_tokens_details={"reasoning_tokens": 0}))],
        reported(94, 2, read=0, write=100, reasoning=0),
    ),
    "cohere chat: what is billed": (
        [{"id": "c", "message": {"role": "assistant"}, "usage": {"billed_units": {"input_tokens": 5, "output_tokens": 418}, "tokens": {"input_tokens": 71, "output_tokens": 418}}}],
        reported(5, 418),
    ),
    "cohere chat stream": (
        [{"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": {"billed_units": {"input_tokens": 5.0, "output_tokens": 41.0}, "tokens": {"input_tokens": 71, "output_tokens": 41}}}}],
        reported(5, 41),
    ),
    "cohere embed": ([{"id": "e", "embeddings": [], "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 3}}}], reported(3)),
    "llama.cpp: the cached ones only in the timings": (
        [chat(openai(237, 35), timings={"cache_n": 236, "prompt_n": 1, "predicted_n": 35, "predicted_ms": 661.1})],
        reported(1, 35, read=236),
    ),
    "llama.cpp: timings alone": ([{"choices": [], "timings": {"cache_n": 236, "prompt_n": 1, "predicted_n": 35}}], reported(1, 35, read=236)),
    "llama.cpp stream with timings per token": (
        [
            {"choices": [], "model": "m", "timings": {"cache_n": 236, "prompt_n": 1, "predicted_n": 3}},
            chat(openai(237, 35), timings={"cache_n": 236, "prompt_n": 1, "predicted_n": 35}),
        ],
        reported(1, 35, read=236),
    ),
    "llama.cpp, a cache that says -1": ([chat(openai(237, 35), timings={"cache_n": -1})], reported(237, 35)),
    "moonshot stream with a null beside the usage in the choice": (
        [
            {"id": "c", "model": "k", "choices": [{"delta": {"content": "x"}}], "usage": None},
            {"id": "c", "model": "k", "usage": None, "choices": [{"delta": {}, "usage": openai(19, 13)}]},
        ],
        reported(19, 13),
    ),
    "vllm continuous usage": ([chat(openai(7, n)) for n in (0, 1, 2, 3)], reported(7, 3)),
    "bedrock converse": (
        [{"output": {}, "usage": {"inputTokens": 30, "outputTokens": 628, "totalTokens": 1658, "cacheReadInputTokens": 1000, "cacheWriteInputTokens": 0}}],
        reported(30, 628, read=1000, write=0),
    ),
    "bedrock converse, older names": (
        [{"output": {}, "usage": {"inputTokens": 30, "outputTokens": 628, "totalTokens": 1668, "cacheReadInputTokenCount": 1000, "cacheWriteInputTokenCount": 10}}],
        reported(30, 628, read=1000, write=10),
    ),
    "litellm: anthropic's names inside openai's": (
        [chat(openai(1100, 5, cache_read_input_tokens=1000, cache_creation_input_tokens=60, prompt_tokens_details={"cached_tokens": 1000}))],
        reported(40, 5, read=1000, write=60),
    ),
    "both spellings, one of them empty": ([chat(openai(11, 5, input_tokens=0, output_tokens=0, input_tokens_details=None))], reported(11, 5)),
    "perplexity: reasoning beside": ([chat(openai(7, 3581, reasoning_tokens=193947, citation_tokens=20434))], reported(7, 197528, reasoning=193947)),
    "cloudflare": ([{"result": {"response": "x", "usage": openai(12, 3)}, "success": True}], reported(12, 3)),
    "no usage": ([{"id": "c", "model": "m", "choices": []}], Tokens()),
    "null usage": ([chat(None)], Tokens()),
    "empty usage": ([chat({})], Tokens()),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(name):
    payloads, expected = SHAPES[name]
    assert read(*payloads).tokens == expected


@pytest.mark.parametrize("name", SHAPES)
def test_an_event_counts_once_however_often_it_comes(name):
    payloads, expected = SHAPES[name]
    assert read(*(p for payload in payloads for p in (payload, payload))).tokens == expected
    assert read(*payloads, *payloads).tokens == expected


# Malformed values


@pytest.mark.parametrize(
    ("bad", "tokens"),
    [
        ({"prompt_tokens": "12", "completion_tokens": 3}, reported(None, 3)),
        ({"prompt_tokens": -1, "completion_tokens": 3}, reported(None, 3)),
        ({"prompt_tokens": 1.5, "completion_tokens": True}, Tokens()),
        ({"prompt_tokens": LARGEST + 1, "completion_tokens": 10**30}, Tokens()),
        ({"prompt_tokens": None, "completion_tokens": [1], "total_tokens": {}}, Tokens()),
        ({"prompt_tokens": 5, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 9}}, reported(0, 1, read=5)),
        ({"prompt_tokens": 5, "completion_tokens": 1, "prompt_tokens_details": "none"}, reported(5, 1)),
    ],
)  # fmt: skip
def test_malformed_values_are_ignored_and_nothing_is_negative(bad, tokens):
    assert read(chat(bad)).tokens == tokens


def test_a_malformed_value_does_not_replace_a_good_one():
    assert read(chat(openai(7, 1)), chat(openai(7, 2) | {"prompt_tokens": None})).tokens == reported(7, 2)


@pytest.mark.parametrize(
    "data",
    [b"", b"[DONE]", b'{"usage"', b'{"usage": \xff}', b'[1, "usage"]', b'"usage"', b'{"usage": ' + b"[" * 100_000],
)
def test_what_is_not_a_json_object_is_ignored(data):
    assert read(data).tokens == Tokens()


# What else an answer tells


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("openai stream: null until the last chunk", "gpt-4o-2024-08-06"),
        ("openai responses stream", "gpt-5"),
        ("anthropic stream: output in message_delta replaces that of message_start", "claude"),
        ("gemini", "gemini-2.5-flash"),
        ("groq stream, only x_groq", "llama"),
        ("qwen native", ""),
    ],
)
def test_the_model(name, model):
    assert read(*SHAPES[name][0]).model == model


def test_the_model_is_known_before_any_usage():
    assert read({"id": "c", "model": "gpt-4o", "choices": []}).model == "gpt-4o"


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (openai(1, 1, cost=0.0042), 0.0042),
        (openai(1, 1, cost=0), 0.0),
        (openai(1, 1, cost=0.01, is_byok=True, cost_details={"upstream_inference_cost": 0.2}), 0.21),
        (openai(1, 1, cost_in_usd_ticks=232856000), 0.0232856),
        (openai(1, 1, cost="free"), None),
        (openai(1, 1, cost=-1), None),
        (openai(1, 1), None),
    ],
)
def test_the_cost_that_a_provider_reports(usage, cost):
    assert read(chat(usage)).cost == (None if cost is None else pytest.approx(cost, rel=1e-12))


def test_the_service_tier():
    assert read(chat(openai(1, 1), service_tier="flex")).tier == "flex"
    assert read(*SHAPES["anthropic"][0]).tier == "standard"


@pytest.mark.parametrize(
    ("payload", "parts"),
    [
        (chat(openai(20, 9, prompt_tokens_details={"audio_tokens": 12}, completion_tokens_details={"audio_tokens": 5})), {"input_audio": 12, "output_audio": 5}),
        (SHAPES["anthropic"][0][0], {"cache_write_1h": 40000}),
        (
            {
                "usageMetadata": {
                    "promptTokenCount": 100, "cachedContentTokenCount": 30, "candidatesTokenCount": 1290,
                    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 20}, {"modality": "AUDIO", "tokenCount": 80}],
                    "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 30}],
                    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
                }
            },
            {"input_audio": 50, "output_image": 1290},
        ),
        (chat(openai(5, 1, prompt_tokens_details={"audio_tokens": 99})), {"input_audio": 5}),
        (chat(openai(5, 1)), {}),
    ],
)  # fmt: skip
def test_parts_that_are_priced_apart(payload, parts):
    assert read(payload).parts == parts


# Whatever comes


KEYS = sorted(
    {
        "usage", "usageMetadata", "message", "response", "choices", "delta", "x_groq", "meta", "billed_units", "timings", "cost", "model", "id", "service_tier",
        "prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens", "cached_tokens", "prompt_tokens_details", "reasoning_tokens",
        "completion_tokens_details", "cache_read_input_tokens", "cache_creation_input_tokens", "promptTokenCount", "thoughtsTokenCount", "promptTokensDetails",
        "modality", "tokenCount", "cache_n", "prompt_n", "cost_details", "is_byok", "cache_creation", "ephemeral_1h_input_tokens",
    }
)  # fmt: skip
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=2), inner, max_size=6)
    ),
    max_leaves=25,
)
usages = st.dictionaries(st.sampled_from(KEYS), json_values | st.integers(0, 1000), max_size=8)
payloads = st.one_of(
    json_values, st.fixed_dictionaries({"usage": usages}), st.fixed_dictionaries({"usageMetadata": usages})
)


@given(st.lists(payloads, max_size=4))
def test_any_json_is_survived_and_the_buckets_stay_sound(events):
    reader = read(*events)
    tokens = reader.tokens
    counts = (tokens.input, tokens.cache_read, tokens.cache_write, tokens.output, tokens.reasoning)
    assert all(count is None or count >= 0 for count in counts)
    if tokens.reasoning is not None and tokens.output is not None:
        assert tokens.reasoning <= tokens.output
    assert tokens.source == ("absent" if counts[:4] == (None,) * 4 else "reported")
    assert all(part > 0 for part in reader.parts.values())


@given(st.lists(payloads, max_size=3))
def test_the_last_event_again_changes_nothing(events):
    once, twice = read(*events), read(*events, *events[-1:])
    assert (once.tokens, once.parts, once.model, once.cost) == (
        twice.tokens,
        twice.parts,
        twice.model,
        twice.cost,
    )


@given(st.dictionaries(st.sampled_from(["model", "service_tier", "choices", "usage", "id"]), json_values | usages))
def test_an_empty_name_of_others_changes_nothing(payload):
    """Neither that it is there, nor that each such name is then looked for."""
    with_name = read(payload | {"timings": None})
    short = read(payload)
    assert (short.tokens, short.parts, short.model, short.tier, short.cost, short.beside) == (
        with_name.tokens,
        with_name.parts,
        with_name.model,
        with_name.tier,
        with_name.cost,
        with_name.beside,
    )


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=5))
def test_of_cumulative_chunks_the_last_one_counts(chunks):
    def event(prompt, completion, cached):
        return chat(openai(prompt, completion, prompt_tokens_details={"cached_tokens": cached}))

    assert read(*(event(*chunk) for chunk in chunks)).tokens == read(event(*chunks[-1])).tokens


@given(st.integers(0, LARGEST), st.integers(0, LARGEST), st.integers(0, LARGEST), st.integers(0, LARGEST))
def test_nothing_is_counted_twice(prompt, cached, written, completion):
    details = {"cached_tokens": cached, "cache_write_tokens": written}
    tokens = read(
        chat({"prompt_tokens": prompt, "completion_tokens": completion, "prompt_tokens_details": details})
    ).tokens
    assert tokens.input + tokens.cache_read + tokens.cache_write == prompt


@given(st.binary(max_size=200))
def test_any_bytes_are_survived(data):
    read(data, b'{"usage": ' + data + b"}", b'{"model": ' + data)
