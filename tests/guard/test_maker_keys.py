"""The forms of keys. They are built here from pieces, so that no scanner takes this file for a leak."""

import re
from zlib import crc32

import pytest

from aigw.guard.engine import occurs
from aigw.guard.maker_keys import AWS, GITHUB, LLM, SHAPES, github_check

BODY = "aB3" * 100


@pytest.mark.parametrize(
    "key",
    [
        ("AIza", BODY[:35]), ("GOCSPX-", BODY[:28]), ("sk_" + "live_", BODY[:24]), ("rk_" + "test_", BODY[:24]),
        ("hf_", "abcdefgh" * 4 + "ab"), ("glpat-", BODY[:20]), ("xoxb-", "123456789012-1234567890123-" + BODY[:24]),
        ("gsk_", BODY[:52]), ("xai-", BODY[:80]), ("LTAI", BODY[:20]), ("AKID", BODY[:32]), ("SG.", BODY[:22] + "." + BODY[:43]),
        ("123456789:", "AA" + BODY[:33]), ("0123456789abcdef" * 2, "." + BODY[:16]), ("dop_" + "v1_", "0f" * 32),
        ("github_" + "pat_", BODY[:22] + "_" + BODY[:59]), ("tvly-", BODY[:32]), ("r8_", BODY[:37]), ("hvs.", BODY[:40]),
    ],
)  # fmt: skip
def test_shapes(key):
    assert any(re.fullmatch(shape, "".join(key)) for shape in SHAPES)


@pytest.mark.parametrize(
    "text",
    ["sk_live", "hf_model_name", "glpat-", "xoxb-what", "AIzaShort", "LTAI", "key:AA", "r8_x", "SG.x.y", "gsk_abc"],
)
def test_what_only_begins_so(text):
    assert not any(occurs(shape, text) for shape in SHAPES)


def test_aws_and_models():
    assert occurs(AWS, "the key is " + "AKIA" + "IOSFODNN7EXAMPLE" + "'")
    assert not occurs(AWS, "AKIA" + "IOSFODNN7EXAMPLE1")
    for key in (
        "sk-" + BODY[:32],
        "sk-" + "proj-" + BODY[:60],
        "sk-" + "ant-api03-" + BODY[:60],
        "sk-" + "or-v1-" + "0f" * 32,
    ):
        assert occurs(LLM, key)
    assert not occurs(LLM, "sk-learn, task-management-system-overview")


def test_the_checksum_of_a_token():
    token = "ghp_" + "FAKE" * 7 + "00" + "2wbUex"
    assert occurs(GITHUB, token)
    assert github_check(token)
    assert not github_check(token[:-1] + "y")
    assert crc32(token[4:-6].encode()) < 62**6
