"""The meaning of a failure crosses, with the provider's words."""

import json

import pytest

from aigw.core.errors import ContextTooLongError
from aigw.dialects import apis
from aigw.dialects.table import dialect_of
from aigw.translation.errors import error_of, wait_in

OPENAI = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
BOTH = "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (7000 in the messages, 2000 in the completion)."
GEMINI = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."


KIMI = "Invalid request: Your request exceeded model token limit: 262144 (requested: 269030)"
"""MoonshotAI/kimi-cli#2011."""
MISTRAL = "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length"


def body(message, **more):
    return json.dumps({"error": {"message": message, **more}}).encode()


@pytest.mark.parametrize(
    ("message", "numbers"),
    [
        (OPENAI, (9000, 8192, 0)),
        (BOTH, (7000, 8192, 2000)),
        (GEMINI, (1200000, 1048576, 0)),
        ("prompt is too long: 210000 tokens > 200000 maximum", (210000, 200000, 0)),
        ("input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000", (190000, 200000, 20000)),
        ("Range of input length should be [1, 30720]", (0, 0, 0)),
        (KIMI, (269030, 262144, 0)),
        (KIMI.partition(" (")[0], (0, 0, 0)),
        ("This model's maximum prompt length is 131072 but the request contains 537812 tokens.", (537812, 131072, 0)),
        (
            "request (40000 tokens) exceeds the available context size (32768 tokens), try increasing it",
            (40000, 32768, 0),
        ),
        ("the request exceeds the available context size, try increasing it", (0, 0, 0)),
        (
            "The input (1492905 tokens) is longer than the model's context length (1048576 tokens).",
            (1492905, 1048576, 0),
        ),
        (MISTRAL, (40000, 32768, 0)),
        ("Please reduce the length of the messages or completion.", (0, 0, 0)),
        ("Prompt exceeds max length", (0, 0, 0)),
        ("The number of tokens to keep from the initial prompt is greater than the context length", (0, 0, 0)),
        ("invalid params, context window exceeds limit (2013)", (0, 0, 0)),
        ("Total tokens of image and text exceed max message tokens", (0, 0, 0)),
        ("prompt too long; exceeded max context length by 10 tokens", (0, 0, 0)),
    ],
)
def test_a_prompt_that_does_not_fit_is_known_by_any_vendors_words(message, numbers):
    error = error_of(400, body(message))
    assert isinstance(error, ContextTooLongError)
    assert (error.tokens, error.limit, error.answer_tokens) == numbers
    assert message in error.message


def test_claude_code_reads_that_it_must_compact():
    told = json.loads(dialect_of(apis.MESSAGES).error(error_of(400, body(OPENAI)), "1"))
    assert told["error"]["message"] == f"prompt is too long: 9000 tokens > 8192 maximum ({OPENAI})"


def test_claude_code_reads_that_it_must_ask_for_less():
    told = json.loads(dialect_of(apis.MESSAGES).error(error_of(400, body(BOTH)), "1"))
    assert told["error"]["message"].startswith("input length and `max_tokens` exceed context limit: 7000 + 2000 > 8192")


@pytest.mark.parametrize(
    "message",
    [
        "the context window of the editor is broken",
        "no such model",
        "your key is longer than expected",
        "Request too large for model x on tokens per minute (TPM): Limit 10000, Requested 21247, please reduce your message size",
    ],
)
def test_other_errors_are_no_long_prompts(message):
    assert not isinstance(error_of(400, body(message)), ContextTooLongError)


@pytest.mark.parametrize("status", [401, 402, 403, 404, 413, 429, 500, 503, 529])
def test_the_status_and_the_words_stay(status):
    error = error_of(status, body("no", type="t", code="c"))
    assert (error.status, error.message, error.kind, error.code) == (status, "no", "t", "c")


@pytest.mark.parametrize("given", [b"", b"<html>", b"[]", b'[{"error":{"message":"no"}}]', b"null", b'{"a":1}'])
def test_any_body_makes_an_error(given):
    assert error_of(502, given).status == 502


@pytest.mark.parametrize(("delay", "seconds"), [("34.07s", 35), ("2s", 2), ("", 0), ("1e9s", 0)])
def test_when_to_ask_again(delay, seconds):
    """Google says it in the body alone, and clients of others wait by a header."""
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}]
    assert wait_in(body("slow down", code=429, details=details)) == seconds
