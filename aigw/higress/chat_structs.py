"""The structs in which Higress's ai-proxy holds a chat request: what it knows of one where it writes it anew."""

from __future__ import annotations

from aigw.higress.go_json import NUMBER, OMIT_EMPTY, OMIT_NULL, TEXT, Field, Struct, nested, objects

FUNCTION: Struct = {"description": OMIT_EMPTY, "name": TEXT, "parameters": OMIT_EMPTY}
TOOL: Struct = {"type": TEXT, "function": nested(FUNCTION)}
FUNCTION_CALL: Struct = {"id": OMIT_EMPTY, "name": OMIT_EMPTY, "arguments": TEXT}
TOOL_CALL: Struct = {
    "index": NUMBER,
    "id": OMIT_EMPTY,
    "type": TEXT,
    "function": nested(FUNCTION_CALL),
    "thought_signature": OMIT_EMPTY,
    "extra_content": OMIT_EMPTY,
}
MESSAGE: Struct = {
    **dict.fromkeys(("id", "audio", "name", "role"), OMIT_EMPTY),
    "content": OMIT_NULL,
    **dict.fromkeys(("reasoning_content", "reasoning", "reasoning_signature", "refusal", "tool_call_id"), OMIT_EMPTY),
    "tool_calls": objects(TOOL_CALL),
    "function_call": Field(empties=True, inside=FUNCTION_CALL),
}
CHAT_REQUEST: Struct = {
    "messages": Field([], inside=MESSAGE),
    "model": TEXT,
    **dict.fromkeys(
        (
            "store", "reasoning_effort", "metadata", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs",
            "max_tokens", "max_completion_tokens", "n", "modalities", "prediction", "audio", "presence_penalty",
            "response_format", "seed", "service_tier", "stop", "stream", "prompt_cache_retention", "prompt_cache_key",
            "reasoning_max_tokens", "temperature", "top_p", "user",
        ),
        OMIT_EMPTY,
    ),
    "stream_options": Field(empties=True, inside={"include_usage": OMIT_EMPTY}),
    "thinking": Field(empties=True, inside={"type": OMIT_EMPTY, "budget_token": OMIT_EMPTY}),
    "tools": objects(TOOL),
    "tool_choice": OMIT_NULL,
    "parallel_tool_calls": OMIT_NULL,
}  # fmt: skip
QWEN_MESSAGE: Struct = {
    "name": OMIT_EMPTY,
    "role": TEXT,
    "content": OMIT_NULL,
    "reasoning_content": OMIT_EMPTY,
    "tool_calls": objects(TOOL_CALL),
}
"""A message of DashScope's native API, but that it writes a missing content as null."""
QWEN_PART: Struct = {"image": OMIT_EMPTY, "text": OMIT_EMPTY}
QWEN_PARAMETERS: Struct = {
    **dict.fromkeys(
        ("result_format", "max_tokens", "n", "seed", "temperature", "top_p", "incremental_output", "enable_search"),
        OMIT_EMPTY,
    ),
    "tools": objects(TOOL),
}
